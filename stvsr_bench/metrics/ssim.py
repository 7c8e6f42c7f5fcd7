"""SSIM of planes: 11x11 Gaussian window (sigma 1.5), valid region only, population moments, float64.

Four separable filters instead of five 2-D ones: of the sum s = x + y and the difference d = x - y the means and
second moments give everything, and the mean of d * d is the MSE. Frames are taken in strips that share their buffers:
fresh memory for each of some twenty passes would cost more than the passes. H W size, V valid rows and columns.
"""

import threading
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import ClipError
from stvsr_bench.metrics import kernels
from stvsr_bench.metrics.color import Channel, Levels, Plane, plane, units
from stvsr_bench.metrics.window import C1, C2, TAPS, WINDOW

MS_WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
MS_SMALLEST = 161  # the smallest side whose fifth octave (four halvings, odd sizes padded) still holds the window
_STRIP_PIXELS = 2**17  # of float64: 1 MB a buffer, eight buffers
_EDGE = TAPS // 2
_local = threading.local()
Whole = NDArray[np.int32]


@dataclass(frozen=True)
class Workspace:
    """Buffers of one strip: s and d (H, W), their filtered means and squares, two maps (V, V), three of integers."""

    s: Plane
    d: Plane
    filtered: tuple[Plane, Plane, Plane, Plane]
    maps: tuple[Plane, Plane]
    whole: tuple[Whole, Whole, Whole]

    @classmethod
    def of(cls, height: int, width: int) -> "Workspace":
        """This thread's buffers for strips of that size; the last size used is kept."""
        kept = getattr(_local, "workspace", None)
        if kept is None or kept.s.shape != (height, width):
            four = (_empty(height, width), _empty(height, width), _empty(height, width), _empty(height, width))
            inner = height - TAPS + 1, width - TAPS + 1
            a, b, c = (np.empty((height, width), np.int32) for _ in range(3))
            kept = cls(_empty(height, width), _empty(height, width), four, (_empty(*inner), _empty(*inner)), (a, b, c))
            _local.workspace = kept
        workspace: Workspace = kept
        return workspace

    def rows(self, count: int) -> "Workspace":
        """The first rows only, for the last strip of a frame."""
        first, second = self.maps
        inner = count - TAPS + 1
        a, b, c, d = (buffer[:count] for buffer in self.filtered)
        p, q, r = (buffer[:count] for buffer in self.whole)
        return Workspace(self.s[:count], self.d[:count], (a, b, c, d), (first[:inner], second[:inner]), (p, q, r))

    def structure_luminance(self, scale: float = 1.0) -> tuple[Plane, Plane]:
        """The two factors of the SSIM map of what lies in s and d (both are used up), in units of `scale` levels.

        Structure is (2 covariance + C2) / (sum of variances + C2), luminance (2 m1 m2 + C1) / (m1^2 + m2^2 + C1);
        written in s and d both are (A - B + 2 C) / (A + B + 2 C).
        """
        mean_s, square_s, mean_d, square_d = (buffer[_EDGE:-_EDGE, _EDGE:-_EDGE] for buffer in self.filtered)
        for values, (means, squares) in ((self.s, self.filtered[:2]), (self.d, self.filtered[2:])):
            cv2.sepFilter2D(values, cv2.CV_64F, WINDOW, WINDOW, dst=means)
            np.multiply(values, values, out=values)
            cv2.sepFilter2D(values, cv2.CV_64F, WINDOW, WINDOW, dst=squares)
        for mean, square in ((mean_s, square_s), (mean_d, square_d)):
            np.multiply(mean, mean, out=mean)
            np.subtract(square, mean, out=square)
        one, two = 2 * C1 / scale**2, 2 * C2 / scale**2
        return _ratio(square_s, square_d, two, self.maps[0]), _ratio(mean_s, mean_d, one, self.maps[1])


def check_size(size: tuple[int, ...], smallest: int = TAPS, name: str = "SSIM") -> None:
    """Nothing; frames too small for the window end here.

    Raises:
        ClipError: a side is shorter than `smallest`.
    """
    height, width = size
    if min(size) < smallest:
        raise ClipError(f"{name} needs frames of at least {smallest}x{smallest} px, these are {height}x{width}")


def mse_ssim(sr_CHW: Levels, hr_CHW: Levels, channel: Channel) -> tuple[float, float]:
    """(MSE in levels squared, mean SSIM) of one channel of two frames of levels.

    Raises:
        ClipError: the frames are smaller than the 11x11 window.
    """
    check_size(sr_CHW.shape[-2:])
    scale, offset = units(channel)
    if kernels.available() and not channel.rounded:
        from stvsr_bench.metrics import fused

        constants = (2 * offset / scale, 2 * C1 / scale**2, 2 * C2 / scale**2)
        mse, ssim = fused.mse_ssim(sr_CHW, hr_CHW, channel.weights, constants)
        return mse * scale**2, ssim
    return _by_strips(sr_CHW, hr_CHW, channel)


def _by_strips(sr_CHW: Levels, hr_CHW: Levels, channel: Channel) -> tuple[float, float]:
    height, width = sr_CHW.shape[-2:]
    scale, offset = units(channel)
    step = min(height, max(_STRIP_PIXELS // width, 2 * TAPS)) - TAPS + 1
    work = Workspace.of(step + TAPS - 1, width)
    squares, total = 0.0, 0.0
    for start in range(0, height - TAPS + 1, step):
        strip = work.rows(min(step + TAPS - 1, height - start))
        rows = slice(start, start + len(strip.s))
        sr_HW, hr_HW = _planes(sr_CHW[:, rows], hr_CHW[:, rows], channel, strip)
        np.subtract(sr_HW, hr_HW, out=strip.d)
        np.add(sr_HW, hr_HW, out=strip.s)
        fresh = strip.d if rows.stop >= height else strip.d[:step]  # strips overlap; a row counts once
        squares += float(np.vdot(fresh, fresh))
        np.add(strip.s, 2 * offset / scale, out=strip.s)
        total += float(np.vdot(*strip.structure_luminance(scale)))
    valid = (height - TAPS + 1) * (width - TAPS + 1)
    return squares / (height * width) * scale**2, total / valid


def _planes(sr_CHW: Levels, hr_CHW: Levels, channel: Channel, strip: Workspace) -> tuple[NDArray[Any], NDArray[Any]]:
    if sr_CHW.dtype == hr_CHW.dtype == np.uint8 and not channel.rounded:
        sr_part, hr_part, spare = strip.whole  # whole numbers: half the memory to move
        return plane(sr_CHW, channel, (sr_part, spare)), plane(hr_CHW, channel, (hr_part, spare))
    return plane(sr_CHW, channel, strip.filtered[:2]), plane(hr_CHW, channel, strip.filtered[2:])


def ms_ssim(sr_HW: Plane, hr_HW: Plane) -> float:
    """Multi-scale SSIM (Wang 2003) of two planes in levels 0..255: five octaves by 2x2 means, the usual weights.

    A negative contrast term counts as zero; an odd side repeats its last line before it is halved.

    Raises:
        ClipError: the fifth octave would be smaller than the window.
    """
    check_size(sr_HW.shape, smallest=MS_SMALLEST, name="MS-SSIM")
    terms = []
    for octave in range(len(MS_WEIGHTS)):
        work = Workspace.of(*sr_HW.shape)
        np.add(sr_HW, hr_HW, out=work.s)
        np.subtract(sr_HW, hr_HW, out=work.d)
        structure, luminance = work.structure_luminance()
        last = octave == len(MS_WEIGHTS) - 1
        terms.append(float(np.mean(structure * luminance if last else structure)))
        sr_HW, hr_HW = _halved(sr_HW), _halved(hr_HW)
    return float(np.prod(np.maximum(terms, 0.0) ** MS_WEIGHTS))


def _halved(plane_HW: Plane) -> Plane:
    height, width = plane_HW.shape
    even = np.pad(plane_HW, ((0, height % 2), (0, width % 2)), mode="edge")
    return 0.25 * (even[0::2, 0::2] + even[1::2, 0::2] + even[0::2, 1::2] + even[1::2, 1::2])


def _ratio(plus: Plane, minus: Plane, constant: float, out: Plane) -> Plane:
    """(plus - minus + constant) / (plus + minus + constant); `plus` is overwritten."""
    np.add(plus, constant, out=plus)
    np.subtract(plus, minus, out=out)
    np.add(plus, minus, out=plus)
    return np.divide(out, plus, out=out)


def _empty(height: int, width: int) -> Plane:
    return np.empty((height, width), dtype=np.float64)
