"""The metrics that a clip can have, of those asked for; for each of the others, why not.

One metric that cannot be computed (frames too small for it, a program that fails, a clip where it means nothing) costs
neither the other metrics nor the clip. Axes: S frames, C channels, H W size, F = S - 1 flows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import BenchError, ClipError, UsageError, counted, interrupted
from stvsr_bench.metrics import color, temporal, time_axis
from stvsr_bench.metrics.extras import EXTRAS
from stvsr_bench.metrics.pictures import Flow
from stvsr_bench.metrics.registry import METRICS, has_gaps, score_frames

V = TypeVar("V")
NONE_BETWEEN = "it is of interpolated frames, and the protocol scores none of this clip"
STILL = "the truth does not move between an interpolated frame and its input frames, or these are not all in the clip"
TOLD = ("left_out", "missing", "infinite", "undefined", "masked")  # the keys of `told`


@dataclass(frozen=True)
class Missing:
    """Why a clip has no value of a metric; `lasting` where it never will have one, so that asking again is in vain."""

    why: str
    lasting: bool = True


@dataclass(frozen=True)
class Found:
    """`values` of each frame, (S,), or `scalars` of the clip; `missing` metrics; `infinite` says what a mean left out.

    All by the metric's name. `undefined` says which interpolated frames have no value of a metric of such frames,
    `masked` which share of the points a warping error did not count.
    """

    values: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    scalars: dict[str, float] = field(default_factory=dict)
    missing: dict[str, Missing] = field(default_factory=dict)
    infinite: dict[str, str] = field(default_factory=dict)
    undefined: dict[str, str] = field(default_factory=dict)
    masked: dict[str, str] = field(default_factory=dict)

    def scored(self, positions: Sequence[int], given: Sequence[bool]) -> "Found":
        """The values of some frames, those that a protocol scores; `given` says which of these had an input frame.

        A metric of interpolated frames that none of them has is missing.
        """
        values = {name: of[list(positions)] for name, of in self.values.items()}
        missing, undefined = dict(self.missing), {}
        between = len(given) - sum(given)
        for name in filter(has_gaps, self.values):
            lacks = between - int(np.count_nonzero(~np.isnan(values[name])))
            if lacks == between:
                missing[name] = Missing(STILL if between else NONE_BETWEEN)
                del values[name]
            elif lacks:
                undefined[name] = f"{lacks} of {counted(between, 'interpolated frame')}"
        return replace(self, values=values, missing=missing, undefined=undefined)


def of_frames(
    sr_SCHW: Any, hr_SCHW: Any, names: Sequence[str], *, crop: int = 0, round_8bit: bool = True, clip: bool = True
) -> Found:
    """The asked metrics of single frames; arguments as of `score_frames`.

    Raises:
        UsageError: not frames of shape (S, 3, H, W).
        ClipError: shapes that differ, values that are not finite, or none of the metrics can be computed.
    """
    sr, hr = color.checked(sr_SCHW, hr_SCHW)
    score = partial(score_frames, sr, hr, crop=crop, round_8bit=round_8bit, clip=clip)
    values, missing = _each(score, [name for name in names if name not in EXTRAS], BenchError)
    for name in names:
        if name in EXTRAS:
            value, why = _each(score, [name], Exception)
            values, missing = values | value, missing | why
    doubts = {name: doubt for name, of in values.items() if (doubt := _no_numbers(of, len(sr)))}
    missing |= doubts
    if names and len(missing) == len(set(names)):
        raise ClipError(next(iter(missing.values())).why)
    return Found(values={name: of for name, of in values.items() if name not in doubts}, missing=missing)


def of_interpolated(
    sr_SCHW: Any,
    hr_NCHW: Any,
    names: Sequence[str],
    frames: Sequence[int],
    gaps: time_axis.Gaps,
    luma: time_axis.Luma | None = None,
) -> Found:
    """The asked metrics of interpolated frames; arguments as of `time_axis.score`. `hr_NCHW` is the whole clip.

    Raises:
        UsageError, ClipError: as `time_axis.score`.
    """
    return Found(values=time_axis.score(sr_SCHW, hr_NCHW, frames, gaps, names, luma) if names else {})


def of_clip(
    sr_SCHW: Any,
    hr_SCHW: Any,
    names: Sequence[str],
    frames: Sequence[int],
    scored: Sequence[int],
    *,
    flow_FHW2: Flow | None = None,
    keep_infinite: bool = False,
) -> Found:
    """The asked metrics of whole clips, over the frames that are `scored`.

    `frames` are the indices in their clip of the S frames given here, `scored` some of them; `flow_FHW2` is the true
    flow of all of the clip. Neighbours are compared, so scored frames with a gap between them have none of these
    metrics. An infinite value (sr changes exactly as hr does) is missing unless `keep_infinite`: a mean over clips
    would be infinite with it.

    Raises:
        UsageError: not frames of shape (S, 3, H, W).
        ClipError: shapes that differ, or values that are not finite.
    """
    if len(scored) < 2 or any(later - index != 1 for index, later in pairwise(scored)):
        shown = ", ".join(map(str, scored[:4])) + (", ..." if len(scored) > 4 else "")
        why = f"it compares neighbouring frames; of this clip the protocol scores frames {shown or 'none'}"
        return Found(missing=dict.fromkeys(names, Missing(why)))
    chosen = slice(frames.index(scored[0]), frames.index(scored[-1]) + 1)
    sr, hr = color.checked(sr_SCHW[chosen], hr_SCHW[chosen])
    flow_FHW2 = None if flow_FHW2 is None else flow_FHW2[scored[0] : scored[-1]]
    pair = temporal.pair_of(sr, hr, flow_FHW2, keep_infinite)

    def value(of: Sequence[str]) -> dict[str, float]:
        return {n: float(METRICS[n].function(sr, hr)) if n in EXTRAS else temporal.of_pair(n, pair) for n in of}

    found = Found()
    for name in names:
        scalars, missing = _each(value, [name], Exception if name in EXTRAS else BenchError)
        found.scalars.update(scalars)
        found.missing.update(missing)
        if name in scalars and np.isnan(scalars[name]):
            found.missing[name] = Missing("it gave no number")
        elif name in scalars and np.isinf(scalars[name]) and not keep_infinite:
            found.missing[name] = Missing("it is infinite: the restored frames change exactly as the true ones do")
    for name in found.missing.keys() & found.scalars.keys():
        del found.scalars[name]
    if "tdiff_psnr_y" in found.scalars and (exact := int(np.isinf(pair.tdiff_db_P).sum())):
        found.infinite["tdiff_psnr_y"] = f"{exact} of {counted(len(sr) - 1, 'pair')}"
    found.masked.update({n: f"{100 * pair.masked[n]:.2f} %" for n in found.scalars if n in pair.masked})
    return found


def told(*parts: Found) -> dict[str, str]:
    """What a row says of its metrics: `left_out` names those that the clip cannot have, `missing` gives each reason.

    A metric that is missing and not left out may be there the next time: it counts as not measured. `infinite` says
    how many pairs of frames without an error a metric met, `undefined` how many interpolated frames have no value,
    `masked` the share of points that a warping error left out.
    """
    missing = {name: one for part in parts for name, one in part.missing.items()}
    entries = {
        "left_out": ",".join(sorted(name for name, one in missing.items() if one.lasting)),
        "missing": "; ".join(f"{name}: {one.why}" for name, one in sorted(missing.items())),
        "infinite": "; ".join(f"{name}: {text}" for part in parts for name, text in part.infinite.items()),
        "undefined": "; ".join(f"{name}: {text}" for part in parts for name, text in part.undefined.items()),
        "masked": "; ".join(f"{name}: {text}" for part in parts for name, text in part.masked.items()),
    }
    return {key: entries[key] for key in TOLD if entries[key]}


def _each(
    score: Callable[[Sequence[str]], Mapping[str, V]], names: Sequence[str], expected: type[Exception]
) -> tuple[dict[str, V], dict[str, Missing]]:
    """The values by name, and why others are missing: together, for what they share, and one by one if that fails."""
    if not names:
        return {}, {}
    try:
        return dict(score(names)), {}
    except expected as error:
        if interrupted(error):
            raise
        if len(names) == 1:
            # what a clip is too small or too empty for is so tomorrow; a program that failed may work then
            lasting = isinstance(error, ClipError | UsageError)
            why = str(error) if isinstance(error, BenchError) else f"it raised {type(error).__name__}: {error}"
            return {}, {names[0]: Missing(why, lasting)}
    parts = [_each(score, [name], expected) for name in names]
    values = {name: value for part, _ in parts for name, value in part.items()}
    return values, {name: why for _, part in parts for name, why in part.items()}


def _no_numbers(value: NDArray[np.float64], frames: int) -> Missing | None:
    """Why the values of a metric cannot be taken: too few of them, or some that are no number."""
    if value.shape != (frames,):
        return Missing(f"it gave {counted(value.size, 'number')} for {counted(frames, 'frame')}", lasting=False)
    bad = np.flatnonzero(np.isnan(value))
    # a mean over the others would be one of other frames than every other metric's
    return (
        Missing(f"it gave no number for {len(bad)} of {counted(frames, 'frame')}, the first is {bad[0]}")
        if len(bad)
        else None
    )
