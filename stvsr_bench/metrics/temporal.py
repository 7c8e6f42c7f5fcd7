"""How a clip moves: numbers of whole clips. All are means over neighbouring frame pairs.

Axes: S frames, P = S - 1 pairs, H W size; flow is x then y, in pixels. Flows are computed on 8-bit full-range luma,
errors on unrounded BT.601 luma of 8-bit frames, in levels 0..255. No border is cropped. The flow and its parameters
are part of a metric's name; another OpenCV version may still move the last digits, another processor does not.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import ClipError, counted
from stvsr_bench.metrics import color, ewarp, flolpips, tof
from stvsr_bench.metrics.means import over_frames
from stvsr_bench.metrics.pictures import FARNEBACK, Flow, Pair, Pictures, steps
from stvsr_bench.metrics.shift import SHIFT
from stvsr_bench.opencv import portable

SMALLEST = 32  # DIS and Farneback build pyramids; below this they have nothing to work on


def tdiff_psnr_y(pair: Pair) -> float:
    """PSNR of what changes from frame to frame: Y[t+1] - Y[t] of sr against that of hr, in dB; mean over the pairs.

    Pairs without an error (still ones that sr repeats) are infinite and left out, unless the protocol keeps them; of
    a clip without any error it is `inf`.
    """
    mean = float(over_frames(pair.tdiff_db_P[None], pair.keep_infinite)[0])
    return math.inf if math.isnan(mean) else mean


def tof_dis(pair: Pair) -> float:
    """Mean distance between the DIS flows of sr and of hr, in pixels."""
    return _end_point_error(pair.sr.dis, pair.hr.dis)


def tof_farneback(pair: Pair) -> float:
    """Mean distance between the Farneback flows of sr and of hr, in pixels."""
    return _end_point_error(pair.sr.farneback, pair.hr.farneback)


def warp_error_dis(pair: Pair) -> float:
    """Mean squared luma step of sr along the DIS flow of hr, over points visible in both frames, in levels squared."""
    return _mean_square(steps(pair.sr, pair.hr.dis), pair.visible)


def warp_error_dis_hr(pair: Pair) -> float:
    """The same of hr itself: what the flow and the scene leave. Blurred frames go below it."""
    return _mean_square(steps(pair.hr, pair.hr.dis), pair.visible)


def warp_error_true(pair: Pair) -> float:
    """Mean squared luma step of sr along the true flow, over points that stay visible, in levels squared."""
    assert pair.flow_PHW2 is not None
    return _mean_square(steps(pair.sr, pair.flow_PHW2), pair.truly_visible)


def warp_error_true_hr(pair: Pair) -> float:
    """The same of hr itself."""
    assert pair.flow_PHW2 is not None
    return _mean_square(steps(pair.hr, pair.flow_PHW2), pair.truly_visible)


OfPair = Callable[[Pair], float]
TEMPORAL: dict[str, OfPair] = {  # no weights are needed
    "tdiff_psnr_y": tdiff_psnr_y,
    "tof_dis_medium": tof_dis,
    "tof_farneback_" + "_".join(map(str, FARNEBACK)).replace(".", "p"): tof_farneback,
    "warp_error_dis_medium": warp_error_dis,
    "warp_error_dis_medium_hr": warp_error_dis_hr,
    "warp_error_true_flow": warp_error_true,
    "warp_error_true_flow_hr": warp_error_true_hr,
    **tof.TOF,
    **ewarp.DIS,
    **ewarp.TRUE_FLOW,
}
LEARNED: dict[str, OfPair] = {**tof.TLP, **flolpips.FLOLPIPS, **ewarp.SPYNET}  # with weights of installed packages
OF_PAIRS = TEMPORAL | LEARNED | SHIFT
NEED_TRUE_FLOW = frozenset({"warp_error_true_flow", "warp_error_true_flow_hr", *ewarp.TRUE_FLOW})
NEED_LPIPS = frozenset({*tof.TLP, *flolpips.FLOLPIPS})
NEED_SPYNET = frozenset({"flolpips_spynet", *ewarp.SPYNET})


def score(
    sr_SCHW: Any,
    hr_SCHW: Any,
    names: Sequence[str],
    flow_PHW2: Flow | None = None,
    keep_infinite: bool = False,
) -> dict[str, float]:
    """The asked temporal metrics by name; flows and luma are computed once. What needs a true flow is left out
    where there is none.

    Raises:
        ClipError: fewer than two frames, frames too small for a flow, or a flow of another shape.
    """
    pair = pair_of(sr_SCHW, hr_SCHW, flow_PHW2, keep_infinite)
    return {name: of_pair(name, pair) for name in names if flow_PHW2 is not None or name not in NEED_TRUE_FLOW}


def pair_of(sr_SCHW: Any, hr_SCHW: Any, flow_PHW2: Flow | None = None, keep_infinite: bool = False) -> Pair:
    """Both sides of a clip, checked; what its metrics share is computed when the first of them asks.

    Raises:
        ClipError: fewer than two frames, or a flow of another shape.
    """
    sr, hr = color.checked(sr_SCHW, hr_SCHW)
    if len(hr) < 2:
        raise ClipError("temporal metrics need at least two frames")
    if flow_PHW2 is not None and flow_PHW2.shape != (len(hr) - 1, *hr.shape[-2:], 2):
        raise ClipError(
            f"the true flow has shape {flow_PHW2.shape}; frames {hr.shape} want {counted(len(hr) - 1, 'flow')} "
            "(H, W, 2)"
        )
    return Pair(Pictures(sr), Pictures(hr), flow_PHW2, keep_infinite)


def of_pair(name: str, pair: Pair) -> float:
    """One temporal metric.

    Raises:
        ClipError: frames too small for a flow, no point visible in two frames, or no true flow where one is needed.
    """
    size = pair.hr.frames_SCHW.shape[-2:]
    if name != "tdiff_psnr_y" and min(size) < SMALLEST:
        raise ClipError(
            f"optical flow needs frames of at least {SMALLEST}x{SMALLEST} px, these are {size[0]}x{size[1]}"
        )
    if name in NEED_TRUE_FLOW and pair.flow_PHW2 is None:
        raise ClipError(f"{name} needs the true flow of the clip, which only made clips have")
    with portable():
        return OF_PAIRS[name](pair)


def one(name: str, sr_SCHW: Any, hr_SCHW: Any, flow_PHW2: Flow | None = None) -> float:
    """One temporal metric of a clip.

    Raises:
        ClipError: as `score`, or a true flow is needed and was not given.
    """
    return of_pair(name, pair_of(sr_SCHW, hr_SCHW, flow_PHW2))


def _end_point_error(first: Flow, second: Flow) -> float:
    difference = first - second
    return float(np.hypot(difference[..., 0], difference[..., 1]).mean(dtype=np.float64))


def _mean_square(steps_PHW: NDArray[np.float32], visible_PHW: NDArray[np.bool_]) -> float:
    """Mean over the visible points of each pair, then over the pairs that have any."""
    means = [
        float(np.mean(steps[seen].astype(np.float64) ** 2))
        for steps, seen in zip(steps_PHW, visible_PHW, strict=True)
        if seen.any()
    ]  # published scripts count a pair with nothing visible as 0, which is perfect
    if not means:
        raise ClipError("no point of the clip is visible in two neighbouring frames: there is no warping error")
    return float(np.mean(means))
