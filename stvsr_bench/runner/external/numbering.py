"""Which frame a picture is, by the numbers in its name: from 0, 1 or 1001 on, with a number that is no frame's beside.

Messages name frames as their files are named.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from stvsr_bench.data import frames as pictures
from stvsr_bench.errors import ClipError, DataError
from stvsr_bench.runner.external.places import is_picture, listing

_NUMBER = re.compile(r"\d+")
_SHOWN = 10


class Numbered:
    """The pictures of a folder by frame number.

    Raises:
        DataError: there is none, one has no number, two have the same, or it is unclear which number counts frames.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        files = listing(folder)
        paths = [path for path in files if is_picture(path)]
        self.passed_over = [path for path in files if not is_picture(path)]
        if not paths:
            there = f"; it has {names_of(self.passed_over)}" if self.passed_over else ""
            raise DataError(f"{folder} has no pictures ({', '.join(pictures.RESULT_SUFFIXES)}){there}")
        self._column = _column(folder, paths)
        numbered = sorted((int(_NUMBER.findall(path.stem)[self._column][:18]), path.name, path) for path in paths)
        for (first, name, _), (second, other, _) in pairwise(numbered):
            if first == second:
                raise DataError(f"{folder}: {name} and {other} both have the number {first}; keep one of them")
        self.paths = {number: path for number, _, path in numbered}

    def chosen(self, indices: Sequence[int], needed: Sequence[int], total: int, clip: str) -> list[Path]:
        """The pictures of frames `indices`, counted from 0; `needed` must all be there, `total` are in the truth.

        Raises:
            ClipError: there are more pictures than true frames, or some are missing; which, is said.
        """
        numbers = list(self.paths)
        if len(numbers) > total:
            raise ClipError(too_many(self.folder.name, len(numbers), clip, total))
        steps = {second - first for first, second in pairwise(numbers)}
        # 0000, 0004, 0008: every fourth frame of a film, as data sets may be numbered too
        step = steps.pop() if len(steps) == 1 and len(numbers) > needed[-1] else 1
        missing = [index for index in needed if numbers[0] + index * step not in self.paths]
        if missing:
            raise ClipError(self._missing(missing, len(needed), clip))
        return [self.paths[numbers[0] + index * step] for index in indices]

    def _missing(self, missing: Sequence[int], wanted: int, clip: str) -> str:
        """Which frames are missing. At the ends the numbers alone cannot say: a writer may count from 0 or from 1."""
        first, last = min(self.paths), max(self.paths)
        inner = [first + index for index in missing if first + index < last]
        outer = len(missing) - len(inner)
        says = f"{clip}: {len(missing)} of {wanted} frames {'are' if len(missing) > 1 else 'is'} missing: "
        if first == 0 or not outer:
            return says + self._listed([*inner, *range(last + 1, last + 1 + outer)])
        before, after = range(max(0, first - outer), first), range(last + 1, last + 1 + outer)
        return says + (
            (f"{self._listed(inner)} and {outer} at an end: " if inner else "")
            + f"the pictures go from {self._name(first)} to {self._name(last)}, so look before the first "
            f"({self._listed(before)}) and after the last ({self._listed(after)})"
        )

    def _listed(self, numbers: Sequence[int]) -> str:
        return ", ".join(map(self._name, numbers[:_SHOWN])) + (", ..." if len(numbers) > _SHOWN else "")

    def _name(self, number: int) -> str:
        """The name of a picture that may not be there, written as the first one is."""
        first = min(self.paths)
        like = self.paths[first]
        found = list(_NUMBER.finditer(like.stem))[self._column]
        return f"{like.stem[: found.start()]}{number:0{len(found[0])}d}{like.stem[found.end() :]}{like.suffix}"


def too_many(name: str, count: int, clip: str, total: int) -> str:
    """The sentence for more frames than the truth has."""
    return (
        f"{name} has {count} frames, the truth of {clip} has {total}; is one doubled, or is it another clip? "
        "Hand in one frame for each true one"
    )


def _column(folder: Path, paths: Sequence[Path]) -> int:
    """Which of the numbers in the names counts the frames: the last, as in data sets, unless only another one does.

    `im3_x4` counts in its first number. Names with the quality in them (`0003_28.41`) differ in each.
    """
    rows = [[int(text[:18]) for text in _NUMBER.findall(path.stem)] for path in paths]
    for path, row in zip(paths, rows, strict=True):
        if not row:
            raise DataError(f"{folder}: {path.name} has no number in its name that says which frame it is; add one")
    if len({len(row) for row in rows}) > 1:
        return -1
    columns = [sorted(column) for column in zip(*rows, strict=True)]
    distinct = [i for i, column in enumerate(columns) if len(set(column)) == len(column)]
    even = [i for i in distinct if len({b - a for a, b in pairwise(columns[i])}) <= 1]
    last = len(columns) - 1
    for kind in (even, distinct):
        orders = [_order([row[i] for row in rows]) for i in kind]
        if orders and all(order == orders[0] for order in orders):
            return kind[-1]
        if orders:
            raise DataError(
                f"{folder}: names such as {paths[0].name} have {len(kind)} numbers that may count the frames, and they "
                "give another order each; name the files by the frame's number alone, e.g. 00000.png"
            )
    differing = [i for i, column in enumerate(columns) if len(set(column)) > 1]
    return differing[0] if len(differing) == 1 else last


def _order(numbers: Sequence[int]) -> list[int]:
    return sorted(range(len(numbers)), key=lambda i: numbers[i])


def names_of(paths: Sequence[Path]) -> str:
    """Some file names, for a sentence."""
    listed = ", ".join(path.name for path in paths[:3])
    return listed + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
