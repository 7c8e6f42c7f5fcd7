"""How fast a clip moves: optical flow (DIS), mean displacement, and slow / medium / fast.

Axes: S frames, F = S - 1 flows, H W size. Flow is x then y, in pixels of the frames it was measured on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from stvsr_bench.data.frames import to_bytes
from stvsr_bench.opencv import dis_flow, portable
from stvsr_bench.schema import Frames

Speed = Literal["slow", "medium", "fast"]
PAIRS = 12
WIDEST = 1280
SLOW_BELOW_PX = 2.0
FAST_FROM_PX = 6.0


@dataclass(frozen=True)
class Thresholds:
    """Where slow ends and fast begins, in pixels per frame: slow < `slow_below` <= medium < `fast_from` <= fast."""

    slow_below: float = SLOW_BELOW_PX
    fast_from: float = FAST_FROM_PX

    def speed(self, motion_px: float) -> Speed:
        """The bin of a clip that moves `motion_px` pixels per frame on average."""
        if motion_px < self.slow_below:
            return "slow"
        return "medium" if motion_px < self.fast_from else "fast"


@portable()
def luma(frames_SCHW: Frames) -> NDArray[np.uint8]:
    """8-bit luma (S, H, W), what DIS works on."""
    # full range and rounded: not the Y that PSNR and SSIM are of
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in to_bytes(frames_SCHW)])


def flow(frames_SCHW: Frames) -> NDArray[np.float32]:
    """DIS flow (preset medium) of each frame to the next, shape (F, H, W, 2)."""
    grey_SHW = luma(frames_SCHW)
    return np.stack([dis_flow(first, second) for first, second in pairwise(grey_SHW)])


def mean_px(flow_FHW2: NDArray[np.float32]) -> float:
    """Mean length of the flow over pixels and frames: pixels per frame."""
    return float(np.hypot(flow_FHW2[..., 0], flow_FHW2[..., 1]).mean(dtype=np.float64))


def measure(frames_SCHW: Frames, pairs: int = PAIRS) -> float:
    """Mean displacement by DIS flow, in pixels per frame of the clip's own size.

    Of a long clip `pairs` pairs of neighbours are measured, evenly spread; large frames are made smaller first.
    """
    count = len(frames_SCHW) - 1
    if count < 1:
        return 0.0
    starts = np.unique(np.linspace(0, count - 1, min(pairs, count)).round().astype(int))
    # a whole factor, so that INTER_AREA is the plain mean of blocks
    shrink = max(1, -(-frames_SCHW.shape[3] // WIDEST))
    lengths = []
    for start in starts:
        first, second = (_smaller(grey, shrink) for grey in luma(frames_SCHW[start : start + 2]))
        lengths.append(mean_px(dis_flow(first, second)[None]) * shrink)
    return float(np.mean(lengths))


def thirds(motions_px: Sequence[float]) -> Thresholds:
    """Thresholds that put a third of the clips into each bin."""
    low, high = np.quantile(np.asarray(motions_px, np.float64), (1 / 3, 2 / 3))
    return Thresholds(round(float(low), 2), round(float(high), 2))


@portable()
def _smaller(grey_HW: NDArray[np.uint8], shrink: int) -> NDArray[np.uint8]:
    if shrink == 1:
        return grey_HW
    height, width = grey_HW.shape
    return cv2.resize(grey_HW, (width // shrink, height // shrink), interpolation=cv2.INTER_AREA).astype(np.uint8)
