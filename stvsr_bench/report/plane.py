"""Quality over the space-time plane: the means of tables of one family of protocols, by scale and time scale.

A number stays the mean that its table has: nothing is averaged here, and a cell belongs to one protocol in its current
version, one data set and one split. A data set that is rendered at several rates (`mini:rate=4`) has the same given
frames wherever time_scale / rate is equal, so these cells make a plane too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import numpy as np

from stvsr_bench import protocols
from stvsr_bench.escape import slug
from stvsr_bench.report.labels import MethodKey
from stvsr_bench.report.tables.table import NO_RANK, Cell, Column, Display, FrameChoice, Table, display

CHOICES: tuple[FrameChoice, ...] = ("all", "between")
FEWEST_SHARED = 2  # cells: a difference at one point is a number and no plane
Point = tuple[Fraction, int]  # scale, time scale
_RATE = re.compile(r"rate=([1-9]\d*)")


@dataclass(frozen=True)
class Spot:
    """The column of a table that a cell's numbers stand in; `table` and `column` count from 0."""

    table: int
    column: int
    protocol_key: str
    dataset: str


@dataclass(frozen=True)
class Plane:
    """One metric over one choice of frames on one split, at every scale and time scale that was measured.

    `dataset` is the label of all cells, or, where `gap` is given, the data set at rate 1 of cells of several rates;
    `gap` is then how far apart their given frames are, in frames of that data set. `no_rank` are methods that take
    part in no comparison: untrained ones, and those that were measured on other data.
    """

    family: str
    dataset: str
    gap: Fraction | None
    split: str
    metric: str
    frames: FrameChoice
    spots: Mapping[Point, Spot]
    methods: tuple[MethodKey, ...]
    cells: Mapping[MethodKey, Mapping[Point, Cell]]
    no_rank: frozenset[MethodKey]

    @property
    def scales(self) -> tuple[Fraction, ...]:
        """The scales of its cells, ascending."""
        return tuple(sorted({scale for scale, _ in self.spots}))

    @property
    def times(self) -> tuple[int, ...]:
        """The time scales of its cells, ascending."""
        return tuple(sorted({time_scale for _, time_scale in self.spots}))

    @property
    def how(self) -> Display:
        """How its numbers are printed."""
        return display(self.metric)

    @property
    def place(self) -> str:
        """Data set and split for a title; with the distance of given frames where it is of several rates."""
        return f"{self.dataset} {self.split}" + ("" if self.gap is None else f", {gap_words(self.gap)}")

    @property
    def explained(self) -> str:
        """What must be said of cells that are of several rates; "" for one data set."""
        if self.gap is None:
            return ""
        labels = ", ".join(f"x{time_scale}: {self.label(time_scale)}" for time_scale in self.times)
        base = f"given frames lie {self.gap} frame{'s' if self.gap > 1 else ''} of {self.dataset} apart in every cell"
        return f"{base}, for rate and time scale change together ({labels})"

    @property
    def name(self) -> str:
        """What a file of it is called."""
        gap = [] if self.gap is None else [f"gap{self.gap}"]
        return slug("-".join([self.family, self.dataset, *gap, self.split, self.metric, self.frames]))

    def label(self, time_scale: int) -> str:
        """The data set of the cells at a time scale."""
        return next(spot.dataset for (_, of), spot in self.spots.items() if of == time_scale)

    def cell(self, method: MethodKey, scale: Fraction, time_scale: int) -> Cell | None:
        """The number of a method at a point; None where it was not measured there."""
        return self.cells[method].get((scale, time_scale))

    def value(self, method: MethodKey, point: Point) -> float | None:
        """The value of a method at a point for a comparison: of all clips of the column, and finite."""
        cell = self.cells[method].get(point)
        if cell is None or cell.partial or cell.value is None or not np.isfinite(cell.value):
            return None
        return cell.value

    def gains(self, first: MethodKey, second: MethodKey) -> dict[Point, float]:
        """By how much the first is better, at each point where both were measured on all clips."""
        sign = 1.0 if self.how.higher_is_better else -1.0
        pairs = {point: (self.value(first, point), self.value(second, point)) for point in self.spots}
        return {point: sign * (a - b) for point, (a, b) in pairs.items() if a is not None and b is not None}

    @property
    def best_two(self) -> tuple[MethodKey, MethodKey] | None:
        """The two best methods, the better one first; None where no two have cells enough in common.

        Of two methods the better one has the better mean over the cells that both have; the best one is better than
        most others.
        """
        ranked = [method for method in self.methods if method not in self.no_rank]
        wins = dict.fromkeys(ranked, 0)
        met: dict[tuple[MethodKey, MethodKey], float] = {}
        for first, second in combinations(ranked, 2):
            shared = self.gains(first, second)
            if len(shared) >= FEWEST_SHARED:
                met[first, second] = float(np.mean(list(shared.values())))
                wins[first if met[first, second] >= 0 else second] += 1
        if not met:
            return None
        places = {method: place for place, method in enumerate(sorted(ranked, key=lambda of: -wins[of]))}
        first, second = min(met, key=lambda pair: sorted(places[of] for of in pair))
        return (first, second) if met[first, second] >= 0 else (second, first)


def planes(tables: Sequence[Table]) -> list[Plane]:
    """The planes of some tables, data set by data set; one with a single cell is none.

    A plane with no cell that another one lacks is left out.
    """
    found = [plane for group in _groups(tables).items() if (plane := _plane(tables, *group)) is not None]
    kept = []
    for at, plane in enumerate(found):
        mine = _identity(plane)
        others = [(place, _identity(other)) for place, other in enumerate(found) if other is not plane]
        if not any(mine < other or (mine == other and place < at) for place, other in others):
            kept.append(plane)
    return kept


def rate_of(dataset: str) -> tuple[str, int]:
    """A label of a data set without its option `rate`, and the rate: ("mini", 4) of `mini:rate=4`."""
    name, *options = dataset.split(":")
    rates = [match for match in map(_RATE.fullmatch, options) if match]
    if not rates:
        return dataset, 1
    kept = [option for option in options if not _RATE.fullmatch(option)]
    return ":".join([name, *kept]), int(rates[-1][1])


def gap_words(gap: Fraction) -> str:
    """How far apart given frames are, in frames of the data set at rate 1."""
    return f"given frames {gap} apart"


_Head = tuple[str, str, Fraction | None, str, str, FrameChoice]


def _groups(tables: Sequence[Table]) -> dict[_Head, dict[Point, Spot]]:
    """The columns of each possible plane: those of one data set first, then those of several rates."""
    alone: dict[_Head, dict[Point, Spot]] = {}
    shared: dict[_Head, dict[Point, Spot]] = {}
    for family, point, spot, of in _columns(tables):
        base, rate = rate_of(spot.dataset)
        last = (of.split, of.metric, of.frames)
        alone.setdefault((family, spot.dataset, None, *last), {})[point] = spot
        shared.setdefault((family, base, Fraction(point[1], rate), *last), {})[point] = spot
    several = {head: spots for head, spots in shared.items() if len({spot.dataset for spot in spots.values()}) > 1}
    return {**alone, **several}


def _columns(tables: Sequence[Table]) -> Iterator[tuple[str, Point, Spot, Column]]:
    for at, table in enumerate(tables):
        protocol = protocols.known(table.protocol)
        # rows of an older version stand in a table of their own
        if protocol is None or protocol.key != table.protocol_key:
            continue
        family, point = protocols.family(table.protocol), (protocol.ratio, protocol.time_scale)
        for number, column in enumerate(table.columns):
            if column.frames in CHOICES:
                yield family, point, Spot(at, number, table.protocol_key, column.dataset), column


def _plane(tables: Sequence[Table], head: _Head, spots: dict[Point, Spot]) -> Plane | None:
    cells: dict[MethodKey, dict[Point, Cell]] = {}
    no_rank = set()
    for point, spot in spots.items():
        for line in tables[spot.table].lines:
            cell = line.cells[spot.column]
            if cell.measured:
                cells.setdefault((line.method, line.weights), {})[point] = cell
                if NO_RANK & set(line.badges):
                    no_rank.add((line.method, line.weights))
    measured = {point for of in cells.values() for point in of}
    if len(measured) < 2:
        return None
    kept = {point: spot for point, spot in spots.items() if point in measured}
    return Plane(*head, kept, tuple(cells), cells, frozenset(no_rank))


def _identity(plane: Plane) -> frozenset[tuple[int, int]]:
    return frozenset((spot.table, spot.column) for spot in plane.spots.values())
