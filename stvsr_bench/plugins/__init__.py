"""Finds `methods/<name>/` and `datasets/<name>/`: in a checkout, wheel, entry point, $STVSR_BENCH_PATH or one file.

A plug-in is a folder with a `card.toml`, or one Python file with a card in it. A name that is known (of the package or
checkout, or of an entry point) is replaced by `--include` or $STVSR_BENCH_PATH only where `--override NAME` allows it.
A broken plug-in is listed with its error and breaks nothing else. Nothing here imports torch, and `load` alone runs a
plug-in's code.
"""

import os
import re
import sys
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import cache, lru_cache
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, distributions, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from platformdirs import user_cache_path
from pydantic import TypeAdapter, ValidationError

from stvsr_bench import words
from stvsr_bench.errors import CONTROL, CardError, UnknownNameError, UsageError, interrupted, printable, told
from stvsr_bench.plugins import objects, owners
from stvsr_bench.plugins.loading import code, load
from stvsr_bench.plugins.plugin import BUILT_IN, Plugin, PluginKind

__all__ = [
    "BUILT_IN",
    "PATH_VARIABLE",
    "Plugin",
    "PluginKind",
    "allow",
    "canonical",
    "card_from",
    "cautions",
    "code",
    "everything",
    "find",
    "forget",
    "home",
    "include",
    "included",
    "load",
    "overrides",
    "plugins",
    "read_card",
    "roots",
    "search_path",
]  # fmt: skip

Card = TypeVar("Card")

_PACKAGE = Path(__file__).resolve().parent.parent
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_included: dict[PluginKind, dict[str, Path]] = {"methods": {}, "datasets": {}}
_overrides: set[str] = set()
PATH_VARIABLE = "$STVSR_BENCH_PATH"


def home() -> Path:
    """The folder of all caches: $STVSR_BENCH_HOME, else the user's cache folder. Not created here."""
    chosen = os.environ.get("STVSR_BENCH_HOME")
    return Path(chosen).expanduser() if chosen else user_cache_path("stvsr-bench")


def roots(kind: PluginKind) -> list[tuple[Path, str]]:
    """Folders that hold plug-in folders, first wins, each with the name of its origin."""
    found = [(folder / kind, PATH_VARIABLE) for folder in _path_variable()]
    packaged, checkout = _PACKAGE / kind, _PACKAGE.parent / kind
    if any(packaged.glob("*/card.toml")):
        found.append((packaged, "package"))
    elif (_PACKAGE.parent / "pyproject.toml").is_file():
        found.append((checkout, "checkout"))
    return [(root, origin) for root, origin in found if root.is_dir()]


def search_path(default: list[str], kind: PluginKind) -> list[str]:
    """`__path__` of `stvsr_bench.methods` or `.datasets`: the suite's own modules first, then its own plug-ins.

    No other folder is ever on it: whatever lies beside somebody's plug-in would be importable under the suite's names.
    """
    own = [str(root) for root, origin in roots(kind) if origin in BUILT_IN]
    return [*default, *(root for root in own if root not in default)]


def plugins(kind: PluginKind) -> dict[str, Plugin]:
    """Every plug-in of one kind by name, sorted, the broken ones included."""
    found = _shipped(kind)
    named: dict[str, Plugin] = {}
    for root, origin in roots(kind):
        named = {**_folders(kind, root, origin), **named} if origin not in BUILT_IN else named
    found |= {name: _instead(plugin, found.get(name)) for name, plugin in named.items()}
    for name, path in _included[kind].items():
        found[name] = _instead(Plugin(kind, name, path, "--include"), found.get(name))
    if kind == "methods":
        found |= {name: Plugin(kind, name, Path(), objects.OBJECT) for name in objects.names()}
    return dict(sorted(found.items()))


def everything() -> list[Plugin]:
    """Every plug-in of both kinds, methods first."""
    return [*plugins("methods").values(), *plugins("datasets").values()]


def _shipped(kind: PluginKind) -> dict[str, Plugin]:
    """What is known without the user's word: of the package or checkout, then of installed packages."""
    found: dict[str, Plugin] = {}
    for root, origin in roots(kind):
        found |= _folders(kind, root, origin) if origin in BUILT_IN else {}
    for point in _points(kind):
        name = canonical(point.name)
        if name not in found:
            found[name] = _from_entry_point(kind, name, point.value)
    return found


def _folders(kind: PluginKind, root: Path, origin: str) -> dict[str, Plugin]:
    names = {canonical(card.parent.name): card.parent for card in sorted(root.glob("*/card.toml"))}
    return {name: Plugin(kind, name, path, origin, _complaint(path, name, origin)) for name, path in names.items()}


def _instead(plugin: Plugin, known: Plugin | None) -> Plugin:
    """A plug-in beside the known one of its name: it stands in for it where that was allowed, else it complains."""
    if known is None:
        return plugin
    if plugin.path.resolve() == known.path.resolve():  # one folder, named twice
        return replace(plugin, error=known.error, replaces=known.replaces)
    if plugin.name in overrides():
        return replace(plugin, replaces=known.origin)
    return replace(plugin, error=plugin.error or _refusal(known))


def _refusal(known: Plugin) -> str:
    whose = f"a built-in {known.word}" if known.origin in BUILT_IN else f"the {known.word} of {known.origin}"
    return f"{whose} has the name '{known.name}'; rename it, or write --override {known.name} to use it instead"


def find(kind: PluginKind, name: str) -> Plugin:
    """The plug-in of that name; `_` and `-` are the same letter.

    Raises:
        UnknownNameError: no such plug-in.
        CardError: it is there, but broken.
    """
    known = plugins(kind)
    plugin = known.get(canonical(name))
    if plugin is None:
        raise UnknownNameError("data set" if kind == "datasets" else "method", name, known)
    if plugin.error:
        where = f"{plugin.origin}, {plugin.path}" if plugin.origin == PATH_VARIABLE else plugin.origin
        raise CardError(f"{plugin.word} '{name}' ({where}) cannot be used: {plugin.error}")
    return plugin


def canonical(name: str) -> str:
    """A plug-in's name as it is compared and shown: `dat_light` and `dat-light` are `dat-light`."""
    return name.replace("_", "-")


def include(path: Path, override: Iterable[str] = ()) -> Plugin:
    """Register one Python file (or plug-in folder) for this process: `--include my_method.py`.

    `override` are the names of known plug-ins that it may replace; see `allow`.

    Raises:
        UsageError: there is no such file or folder, its name cannot be a plug-in's name, another included one has that
            name, or it is that of a known plug-in which may not be replaced.
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
    other = _included[kind].get(name)
    if other is not None and other != path.resolve():
        raise UsageError(f"--include {path}: '{name}' is also the name of --include {other}; rename one of them")
    allow(override)
    _included[kind][name] = path.resolve()
    made = plugins(kind)[name]
    if made.error:
        del _included[kind][name]
        raise UsageError(f"--include {path}: {made.error}")
    return made


def allow(names: Iterable[str]) -> None:
    """Let plug-ins of `--include` and $STVSR_BENCH_PATH replace known ones of these names, in this process."""
    _overrides.update(canonical(name) for name in names)


def overrides() -> tuple[str, ...]:
    """The names that may be replaced: by `--override` and $STVSR_BENCH_OVERRIDE (separated by commas)."""
    typed = os.environ.get("STVSR_BENCH_OVERRIDE", "").replace(",", " ").split()
    return tuple(sorted(_overrides | {canonical(name) for name in typed}))


def forget() -> None:
    """Forget what was included and allowed: a process that serves one run after another begins each with nothing."""
    _overrides.clear()
    for names in _included.values():
        names.clear()


def included() -> list[Path]:
    """Paths registered with `include`, for worker processes to register again."""
    return [path for names in _included.values() for path in names.values()]


def read_card(plugin: Plugin, card_type: type[Card]) -> Card:
    """The checked card of a plug-in folder.

    Raises:
        CardError: the file is not valid TOML, a field is missing, unknown or of the wrong type; the sentence names it.
    """
    return card_from(_toml(plugin.path / "card.toml"), plugin, card_type)


def card_from(fields: dict[str, Any], plugin: Plugin, card_type: type[Card]) -> Card:
    """A checked card made of plain fields; `name` is the plug-in's name whatever the fields say."""
    if where := _steering(fields):
        raise CardError(f"card of {plugin.name}: '{printable(where)}': contains control characters")
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
        return words.read_toml(path)
    except (tomllib.TOMLDecodeError, UnicodeError, RecursionError) as error:
        raise CardError(f"{path.parent.name}/{path.name} is not valid TOML: {error}") from None
    except OSError as error:
        raise CardError(f"{path.parent.name}/{path.name} cannot be read: {error.strerror}") from None


def _complaint(folder: Path, name: str, origin: str) -> str:
    if not _NAME.fullmatch(name):
        return "a folder's name is made of small letters, digits, - and _"
    return owners.open_to_all(folder) if origin == PATH_VARIABLE else ""


def _path_variable() -> list[Path]:
    text = os.environ.get("STVSR_BENCH_PATH", "")
    return [Path(part).expanduser() for part in text.split(os.pathsep) if part]


def _from_entry_point(kind: PluginKind, name: str, value: str) -> Plugin:
    """An entry point names an importable package (`my_package.my_net`) whose folder holds the card.

    Its parent is looked up and its folder computed: to look up a module below, Python would import the parent.
    """
    module = value.partition(":")[0].strip()
    top, *below = module.split(".")
    made = Plugin(kind, name, Path(), f"entry point {value}")
    try:
        spec = find_spec(top)
    except BaseException as error:  # a package's own finder may be anything
        if interrupted(error):
            raise
        return replace(made, error=told(error))
    places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    found = next((place.joinpath(*below) for place in places if place.joinpath(*below).is_dir()), None)
    if found is None and spec is not None:
        files = [place.joinpath(*below[:-1], f"{below[-1]}.py") for place in places] if below else [_file_of(spec)]
        found = next((file for file in files if file.is_file()), None)
    if found is None:
        return replace(made, error=f"no module {module} is installed")
    if found.is_dir() and not (found / "card.toml").is_file():
        return replace(made, path=found, error="its package has no card.toml")
    return replace(made, path=found)


def _file_of(spec: ModuleSpec) -> Path:
    return Path(spec.origin or "")


def _points(kind: PluginKind) -> list[EntryPoint]:
    """The entry points of installed packages; one whose metadata cannot be read has none, and stops no other."""
    return _points_of(kind, tuple((place, _changed(place)) for place in sys.path))


def _changed(place: str) -> int:
    try:
        return Path(place).stat().st_mtime_ns
    except OSError:  # a path that is not there, or a zip's inside
        return 0


@lru_cache(maxsize=8)
def _points_of(kind: PluginKind, _places: tuple[tuple[str, int], ...]) -> list[EntryPoint]:
    # reading every installed package's metadata takes 20 ms, and it was done thousands of times in one command
    try:
        return list(entry_points(group=f"stvsr_bench.{kind}"))
    except Exception:  # noqa: BLE001 - metadata of anybody's
        found: list[EntryPoint] = []
        for one in distributions():
            with suppress(Exception):
                found += one.entry_points.select(group=f"stvsr_bench.{kind}")
        return found


def cautions() -> str:
    """A sentence for whoever starts a verb about plug-ins whose code others may change; "" for none.

    What everybody may write is refused in $STVSR_BENCH_PATH. `--include` was typed by the user, who may mean it.
    """
    typed = included()
    said = [sentence for path in typed if (sentence := owners.open_to_all(path))]
    searched = [one.path for one in everything() if one.origin == PATH_VARIABLE and not one.error]
    return ". ".join(filter(None, [*said, owners.open_to_some([*typed, *searched])]))
