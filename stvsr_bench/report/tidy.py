"""Rows to one tidy table: a line per method, clip and protocol, with the mean over frames of every metric.

Columns of a metric come in three, one for each choice of frames: `psnr_y` (all frames that the protocol scores),
`psnr_y.given` (those that had an input frame) and `psnr_y.between` (those made from nothing). Frames whose PSNR is
infinite are left out of a clip's mean and counted, each choice by itself, in `psnr_y#inf`, `psnr_y.given#inf` and
`psnr_y.between#inf`; a clip without a finite frame has NaN.
A protocol that keeps infinite values (`inf_policy = "keep"`) keeps them here too, counted all the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stvsr_bench import protocols
from stvsr_bench.errors import NotRunnableError
from stvsr_bench.metrics.means import over_frames
from stvsr_bench.report.tables.table import FRAME_CHOICES, FrameChoice
from stvsr_bench.rows import store
from stvsr_bench.schema import Row

UNTRAINED = "none"
# columns of the tidy table that are no metric
FIXED = (
    *("protocol", "protocol_key", "dataset", "split", "method", "weights", "weights_sha256", "clip"),
    *("untrained", "kind", "flags", "params", "motion_px", "seconds", "env", "n_frames"),
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


def read(runs: Sequence[Path]) -> list[Row]:
    """The rows of several runs; where two runs measured the same thing the later run is taken.

    Raises:
        NotRunnableError: no run holds a single row.
    """
    latest = {(row.key, row.protocol_key): row for run in runs for row in store.read_rows(run)}
    if not latest:
        named = ", ".join(str(run) for run in runs)
        raise NotRunnableError(f"{named}: no rows to report. Measure something first: stvsr-bench run --methods ...")
    return list(latest.values())


def tidy(rows: Iterable[Row]) -> pd.DataFrame:
    """One line per row, sorted, with the mean over frames of every metric beside what the row says of itself."""
    # rows alike in frames, protocol and metrics become one array: not 23,445 for three methods on Vimeo-90K
    groups: dict[tuple[tuple[bool, ...], str, tuple[str, ...]], list[Row]] = defaultdict(list)
    for row in rows:
        groups[(tuple(row.given), row.protocol, tuple(row.values))].append(row)
    parts = [_tidy_alike(alike, given, protocol, names) for (given, protocol, names), alike in groups.items()]
    table = pd.concat(parts, ignore_index=True)
    order = ["protocol", "protocol_key", "dataset", "split", "method", "weights", "clip"]
    return table.sort_values(order, kind="stable", ignore_index=True)


def by_position(rows: Iterable[Row], metric: str) -> pd.DataFrame:
    """The mean of a metric at each frame position: method, weights, protocol_key, dataset, split, position, given."""
    records: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for row in rows:
        values = row.values.get(metric)
        if values is None:
            continue
        head = (row.method, row.weights, row.untrained, row.protocol_key, row.dataset, row.split)
        for position, given, value in zip(row.frames, row.given, values, strict=True):
            if np.isfinite(value):
                records[(*head, position, given)].append(value)
    names = ["method", "weights", "untrained", "protocol_key", "dataset", "split", "position", "given"]
    lines = [(*head, float(np.mean(values)), len(values)) for head, values in records.items()]
    return pd.DataFrame(lines, columns=[*names, "value", "n"]).sort_values(names, kind="stable", ignore_index=True)


def motion_bin(motion_px: float) -> str:
    """The bin of a clip's mean motion in px/frame: `2-4`, or `16+`."""
    for low, high in pairwise(MOTION_EDGES_PX):
        if low <= motion_px < high:
            return f"{low:g}+" if np.isinf(high) else f"{low:g}-{high:g}"
    return ""


def mean_over_clips(values: Floats, clips: Sequence[str], average: Literal["clips", "folders"]) -> float:
    """The mean of clips, or of top-level folders of clips; NaN values are left out, an empty mean is NaN."""
    known = ~np.isnan(values)
    if not known.any():
        return float("nan")
    if average == "clips":
        return float(values[known].mean())
    folders = pd.Series([folder_of(clip) for clip in clips])[known]
    return float(pd.Series(values[known]).groupby(folders.to_numpy()).mean().mean())


def folder_of(clip: str) -> str:
    """The top-level folder of a clip, as protocols that average folders mean it."""
    return clip.split("/", 1)[0]


def average_of(protocol: str) -> Literal["clips", "folders"]:
    """How a protocol averages clips; a protocol this version does not know averages clips."""
    known = protocols.PROTOCOLS.get(protocol)
    return known.average if known else "clips"


def _tidy_alike(rows: list[Row], given: tuple[bool, ...], protocol: str, names: tuple[str, ...]) -> pd.DataFrame:
    table = pd.DataFrame(_facts(rows))
    known = protocols.PROTOCOLS.get(protocol)
    keep_inf = known is not None and known.inf_policy == "keep"
    of_given = np.array(given, dtype=bool)
    chosen = {"all": np.ones_like(of_given), "given": of_given, "between": ~of_given}
    for name in names:
        values_nS = np.array([row.values[name] for row in rows], dtype=np.float64)
        counted = np.isinf(values_nS).any() or name.startswith("psnr")
        for frames in FRAME_CHOICES:
            values_nF = values_nS[:, chosen[frames]]
            table[column(name, frames)] = over_frames(values_nF, keep_inf)
            if counted:
                table[infinite(column(name, frames))] = np.isinf(values_nF).sum(axis=1)
    for name in sorted({name for row in rows for name in row.scalars}):
        table[name] = [row.scalars.get(name, np.nan) for row in rows]
    return table


def _facts(rows: list[Row]) -> dict[str, list[Any]]:
    return {
        "protocol": [row.protocol for row in rows],
        "protocol_key": [row.protocol_key for row in rows],
        "dataset": [row.dataset for row in rows],
        "split": [row.split for row in rows],
        "method": [row.method for row in rows],
        "weights": [row.weights for row in rows],
        "weights_sha256": [row.weights_sha256 for row in rows],
        "clip": [row.clip for row in rows],
        "untrained": [row.untrained or row.weights == UNTRAINED for row in rows],
        "kind": [row.kind for row in rows],
        "flags": [tuple(row.flags) for row in rows],
        "params": [np.nan if row.params is None else float(row.params) for row in rows],
        "motion_px": [np.nan if row.motion_px is None else row.motion_px for row in rows],
        "seconds": [row.seconds.get("restore", np.nan) for row in rows],
        "env": [row.env for row in rows],
        "n_frames": [len(row.frames) for row in rows],
    }
