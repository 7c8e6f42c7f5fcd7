"""How this copy was installed, and the command that adds what is missing to it: one place for all hints."""

import importlib.metadata
import json
import re
import shlex
import shutil
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NAME = "stvsr-bench"
_ROOT = Path(__file__).resolve().parent.parent
_OF_EXTRA = re.compile(r"""\s*(?P<what>[^;]+?)\s*;(?P<when>.*)\bextra\s*==\s*['"](?P<extra>[^'"]+)['"]""")


def extra(name: str) -> str:
    """The command that installs an extra (`train`, `vmaf`, ...) for this copy of the suite.

    In a checkout that is the extra by its name. Elsewhere it is the packages of the extra: the suite may have come
    from a file, a repository or an index, and these are found from each of them.
    """
    if checkout() is not None:
        return pip(f"-e {shlex.quote(f'{_short(_ROOT)}[{name}]')}")
    needed = [shlex.quote(what) for what in packages_of(name)]
    return pip(" ".join(needed) or shlex.quote(f"{NAME}[{name}]"))


def pip(words: str) -> str:
    """`pip install WORDS` for the Python that runs this, which need not be the one that `pip` alone means."""
    beside = Path(shutil.which("pip") or "").parent == Path(sys.executable).parent
    if beside:
        return f"pip install {words}"
    python = shlex.quote(_short(Path(sys.executable)))
    if find_spec("pip") is None and shutil.which("uv"):
        return f"uv pip install --python {python} {words}"
    return f"{python} -m pip install {words}"


def packages(words: str, make: str = "") -> str:
    """The command for packages; in a checkout, the target of its Makefile that installs them by hash."""
    return f"make {make} (or {pip(words)})" if make and checkout() is not None else pip(words)


def packages_of(name: str) -> list[str]:
    """What an extra of the installed suite requires here, as pip takes it; nothing where that is not recorded."""
    try:
        required = importlib.metadata.requires(NAME) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = [match for text in required if (match := _OF_EXTRA.match(text))]
    return [re.sub(r"\s*\(([^)]*)\)", r"\1", match["what"]) for match in found if match["extra"] == name]


def checkout() -> Path | None:
    """The folder of the repository that this code lies in; None where it is an installed package."""
    return _ROOT if (_ROOT / "pyproject.toml").is_file() and (_ROOT / "stvsr_bench").is_dir() else None


def kind() -> str:
    """How it was installed, in a few words, without a path."""
    if checkout() is not None:
        return "checkout" + ("" if (_ROOT / ".git").exists() else " without git")
    origin = _origin()
    if "vcs_info" in origin:
        return f"repository, {origin['vcs_info'].get('vcs', '')} commit {origin['vcs_info'].get('commit_id', '')[:12]}"
    if "dir_info" in origin:
        return "folder"
    return "file" if "archive_info" in origin else "package index"


@cache
def _origin() -> dict[str, Any]:
    """What pip wrote down of where the package came from (PEP 610); nothing for one of an index."""
    try:
        found = json.loads(importlib.metadata.distribution(NAME).read_text("direct_url.json") or "{}")
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _short(path: Path) -> str:
    """The path as it is typed here: "." for the working folder."""
    try:
        return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
    except OSError:  # the working folder was deleted
        return str(path)
