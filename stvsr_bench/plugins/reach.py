"""What a plug-in's code reaches outside its folder: modules that it imports, files that it names. Nothing of it is run.

A method is often a few lines around a network that lies elsewhere: a repository on `PYTHONPATH` or an editable install,
a checkpoint by its path. Rows must not outlive those either. What is found only while the code runs, such as a name
that is put together, is not seen.
"""

import ast
import importlib.metadata
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeGuard

from stvsr_bench import hashes
from stvsr_bench.schema import digest

# the suite, and libraries whose versions every row has
_KNOWN = {*sys.stdlib_module_names, "stvsr_bench", "torch", "numpy", "scipy", "cv2", "numba"}
_INSTALLED = {"site-packages", "dist-packages"}
_LOADERS = {"import_module", "__import__"}
_SUFFIXES = (".py", *EXTENSION_SUFFIXES)  # of a network's own compiled kernels too
# of files that a text names: what is read, and not the logs and pictures that a method may write
_READ = {
    *(".ckpt", ".pth", ".pt", ".pkl", ".bin", ".npz", ".npy", ".safetensors", ".onnx", ".h5", ".mat", ".engine"),
    *(".py", ".so", ".json", ".yaml", ".yml", ".toml", ".ini", ".cfg"),
}
_LONGEST = 1024  # letters of a text that may be a path
_seen: dict[Path, tuple[ModuleSpec | None, str]] = {}  # how each module was imported in this process, and its content


@dataclass
class _Said:
    """What one file says: imports as (level, dotted name), texts that may be paths, the words of a command."""

    imports: set[tuple[int, str]] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    command: set[str] = field(default_factory=set)


def reached(own: Iterable[Path], folder: Path) -> list[tuple[str, str]]:
    """All that the files of a plug-in reach outside of them: names of files or installed packages, with digests.

    Where the files lie is not in it: the parts of a run that several machines measured are joined.
    """
    files = set(own)
    waiting, found, done = sorted(files), set[tuple[str, str]](), set[Path]()
    while waiting:
        file = waiting.pop()
        if file in done:
            continue
        done.add(file)
        if file not in files:
            found.add((file.name, _content(file)))
        said = _said(file)
        around = (file.parent, folder, Path.cwd())
        named = list(_named(said.texts, around))
        # for `sys.path.insert(0, ...)`: with the name of a folder, or with a parent of the file
        places = [*(path for path in named if path.is_dir()), *file.parents[:4]]
        for level, name in said.imports:
            if level:
                waiting += _below([file.parents[level - 1]], name.split("."))
            elif (top := name.partition(".")[0]) not in _KNOWN:
                package, modules = _imported(top, name.split("."), places)
                waiting += modules
                found |= {(top, _package(top))} if package else set()
        waiting += [path for path in named if path.suffix in _READ and path.is_file()]
        waiting += [path for path in _named(said.command, around) if path.is_file()]
    return sorted(found)


def _imported(top: str, parts: Sequence[str], places: Sequence[Path]) -> tuple[bool, list[Path]]:
    """Whether a module is that of an installed package, and else its files and those of the packages around it."""
    spec = None
    with suppress(ImportError, ValueError, AttributeError):  # of a module that was put together in a session
        spec = find_spec(top)
    if spec is None:
        return False, _below(places, parts)
    folders = [Path(place) for place in spec.submodule_search_locations or ()]
    files = [Path(spec.origin)] if spec.origin and Path(spec.origin).is_file() else []
    if any(_INSTALLED & set(path.parts) for path in [*files, *folders]):
        return True, []
    return False, [*files, *_below(folders, parts[1:])]


def _below(folders: Sequence[Path], parts: Sequence[str]) -> list[Path]:
    """The files that an import of a dotted name reads, in whichever of the folders it lies."""
    found = []
    for part in parts:
        found += [file for folder in folders for suffix in _SUFFIXES if (file := folder / f"{part}{suffix}").is_file()]
        folders = [folder / part for folder in folders if (folder / part).is_dir()]
        found += [file for folder in folders if (file := folder / "__init__.py").is_file()]
    return found


def _named(texts: Iterable[str], places: Sequence[Path]) -> Iterator[Path]:
    """What texts name of this disk, written in full, or from the file, the plug-in or where the command is run."""
    for text in sorted(texts):
        if len(text) < 3 or "\0" in text:  # a separator, a mode
            continue
        with suppress(OSError, RuntimeError, ValueError):  # too long a name, no home
            yield from dict.fromkeys(path for place in places if (path := place / Path(text).expanduser()).exists())


@cache
def _package(top: str) -> str:
    """What is installed under an import's name: installed again from its folder, it has its version and other files."""
    names = importlib.metadata.packages_distributions().get(top, [])
    every = [importlib.metadata.distribution(name) for name in dict.fromkeys(names)]
    return digest([(one.version, one.read_text("RECORD") or "") for one in every])[:16]


def _content(file: Path) -> str:
    """The digest of a file; of a module that this process imported, as it was then (unless it was loaded again)."""
    loaded = next((one for one in map(_vars, list(sys.modules.values())) if one.get("__file__") == str(file)), {})
    spec = loaded.get("__spec__")
    before, said = _seen.get(file, (None, ""))
    if spec is None or not said or (before is not None and before is not spec):
        said = "cannot be read"
        with suppress(OSError):
            said = _sha256(file, hashes.trace(file.stat()))
    _seen[file] = (spec, said)
    return said


@lru_cache(maxsize=4096)
def _sha256(file: Path, _trace: tuple[int, int, int]) -> str:
    return hashes.sha256(file)


def _vars(module: object) -> dict[str, Any]:
    """What a module has, without asking it: some import others where they are asked."""
    return getattr(module, "__dict__", {})


def _said(file: Path) -> _Said:
    if file.name == "card.toml":
        with suppress(OSError, ValueError):
            return _Said(command=_command(tomllib.loads(file.read_text("utf-8"))))
    elif file.suffix == ".py":
        with suppress(OSError):
            return _parsed(file, hashes.trace(file.stat()))
    return _Said()


def _command(card: object) -> set[str]:
    """The words of a method's command; a card's other paths are those of weights, which have digests of their own."""
    of_process = isinstance(card, dict) and card.get("call") == "process"
    return set(str(card.get("net", "")).split()) if of_process and isinstance(card, dict) else set()


@lru_cache(maxsize=4096)
def _parsed(file: Path, _trace: tuple[int, int, int]) -> _Said:
    said = _Said()
    try:
        waiting: list[ast.AST] = [ast.parse(file.read_bytes())]
    except (OSError, SyntaxError, ValueError, RecursionError):  # loading it says what is wrong
        return said
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Assign) and any(getattr(one, "id", "") == "CARD" for one in node.targets):
            with suppress(ValueError):
                said.command |= _command(ast.literal_eval(node.value))
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            said.imports |= {(0, one.name) for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = [node.module] if node.module else []
            said.imports |= {(node.level, ".".join([*inside, one.name])) for one in node.names}
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in _LOADERS:
            said.imports |= {(0, one.value) for one in node.args[:1] if _is_text(one)}
        elif _is_text(node) and len(node.value) < _LONGEST:
            said.texts |= {node.value, *node.value.split()}
    return said


def _is_text(node: ast.AST) -> TypeGuard["_Text"]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


class _Text(ast.Constant):
    value: str
