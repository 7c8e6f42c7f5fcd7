"""Rows of which there are many: what they share is kept once, and the numbers of each as plain bytes.

A row as pydantic makes it takes 4 kB, most of it lists and tables of Python's. A lean one takes half a kilobyte with
six metrics of seven frames and is read like any other, but makes its lists anew each time that they are asked for.
"""

import dataclasses
import struct
from itertools import chain
from operator import attrgetter
from typing import Any, Self

from stvsr_bench.schema import Row

_NUMBERS = ("values", "seconds", "scalars")
_OF_CLIP = ("clip", "stamp", "truth", "input", "motion_px")
_LISTS = ("frames", "given", "flags")
_TABLES = ("made", "how")
_FIELDS = tuple(field.name for field in dataclasses.fields(Row))
_SHARED = tuple(name for name in _FIELDS if name not in ("key", *_NUMBERS, *_OF_CLIP))
_plain_of = attrgetter(*(name for name in _SHARED if name not in (*_LISTS, *_TABLES)))
_of_clip_of = attrgetter(*_OF_CLIP)


class Like:
    """What many rows share: all but what is of their clip and their numbers, and how those numbers are packed."""

    def __init__(self, row: Row) -> None:
        self.row = dataclasses.replace(row, key="", values={}, seconds={}, scalars={}, clip="", motion_px=None)
        self.frames = len(row.frames)
        at = iter(range(1, len(row.values) * self.frames + 1, self.frames or 1))
        self.values = {name: next(at, 1) for name in row.values}
        end = 1 + len(row.values) * self.frames
        self.seconds = {name: end + i for i, name in enumerate(row.seconds)}
        self.scalars = {name: end + len(row.seconds) + i for i, name in enumerate(row.scalars)}
        # a key is 16 hexadecimal digits: whoever reads rows has compared it with the digest that it is
        self.packed = struct.Struct(f"<8s{end - 1 + len(row.seconds) + len(row.scalars)}d")


class LeanRow(Row):
    """A row that keeps little: see above."""

    _like: Like
    _of_clip: tuple[Any, ...]
    _packed: bytes

    def __new__(cls, **fields: Any) -> Row:  # type: ignore[misc]
        """A plain row: `dataclasses.replace` of a lean one calls this with all fields."""
        return Row(**fields)

    @classmethod
    def of(cls, like: Like, of_clip: tuple[Any, ...], packed: bytes) -> Self:
        """A lean row; rows are frozen, so that it is filled from outside."""
        lean = object.__new__(cls)
        for name, part in (("_like", like), ("_of_clip", of_clip), ("_packed", packed)):
            object.__setattr__(lean, name, part)
        return lean

    def __eq__(self, other: object) -> bool:
        # a dataclass is equal to its own class alone, and nobody who compares two rows means how they are kept
        return whole(self) == whole(other) if isinstance(other, Row) else NotImplemented

    __hash__ = Row.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return _row_of, ({name: getattr(self, name) for name in _FIELDS},)


class Shared:
    """Makes rows lean; rows of one `Shared` share what they have in common."""

    def __init__(self) -> None:
        self._likes: dict[Any, Like] = {}
        self._clips: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def row(self, row: Row) -> Row:
        """The same row; a list or table that it shares with others is not to be changed, as nothing in a row is."""
        of_clip = _of_clip_of(row)
        numbers = chain(*row.values.values(), row.seconds.values(), row.scalars.values())
        like = self._like(row)
        packed = like.packed.pack(bytes.fromhex(row.key), *numbers)
        return LeanRow.of(like, self._clips.setdefault(of_clip, of_clip), packed)

    def _like(self, row: Row) -> Like:
        lists = (tuple(row.frames), tuple(row.given), tuple(row.flags))
        tables = (tuple(row.made.items()), tuple(row.how.items()))
        key = (_plain_of(row), lists, tables, tuple(row.values), tuple(row.seconds), tuple(row.scalars))
        if key not in self._likes:
            self._likes[key] = Like(row)
        return self._likes[key]


def whole(row: Row) -> Row:
    """The row with its lists made: for who looks at many of its numbers."""
    return _row_of({name: getattr(row, name) for name in _FIELDS}) if isinstance(row, LeanRow) else row


def _row_of(fields: dict[str, Any]) -> Row:
    # the fields were checked when the row was read, and checking costs ten times as much as all the rest
    row = object.__new__(Row)
    row.__dict__.update(fields)
    return row


def _key(row: LeanRow) -> str:
    return row._packed[:8].hex()


def _values(row: LeanRow) -> dict[str, list[float]]:
    like = row._like
    numbers = like.packed.unpack(row._packed)
    return {name: list(numbers[at : at + like.frames]) for name, at in like.values.items()}


def _seconds(row: LeanRow) -> dict[str, float]:
    numbers = row._like.packed.unpack(row._packed)
    return {name: numbers[at] for name, at in row._like.seconds.items()}


def _scalars(row: LeanRow) -> dict[str, float]:
    if not row._like.scalars:
        return {}
    numbers = row._like.packed.unpack(row._packed)
    return {name: numbers[at] for name, at in row._like.scalars.items()}


def _of_clip(at: int) -> property:
    return property(lambda row: row._of_clip[at])


_READ = {
    "key": property(_key),
    "values": property(_values),
    "seconds": property(_seconds),
    "scalars": property(_scalars),
    **{name: _of_clip(at) for at, name in enumerate(_OF_CLIP)},
    **{name: property(attrgetter(f"_like.row.{name}")) for name in _SHARED},
}
for _name, _read in _READ.items():
    setattr(LeanRow, _name, _read)
