"""Scores of single frames: one pass a frame and view, shared by all metrics that need it.

Axes: S frames, C channels, H W size. A *view* says what of a frame is compared: which channel, whether the frame is
rounded to 8 bits first, and the border that is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.metrics import color, ssim
from stvsr_bench.metrics.color import BLUE, FULL_Y, GREEN, RED, STUDIO_Y, STUDIO_Y_ROUNDED, Channel, Levels
from stvsr_bench.metrics.psnr import mse_of_channel, psnr_of_mse
from stvsr_bench.opencv import portable

Measure = Literal["mse", "psnr", "ssim", "ms_ssim"]


@dataclass(frozen=True)
class View:
    """What of a frame is compared. `crop` and `round_8bit` are the protocol's where they are None."""

    channels: tuple[Channel, ...]
    crop: int | None = None
    round_8bit: bool | None = None


@dataclass(frozen=True)
class FrameMetric:
    """One number a frame: a measure of a view."""

    measure: Measure
    view: View


Y, RGB = View((STUDIO_Y,)), View((RED, GREEN, BLUE))
VIEWS: dict[str, View] = {
    "y": Y,
    "rgb": RGB,
    # what other programs and papers score instead; `report --spread` shows what each is worth (docs/metrics.md)
    "y_full": View((FULL_Y,)),
    "y_rounded": View((STUDIO_Y_ROUNDED,)),
    "y_crop4": View((STUDIO_Y,), crop=4),
    "y_unrounded": View((STUDIO_Y,), round_8bit=False),
}
_BASIC: tuple[Measure, ...] = ("mse", "psnr", "ssim")
FRAME_METRICS: dict[str, FrameMetric] = {
    **{f"{m}_{view}": FrameMetric(m, VIEWS[view]) for view in VIEWS for m in _BASIC},
    "ms_ssim_y": FrameMetric("ms_ssim", Y),
}


def score(
    sr_SCHW: Any, hr_SCHW: Any, metrics: Sequence[str], *, crop: int = 0, round_8bit: bool = True, clip: bool = True
) -> dict[str, NDArray[np.float64]]:
    """Every asked metric of every frame, arrays of shape (S,) by name, float64.

    `crop`, `round_8bit` and `clip` are the protocol's; a variant that fixes one of the first two keeps its own. Values
    outside [0, 1] are clipped unless `clip` is false and frames are not rounded.

    Raises:
        UsageError: not frames of shape (S, 3, H, W).
        ClipError: shapes that differ, values that are not finite, or frames smaller than the window.
    """
    sr, hr = color.checked(sr_SCHW, hr_SCHW)
    wanted: dict[View, dict[str, Measure]] = {}
    for name in metrics:
        metric = FRAME_METRICS[name]
        wanted.setdefault(_settled(metric.view, crop, round_8bit), {})[name] = metric.measure
    scores = {name: np.empty(len(sr)) for name in metrics}
    with portable():
        for index in range(len(sr)):
            for name, value in _of_frame(sr[index], hr[index], wanted, clip).items():
                scores[name][index] = value
    return scores


def one(name: str, sr_SCHW: color.Array, hr_SCHW: color.Array) -> color.Array:
    """One metric of every frame, shape (S,), in the container of `sr_SCHW`."""
    return color.like(score(sr_SCHW, hr_SCHW, [name])[name], sr_SCHW)


def _settled(view: View, crop: int, round_8bit: bool) -> View:
    return replace(
        view,
        crop=crop if view.crop is None else view.crop,
        round_8bit=round_8bit if view.round_8bit is None else view.round_8bit,
    )


def _levels(sr_CHW: NDArray[Any], hr_CHW: NDArray[Any], rounded: bool | None, clip: bool) -> tuple[Levels, Levels]:
    sr, hr = color.levels(sr_CHW, bool(rounded), clip), color.levels(hr_CHW, bool(rounded))
    if sr.dtype == hr.dtype:
        return sr, hr
    # a network's floats against the bytes of a file, not rounded: OpenCV subtracts numbers of one type only
    return sr.astype(np.float64), hr.astype(np.float64)


def _of_frame(
    sr_CHW: NDArray[Any], hr_CHW: NDArray[Any], wanted: Mapping[View, Mapping[str, Measure]], clip: bool
) -> dict[str, float]:
    """Every asked metric of one pair of frames, by name."""
    both = {rounded: _levels(sr_CHW, hr_CHW, rounded, clip) for rounded in {view.round_8bit for view in wanted}}
    found = {}
    for view, measures in wanted.items():
        pair = [color.crop_border(frame, view.crop or 0) for frame in both[view.round_8bit]]
        values = _measure(pair[0], pair[1], view, set(measures.values()))
        found.update({name: values[measure] for name, measure in measures.items()})
    return found


def _measure(sr_CHW: Levels, hr_CHW: Levels, view: View, measures: set[Measure]) -> dict[Measure, float]:
    """The asked measures of one pair of frames, each the mean over the view's channels (MSE before the logarithm)."""
    values: dict[Measure, float] = {}
    if "ssim" in measures:
        pairs = [ssim.mse_ssim(sr_CHW, hr_CHW, channel) for channel in view.channels]
        values["mse"] = float(np.mean([mse for mse, _ in pairs]))
        values["ssim"] = float(np.mean([value for _, value in pairs]))
    else:
        values["mse"] = float(np.mean([mse_of_channel(sr_CHW, hr_CHW, channel) for channel in view.channels]))
    # of the mean MSE: RGB is one error over three channels, as in the papers, not the mean of three decibels
    values["psnr"] = float(psnr_of_mse(np.array(values["mse"])))
    if "ms_ssim" in measures:
        planes = [[color.in_levels(frame, c) for frame in (sr_CHW, hr_CHW)] for c in view.channels]
        values["ms_ssim"] = float(np.mean([ssim.ms_ssim(sr_HW, hr_HW) for sr_HW, hr_HW in planes]))
    return values
