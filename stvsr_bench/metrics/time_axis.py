"""Where on the truth's time axis an interpolated frame lies, and whether it shows one moment or its input frames.

An output frame is compared with the true frames around its time by the MSE of luma that `mse_y` is: the best time is
where that error is least. Definitions, units and limits: docs/metrics.md, "Time".
Axes: S output frames, N true frames of the clip, C channels, H W size. Indices are those of the N true frames.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import ClipError, counted
from stvsr_bench.metrics import color
from stvsr_bench.metrics.color import STUDIO_Y
from stvsr_bench.metrics.psnr import mse_of_planes
from stvsr_bench.opencv import portable

Gaps = Mapping[int, tuple[int, int]]  # an interpolated frame: the two input frames that enclose it
# MSE in levels squared: a true frame that is nearer to an input frame cannot be told from a copy of it. Half a level,
# the limit of `runner/external/fit.py` too
MOTION = 0.25


@dataclass(frozen=True)
class Luma:
    """What of a frame is compared: its luma, by the rules of a protocol. See `metrics.frames.score`."""

    crop: int = 0
    round_8bit: bool = True
    clip: bool = True

    def of(self, frame_CHW: NDArray[Any]) -> NDArray[Any]:
        """The luma of one frame, in units of `STUDIO_Y.scale`."""
        levels = color.levels(frame_CHW, self.round_8bit, self.clip)
        return color.plane(color.crop_border(levels, self.crop), STUDIO_Y)


@dataclass(frozen=True)
class Fit:
    """How an output frame fits the true frames in its reach, and how far apart these are; in levels squared.

    `error` by true frame, `apart` of two true frames; `low` and `high` are the input frames that enclose `index`, the
    frame's own time.
    """

    index: int
    low: int
    high: int
    error: Mapping[int, float]
    apart: Callable[[int, int], float]

    @cached_property
    def best(self) -> int:
        """The true frame that fits best; of equal ones the nearest to the frame's own time, then the earlier."""
        return min(self.error, key=lambda k: (self.error[k], abs(k - self.index), k))

    def rise(self, step: int) -> float:
        """How much worse the frame before (-1) or after (1) the best one fits, as a share of what the truth would.

        Not in levels squared: where the truth moves more on one side, the parabola through the errors of a perfect
        frame has its minimum elsewhere (0.15 gaps away on `openclips`). NaN where the reach ends or the truth is still.
        """
        best, other = self.best, self.best + step
        moved = self.apart(best, other) if other in self.error else 0.0
        return (self.error[other] - self.error[best]) / moved if moved >= MOTION else math.nan

    def distance(self, k: int) -> float:
        """MSE between true frame k and the nearer of the two input frames' true frames."""
        return min(self.apart(k, self.low), self.apart(k, self.high))


def time_error(fit: Fit) -> float:
    """Where the frame fits the truth best minus where it belongs, in gaps between input frames; positive is too late.

    The least error among the true frames, refined by the parabola through it and its neighbours: at most half a frame.
    """
    before, after = fit.rise(-1), fit.rise(1)
    # one side alone says nothing of where between two frames the minimum lies
    offset = (before - after) / (2 * (before + after)) if before + after > 0 else 0.0
    return (fit.best + offset - fit.index) / (fit.high - fit.low)


def time_contrast(fit: Fit) -> float:
    """How much worse the frame fits the nearer input frame than its best time, as a share of what the truth would.

    1 (the most) for the truth itself, 0 for a frame that is nearer to an input frame than to any other true frame.
    """
    best = fit.best
    if best in (fit.low, fit.high):
        return 0.0
    worse = min(fit.error[fit.low], fit.error[fit.high]) - fit.error[best]
    # a frame between two true frames may be further from the input frame than the one that it is nearest to
    return min(1.0, worse / max(fit.distance(best), MOTION))


TIME: dict[str, Callable[[Fit], float]] = {"time_error": time_error, "time_contrast": time_contrast}


def score(
    sr_SCHW: Any,
    hr_NCHW: Any,
    frames: Sequence[int],
    gaps: Gaps,
    names: Sequence[str],
    luma: Luma | None = None,
) -> dict[str, NDArray[np.float64]]:
    """The asked metrics of `TIME`, arrays of shape (S,) by name; NaN where a frame has none.

    `frames` are the indices of the S output frames, ascending. A frame has a value where it is one of `gaps` and its
    truth differs from that of both input frames. In memory are luma planes of one reach: three gaps of true frames.

    Raises:
        UsageError: not a numpy array or a torch tensor; a border that leaves nothing.
        ClipError: frames of another size than the true ones.
    """
    sr, hr = color.to_numpy(sr_SCHW), color.to_numpy(hr_NCHW)
    if sr.shape[1:] != hr.shape[1:] or len(sr) != len(frames):
        raise ClipError(
            f"sr has shape {sr.shape} for {counted(len(frames), 'frame')} and hr {hr.shape}; (C, H, W) must be equal"
        )
    found = {name: np.full(len(sr), np.nan) for name in names}
    planes = _Planes(hr, luma or Luma())
    with portable():
        for position, index in enumerate(frames):
            if index in gaps and (fit := _fit(sr[position], planes, index, *gaps[index])) is not None:
                for name in names:
                    found[name][position] = TIME[name](fit)
    return found


def one(name: str, sr_SCHW: color.Array, hr_SCHW: color.Array, gaps: Gaps | None = None) -> color.Array:
    """One metric of every frame, shape (S,), NaN for frames that have none, in the container of `sr_SCHW`.

    Without `gaps` every second frame, from the first on, is an input frame.

    Raises:
        UsageError: not frames of shape (S, 3, H, W).
        ClipError: shapes that differ, or values that are not finite.
    """
    sr, hr = color.checked(sr_SCHW, hr_SCHW)
    if gaps is None:
        gaps = {index: (index - 1, index + 1) for index in range(1, len(hr) - 1, 2)}
    return color.like(score(sr, hr, range(len(sr)), gaps, [name])[name], sr_SCHW)


@dataclass
class _Planes:
    """Luma of the true frames, made when it is asked for, and the MSE between two of them; both kept for a while."""

    hr_NCHW: NDArray[Any]
    luma: Luma
    kept: dict[int, NDArray[Any]] = field(default_factory=dict)
    known: dict[tuple[int, int], float] = field(default_factory=dict)

    def at(self, index: int) -> NDArray[Any]:
        if index not in self.kept:
            self.kept[index] = self.luma.of(self.hr_NCHW[index])
        return self.kept[index]

    def apart(self, i: int, j: int) -> float:
        pair = min(i, j), max(i, j)
        if pair not in self.known:
            self.known[pair] = mse_of_planes(self.at(pair[0]), self.at(pair[1]), STUDIO_Y)
        return self.known[pair]

    def forget_before(self, first: int) -> None:
        """Frames come in order of time: what is before the reach of one is never asked for again."""
        for index in [index for index in self.kept if index < first]:
            del self.kept[index]


def _fit(sr_CHW: NDArray[Any], planes: _Planes, index: int, low: int, high: int) -> Fit | None:
    """The fit of one output frame; None where its true frame cannot be told from that of an input frame."""
    gap = high - low
    first, last = max(0, low - gap), min(len(planes.hr_NCHW) - 1, high + gap)
    planes.forget_before(first)
    if min(planes.apart(index, low), planes.apart(index, high)) < MOTION:
        return None
    sr_HW = planes.luma.of(sr_CHW)
    error = {k: mse_of_planes(sr_HW, planes.at(k), STUDIO_Y) for k in range(first, last + 1)}
    return Fit(index, low, high, error, planes.apart)
