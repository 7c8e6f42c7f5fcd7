"""How a clip moves: numbers of whole clips that need no weights. All are means over neighbouring frame pairs.

Axes: S frames, P = S - 1 pairs, H W size; flow is x then y, in pixels. Flows are computed on 8-bit full-range luma,
errors on unrounded BT.601 luma of 8-bit frames, in levels 0..255. No border is cropped. The flow and its parameters
are part of a metric's name; another OpenCV version may still move the last digits, another processor does not.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import ClipError
from stvsr_bench.metrics import color
from stvsr_bench.metrics.means import over_frames
from stvsr_bench.metrics.psnr import psnr_of_mse
from stvsr_bench.opencv import dis_flow, portable

Flow = NDArray[np.float32]  # (P, H, W, 2)
Grey = NDArray[np.uint8]
SMALLEST = 32  # DIS and Farneback build pyramids; below this they have nothing to work on
SAME_SURFACE = 10.0  # levels: a larger step of hr along its true flow means that the point is hidden in the next frame
# TecoGAN's parameters, which later papers kept; its crop to multiples of 32 and its left-out frames are not copied
FARNEBACK = (0.5, 3, 15, 3, 5, 1.2, 0)  # pyr_scale, levels, winsize, iterations, poly_n, poly_sigma, flags


@dataclass(frozen=True)
class Pictures:
    """One side of a clip as the temporal metrics see it."""

    frames_SCHW: NDArray[Any]

    @cached_property
    def luma_SHW(self) -> NDArray[np.float64]:
        """BT.601 luma in levels, not rounded."""
        return np.stack([color.in_levels(color.levels(frame), color.STUDIO_Y) for frame in self.frames_SCHW])

    @cached_property
    def grey_SHW(self) -> Grey:
        """8-bit luma in 0..255, what the flows work on."""
        greys = [np.rint(color.in_levels(color.levels(frame), color.FULL_Y)) for frame in self.frames_SCHW]
        return np.stack(greys).astype(np.uint8)

    @cached_property
    def dis(self) -> Flow:
        """DIS flow (preset medium) of each frame to the next."""
        return np.stack([dis_flow(first, second) for first, second in pairwise(self.grey_SHW)])

    @cached_property
    def dis_back(self) -> Flow:
        """DIS flow (preset medium) of each frame, but the first, to the one before."""
        return np.stack([dis_flow(second, first) for first, second in pairwise(self.grey_SHW)])

    @cached_property
    def farneback(self) -> Flow:
        """Farneback flow of each frame to the next."""
        nothing: Any = None  # no first guess
        flows = [cv2.calcOpticalFlowFarneback(a, b, nothing, *FARNEBACK) for a, b in pairwise(self.grey_SHW)]
        return np.stack(flows).astype(np.float32)


@dataclass(frozen=True)
class Pair:
    """Both sides of a clip, and the true flow of hr (frame to next) where the data set knows it."""

    sr: Pictures
    hr: Pictures
    flow_PHW2: Flow | None = None
    keep_infinite: bool = False  # the protocol's policy for pairs without an error

    @cached_property
    def tdiff_db_P(self) -> NDArray[np.float64]:
        """PSNR of what changes from each frame to the next, in dB; `inf` where both sides change alike."""
        error = np.diff(self.sr.luma_SHW, axis=0) - np.diff(self.hr.luma_SHW, axis=0)
        return psnr_of_mse(np.mean(error**2, axis=(1, 2)))

    @cached_property
    def visible(self) -> NDArray[np.bool_]:
        """Points of a frame that are there in the next one too: forward and backward DIS flow of hr agree."""
        # the occlusion test of Lai et al. (ECCV 2018), without their mask of motion boundaries
        back = np.stack([_warp(b, f) for b, f in zip(self.hr.dis_back, self.hr.dis, strict=True)])
        apart = np.sum((self.hr.dis + back) ** 2, axis=-1)
        length = np.sum(self.hr.dis**2 + back**2, axis=-1)
        agree: NDArray[np.bool_] = (apart < 0.01 * length + 0.5) & _inside(self.hr.dis)
        return agree

    @cached_property
    def truly_visible(self) -> NDArray[np.bool_]:
        """Points of a frame that the true flow leads to the same surface in the next one (hr keeps its luma there)."""
        assert self.flow_PHW2 is not None
        step = np.abs(_steps(self.hr, self.flow_PHW2))
        return (step <= SAME_SURFACE) & _inside(self.flow_PHW2)


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
    return _mean_square(_steps(pair.sr, pair.hr.dis), pair.visible)


def warp_error_dis_hr(pair: Pair) -> float:
    """The same of hr itself: what the flow and the scene leave. Blurred frames go below it."""
    return _mean_square(_steps(pair.hr, pair.hr.dis), pair.visible)


def warp_error_true(pair: Pair) -> float:
    """Mean squared luma step of sr along the true flow, over points that stay visible, in levels squared."""
    assert pair.flow_PHW2 is not None
    return _mean_square(_steps(pair.sr, pair.flow_PHW2), pair.truly_visible)


def warp_error_true_hr(pair: Pair) -> float:
    """The same of hr itself."""
    assert pair.flow_PHW2 is not None
    return _mean_square(_steps(pair.hr, pair.flow_PHW2), pair.truly_visible)


TEMPORAL: dict[str, Callable[[Pair], float]] = {
    "tdiff_psnr_y": tdiff_psnr_y,
    "tof_dis_medium": tof_dis,
    "tof_farneback_" + "_".join(map(str, FARNEBACK)).replace(".", "p"): tof_farneback,
    "warp_error_dis_medium": warp_error_dis,
    "warp_error_dis_medium_hr": warp_error_dis_hr,
    "warp_error_true_flow": warp_error_true,
    "warp_error_true_flow_hr": warp_error_true_hr,
}
NEED_TRUE_FLOW = frozenset({"warp_error_true_flow", "warp_error_true_flow_hr"})


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
            f"the true flow has shape {flow_PHW2.shape}; frames {hr.shape} want {len(hr) - 1} flows (H, W, 2)"
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
        return TEMPORAL[name](pair)


def one(name: str, sr_SCHW: Any, hr_SCHW: Any, flow_PHW2: Flow | None = None) -> float:
    """One temporal metric of a clip.

    Raises:
        ClipError: as `score`, or a true flow is needed and was not given.
    """
    return of_pair(name, pair_of(sr_SCHW, hr_SCHW, flow_PHW2))


def _steps(pictures: Pictures, flow_PHW2: Flow) -> NDArray[np.float32]:
    """Luma of each point in the next frame minus its luma in this one, (P, H, W)."""
    luma_SHW = pictures.luma_SHW.astype(np.float32)
    return np.stack(
        [_warp(later, flow) - now for now, later, flow in zip(luma_SHW, luma_SHW[1:], flow_PHW2, strict=False)]
    )


def _warp(picture: NDArray[np.float32], flow_HW2: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture sampled where the flow points to, bilinear, edges repeated."""
    height, width = flow_HW2.shape[:2]
    x = np.arange(width, dtype=np.float32)[None] + flow_HW2[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow_HW2[..., 1]
    moved = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.float32)


def _inside(flow_PHW2: Flow) -> NDArray[np.bool_]:
    height, width = flow_PHW2.shape[1:3]
    x = np.arange(width)[None, None] + flow_PHW2[..., 0]
    y = np.arange(height)[None, :, None] + flow_PHW2[..., 1]
    inside: NDArray[np.bool_] = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return inside


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
