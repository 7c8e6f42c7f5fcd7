"""What can be said of a video without its truth: frozen frames, loops, flicker, warping error, drift of sharpness.

None of these says that frames are right: a blurred, still video has the best values of most. Every number is of the
frames as they are, one pair after the other, so that memory does not grow with length. Pairs across a cut are left
out. Axes: C channels, H W size.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import ClipError, counted
from stvsr_bench.metrics import color, temporal
from stvsr_bench.opencv import portable

FROZEN = 0.001  # ffmpeg's freezedetect: mean absolute difference of all samples, as a share of the range
LOOP_LEAST = 3  # frames back at the least: nearer ones are frozen
SMALL = (64, 36)  # of the pictures that loops are looked for in


@dataclass(frozen=True)
class Report:
    """The numbers of one video; None where a number cannot be computed, and `notes` say why."""

    frames: int
    size: tuple[int, int]
    cuts: int
    frozen: int  # frames within FROZEN of the last frame that was not frozen
    exact_repeats: int  # frames equal to the one before to the bit
    looping: int  # frames that show again what a frame 3 or more before showed, with other frames between
    flicker: float | None  # levels: mean size of half the second difference of the mean luma
    ewarp_dis_medium: float | None
    ewarp_masked: float | None  # share of points that the warping error did not count
    sharpness: float  # levels^2: mean variance of the Laplacian of luma
    sharpness_drift: float | None  # of the longest shot: last third over first third, minus 1
    sharpness_alternation: float | None  # odd frames over even ones, minus 1: interpolated frames are often blurred
    notes: list[str] = field(default_factory=list)


def report(frames: Iterable[tuple[NDArray[np.uint8], bool]]) -> Report:
    """The report of frames (C, H, W) of 8 bits, each with whether a cut is before it.

    Raises:
        ClipError: there is no frame.
    """
    seen = _Seen()
    for frame_CHW, cut in frames:
        seen.add(frame_CHW, cut)
    if not seen.count:
        raise ClipError("there is no frame to report of")
    return seen.report()


class _Seen:
    """What is kept of the frames so far."""

    def __init__(self) -> None:
        self.count = self.cuts = self.frozen = self.exact = 0
        self.last: NDArray[np.uint8] | None = None
        self.moving: NDArray[np.uint8] | None = None  # the last frame that was not frozen
        self.means: list[list[float]] = [[]]  # mean luma of each shot's frames
        self.sharp: list[list[float]] = [[]]  # of each shot
        self.small: list[NDArray[np.uint8]] = []
        self.errors: list[float] = []
        self.masked: list[float] = []
        self.notes: dict[str, None] = {}

    def add(self, frame_CHW: NDArray[np.uint8], cut: bool) -> None:
        luma = color.in_levels(frame_CHW, color.STUDIO_Y)
        if cut and self.count:
            self.cuts += 1
            self.means.append([])
            self.sharp.append([])
        with portable():
            self.sharp[-1].append(float(cv2.Laplacian(luma, cv2.CV_64F).var()))
            self.small.append(
                np.asarray(cv2.resize(np.rint(luma).astype(np.uint8), SMALL, interpolation=cv2.INTER_AREA))
            )
        self.means[-1].append(float(luma.mean()))
        if self.last is not None and not cut:
            self._compare(self.last, frame_CHW)
        if self.moving is None or cut or not self._is_frozen(self.moving, frame_CHW):
            self.moving = frame_CHW
        else:
            self.frozen += 1
        self.last, self.count = frame_CHW, self.count + 1

    def _compare(self, last: NDArray[np.uint8], frame: NDArray[np.uint8]) -> None:
        self.exact += np.array_equal(last, frame)
        both = np.stack([last, frame])
        pair = temporal.pair_of(both, both)
        try:
            self.errors.append(temporal.of_pair("ewarp_dis_medium", pair))
            self.masked.append(pair.masked["ewarp_dis_medium"])
        except ClipError as error:
            self.notes.setdefault(str(error))

    @staticmethod
    def _is_frozen(moving: NDArray[np.uint8], frame: NDArray[np.uint8]) -> bool:
        return float(cv2.norm(moving, frame, cv2.NORM_L1)) / frame.size / 256 <= FROZEN

    def report(self) -> Report:
        height, width = self.last.shape[-2:] if self.last is not None else (0, 0)
        longest = max(self.sharp, key=len)  # shots differ in sharpness by what they show
        third = len(longest) // 3
        flicker = [abs(a - 2 * b + c) / 2 for m in self.means for a, b, c in zip(m, m[1:], m[2:], strict=False)]
        return Report(
            frames=self.count,
            size=(height, width),
            cuts=self.cuts,
            frozen=self.frozen,
            exact_repeats=self.exact,
            looping=_loops(np.stack(self.small)),
            flicker=_mean(flicker),
            ewarp_dis_medium=_mean(self.errors),
            ewarp_masked=_mean(self.masked),
            sharpness=float(np.mean([value for shot in self.sharp for value in shot])),
            sharpness_drift=_ratio(longest[-third:], longest[:third]) if third else None,
            sharpness_alternation=_ratio(longest[1::2], longest[::2]) if len(longest) > 3 else None,
            notes=list(self.notes),
        )


def _loops(small_SHW: NDArray[np.uint8]) -> int:
    """Frames that are nearly one of LOOP_LEAST or more before, with a frame between that is not."""
    flat = small_SHW.reshape(len(small_SHW), -1).astype(np.int16)
    limit = FROZEN * 256
    found = 0
    for n in range(LOOP_LEAST, len(flat)):
        away = np.abs(flat[:n] - flat[n]).mean(axis=1)
        again = np.flatnonzero(away[: n - LOOP_LEAST + 1] <= limit)
        found += bool(len(again) and (away[again[-1] :] > limit).any())
    return found


def _ratio(some: list[float], others: list[float]) -> float | None:
    base = float(np.mean(others))
    return float(np.mean(some)) / base - 1 if base > 0 else None


def _mean(values: list[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def lines(name: str, found: Report, about: dict[str, Any]) -> list[str]:
    """A report in words."""
    said = [
        f"{name}: {counted(found.frames, 'frame')} of {found.size[1]}x{found.size[0]}, {counted(found.cuts, 'cut')}"
    ]
    said += [f"  {kind}: {text}" for kind, text in about.items() if text]
    said.append(
        f"  frozen frames {found.frozen}, exact repeats {found.exact_repeats}, frames shown again {found.looping}"
    )
    if found.flicker is not None:
        said.append(f"  flicker {found.flicker:.3f} levels (half the second difference of the mean luma)")
    if found.ewarp_dis_medium is not None and found.ewarp_masked is not None:
        left_out = f"{100 * found.ewarp_masked:.1f} % of the points left out"
        said.append(f"  warping error {found.ewarp_dis_medium:.4f} (ewarp_dis_medium, x1000; {left_out})")
    said.append(f"  sharpness {found.sharpness:.2f} levels^2 (variance of the Laplacian of luma)")
    for what, value in (
        ("longest shot, last third against first", found.sharpness_drift),
        ("longest shot, odd frames against even", found.sharpness_alternation),
    ):
        if value is not None:
            said.append(f"    {what}: {100 * value:+.1f} %")
    return said + [f"  not measured: {note}" for note in found.notes]
