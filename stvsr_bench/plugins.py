"""Finds `methods/<name>/` and `datasets/<name>/`: in a checkout, wheel, entry point, $STVSR_BENCH_PATH or one file.

A plug-in is a folder with a `card.toml`, or one Python file with a card in it. Later sources never replace earlier ones
silently: the order is `--include`, $STVSR_BENCH_PATH, the package (or checkout), entry points. A broken plug-in is
listed with its error and breaks nothing else. Nothing here imports torch, nor a plug-in's code.
"""

import os
import re
import stat
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal, TypeVar

from platformdirs import user_cache_path
from pydantic import TypeAdapter, ValidationError

from stvsr_bench.errors import CONTROL, CardError, UnknownNameError, UsageError, printable

PluginKind = Literal["methods", "datasets"]
Card = TypeVar("Card")

_PACKAGE = Path(__file__).resolve().parent
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_included: dict[PluginKind, dict[str, Path]] = {"methods": {}, "datasets": {}}


@dataclass(frozen=True)
class Plugin:
    """One method or data set as found: its folder (or file), where it came from, and what is wrong with it."""

    kind: PluginKind
    name: str
    path: Path
    origin: str
    error: str = ""


def home() -> Path:
    """The folder of all caches: $STVSR_BENCH_HOME, else the user's cache folder. Not created here."""
    chosen = os.environ.get("STVSR_BENCH_HOME")
    return Path(chosen).expanduser() if chosen else user_cache_path("stvsr-bench")


def roots(kind: PluginKind) -> list[tuple[Path, str]]:
    """Folders that hold plug-in folders, first wins, each with the name of its origin."""
    found = [(folder / kind, "$STVSR_BENCH_PATH") for folder in _path_variable()]
    packaged, checkout = _PACKAGE / kind, _PACKAGE.parent / kind
    if any(packaged.glob("*/card.toml")):
        found.append((packaged, "package"))
    elif (_PACKAGE.parent / "pyproject.toml").is_file():
        found.append((checkout, "checkout"))
    return [(root, origin) for root, origin in found if root.is_dir()]


def search_path(default: list[str], kind: PluginKind) -> list[str]:
    """`__path__` of `stvsr_bench.methods` or `.datasets`: Python's own word for where its submodules lie."""
    return [str(root) for root, _ in roots(kind)] + [p for p in default if p not in {str(r) for r, _ in roots(kind)}]


def plugins(kind: PluginKind) -> dict[str, Plugin]:
    """Every plug-in of one kind by name, sorted, the broken ones included."""
    found: dict[str, Plugin] = {}
    for name, path in _included[kind].items():
        found[name] = Plugin(kind, name, path, "--include")
    for root, origin in roots(kind):
        for card in sorted(root.glob("*/card.toml")):
            name = canonical(card.parent.name)
            if name not in found:
                found[name] = Plugin(kind, name, card.parent, origin, _complaint(card.parent, name, origin))
    for point in entry_points(group=f"stvsr_bench.{kind}"):
        name = canonical(point.name)
        if name not in found:
            found[name] = _from_entry_point(kind, name, point.value)
    return dict(sorted(found.items()))


def find(kind: PluginKind, name: str) -> Plugin:
    """The plug-in of that name; `_` and `-` are the same letter.

    Raises:
        UnknownNameError: no such plug-in.
        CardError: it is there, but broken.
    """
    known = plugins(kind)
    plugin = known.get(canonical(name))
    word = kind.removesuffix("s").replace("dataset", "data set")
    if plugin is None:
        raise UnknownNameError(word, name, known)
    if plugin.error:
        raise CardError(f"{word} '{name}' ({plugin.origin}) is broken: {plugin.error}")
    return plugin


def canonical(name: str) -> str:
    """A plug-in's name as it is compared and shown: `dat_light` and `dat-light` are `dat-light`."""
    return name.replace("_", "-")


def include(path: Path) -> Plugin:
    """Register one Python file (or plug-in folder) for this process: `--include my_method.py`.

    Raises:
        UsageError: there is no such file or folder, or its name cannot be a plug-in's name.
    """
    if path.is_dir() and (path / "card.toml").is_file():
        kind: PluginKind = "datasets" if "reader" in _toml(path / "card.toml") else "methods"
        name = canonical(path.name)
    elif path.is_file() and path.suffix == ".py":
        kind, name = "methods", canonical(path.stem)
    else:
        raise UsageError(f"--include {path}: neither a Python file nor a folder with a card.toml")
    if not _NAME.fullmatch(name):
        raise UsageError(f"--include {path}: '{name}' cannot be a name; use small letters, digits, - and _")
    _included[kind][name] = path.resolve()
    return Plugin(kind, name, path.resolve(), "--include")


def included() -> list[Path]:
    """Paths registered with `include`, for worker processes to register again."""
    return [path for names in _included.values() for path in names.values()]


def read_card(plugin: Plugin, card_type: type[Card]) -> Card:
    """The checked card of a plug-in folder.

    Raises:
        CardError: the file is no TOML, a field is missing, unknown or of the wrong type; the sentence names it.
    """
    return card_from(_toml(plugin.path / "card.toml"), plugin, card_type)


def card_from(fields: dict[str, Any], plugin: Plugin, card_type: type[Card]) -> Card:
    """A checked card made of plain fields; `name` is the plug-in's name whatever the fields say."""
    if where := _steering(fields):
        raise CardError(f"card of {plugin.name}: '{printable(where)}': holds control characters")
    kind: Any = card_type  # mypy takes no generic class for hashable
    try:
        card: Card = _adapter(kind).validate_python({**fields, "name": plugin.name})
        return card
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "card"
        raise CardError(f"card of {plugin.name}: '{printable(where)}': {first['msg'].lower()}") from None


def _steering(value: Any, where: str = "") -> str:
    """Where plain fields hold text that would steer a terminal; "" if nowhere."""
    if isinstance(value, str):
        return where if CONTROL.search(value) else ""
    if isinstance(value, dict):
        inside = [(f"{where}.{key}".lstrip("."), part) for key, item in value.items() for part in (str(key), item)]
    else:
        inside = [(where, item) for item in value] if isinstance(value, list | tuple) else []
    return next((found for place, item in inside if (found := _steering(item, place))), "")


@cache
def _adapter(card_type: Any) -> TypeAdapter[Any]:
    return TypeAdapter(card_type)


def _toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CardError(f"{path.parent.name}/{path.name} is no TOML: {error}") from None
    except OSError as error:
        raise CardError(f"{path.parent.name}/{path.name} cannot be read: {error.strerror}") from None


def _complaint(folder: Path, name: str, origin: str) -> str:
    if not _NAME.fullmatch(name):
        return "a folder's name is made of small letters, digits, - and _"
    if origin == "$STVSR_BENCH_PATH" and _others_may_write(folder):
        return f"{folder} may be written by others; take the right away (chmod go-w) before its code is run"
    return ""


def _others_may_write(folder: Path) -> bool:
    return os.name == "posix" and any(p.stat().st_mode & stat.S_IWOTH for p in (folder, folder.parent))


def _path_variable() -> list[Path]:
    text = os.environ.get("STVSR_BENCH_PATH", "")
    return [Path(part).expanduser() for part in text.split(os.pathsep) if part]


def _from_entry_point(kind: PluginKind, name: str, value: str) -> Plugin:
    """An entry point names an importable package (`my_package.my_net`) whose folder holds the card."""
    from importlib.util import find_spec

    module = value.partition(":")[0]
    try:
        spec = find_spec(module)
    except (ImportError, ValueError) as error:
        return Plugin(kind, name, Path(), f"entry point {value}", f"{type(error).__name__}: {error}")
    if spec is None or spec.origin is None:
        return Plugin(kind, name, Path(), f"entry point {value}", f"no module {module} is installed")
    origin = Path(spec.origin)
    folder = origin.parent if origin.name == "__init__.py" else origin
    if folder.is_dir() and not (folder / "card.toml").is_file():
        return Plugin(kind, name, folder, f"entry point {value}", "its package holds no card.toml")
    return Plugin(kind, name, folder, f"entry point {value}")
