"""Which frame a picture is, by the numbers in its name: from 0, 1 or 1001 on, with a number that is no frame's beside.

Messages name frames as their files are named.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from stvsr_bench.data import frames as pictures
from stvsr_bench.data import numbers
from stvsr_bench.data.elsewhere import leads_nowhere
from stvsr_bench.data.listing import SYSTEM, listing
from stvsr_bench.errors import ClipError, DataError, counted

_NUMBER = re.compile(r"\d+")
_SHOWN = 10


class Numbered:
    """The pictures of a folder by frame number.

    Raises:
        DataError: there is none, one has no number, two have the same, or it is unclear which number counts frames.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        there = listing(folder)
        # a link that leads nowhere is a missing frame, which is named with the others
        paths = [path for path in there.pictures if not leads_nowhere(path)]
        self.passed_over = [path for why, path in there.unused if why != SYSTEM] + there.videos
        if not paths:
            there_is = [*there.folders, *self.passed_over]
            has = f"; it has {names_of(there_is)}" if there_is else ""
            raise DataError(f"{folder} has no pictures ({', '.join(pictures.SUFFIXES)}){has}")
        found = numbers.ordered(folder, paths)
        self._column = found.column
        self.paths = dict(zip(found.numbers, found.paths, strict=True))

    def chosen(self, indices: Sequence[int], needed: Sequence[int], total: int, clip: str) -> list[Path]:
        """The pictures of frames `indices`, counted from 0; `needed` must all be there, `total` are in the truth.

        Raises:
            ClipError: there are more pictures than true frames, or some are missing; which, is said.
        """
        found = list(self.paths)
        if len(found) > total:
            raise ClipError(too_many(self.folder.name, len(found), clip, total))
        # 0000, 0004, 0008: every fourth frame of a film, as data sets may be numbered too; or milliseconds
        if numbers.steady(found) and len(found) > needed[-1]:
            return [self.paths[found[index]] for index in indices]
        missing = [index for index in needed if found[0] + index not in self.paths]
        if missing:
            raise ClipError(self._missing(missing, len(needed), clip))
        return [self.paths[found[0] + index] for index in indices]

    def _missing(self, missing: Sequence[int], wanted: int, clip: str) -> str:
        """Which frames are missing. At the ends the numbers alone cannot say: a writer may count from 0 or from 1."""
        first, last = min(self.paths), max(self.paths)
        inner = [first + index for index in missing if first + index < last]
        outer = len(missing) - len(inner)
        says = f"{clip}: {len(missing)} of {counted(wanted, 'frame')} {'are' if len(missing) > 1 else 'is'} missing: "
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
        if self._column is None:  # time stamps and a counter that starts again: places, which no name has
            return f"frame {number}"
        found = list(_NUMBER.finditer(like.stem))[self._column]
        return f"{like.stem[: found.start()]}{number:0{len(found[0])}d}{like.stem[found.end() :]}{like.suffix}"


def too_many(name: str, count: int, clip: str, total: int) -> str:
    """The sentence for more frames than the truth has."""
    return (
        f"{name} has {counted(count, 'frame')}, the truth of {clip} has {total}; is one doubled, or is it another "
        "clip? Hand in one frame for each true one"
    )


def names_of(paths: Sequence[Path]) -> str:
    """Some file names, for a sentence."""
    listed = ", ".join(path.name for path in paths[:3])
    return listed + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
