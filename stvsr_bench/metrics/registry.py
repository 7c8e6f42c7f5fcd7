"""METRICS: name to function, unit and direction; and what is said of each in a list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from stvsr_bench.errors import UnknownNameError
from stvsr_bench.metrics.frames import FRAME_METRICS, one

Per = Literal["frame", "clip"]
Group = Literal["core", "variant", "temporal", "extra"]
CORE = ("mse_y", "psnr_y", "ssim_y", "mse_rgb", "psnr_rgb", "ssim_rgb")  # what every run measures


@dataclass(frozen=True)
class Metric:
    """One metric. `function(sr_SCHW, hr_SCHW)` gives one value a frame, or one float for metrics of whole clips."""

    function: Callable[..., Any]
    unit: str
    higher_is_better: bool
    per: Per
    title: str
    description: str
    group: Group = "core"


_MEASURES: dict[str, tuple[str, str, bool, str]] = {
    "mse": ("MSE", "levels^2", False, "mean squared error of 8-bit levels"),
    "psnr": ("PSNR", "dB", True, "peak 255, infinite for equal frames"),
    "ssim": ("SSIM", "", True, "11x11 Gaussian window (sigma 1.5), valid region, K 0.01 and 0.03, range 255"),
    "ms_ssim": ("MS-SSIM", "", True, "five octaves of SSIM, Wang 2003 weights; frames of at least 161 px"),
}
_VIEWS: dict[str, tuple[str, str]] = {
    "y": ("Y", "BT.601 luma in [16, 235], not rounded; frames rounded to 8 bits, no border cropped"),
    "rgb": ("RGB", "all three channels; frames rounded to 8 bits, no border cropped"),
    "y_full": ("Y full range", "luma in [0, 255] (0.299, 0.587, 0.114): not what papers print"),
    "y_rounded": ("Y rounded", "BT.601 luma rounded to whole levels"),
    "y_crop4": ("Y crop 4", "BT.601 luma without a border of 4 px"),
    "y_unrounded": ("Y unrounded", "BT.601 luma of frames that were not rounded to 8 bits"),
}


def _of_frames(name: str) -> Metric:
    measure = FRAME_METRICS[name].measure
    view = name.removeprefix(f"{measure}_")
    title, unit, higher_is_better, how = _MEASURES[measure]
    return Metric(
        function=partial(one, name),
        unit=unit,
        higher_is_better=higher_is_better,
        per="frame",
        title=f"{title} {_VIEWS[view][0]}",
        description=f"{how}; {_VIEWS[view][1]}",
        group="core" if view in ("y", "rgb") else "variant",
    )


METRICS: dict[str, Metric] = {name: _of_frames(name) for name in FRAME_METRICS}


def score_clip(sr_SCHW: Any, hr_SCHW: Any, metrics: Sequence[str]) -> dict[str, float]:
    """Every asked metric of the whole clip, by name.

    Raises:
        UnknownNameError: a metric that is not one of whole clips.
    """
    per_clip = {name: metric for name, metric in METRICS.items() if metric.per == "clip"}
    for name in metrics:
        if name not in per_clip:
            raise UnknownNameError("metric of whole clips", name, per_clip)
    return {name: float(per_clip[name].function(sr_SCHW, hr_SCHW)) for name in metrics}
