"""Output frames that stand still where the truth moves, and gaps in which all times look the same.

Frames are compared as means of 4x4 blocks of green, in levels 0..255, not rounded: the square of noise is a sixteenth
of what it is in pixels, and a third of each frame is read once. The limits were measured (docs/metrics.md, "Time").
Axes: S output frames, C channels, H W size, h w blocks.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stvsr_bench.metrics import color
from stvsr_bench.opencv import portable

FLAGS = ("frozen", "ignores-time", "looping")
REACH = 64  # frames back in which a loop is looked for
BLOCK = 4
# mean squared change of the truth's blocks below which nothing is judged: noise of up to 4 levels stays below
MOVES = 2.0
# A blend takes 1/n of the way in each of a gap's n steps, however far the truth moves: so the square of a step of the
# output is compared with 1/n^2 of the square of the truth's. The least of 3,580 steps of six methods: 0.053, then 0.28
STILL = 0.01


def flags(sr_SCHW: Any, hr_SCHW: Any, frames: Sequence[int], gaps: Mapping[int, tuple[int, int]]) -> list[str]:
    """What the output looks like, where the truth moves; nothing where it looks right.

    `frozen:3`: three interpolated frames are nearly copies of a neighbouring output frame. `ignores-time:2`: in two
    gaps all interpolated frames are nearly the same. `looping:4`: four of them show again what an earlier frame showed,
    with other frames between.

    `frames` are the indices of the S frames, ascending; `gaps` gives the interpolated ones, each with its input frames.
    """
    if not gaps:
        return []
    sr, hr = (_blocks(color.to_numpy(side)) for side in (sr_SCHW, hr_SCHW))
    at = {index: position for position, index in enumerate(frames)}

    def still(i: int, others: Sequence[int], gap: int) -> bool:
        moved = max(_apart(hr, at[i], at[j]) for j in others)
        return moved >= MOVES and max(_apart(sr, at[i], at[j]) for j in others) * gap**2 <= STILL * moved

    frozen: set[int] = set()
    inside: dict[tuple[int, int], list[int]] = {}
    for index, gap in gaps.items():
        inside.setdefault(gap, []).append(index)
    for i, j in pairwise(frames):
        between = {i, j} & gaps.keys()
        if j == i + 1 and between and still(i, [j], max(gaps[k][1] - gaps[k][0] for k in between)):
            frozen |= between
    alike = [gap for gap, (first, *more) in inside.items() if more and still(first, more, gap[1] - gap[0])]
    back = [i for n, i in enumerate(frames) if i in gaps and _shown_before(sr, hr, n)]
    counts = (len(frozen), len(alike), len(back))
    return [f"{flag}:{count}" for flag, count in zip(FLAGS, counts, strict=True) if count]


def _shown_before(sr: NDArray[np.float32], hr: NDArray[np.float32], n: int) -> bool:
    """Whether output frame `n` is nearly an earlier one, which its neighbour is not, and the truth differs there."""
    if n < 2 or _apart(sr, n, n - 1) < MOVES:
        return False
    for k in range(n - 2, max(-1, n - REACH), -1):
        if _apart(sr, n, k) <= STILL * MOVES and _apart(hr, n, k) >= MOVES:
            return True
    return False


def _blocks(frames_SCHW: NDArray[Any]) -> NDArray[np.float32]:
    """Means of blocks of green in levels 0..255, clipped, (S, h, w); rows and columns that fill no block are cut."""
    height, width = (max(1, size // BLOCK) for size in frames_SCHW.shape[-2:])
    whole = 255 if frames_SCHW.dtype == np.uint8 else 1
    with portable():
        means = [
            cv2.resize(frame[1, : height * BLOCK, : width * BLOCK].astype(np.float32, copy=False), (width, height),
                       interpolation=cv2.INTER_AREA)
            for frame in frames_SCHW
        ]  # fmt: skip
    return (np.clip(np.stack(means) / whole, 0, 1) * 255).astype(np.float32)


def _apart(blocks_Shw: NDArray[np.float32], i: int, j: int) -> float:
    return float(cv2.norm(blocks_Shw[i], blocks_Shw[j], cv2.NORM_L2SQR)) / int(blocks_Shw[0].size)
