"""Runs a plug-in's code, and says which code that is."""

import importlib
import sys
from hashlib import sha256
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from stvsr_bench.plugins import apart, objects, reach
from stvsr_bench.plugins.plugin import BUILT_IN, Plugin
from stvsr_bench.schema import digest

# no code of a plug-in: weights have digests of their own, its card is compared apart, prose computes nothing
_NO_CODE = (".safetensors", ".pth", ".pt", ".pkl", ".bin", ".npz", ".pyc", ".md", ".toml")
_running: dict[Path, str] = {}  # the code of built-in plug-ins as this process imported it


def load(plugin: Plugin, module: str = "") -> ModuleType:
    """A module of a plug-in's folder, or a one-file plug-in itself; this runs its code.

    Built-in plug-ins and those of packages are imported by their own names. Any other is loaded from its own place
    under a name that nothing else has: two plug-ins never see each other's files, nor replace the suite's.

    Raises:
        ImportError, or whatever else its code raises.
    """
    if (held := objects.held(plugin)) is not None:
        made = ModuleType(plugin.name)
        made.net = held.take()  # type: ignore[attr-defined]
        return made
    if plugin.origin in BUILT_IN:  # they import the suite alone
        return _loaded(plugin, module)
    with apart.loading(plugin.path, reach.named_modules(*_all(plugin))):
        return _loaded(plugin, module)


def _loaded(plugin: Plugin, module: str) -> ModuleType:
    if plugin.path.is_file():
        return _from_place(_module_name(plugin), plugin.path)
    if _imported_once(plugin):
        _running.setdefault(plugin.path, _contents(plugin))
    if plugin.origin.startswith("entry point"):
        return importlib.import_module(f"{plugin.origin.split()[-1].partition(':')[0]}.{module}")
    if plugin.origin in BUILT_IN:
        return importlib.import_module(f"stvsr_bench.{plugin.kind}.{plugin.path.name}.{module}")
    package = _module_name(plugin)
    _from_place(package, plugin.path)
    return importlib.import_module(f"{package}.{module}")


def code(plugin: Plugin) -> str:
    """A short digest of the code of a plug-in, as this process runs it or would.

    It is of all files of its folder, of its file, or of what a Python object computes with; and of what these files
    import and name outside.
    An import is not repeated where a file changes: a notebook that runs on has the code that it imported.
    """
    held = objects.held(plugin)
    return held.code if held is not None else _running.get(plugin.path) or _contents(plugin)


def _imported_once(plugin: Plugin) -> bool:
    return plugin.origin in BUILT_IN or plugin.origin.startswith("entry point")


def _contents(plugin: Plugin) -> str:
    place = plugin.path
    own = [(path.relative_to(place).as_posix(), sha256(path.read_bytes()).hexdigest()) for path in _files(place)]
    # those of the suite import the suite alone, which every row has
    others = [] if plugin.origin in BUILT_IN else reach.reached(*_all(plugin))
    return digest([*own, *others])[:16]


def _all(plugin: Plugin) -> tuple[list[Path], Path]:
    """The files of a plug-in, its card among them, and the folder where a command of it is run."""
    cards = [card for card in [plugin.path / "card.toml"] if card.is_file()]
    return [*_files(plugin.path), *cards], plugin.path if cards else plugin.path.parent


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(path for path in place.rglob("*") if _is_code(path, place))


def _is_code(path: Path, place: Path) -> bool:
    hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(place).parts)
    return not hidden and path.suffix not in _NO_CODE and path.is_file()


def _module_name(plugin: Plugin) -> str:
    # by its content too: edited between two runs of one process (a notebook), it is loaded again
    place = digest([str(plugin.path.resolve()), _contents(plugin)])[:12]
    return f"stvsr_bench_plugin_{plugin.kind}_{plugin.name.replace('-', '_')}_{place}"


def _from_place(name: str, place: Path) -> ModuleType:
    """The module of a file, or the package of a folder (with or without `__init__.py`), loaded once."""
    if name in sys.modules:
        return sys.modules[name]
    file = place if place.is_file() else place / "__init__.py"
    inside = None if place.is_file() else [str(place)]
    if file.is_file():
        spec = spec_from_file_location(name, file, submodule_search_locations=inside)
    else:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = inside
    if spec is None:
        raise ImportError(f"{file.name} is not a Python file")
    made = sys.modules[name] = module_from_spec(spec)
    try:
        if spec.loader is not None:
            spec.loader.exec_module(made)
    except BaseException:
        del sys.modules[name]  # half a module would hide at the next try what went wrong
        raise
    return made
