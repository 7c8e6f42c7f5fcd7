"""Files to frames and back: PNG, video, arrays.

Axes: S frames, C channels, H W size. On disk frames are 8-bit; in memory float32 RGB in [0, 1], value / 255.
"""

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.schema import Frames

Bytes = NDArray[np.uint8]


def from_bytes(frames_SHWC: Bytes) -> Frames:
    """8-bit frames as float32 (S, C, H, W) in [0, 1]."""
    return np.divide(frames_SHWC.transpose(0, 3, 1, 2), np.float32(255), order="C", dtype=np.float32)


def to_bytes(frames_SCHW: Frames) -> Bytes:
    """Frames as a saved PNG would hold them: clipped to [0, 1], rounded half to even, (S, H, W, C)."""
    scaled = np.rint(np.clip(frames_SCHW, 0, 1) * 255)
    return np.ascontiguousarray(scaled.transpose(0, 2, 3, 1)).astype(np.uint8)
