"""Rows to one tidy table: a line per method, clip and protocol, with the mean over frames of every metric.

Columns of a metric come in three, one for each choice of frames: `psnr_y` (all frames that the protocol scores),
`psnr_y.given` (those that had an input frame) and `psnr_y.between` (the interpolated ones). Beside each are three
counts, of its own frames: `#n` (frames that have a value), `#inf` (of those, frames whose value is infinite) and
`#left` (of those, frames that are left out of the mean). Frames whose truth is flat are left out of metrics in dB for
every method. Infinite frames are left out of this line alone: `alike.py` makes the lines of several methods count the
same frames. A clip without a frame that counts has NaN. A protocol that keeps infinite values (`inf_policy = "keep"`)
keeps all of these. A metric with a sign (`time_error`) has the mean of its sizes: too early and too late do not cancel.
A pooled metric (`tof_v3_pooled`) stands beside the one that it is made of, with the same value for each clip.

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
from stvsr_bench.report.units import POOLED
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
_AT_ONCE = 512  # rows whose values are lists for a moment
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
    scalars = {group: sorted({name for at in of for name in _scalars(lines.rows[at])}) for group, of in groups.items()}
    held = Counter(name for group in groups for name in {*group.names, *scalars[group]})
    columns = _Columns({name for name, count in held.items() if count == len(groups)})
    for group in groups:
        columns.name(group.names, FRAME_CHOICES)
        columns.name(scalars[group], FRAME_CHOICES[:1])
    columns.make(len(order), max(len(group.given) for group in groups))
    # each column is filled in the order of the table: to sort a table of a million lines copies all of it
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    for group, members in groups.items():
        for some in _parts(members):
            rows, at = [lines.rows[place] for place in some], rank[some]
            _of_frames(columns.filled, group, at, [row.values for row in rows], [lines.flat[place] for place in some])
            _of_clips(columns.filled, scalars[group], at, [_scalars(row) for row in rows])
    facts = pd.DataFrame({name: pd.Series(of) for name, of in _facts(lines, order)}, copy=False)
    return pd.concat([facts, *columns.tables()], axis=1)


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
    """Some hundred at once; never one alone of several: numpy adds the frames of one row in another order."""
    every = np.frombuffer(members, dtype=np.int64)
    yield from np.array_split(every, max(1, len(every) // _AT_ONCE))


class _Columns:
    """The columns of metrics, NaN in the lines of rows without it; one array of each kind: nothing is copied."""

    def __init__(self, everywhere: Set[str]) -> None:
        self._everywhere = everywhere
        self._names: dict[str, list[str]] = {"mean": [], "count": [], "frames": []}
        self._blocks: dict[str, NDArray[Any]] = {}
        self.filled: dict[str, NDArray[Any]] = {}

    def name(self, metrics: Sequence[str], choices: Sequence[FrameChoice]) -> None:
        """The columns of some metrics."""
        for metric in metrics:
            # a count that some lines do not have is NaN there
            count = "count" if metric in self._everywhere else "mean"
            wanted = {frames_out(metric): "frames"} if len(choices) > 1 else {}
            for mine in (column(metric, frames) for frames in choices):
                wanted |= {mine: "mean", present(mine): count, infinite(mine): count, left_out(mine): count}
            for name, kind in wanted.items():
                if name not in self._names[kind]:
                    self._names[kind].append(name)

    def make(self, lines: int, longest: int) -> None:
        """Room for all of them; a count takes a byte where clips are that short."""
        count = np.min_scalar_type(-1 - longest)
        kinds = {"mean": np.dtype(np.float64), "count": count, "frames": np.dtype(object)}
        for kind, names in self._names.items():
            empty = 0 if kind == "count" else np.nan
            self._blocks[kind] = np.full((len(names), lines), empty, dtype=kinds[kind])
            self.filled |= dict(zip(names, self._blocks[kind], strict=True))

    def tables(self) -> Iterator[pd.DataFrame]:
        """The columns as pandas has them, a table for each kind."""
        for kind, block in self._blocks.items():
            yield pd.DataFrame(block.T, columns=self._names[kind], copy=False)


def _of_frames(
    filled: dict[str, NDArray[Any]],
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
        for place, frames_of in zip(at, flat, strict=True):
            filled[frames_out(name)][place] = frames_of if flat_S.any() else counting.NONE
        for frames in FRAME_CHOICES:
            mine = column(name, frames)
            counts = chosen[frames] & ~flat_S
            filled[mine][at] = over_frames(values_nS[:, counts], keep)
            filled[present(mine)][at] = (~np.isnan(values_nS[:, chosen[frames]])).sum(axis=1)
            filled[infinite(mine)][at] = np.isinf(values_nS[:, counts]).sum(axis=1)
            own = 0 if keep else filled[infinite(mine)][at]
            filled[left_out(mine)][at] = own + (~np.isnan(values_nS[:, chosen[frames] & flat_S])).sum(axis=1)


def _of_clips(
    filled: dict[str, NDArray[Any]],
    names: Sequence[str],
    at: NDArray[np.int64],
    scalars: Sequence[dict[str, float]],
) -> None:
    for name in names:
        values = np.array([of.get(name, np.nan) for of in scalars], dtype=np.float64)
        filled[name][at], filled[present(name)][at] = values, ~np.isnan(values)
        filled[infinite(name)][at], filled[left_out(name)][at] = np.isinf(values), 0


def _scalars(row: Row) -> dict[str, float]:
    """The values of a whole clip, the pooled ones too: for a clip the same, only the mean over clips is another."""
    found = row.scalars
    return {**found, **{name: found[of.of] for name, of in POOLED.items() if of.of in found}} if found else found


def _facts(lines: _Lines, order: Sequence[int]) -> Iterator[tuple[str, list[Any]]]:
    # one after the other: all lists together take as much room as the table
    rows, labels = [lines.rows[at] for at in order], [lines.labels[at] for at in order]
    yield "protocol", [row.protocol for row in rows]
    yield "protocol_key", [row.protocol_key for row in rows]
    yield "dataset", [row.dataset for row in rows]
    yield "split", [row.split for row in rows]
    yield "method", [label[0] for label in labels]
    yield "weights", [label[1] for label in labels]
    yield "name", [row.method for row in rows]
    yield "tag", [row.weights for row in rows]
    yield "contents", [row.contents for row in rows]
    yield "clip", [row.clip for row in rows]
    yield "untrained", [row.untrained or row.weights == UNTRAINED for row in rows]
    yield "kind", [row.kind for row in rows]
    yield "flags", [tuple(row.flags) for row in rows]
    yield "params", [np.nan if row.params is None else float(row.params) for row in rows]
    yield "motion_px", [np.nan if row.motion_px is None else row.motion_px for row in rows]
    yield "seconds", [row.seconds.get("restore", np.nan) for row in rows]
    yield "env", [row.env for row in rows]
    yield "n_frames", [len(row.frames) for row in rows]
    yield "size", [row.size for row in rows]
    yield "device", [row.how.get("device", "") for row in rows]
    yield "threads", [row.how.get("threads", "") for row in rows]
    yield "older", [row.incomplete for row in rows]
    yield "truth", [row.truth for row in rows]
    yield "other_data", [lines.other_data[at] for at in order]
    yield "flat", [lines.flat[at] for at in order]
    yield "row", rows
