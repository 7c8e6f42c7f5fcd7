"""Finds `methods/<name>/` and `datasets/<name>/`: in a checkout, wheel, entry point, $STVSR_BENCH_PATH or one file.

A plug-in is a folder with a `card.toml`, or one Python file with a card in it. A name that is known (of the package or
checkout, or of an entry point) is replaced by `--include` or $STVSR_BENCH_PATH only where `--override NAME` allows it.
A broken plug-in is listed with its error and breaks nothing else. Nothing here imports torch, and `load` alone runs a
plug-in's code.
"""

import os
import re
import stat
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

from platformdirs import user_cache_path
from pydantic import TypeAdapter, ValidationError

from stvsr_bench import words
from stvsr_bench.errors import CONTROL, CardError, UnknownNameError, UsageError, printable
from stvsr_bench.plugins.loading import code, load
from stvsr_bench.plugins.plugin import BUILT_IN, Plugin, PluginKind

__all__ = [
    "BUILT_IN", "PATH_VARIABLE", "Plugin", "PluginKind", "allow", "canonical", "card_from", "code", "everything",
    "find", "forget", "home", "include", "included", "load", "overrides", "plugins", "read_card", "roots",
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
    return dict(sorted(found.items()))


def everything() -> list[Plugin]:
    """Every plug-in of both kinds, methods first."""
    return [*plugins("methods").values(), *plugins("datasets").values()]


def _shipped(kind: PluginKind) -> dict[str, Plugin]:
    """What is known without the user's word: of the package or checkout, then of installed packages."""
    found: dict[str, Plugin] = {}
    for root, origin in roots(kind):
        found |= _folders(kind, root, origin) if origin in BUILT_IN else {}
    for point in entry_points(group=f"stvsr_bench.{kind}"):
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
        return words.read_toml(path)
    except (tomllib.TOMLDecodeError, UnicodeError, RecursionError) as error:
        raise CardError(f"{path.parent.name}/{path.name} is no TOML: {error}") from None
    except OSError as error:
        raise CardError(f"{path.parent.name}/{path.name} cannot be read: {error.strerror}") from None


def _complaint(folder: Path, name: str, origin: str) -> str:
    if not _NAME.fullmatch(name):
        return "a folder's name is made of small letters, digits, - and _"
    if origin == PATH_VARIABLE and _others_may_write(folder):
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
