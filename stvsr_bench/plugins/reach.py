"""What a plug-in's code reaches outside its folder: modules that it imports, files that it names. Nothing of it is run.

A method is often a few lines around a network that lies elsewhere: a repository on `PYTHONPATH` or an editable install,
a checkpoint by its path. Rows must not outlive those either. What is found only while the code runs, such as a name
that is put together, is not seen: what was loaded before, in this process, changes nothing here.
"""

# ruff: noqa: PTH110, PTH111, PTH112, PTH113, PTH117, PTH118, PTH208 - pathlib raises of names too long and folders without rights
import importlib.metadata
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from stvsr_bench import hashes
from stvsr_bench.plugins import apart
from stvsr_bench.plugins.said import Said, said
from stvsr_bench.schema import digest

# the suite, and libraries whose versions every row has
_KNOWN = {*sys.stdlib_module_names, "__main__", "stvsr_bench", "torch", "numpy", "scipy", "cv2", "numba"}
_INSTALLED = {"site-packages", "dist-packages"}
_SUFFIXES = (".py", *EXTENSION_SUFFIXES)  # of a network's own compiled kernels too
# of files that a text names: what is read, and not the logs and pictures that a method may write
_READ = {
    *(".ckpt", ".pth", ".pt", ".pkl", ".bin", ".npz", ".npy", ".safetensors", ".onnx", ".h5", ".mat", ".engine"),
    *(".py", ".so", ".json", ".yaml", ".yml", ".toml", ".ini", ".cfg"),
}
Listed = Callable[[str], frozenset[str]]
_PARENTS = 4  # of a file, in which a repository's own imports and paths may begin
_seen: dict[Path, tuple[ModuleSpec | None, str]] = {}  # how each module was imported in this process, and its content


def reached(own: Iterable[Path], folder: Path) -> list[tuple[str, str]]:
    """All that the files of a plug-in reach outside of them: names of files or installed packages, with digests.

    Where the files lie is not in it: the parts of a run that several machines measured are joined.
    """
    files = sorted(own)
    inside = {os.path.realpath(file) for file in files}
    waiting, found, done = list(files), set[tuple[str, str]](), set[str]()
    imported, listed = _imported_files(), cache(_listed)
    while waiting:
        file = waiting.pop()
        if (real := os.path.realpath(file)) in done:  # `a/../a/net.py` is a file that was read
            continue
        done.add(real)
        if real not in inside:
            found.add((file.name, _content(file, imported)))
        packages, more = _next(file, folder, said(file), listed)
        found |= {(top, _package(top)) for top in packages}
        waiting += more
    return sorted(found)


def named_modules(own: Iterable[Path], folder: Path) -> dict[str, set[str]]:
    """The modules that files import by name from outside what is installed: of each the files that it may be."""
    found: dict[str, set[str]] = {}
    listed = cache(_listed)
    for file in own:
        of_file = said(file)
        places = _places(file, folder, of_file, listed)
        for top in {name.partition(".")[0] for level, name in of_file.imports if not level} - _KNOWN:
            found.setdefault(top, set()).update(os.path.realpath(one) for one in _below(places, [top]))
    return {top: files for top, files in found.items() if files}


def _next(file: Path, folder: Path, of_file: Said, listed: Listed) -> tuple[set[str], list[Path]]:
    """What one file reaches: installed packages by name, and files."""
    packages, files = set[str](), list[Path]()
    places = _places(file, folder, of_file, listed)
    for level, name in sorted(of_file.imports):
        if level > len(file.parents):  # as of any import that fails, loading it says what is wrong
            continue
        if level:
            files += _below([file.parents[level - 1]], name.split("."))
        elif (top := name.partition(".")[0]) not in _KNOWN:
            installed, modules = _imported(top, name.split("."))
            packages |= {top} if installed else set()
            # as well: which of them it is, only `sys.path` as the code leaves it would say
            files += [*modules, *_below(places, name.split("."))]
    around = (file.parent, folder, Path.cwd())
    further = file.parents[1:_PARENTS]
    longer = {text for text in of_file.texts if "/" in text}
    texts = [*_named(of_file.texts, around, listed), *_named(longer, further, listed)]
    files += [path for path in texts if path.suffix in _READ and os.path.isfile(path)]
    files += [path for path in _named(of_file.command, around, listed) if os.path.isfile(path)]
    return packages, files


def _places(file: Path, folder: Path, of_file: Said, listed: Listed) -> list[Path]:
    """Where modules may lie: for `sys.path.insert(0, ...)`, folders that are named, and parents of the file."""
    if not any(not level for level, _ in of_file.imports):
        return []
    parents = file.parents[:_PARENTS]
    named = _named(of_file.texts, (*parents, folder, Path.cwd()), listed)
    return [*(path for path in named if os.path.isdir(path)), *parents]


def _imported(top: str, parts: Sequence[str]) -> tuple[bool, list[Path]]:
    """Whether a module is that of an installed package, and else its files and those of the packages around it."""
    spec = _spec(top)
    if spec is None:
        return False, []
    folders = [Path(place) for place in spec.submodule_search_locations or ()]
    files = [Path(spec.origin)] if spec.origin and os.path.isfile(spec.origin) else []
    if any(_INSTALLED & set(path.parts) for path in [*files, *folders]):
        return True, []
    return False, [*files, *_below(folders, parts[1:])]


def _spec(top: str) -> ModuleSpec | None:
    """How a module would be imported, had no plug-in been loaded."""
    path = [place for place in sys.path if place not in apart.places]
    for finder in list(sys.meta_path):
        with suppress(Exception):  # a package's own finder may be anything
            if (spec := finder.find_spec(top, path if finder is PathFinder else None)) is not None:
                return spec
    held = _vars(sys.modules.get(top)).get("__spec__")
    if not isinstance(held, ModuleSpec):
        return None
    lies = [Path(place) for place in (held.origin or "", *(held.submodule_search_locations or ()))]
    return None if any(Path(place) in path.parents for place in apart.places for path in lies) else held


def _below(folders: Sequence[Path], parts: Sequence[str]) -> list[Path]:
    """The files that an import of a dotted name reads, in whichever of the folders it lies."""
    found = []
    for part in parts:
        found += [path for folder in folders for end in _SUFFIXES if os.path.isfile(path := folder / f"{part}{end}")]
        folders = [folder / part for folder in folders if os.path.isdir(folder / part)]
        found += [file for folder in folders if os.path.isfile(file := folder / "__init__.py")]
    return found


def _named(texts: Iterable[str], places: Iterable[Path], listed: Listed) -> list[Path]:
    """What texts name of this disk, written in full, or from the file, the plug-in or where the command is run."""
    texts = sorted(text for text in texts if len(text) >= 3 and "\0" not in text)  # shorter: a separator, a mode
    full = [os.path.expanduser(text) for text in texts if text.startswith("~") or os.path.isabs(text)]
    found = {Path(text): None for text in full if os.path.isabs(text) and os.path.exists(text)}
    # a repository has a million words: few begin as what lies in a folder does
    first = [(text, re.split(r"[/\\]", text, maxsplit=1)[0]) for text in texts]
    for place in dict.fromkeys(map(str, places)):
        there = listed(place)
        for text, begins in first:
            if begins in there and os.path.exists(path := os.path.join(place, text)):
                found[Path(path)] = None
    return list(found)


def _listed(place: str) -> frozenset[str]:
    """The names in a folder."""
    with suppress(OSError):
        return frozenset([".", "..", *os.listdir(place)])
    return frozenset()


@cache
def _package(top: str) -> str:
    """What is installed under an import's name: installed again from its folder, it has its version and other files.

    Alike wherever it is installed: scripts have the path of their Python inside, and pip and uv note other things.
    """
    said: set[tuple[str, tuple[str, ...]]] = set()
    with suppress(Exception):  # metadata of anybody's
        for name in filter(None, importlib.metadata.packages_distributions().get(top, [])):
            one = importlib.metadata.distribution(name)
            lines = (line.strip() for line in (one.read_text("RECORD") or "").splitlines())
            said.add((str(one.version), tuple(sorted(line for line in lines if _is_of_package(line)))))
    return digest(sorted(said))[:16]


def _is_of_package(line: str) -> bool:
    return not (line.startswith(("..", "/")) or "__pycache__" in line or ".dist-info/" in line.partition(",")[0])


def _imported_files() -> dict[str, ModuleSpec]:
    """How the modules of this process were imported, by file."""
    every = [_vars(one) for one in list(sys.modules.values())]
    return {str(one["__file__"]): one["__spec__"] for one in every if one.get("__file__") and one.get("__spec__")}


def _content(file: Path, imported: dict[str, ModuleSpec]) -> str:
    """The digest of a file; of a module that this process imported, as it was then (unless it was loaded again)."""
    file = Path(os.path.normpath(file))
    spec = imported.get(str(file))
    before, known = _seen.get(file, (None, ""))
    if spec is None or not known or (before is not None and before is not spec):
        known = "cannot be read"
        with suppress(OSError):
            known = _sha256(file, hashes.trace(file.stat()))
    _seen[file] = (spec, known)
    return known


@lru_cache(maxsize=4096)
def _sha256(file: Path, _trace: tuple[int, int, int]) -> str:
    return hashes.sha256(file)


def _vars(module: object) -> dict[str, Any]:
    """What a module has, without asking it: some import others where they are asked."""
    try:
        found: dict[str, Any] = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return {}
    return found
