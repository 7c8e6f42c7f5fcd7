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

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

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
    rows = [row for run in runs for row in store.read_rows(run)]
    latest = {(row.key, row.protocol_key, row.contents, row.incomplete): row for row in rows}
    if not latest:
        named = ", ".join(str(run) for run in runs)
        raise NotRunnableError(f"{named}: no rows to report. Measure something first: stvsr-bench run --methods ...")
    return list(latest.values())


def tidy(rows: Iterable[Row]) -> pd.DataFrame:
    """One line per row, sorted, with the mean over frames of every metric beside what the row says of itself.

    Of several rows of one label on one clip the last counts.
    """
    lines = _lines(list(rows))
    # rows alike in frames, protocol and metrics become one array: not 23,445 for three methods on Vimeo-90K
    groups: dict[tuple[Any, ...], list[_Line]] = defaultdict(list)
    for line in lines:
        flat = tuple(index in line.flat for index in line.row.frames) if line.flat else ()
        groups[(tuple(line.row.given), line.row.protocol, tuple(line.row.values), flat)].append(line)
    parts = [_tidy_alike(alike, *of) for of, alike in groups.items()]
    table = pd.concat(parts, ignore_index=True)
    order = ["protocol", "protocol_key", "dataset", "split", "method", "weights", "clip"]
    return table.sort_values(order, kind="stable", ignore_index=True)


def by_position(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The mean of a metric at each frame position: method, weights, protocol_key, dataset, split, position, given.

    Frames that are left out of the table's means are left out here too, and infinite ones, which have no place.
    """
    records: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    heads = ["method", "weights", "untrained", "protocol_key", "dataset", "split"]
    outs = table[frames_out(metric)] if frames_out(metric) in table.columns else [counting.NONE] * len(table)
    names = table[heads].itertuples(index=False, name=None)
    for head, row, out in zip(names, table["row"], outs, strict=True):
        if metric not in row.values:
            continue
        values = counting.counted(row, metric, out if isinstance(out, frozenset) else counting.NONE)
        for position, given, value in zip(row.frames, row.given, values, strict=True):
            if np.isfinite(value):
                records[(*head, position, given)].append(value)
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
class _Line:
    """A row with what only the other rows can say of it."""

    row: Row
    label: MethodKey
    flat: counting.Frames
    other_data: bool


def _lines(rows: Sequence[Row]) -> list[_Line]:
    flat = counting.flat_frames(rows)
    of_place: dict[tuple[Any, ...], tuple[Row, MethodKey]] = {}
    for row, label in zip(rows, labels(rows), strict=True):
        of_place[(row.protocol_key, row.dataset, row.split, row.clip, *label)] = row, label
    truths: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for row, _ in of_place.values():
        if row.truth:
            truths[(row.protocol_key, row.dataset, row.split, row.clip)][row.truth] += 1
    usual = {place: _majority(of) for place, of in truths.items() if len(of) > 1}
    return [
        _Line(
            row,
            label,
            flat.get(key[1:4], counting.NONE),
            bool(row.truth) and usual.get(key[:4], row.truth) != row.truth,
        )
        for key, (row, label) in of_place.items()
    ]


def _majority(truths: Counter[str]) -> str:
    """The truth that most rows of a clip were measured on; "" where two are as frequent and nobody can say."""
    (first, most), (_, second) = truths.most_common(2)
    return first if most > second else ""


def _tidy_alike(
    lines: list[_Line], given: tuple[bool, ...], protocol: str, names: tuple[str, ...], flat: tuple[bool, ...]
) -> pd.DataFrame:
    rows = [line.row for line in lines]
    table: dict[str, Any] = _facts(lines)
    keep = counting.keeps_infinite(protocol)
    of_given = np.array(given, dtype=bool)
    chosen = {"all": np.ones_like(of_given), "given": of_given, "between": ~of_given}
    for name in names:
        values_nS = np.array([row.values[name] for row in rows], dtype=np.float64)
        if name in METRICS and METRICS[name].signed:
            values_nS = np.abs(values_nS)
        bounded = display(name).unit != "dB"
        flat_S = np.array(flat, dtype=bool) if flat and not bounded and not keep else np.zeros_like(of_given)
        table[frames_out(name)] = [line.flat if flat_S.any() else counting.NONE for line in lines]
        for frames in FRAME_CHOICES:
            mine = column(name, frames)
            counts = chosen[frames] & ~flat_S
            table[mine] = over_frames(values_nS[:, counts], keep)
            table[present(mine)] = (~np.isnan(values_nS[:, chosen[frames]])).sum(axis=1)
            table[infinite(mine)] = np.isinf(values_nS[:, counts]).sum(axis=1)
            own = 0 if keep else table[infinite(mine)]
            table[left_out(mine)] = own + (~np.isnan(values_nS[:, chosen[frames] & flat_S])).sum(axis=1)
    scalars = {name: name for row in rows for name in row.scalars}
    # the value of a clip is the same: only the mean over clips is another (`units.py`)
    scalars |= {name: of.of for name, of in POOLED.items() if of.of in scalars}
    for name, of_row in sorted(scalars.items()):
        values = np.array([row.scalars.get(of_row, np.nan) for row in rows], dtype=np.float64)
        table[name], table[present(name)] = values, (~np.isnan(values)).astype(int)
        table[infinite(name)] = np.isinf(values).astype(int)
        table[left_out(name)] = 0
    return pd.DataFrame(table)


def _facts(lines: list[_Line]) -> dict[str, list[Any]]:
    rows = [line.row for line in lines]
    return {
        "protocol": [row.protocol for row in rows],
        "protocol_key": [row.protocol_key for row in rows],
        "dataset": [row.dataset for row in rows],
        "split": [row.split for row in rows],
        "method": [line.label[0] for line in lines],
        "weights": [line.label[1] for line in lines],
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
        "other_data": [line.other_data for line in lines],
        "flat": [line.flat for line in lines],
        "row": rows,
    }
