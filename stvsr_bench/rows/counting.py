"""Which frames of a clip count in a mean, for every row of that clip alike.

A mean that leaves infinite frames out of one method and not of another compares different frames, and rewards the
method that is not exact: 19 dB on clips with black frames. So what is left out is left out of all rows.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from stvsr_bench import protocols
from stvsr_bench.schema import Row

Frames = frozenset[int]
NONE: Frames = frozenset()
FLAT = "flat:"  # the flag of a row that names the frames whose truth is flat: "flat:3,4"


def keeps_infinite(protocol: str) -> bool:
    """Whether a protocol counts infinite values too; one that this version does not know leaves them out."""
    known = protocols.known(protocol)
    return known is not None and known.inf_policy == "keep"


def flat_frames(rows: Iterable[Row]) -> dict[tuple[str, str, str], Frames]:
    """By data set, split and clip: the frames whose truth is flat. Only clips that have some are named.

    It is a property of the clip, so a flag of one row holds for all, of older rows too, which do not have it.
    """
    found: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    for row in rows:
        for flag in row.flags:
            if flag.startswith(FLAT):
                frames = flag.removeprefix(FLAT).split(",")
                found[row.dataset, row.split, row.clip].update(int(index) for index in frames if index.isdigit())
    return {place: frozenset(frames) for place, frames in found.items()}


def infinite_frames(row: Row, metric: str) -> Frames:
    """The frames of a row whose value is infinite."""
    return infinite(row.values.get(metric, ()), row.frames)


def infinite(values: Sequence[float], frames: Sequence[int]) -> Frames:
    """Of these frames, those whose value is infinite."""
    return frozenset(index for index, value in zip(frames, values, strict=False) if math.isinf(value))


def counted(of_frames: Sequence[float], frames: Sequence[int], left_out: Frames) -> NDArray[np.float64]:
    """The values of these frames, NaN where the frame does not count."""
    values = np.array(of_frames, dtype=np.float64)
    if left_out:
        values[[index in left_out for index in frames]] = np.nan
    return values


def mean_psnr(rows: Sequence[Row], flat: Frames = NONE, metric: str = "psnr_y") -> list[float]:
    """The mean of each of these rows of one clip, over the frames that count for all of them; NaN where none does."""
    keep = keeps_infinite(rows[0].protocol)
    out = NONE if keep else flat.union(*(infinite_frames(row, metric) for row in rows))
    values = [counted(row.values[metric], row.frames, out) for row in rows]
    return [float(np.mean(of[~np.isnan(of)])) if (~np.isnan(of)).any() else float("nan") for of in values]
