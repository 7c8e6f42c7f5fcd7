"""Rows to one tidy table: a line per method, clip and protocol, with the mean over frames of every metric.

Columns of a metric come in three, one for each choice of frames: `psnr_y` (all frames that the protocol scores),
`psnr_y.given` (those that had an input frame) and `psnr_y.between` (the interpolated ones). Beside each are three
counts, of its own frames: `#n` (frames that have a value), `#inf` (of those, frames whose value is infinite) and
`#left` (of those, frames that are left out of the mean). Frames whose truth is flat are left out of metrics in dB for
every method. Infinite frames are left out of this line alone: `alike.py` makes the lines of several methods count the
same frames. A clip without a frame that counts has NaN. A protocol that keeps infinite values (`inf_policy = "keep"`)
keeps all of these. A metric with a sign (`time_error`) has the mean of its sizes: too early and too late do not cancel.

`method` and `weights` are labels that no two networks share (`labels.py`); `name` and `tag` are what the row says, and
`row` is the row itself, for whoever needs its frames.
"""

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stvsr_bench.errors import NotRunnableError
from stvsr_bench.metrics import METRICS
from stvsr_bench.metrics.means import over_frames
from stvsr_bench.report.labels import MethodKey, labels
from stvsr_bench.report.tables.table import FRAME_CHOICES, FrameChoice, display
from stvsr_bench.rows import counting, store
from stvsr_bench.schema import Row

UNTRAINED = "none"
# columns of the tidy table that are no metric
FIXED = (
    *("protocol", "protocol_key", "dataset", "split", "method", "weights", "name", "tag", "contents", "clip"),
    *("untrained", "kind", "flags", "params", "motion_px", "seconds", "env", "n_frames", "size", "device", "threads"),
    *("older", "truth", "other_data", "flat", "row"),
)
# octaves, in hr px/frame
MOTION_EDGES_PX = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, float("inf"))
_AT_ONCE = 4096
Floats = NDArray[np.float64]


def column(metric: str, frames: FrameChoice = "all") -> str:
    """The name of the tidy column of a metric over a choice of frames."""
    return metric if frames == "all" else f"{metric}.{frames}"


def infinite(name: str) -> str:
    """The name of the tidy column that counts the infinite frames of another column."""
    return f"{name}#inf"


def present(name: str) -> str:
    """The name of the tidy column that counts the frames which have a value in another column."""
    return f"{name}#n"


def left_out(name: str) -> str:
    """The name of the tidy column that counts the frames which are left out of another column."""
    return f"{name}#left"


def frames_out(metric: str) -> str:
    """The name of the tidy column that holds the frames which are left out of a metric, by index."""
    return f"{metric}#out"


def is_metric(name: str, tidy: pd.DataFrame) -> bool:
    """Whether a column of the tidy table is a metric, over all frames or of whole clips."""
    return f"{name}.between" in tidy.columns or (name not in FIXED and "." not in name and "#" not in name)


def of_frames(name: str, tidy: pd.DataFrame) -> bool:
    """Whether a metric of the tidy table has a value for each frame."""
    return f"{name}.between" in tidy.columns


def read(runs: Sequence[Path]) -> list[Row]:
    """The rows of several runs; where two runs measured the same thing the later run is taken.

    Raises:
        NotRunnableError: no run holds a single row.
    """
    rows: Iterable[Row] = (row for run in runs for row in store.read_rows(run))
    if len(runs) > 1:
        rows = {(row.key, row.protocol_key, row.contents, row.incomplete): row for row in rows}.values()
    latest = list(rows)
    if not latest:
        named = ", ".join(str(run) for run in runs)
        raise NotRunnableError(f"{named}: no rows to report. Measure something first: stvsr-bench run --methods ...")
    return latest


def tidy(rows: Iterable[Row]) -> pd.DataFrame:
    """One line per row, sorted, with the mean over frames of every metric beside what the row says of itself.

    Of several rows of one label on one clip the last counts.
    """
    return _table(_lines(list(rows)))


def by_position(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The mean of a metric at each frame position: method, weights, protocol_key, dataset, split, position, given.

    Frames that are left out of the table's means are left out here too, and infinite ones, which have no place.
    """
    records: dict[tuple[Any, ...], array[float]] = defaultdict(lambda: array("d"))
    heads = ["method", "weights", "untrained", "protocol_key", "dataset", "split"]
    outs = table[frames_out(metric)] if frames_out(metric) in table.columns else [counting.NONE] * len(table)
    names = table[heads].itertuples(index=False, name=None)
    for head, row, out in zip(names, table["row"], outs, strict=True):
        if (known := row.values.get(metric)) is None:
            continue
        values = counting.counted(known, row.frames, out if isinstance(out, frozenset) else counting.NONE)
        for position, given, value in zip(row.frames, row.given, values, strict=True):
            if math.isfinite(value):
                records[(*head, position, given)].append(float(value))
    columns = [*heads, "position", "given"]
    lines = [(*head, float(np.mean(values)), len(values)) for head, values in records.items()]
    order = ["method", "weights", "untrained", "protocol_key", "dataset", "split", "position", "given"]
    return pd.DataFrame(lines, columns=[*columns, "value", "n"]).sort_values(order, kind="stable", ignore_index=True)


def motion_bin(motion_px: float) -> str:
    """The bin of a clip's mean motion in px/frame: `2-4`, or `16+`."""
    for low, high in pairwise(MOTION_EDGES_PX):
        if low <= motion_px < high:
            return f"{low:g}+" if np.isinf(high) else f"{low:g}-{high:g}"
    return ""


@dataclass(frozen=True)
class _Lines:
    """Rows, and beside each what only the other rows can say of it."""

    rows: list[Row]
    labels: list[MethodKey]
    flat: list[counting.Frames] = field(default_factory=list)
    other_data: list[bool] = field(default_factory=list)

    def order(self) -> list[int]:
        """The places of the rows in the order of the table."""

        def key(at: int) -> tuple[str, ...]:
            row = self.rows[at]
            return row.protocol, row.protocol_key, row.dataset, row.split, *self.labels[at], row.clip

        return sorted(range(len(self.rows)), key=key)


def _lines(rows: Sequence[Row]) -> _Lines:
    flat, of_row = counting.flat_frames(rows), labels(rows)
    of_place: dict[tuple[str, ...], int] = {}
    for at, (row, label) in enumerate(zip(rows, of_row, strict=True)):
        of_place[(row.protocol_key, row.dataset, row.split, row.clip, *label)] = at
    kept = list(of_place.values())
    del of_place  # 300 bytes for each row
    lines = _Lines([rows[at] for at in kept], [of_row[at] for at in kept])
    usual = _usual_truths(lines.rows)
    for row in lines.rows:
        lines.flat.append(flat.get((row.dataset, row.split, row.clip), counting.NONE))
        place = (row.protocol_key, row.dataset, row.split, row.clip)
        lines.other_data.append(bool(row.truth) and usual.get(place, row.truth) != row.truth)
    return lines


def _usual_truths(rows: Sequence[Row]) -> dict[tuple[str, ...], str]:
    """The truth that most rows of a clip were measured on, for the clips that have several."""
    first: dict[tuple[str, ...], str] = {}
    several: dict[tuple[str, ...], Counter[str]] = {}
    for row in rows:
        place = (row.protocol_key, row.dataset, row.split, row.clip)
        if row.truth and first.setdefault(place, row.truth) != row.truth:
            several[place] = Counter()
    for row in rows if several else ():
        if row.truth and (found := several.get((row.protocol_key, row.dataset, row.split, row.clip))) is not None:
            found[row.truth] += 1
    return {place: _majority(of) for place, of in several.items()}


def _majority(truths: Counter[str]) -> str:
    """The truth that most rows of a clip were measured on; "" where two are as frequent and nobody can say."""
    (first, most), (_, second) = truths.most_common(2)
    return first if most > second else ""


def _table(lines: _Lines) -> pd.DataFrame:
    groups, order = _groups(lines), lines.order()
    scalars = {group: sorted({name for at in of for name in lines.rows[at].scalars}) for group, of in groups.items()}
    # each column is filled in the order of the table: to sort a table of a million lines copies all of it
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    held = Counter(name for group in groups for name in {*group.names, *scalars[group]})
    longest = max(len(group.given) for group in groups)
    columns = _Columns(len(order), longest, {name for name, count in held.items() if count == len(groups)})
    for group, members in groups.items():
        for some in _parts(members):
            rows, at = [lines.rows[place] for place in some], rank[some]
            _of_frames(columns, group, at, [row.values for row in rows], [lines.flat[place] for place in some])
            _of_clips(columns, scalars[group], at, [row.scalars for row in rows])
    return pd.DataFrame({**_facts(lines, order), **columns.filled})


class _Group(NamedTuple):
    """What rows have in common whose values make one array; `flat` says which frames, none where none is."""

    given: tuple[bool, ...]
    protocol: str
    names: tuple[str, ...]
    flat: tuple[bool, ...]


def _groups(lines: _Lines) -> dict[_Group, "array[int]"]:
    # not an array per row: there are 23,445 for three methods on Vimeo-90K
    groups: dict[_Group, array[int]] = defaultdict(lambda: array("q"))
    for at, (row, flat) in enumerate(zip(lines.rows, lines.flat, strict=True)):
        which = tuple(index in flat for index in row.frames) if flat else ()
        groups[_Group(tuple(row.given), row.protocol, tuple(row.values), which)].append(at)
    return groups


def _parts(members: "array[int]") -> Iterator[NDArray[np.int64]]:
    """Some thousand at once, whose lists of values fit in memory; never one alone, whose sum numpy would round apart"""
    every = np.frombuffer(members, dtype=np.int64)
    yield from np.array_split(every, max(1, len(every) // _AT_ONCE))


class _Columns:
    """The columns of metrics, NaN in the lines of rows that do not have it."""

    def __init__(self, lines: int, longest: int, everywhere: Set[str]) -> None:
        self.filled: dict[str, NDArray[Any]] = {}
        self._lines, self._everywhere = lines, everywhere
        self._counts = np.min_scalar_type(-1 - longest)  # a byte each, where clips are that short

    def mean(self, name: str, at: NDArray[np.int64], values: Floats) -> None:
        """A number in some lines."""
        self._put(name, at, values, np.dtype(np.float64))

    def count(self, metric: str, name: str, at: NDArray[np.int64], values: NDArray[Any] | int) -> None:
        """A number of frames in some lines."""
        self._put(name, at, values, self._counts if metric in self._everywhere else np.dtype(np.float64))

    def frames(self, name: str, at: NDArray[np.int64], values: Sequence[counting.Frames]) -> None:
        """Indices of frames in some lines."""
        boxed = np.empty(len(values), dtype=object)
        boxed[:] = values
        self._put(name, at, boxed, np.dtype(object))

    def _put(self, name: str, at: NDArray[np.int64], values: NDArray[Any] | int, kind: np.dtype[Any]) -> None:
        if name not in self.filled:
            self.filled[name] = np.full(self._lines, 0 if kind.kind == "i" else np.nan, dtype=kind)
        self.filled[name][at] = values


def _of_frames(
    columns: _Columns,
    group: _Group,
    at: NDArray[np.int64],
    values: Sequence[dict[str, list[float]]],
    flat: Sequence[counting.Frames],
) -> None:
    keep = counting.keeps_infinite(group.protocol)
    of_given = np.array(group.given, dtype=bool)
    chosen = {"all": np.ones_like(of_given), "given": of_given, "between": ~of_given}
    for name in group.names:
        values_nS = np.array([of[name] for of in values], dtype=np.float64)
        if name in METRICS and METRICS[name].signed:
            values_nS = np.abs(values_nS)
        bounded = display(name).unit != "dB"
        flat_S = np.array(group.flat, dtype=bool) if group.flat and not bounded and not keep else ~chosen["all"]
        columns.frames(frames_out(name), at, flat if flat_S.any() else [counting.NONE] * len(at))
        for frames in FRAME_CHOICES:
            mine = column(name, frames)
            counts = chosen[frames] & ~flat_S
            infinite_n = np.isinf(values_nS[:, counts]).sum(axis=1)
            flat_n = (~np.isnan(values_nS[:, chosen[frames] & flat_S])).sum(axis=1)
            columns.mean(mine, at, over_frames(values_nS[:, counts], keep))
            columns.count(name, present(mine), at, (~np.isnan(values_nS[:, chosen[frames]])).sum(axis=1))
            columns.count(name, infinite(mine), at, infinite_n)
            columns.count(name, left_out(mine), at, flat_n if keep else flat_n + infinite_n)


def _of_clips(
    columns: _Columns, names: Sequence[str], at: NDArray[np.int64], scalars: Sequence[dict[str, float]]
) -> None:
    for name in names:
        values = np.array([of.get(name, np.nan) for of in scalars], dtype=np.float64)
        columns.mean(name, at, values)
        columns.count(name, present(name), at, ~np.isnan(values))
        columns.count(name, infinite(name), at, np.isinf(values))
        columns.count(name, left_out(name), at, 0)


def _facts(lines: _Lines, order: Sequence[int]) -> dict[str, list[Any]]:
    rows, labels = [lines.rows[at] for at in order], [lines.labels[at] for at in order]
    return {
        "protocol": [row.protocol for row in rows],
        "protocol_key": [row.protocol_key for row in rows],
        "dataset": [row.dataset for row in rows],
        "split": [row.split for row in rows],
        "method": [label[0] for label in labels],
        "weights": [label[1] for label in labels],
        "name": [row.method for row in rows],
        "tag": [row.weights for row in rows],
        "contents": [row.contents for row in rows],
        "clip": [row.clip for row in rows],
        "untrained": [row.untrained or row.weights == UNTRAINED for row in rows],
        "kind": [row.kind for row in rows],
        "flags": [tuple(row.flags) for row in rows],
        "params": [np.nan if row.params is None else float(row.params) for row in rows],
        "motion_px": [np.nan if row.motion_px is None else row.motion_px for row in rows],
        "seconds": [row.seconds.get("restore", np.nan) for row in rows],
        "env": [row.env for row in rows],
        "n_frames": [len(row.frames) for row in rows],
        "size": [row.size for row in rows],
        "device": [row.how.get("device", "") for row in rows],
        "threads": [row.how.get("threads", "") for row in rows],
        "older": [row.incomplete for row in rows],
        "truth": [row.truth for row in rows],
        "other_data": [lines.other_data[at] for at in order],
        "flat": [lines.flat[at] for at in order],
        "row": rows,
    }
