"""The order of frames by the numbers in their names: counters, time stamps, or refused and why.

`im3_x4` counts in its first number, `hr_2x_0010` in its last, `2024-01-31_23-59-59` in all of them.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median

from stvsr_bench.errors import DataError

_NUMBER = re.compile(r"\d+")
_DIGITS = 60  # of one number; longer ones are hashes
_UNEVEN = Fraction(1, 4)  # of the median interval, as for videos of variable rate
_STAMP = 10  # counters do not step this far: numbers of milliseconds do
_RADICES = (
    24,
    25,
    30,
    50,
    60,
    100,
    120,
    1000,
)  # frames, minutes, seconds, hundredths or thousandths in one of the next
_MONTH, _DAY, _YEAR = r"(?P<month>0[1-9]|1[0-2])", r"(?P<day>0[1-9]|[12]\d|3[01])", r"(?P<year>(?:19|20)\d\d)"
_DAYS = (
    rf"{_YEAR}[-_.]?{_MONTH}[-_.]?{_DAY}",
    rf"{_DAY}[-_.]{_MONTH}[-_.]{_YEAR}",
    rf"{_MONTH}[-_.]{_DAY}[-_.]{_YEAR}",
)
_MINUTES = r"(?P<m>[0-5]\d)[-_.:m ]?(?P<s>[0-5]\d)(?:[-_.,s ]?(?P<f>\d{1,9}))?(?!\d)"
_HALF = r"[-_.\s]*(?P<half>[AaPp])\.?[Mm]\.?(?![A-Za-z])"  # macOS puts a narrow space before it
_CLOCKS = (
    rf"(?P<h>[01]\d|2[0-3])[-_.:h ]?{_MINUTES}(?!{_HALF.replace('?P<half>', '')})",
    rf"(?P<h>1[0-2]|0?[1-9])[-_.: ]{_MINUTES}{_HALF}",
)
_DATES = [re.compile(rf"(?<!\d){day}[-_.,T\s]*(?:at)?[-_.T\s]*{clock}") for day in _DAYS for clock in _CLOCKS]

Row = tuple[int, ...]


@dataclass(frozen=True)
class Ordered:
    """Frames in order. `numbers` are what counts them; `column` is which number of a name that is.

    Time stamps and negative numbers have no column; `numbers` of time stamps are their places.
    """

    paths: tuple[Path, ...]
    numbers: tuple[int, ...]
    column: int | None


def ordered(folder: Path, paths: Sequence[Path]) -> Ordered:
    """The pictures of a folder in order; whether one is missing is not asked.

    Raises:
        DataError: one has no number, two have the same, or it is unclear what counts the frames.
    """
    rows = [_row(folder, path) for path in paths]
    if len({len(row) for row in rows}) > 1:
        return _of_other_lengths(folder, paths, rows)
    if (signed := _signed(folder, paths, rows)) != rows:
        column = next(i for i in range(len(rows[0])) if any(row[i] < 0 for row in signed))
        return replace(_by_column(folder, paths, signed, column), column=None)
    varying = [i for i, column in enumerate(zip(*rows, strict=True)) if len(set(column)) > 1]
    if len(varying) < 2:
        return _by_column(folder, paths, rows, varying[0] if varying else len(rows[0]) - 1)
    return _of_several(folder, paths, rows, varying)


def steady(numbers: Sequence[int]) -> bool:
    """Whether numbers in order are evenly apart: by the same step, or as time stamps that were rounded."""
    steps = [second - first for first, second in pairwise(numbers)]
    return not steps or min(steps) == max(steps) or _nearly_even([Fraction(step) for step in steps])


def wrapped(numbers: Sequence[int], digits: int) -> int:
    """Where a camera's counter starts again (9998, 9999, 0001) in sorted numbers: the first of the earlier frames.

    0 where it does not: only numbers that are whole up to one gap, from 0 or 1 on and up to the last that has room.
    """
    gaps = [i for i, (first, second) in enumerate(pairwise(numbers), start=1) if second - first != 1]
    full = len(gaps) == 1 and numbers[0] in (0, 1) and digits >= 4 and numbers[-1] == 10**digits - 1
    return gaps[0] if full else 0


def _of_other_lengths(folder: Path, paths: Sequence[Path], rows: Sequence[Row]) -> Ordered:
    """Frames in whose names not the same numbers are: by the last one, or by the first where that alone is even."""
    columns = [column for column in (0, -1) if _is_even(sorted(row[column] for row in rows))] or [-1]
    _check_agree(folder, paths, rows, columns)
    return _by_column(folder, paths, rows, columns[-1])


def _is_even(numbers: Sequence[int]) -> bool:
    steps = {second - first for first, second in pairwise(numbers)}
    return len(steps) < 2 and 0 not in steps


def _signed(folder: Path, paths: Sequence[Path], rows: Sequence[Row]) -> list[Row]:
    """Rows with negative numbers: `t_-2, t_-1, t_0`. Where all names have the sign, it is a dash that joins words.

    So it is where some have lost it, `a-1, a-2, a3`. Where another number counts the frames, signs do not matter.

    Raises:
        DataError: another number changes with it, as in `-0.5`.
    """
    signed = list(rows)
    if not any("-" in path.name for path in paths):
        return signed
    texts = [_NUMBER.split(path.stem) for path in paths]  # before, between and behind the numbers
    if len({tuple(text.endswith("-") for text in of[:-1]) for of in texts}) == 1:
        return signed
    columns = [*zip(*rows, strict=True)]
    for i, column in enumerate(columns):
        before = [path.stem[: list(_NUMBER.finditer(path.stem))[i].start()] for path in paths]
        plain = {start.removesuffix("+") for start in before if not start.endswith("-")}
        below = [k for k, start in enumerate(before) if start.endswith("-") and start[:-1] in plain]
        negative = set(below)
        numbers = [-number if k in negative else number for k, number in enumerate(column)]
        others = [j for j in range(len(columns)) if j != i]
        of_decimal = bool({of[i + 1] for of in texts} & {".", ","})  # -0.5: the next number belongs to this one
        counted = any(_is_even(sorted(columns[j])) for j in others if not (of_decimal and j == i + 1))
        if not below or counted or (_is_even(sorted(column)) and not _is_even(sorted(numbers))):
            continue
        if any(len(set(columns[j])) > 1 for j in others):
            raise DataError(
                f"{folder}: {paths[below[0]].name} has a negative number beside another one that changes; name the "
                "files by the frame's number alone, e.g. 00000.png"
            )
        signed = [(*row[:i], number, *row[i + 1 :]) for row, number in zip(signed, numbers, strict=True)]
    return signed


def _of_several(folder: Path, paths: Sequence[Path], rows: Sequence[Row], varying: Sequence[int]) -> Ordered:
    """Frames whose names differ in several numbers: the one that steps evenly, or all as a time stamp."""
    columns = {i: sorted(row[i] for row in rows) for i in varying}
    distinct = [i for i in varying if len(set(columns[i])) == len(rows)]
    even = [i for i in distinct if _is_even(columns[i])]
    stamps = _stamps(paths, rows, varying, counted=bool(even))
    if stamps is not None:
        return Ordered(tuple(paths[i] for i in stamps), tuple(range(len(paths))), None)
    if even:
        _check_agree(folder, paths, rows, even)
        return _by_column(folder, paths, rows, even[-1])
    if _times(paths):
        raise DataError(
            f"{folder}: the times in names such as {paths[0].name} are not evenly apart; is a frame missing? Frames of "
            "a variable rate cannot be measured: name them 00000.png, 00001.png, ... to measure them as if even"
        )
    if distinct:
        _check_agree(folder, paths, rows, distinct)
        return _by_column(folder, paths, rows, distinct[-1])
    names = " and ".join(path.name for path in sorted(paths)[:2])
    raise DataError(
        f"{folder}: no number in names such as {names} counts the frames alone, and as time stamps they are not evenly "
        "apart; are there several clips in one folder, or is a frame missing? Name the files by the frame's number, "
        "e.g. 00000.png"
    )


def _by_column(folder: Path, paths: Sequence[Path], rows: Sequence[Row], column: int) -> Ordered:
    numbered = sorted((row[column], path.name, path) for row, path in zip(rows, paths, strict=True))
    for (first, name, _), (second, other, _) in pairwise(numbered):
        if first == second:
            raise DataError(
                f"{folder}: {name} and {other} both have the number {first}; a clip has one picture for each frame, so "
                "keep one of them"
            )
    numbers = [number for number, _, _ in numbered]
    # 20240131235959 is followed by 20240201000000
    if not steady(numbers) and (dates := _dates(paths)):
        return Ordered(tuple(paths[i] for i in dates), tuple(range(len(paths))), None)
    files = [path for _, _, path in numbered]
    digits = {len(_NUMBER.findall(path.stem)[column]) for path in files}
    if len(digits) == 1 and (start := wrapped(numbers, digits.pop())):
        files = files[start:] + files[:start]
        return Ordered(tuple(files), tuple(range(len(files))), None)
    return Ordered(tuple(files), tuple(numbers), column)


def _check_agree(folder: Path, paths: Sequence[Path], rows: Sequence[Row], columns: Sequence[int]) -> None:
    orders = [_order([row[column] for row in rows]) for column in columns]
    if any(order != orders[0] for order in orders):
        raise DataError(
            f"{folder}: names such as {paths[0].name} have {len(columns)} numbers that may count the frames, and they "
            "give another order each; name the files by the frame's number alone, e.g. 00000.png"
        )


def _order(numbers: Sequence[int] | Sequence[Fraction]) -> list[int]:
    return sorted(range(len(numbers)), key=lambda i: numbers[i])


def _stamps(paths: Sequence[Path], rows: Sequence[Row], varying: Sequence[int], counted: bool) -> list[int] | None:
    """The order of names that are evenly apart as dates, as decimals, or as numbers that carry over to the one before.

    None where they are not, or where two ways of reading them give another order each. `counted`: one number of the
    names is a counter, and only a date or a point says that it is none.
    """
    ways = [_dates(paths), _decimals(paths, varying), None if counted else _carried(paths, rows, varying)]
    found = [order for order in ways if order]
    return found[0] if found and all(way == found[0] for way in found) else None


def _dates(paths: Sequence[Path]) -> list[int] | None:
    """The order of names that are evenly apart as dates; None where days and months could be either, and it matters."""
    orders = [order for times in _times(paths) if (order := _evenly(times))]
    return orders[0] if orders and all(order == orders[0] for order in orders) else None


def _times(paths: Sequence[Path]) -> list[list[Fraction]]:
    """The seconds of dates in names, for each way of writing dates that all of them have."""
    found = (_seconds(pattern, paths) for pattern in _DATES)
    return [times for times in found if times]


def _seconds(pattern: re.Pattern[str], paths: Sequence[Path]) -> list[Fraction]:
    """The seconds of dates that are written so; none where a name has no such date."""
    times = []
    for path in paths:
        if (found := pattern.search(path.stem)) is None or (time := _second(found)) is None:
            return []
        times.append(time)
    return times


def _second(found: re.Match[str]) -> Fraction | None:
    try:
        day = date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:  # 31 February
        return None
    half = found.groupdict().get("half")
    hour = int(found["h"]) if half is None else int(found["h"]) % 12 + 12 * (half in "Pp")
    digits = found["f"] or "0"
    clock = (hour * 60 + int(found["m"])) * 60 + int(found["s"])
    return day.toordinal() * 86400 + clock + Fraction(int(digits), 10 ** len(digits))


def _decimals(paths: Sequence[Path], varying: Sequence[int]) -> list[int] | None:
    """`0.96`, `1.04`: two numbers with a point between them."""
    if len(varying) != 2 or varying[1] != varying[0] + 1:
        return None
    found = [re.findall(r"\d+|\D+", path.stem) for path in paths]
    times = []
    for parts in found:
        numbers = [i for i, part in enumerate(parts) if part.isdecimal()]
        first, second = numbers[varying[0]], numbers[varying[1]]
        if parts[first + 1 : second] not in (["."], [","]):
            return None
        times.append(int(parts[first]) + Fraction(int(parts[second]), 10 ** len(parts[second])))
    return _evenly(times)


def _carried(paths: Sequence[Path], rows: Sequence[Row], varying: Sequence[int]) -> list[int] | None:
    """Hours, minutes, seconds, frames: the last of them counts up to some usual number, the others to 60.

    Two clips of 24 frames each in one folder must not look so: their last numbers are all the same.
    """
    blocks: dict[Row, set[int]] = defaultdict(set)
    for row in rows:
        blocks[row[: varying[-1]]].add(row[varying[-1]])
    if len({frozenset(block) for block in blocks.values()}) == 1 or not _plainly_joined(paths[0].stem, varying):
        return None
    # frames of a second only where minutes or hours are named too
    for last in _RADICES if varying[-1] >= 2 else (60, 100, 1000):
        if max(row[varying[-1]] for row in rows) < last:
            totals = [_total([row[i] for i in range(varying[0], varying[-1] + 1)], last) for row in rows]
            if order := _evenly(totals):
                return order
    return None


def _plainly_joined(stem: str, varying: Sequence[int]) -> bool:
    """Whether there are signs alone between the numbers, or the letters of hours, minutes and seconds."""
    found = list(_NUMBER.finditer(stem))[varying[0] : varying[-1] + 1]
    return all(re.fullmatch(r"[-_.:, ]?[hms]?[-_.:, ]?", stem[a.end() : b.start()]) for a, b in pairwise(found))


def _total(parts: Sequence[int], last: int) -> Fraction:
    total = 0
    for place, number in enumerate(parts, start=1):
        total = total * (last if place == len(parts) else 60) + number
    return Fraction(total)


def _evenly(times: Sequence[Fraction]) -> list[int] | None:
    order = _order(times)
    steps = [times[b] - times[a] for a, b in pairwise(order)]
    return order if min(steps) > 0 and (min(steps) == max(steps) or _nearly_even(steps, least=Fraction(0))) else None


def _nearly_even(steps: Sequence[Fraction], least: Fraction = Fraction(_STAMP)) -> bool:
    usual = median(steps)
    return usual >= least and all(abs(step - usual) <= _UNEVEN * usual for step in steps)


def _row(folder: Path, path: Path) -> Row:
    found = _NUMBER.findall(path.stem)
    if not found:
        raise DataError(f"{folder}: {path.name} has no number in its name that says which frame it is; add one")
    if max(map(len, found)) > _DIGITS:
        raise DataError(f"{folder}: {path.name} has a number of more than {_DIGITS} digits, which counts no frames")
    return tuple(int(text) for text in found)
