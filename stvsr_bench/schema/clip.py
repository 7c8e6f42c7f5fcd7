"""Clips: one test item, decoded. Axes: S frames, C channels, h w low and H W high resolution."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.float32]  # (S, C, H, W), RGB in [0, 1]


@dataclass(frozen=True)
class Clip:
    """One test item. `hr_SCHW` are the true frames, float32 RGB in [0, 1]; even ones are given at low resolution.

    `lr_SChw` holds the low-resolution frames where the data set ships its own; otherwise the suite makes them.
    `flow_FHW2` is the exact forward flow (frame i to i+1, x then y, pixels) where a data set knows it. `flags` are what
    a reader of the clip's rows should know (`black`, `list-3f2a9c01`: not one of the published lists). `stamp` is a
    digest of sizes and times of the files it was read from, "" where they are not known.
    """

    dataset: str
    split: str
    name: str
    hr_SCHW: Frames
    lr_SChw: Frames | None = None
    flow_FHW2: NDArray[np.float32] | None = None
    motion_px: float | None = None
    flags: tuple[str, ...] = ()
    stamp: str = ""
