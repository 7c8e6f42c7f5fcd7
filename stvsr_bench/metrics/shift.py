"""Whether a clip is shifted as a whole, in the picture or in time: notes beside a score, never a score.

A network that moves the picture by half a pixel loses decibels that no eye misses; benchmarks of MSU compensate so. The
rule here is this suite's own and its name says it (3q: up to 3 pixels each way, in quarters): sr is read at the shift
by Keys' cubic (a = -0.5), one shift for the whole clip, that of the least mean squared error of luma. Whole pixels are
tried first, then quarters around the best. A border of 4 pixels is cut for every shift, none too. In time, whole frames
are tried (lag2: up to 2 each way), over the frames that both sides have. Axes: S frames, H W size.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import ClipError
from stvsr_bench.metrics.means import over_frames
from stvsr_bench.metrics.pictures import Pair
from stvsr_bench.metrics.psnr import psnr_of_mse

Luma = NDArray[np.float64]
BORDER, REACH, QUARTERS, LAG = 4, 3, 4, 2
SMALLEST = 2 * (BORDER + REACH) + 2


def at(luma_SHW: Luma, right: float, down: float) -> Luma:
    """The frames moved right and down by that many pixels, without the border."""
    moved = luma_SHW
    for axis, shift in ((2, right), (1, down)):
        whole = int(np.floor(-shift))
        weights = _keys(-shift - whole)
        length = luma_SHW.shape[axis] - 2 * BORDER
        parts = [
            weight * np.take(moved, range(BORDER + whole + tap, BORDER + whole + tap + length), axis=axis, mode="clip")
            for tap, weight in zip((-1, 0, 1, 2), weights, strict=True)
            if weight
        ]
        moved = np.sum(parts, axis=0)
    return moved


def _keys(part: float) -> tuple[float, float, float, float]:
    """The four weights of Keys' cubic for a point that lies `part` of the way between the inner two samples."""
    t = part
    return (
        -0.5 * t + t**2 - 0.5 * t * t * t,
        1 - 2.5 * t**2 + 1.5 * t * t * t,
        0.5 * t + 2 * t**2 - 1.5 * t * t * t,
        -0.5 * t**2 + 0.5 * t * t * t,
    )


def best(pair: Pair) -> tuple[float, float]:
    """The shift (right, down) in pixels of the least error; of equal ones the nearest to none, then the first.

    Raises:
        ClipError: frames too small for the border.
    """
    if "shift" not in pair.found:
        pair.found["shift"] = _search(pair)
    right, down = pair.found["shift"]
    return right, down


def _search(pair: Pair) -> tuple[float, float]:
    sr, hr = pair.sr.luma_SHW, pair.hr.luma_SHW
    if min(hr.shape[1:]) < SMALLEST:
        raise ClipError(f"the best shift needs frames of at least {SMALLEST}x{SMALLEST} px")
    truth = at(hr, 0, 0)
    errors: dict[tuple[float, float], float] = {}

    def least(steps: list[tuple[float, float]]) -> tuple[float, float]:
        for step in steps:
            if step not in errors and max(map(abs, step)) <= REACH:
                errors[step] = float(np.mean((at(sr, *step) - truth) ** 2))
        return min(errors, key=lambda step: (errors[step], abs(step[0]) + abs(step[1])))

    whole = range(-REACH, REACH + 1)
    x, y = least([(float(i), float(j)) for j in whole for i in whole])
    quarters = [k / QUARTERS for k in range(1 - QUARTERS, QUARTERS)]
    return least([(x + i, y + j) for j in quarters for i in quarters])


def psnr_at(moved: bool, pair: Pair) -> float:
    """PSNR Y without a border of 4 px, at the best shift or unshifted, in dB; mean over the frames."""
    shift = best(pair) if moved else (0.0, 0.0)
    return _psnr(at(pair.sr.luma_SHW, *shift), at(pair.hr.luma_SHW, 0, 0), pair.keep_infinite)


def pixels(axis: int, pair: Pair) -> float:
    """How far sr must be moved to fit best, in pixels (right or down is positive)."""
    return best(pair)[axis]


def lag(pair: Pair) -> float:
    """How many frames later sr is than the truth it fits best (2 each way): positive is late."""
    return float(_lag(pair)[0])


def psnr_at_lag(pair: Pair) -> float:
    """PSNR Y at that lag, in dB, over the frames that both sides have."""
    return _lag(pair)[1]


def _lag(pair: Pair) -> tuple[int, float]:
    sr, hr = pair.sr.luma_SHW, pair.hr.luma_SHW
    count = len(sr)
    found: dict[int, tuple[float, float]] = {}
    for late in range(-min(LAG, count - 1), min(LAG, count - 1) + 1):
        a, b = sr[max(0, late) : count + min(0, late)], hr[max(0, -late) : count - max(0, late)]
        found[late] = (float(np.mean((a - b) ** 2)), _psnr(a, b, pair.keep_infinite))
    late = min(found, key=lambda k: (found[k][0], abs(k)))
    return late, found[late][1]


def _psnr(a_SHW: Luma, b_SHW: Luma, keep_infinite: bool) -> float:
    mean = float(over_frames(psnr_of_mse(np.mean((a_SHW - b_SHW) ** 2, axis=(1, 2)))[None], keep_infinite)[0])
    return float("inf") if np.isnan(mean) else mean


SHIFT: dict[str, Callable[[Pair], float]] = {
    "psnr_y_shift3q": partial(psnr_at, True),
    "psnr_y_shift0": partial(psnr_at, False),
    "shift3q_right": partial(pixels, 0),
    "shift3q_down": partial(pixels, 1),
    "psnr_y_lag2": psnr_at_lag,
    "lag2": lag,
}
