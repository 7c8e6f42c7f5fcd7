"""How fast a clip moves: optical flow (DIS), mean displacement, and slow / medium / fast.

Axes: S frames, F = S - 1 flows, H W size. Flow is x then y, in pixels of the frames it was measured on.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from stvsr_bench.data.frames import to_bytes
from stvsr_bench.schema import Frames

Speed = Literal["slow", "medium", "fast"]
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


def grey(frames_SCHW: Frames) -> NDArray[np.uint8]:
    """8-bit luma (S, H, W), what DIS works on."""
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in to_bytes(frames_SCHW)])


def flow(frames_SCHW: Frames) -> NDArray[np.float32]:
    """DIS flow (preset medium) of each frame to the next, shape (F, H, W, 2)."""
    grey_SHW = grey(frames_SCHW)
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flows = []
    for first, second in pairwise(grey_SHW):
        flows.append(dis.calc(first, second, None))  # type: ignore[call-overload]  # None: no first guess; the stub forgot
    return np.stack(flows)


def mean_px(flow_FHW2: NDArray[np.float32]) -> float:
    """Mean length of the flow over pixels and frames: pixels per frame."""
    return float(np.hypot(flow_FHW2[..., 0], flow_FHW2[..., 1]).mean(dtype=np.float64))


def measure(frames_SCHW: Frames) -> float:
    """Mean displacement by DIS flow, in pixels per frame."""
    return mean_px(flow(frames_SCHW))
