"""Methods that exist only as Python objects, while `stvsr_bench.run` measures them.

Each is found under its name like any plug-in (`Plugin.origin` is `OBJECT`), has a card, and takes no part in anything
after the run: what is left are its rows, which say that they came from an object.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from stvsr_bench.plugins.plugin import Plugin

OBJECT = "a Python object"
FLAG, HIDDEN = "python-object", "hidden-code"  # what rows say of such a method


@dataclass(frozen=True)
class Held:
    """One object: the fields of its card, and what its rows are to say of it.

    `take` gives what is called, a copy where it has a state; `code` is a digest of what it computes with, `weights` the
    SHA-256 of its parameters and buffers ("" where it has none), `hidden` what of it no digest can be made of; then
    `once` is a word that no other run has, so that its rows are never taken for done.
    """

    card: Mapping[str, Any]
    take: Callable[[], Callable[..., Any]]
    code: str
    weights: str = ""
    hidden: str = ""
    once: str = ""

    @property
    def flags(self) -> tuple[str, ...]:
        """What each of its rows says."""
        return (FLAG, *([f"{HIDDEN}:{self.hidden}"] if self.hidden else []))


_held: dict[str, Held] = {}


@contextmanager
def holding(objects: Mapping[str, Held]) -> Iterator[None]:
    """While this lasts, these names are methods."""
    _held.update(objects)
    try:
        yield
    finally:
        for name in objects:
            _held.pop(name, None)


def held(plugin: Plugin) -> Held | None:
    """The object behind a plug-in; None for one of a file or folder."""
    return _held.get(plugin.name) if plugin.origin == OBJECT else None


def names() -> list[str]:
    """The names of all that are held now."""
    return list(_held)
