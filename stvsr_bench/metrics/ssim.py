"""SSIM of planes: 11x11 Gaussian window (sigma 1.5), valid region only, population moments, float64.

Four separable filters instead of five 2-D ones: of the sum s = x + y and the difference d = x - y the means and
second moments give everything, and the mean of d * d is the MSE. Frames are taken in strips that share their buffers:
fresh memory for each of some twenty passes would cost more than the passes. H W size, V valid rows and columns.
"""

import math
import threading
from dataclasses import dataclass

import cv2
import numpy as np

from stvsr_bench.errors import ClipError
from stvsr_bench.metrics import kernels
from stvsr_bench.metrics.color import Channel, Levels, Plane, plane, units
from stvsr_bench.metrics.psnr import mse_of_channel
from stvsr_bench.metrics.window import C1, C2, TAPS, WINDOW
from stvsr_bench.rounded import power

MS_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
MS_SMALLEST = 161  # the smallest side whose fifth octave (four halvings, odd sizes padded) still holds the window
_STRIP_PIXELS = 2**17  # of float64: 1 MB a buffer, eight buffers
_EDGE = TAPS // 2
_local = threading.local()
Terms = tuple[Plane, Plane, Plane, Plane]


@dataclass(frozen=True)
class Workspace:
    """Buffers of one strip: s and d (H, W), the filtered means and squares of both, two maps (V, W)."""

    s: Plane
    d: Plane
    filtered: Terms
    maps: tuple[Plane, Plane]

    @classmethod
    def of(cls, height: int, width: int) -> "Workspace":
        """This thread's buffers for strips of that size; the last size used is kept."""
        kept = getattr(_local, "workspace", None)
        if kept is None or kept.s.shape != (height, width):
            s, d, *four = (np.empty((height, width)) for _ in range(6))
            first, second = (np.empty((height - TAPS + 1, width)) for _ in range(2))
            kept = cls(s, d, (four[0], four[1], four[2], four[3]), (first, second))
            _local.workspace = kept
        workspace: Workspace = kept
        return workspace

    def rows(self, count: int) -> "Workspace":
        """The first rows only, for the last strip of a frame."""
        first, second = self.maps
        inner = count - TAPS + 1
        a, b, c, d = (buffer[:count] for buffer in self.filtered)
        return Workspace(self.s[:count], self.d[:count], (a, b, c, d), (first[:inner], second[:inner]))

    def terms(self, scale: float = 1.0) -> Terms:
        """Luminance above and below, structure above and below, each (V, W), of what lies in s and d in `scale` levels.

        SSIM is luminance times structure, each "above" by "below". Luminance is (2 m1 m2 + C1) / (m1^2 + m2^2 + C1),
        structure (2 covariance + C2) / (sum of variances + C2); twice these are sums and differences of squares of s
        and d. Both constants ride on one filter, and the luminance takes its own away with the squared means.
        s and d are used up. Columns stay whole, for rows that lie together are faster; `_EDGE` on each side is void.
        """
        one, two = 2 * C1 / scale**2, 2 * C2 / scale**2
        mean_s, square_s, mean_d, square_d = (buffer[_EDGE:-_EDGE] for buffer in self.filtered)
        for values, (means, squares), plus in (
            (self.s, self.filtered[:2], one + two),
            (self.d, self.filtered[2:], 0.0),
        ):
            cv2.sepFilter2D(values, cv2.CV_64F, WINDOW, WINDOW, dst=means)
            np.multiply(values, values, out=values)
            cv2.sepFilter2D(values, cv2.CV_64F, WINDOW, WINDOW, dst=squares, delta=plus)
        np.multiply(mean_d, mean_d, out=mean_d)
        np.multiply(mean_s, mean_s, out=mean_s)
        np.add(mean_s, one, out=mean_s)
        luminance, structure = self.maps
        np.subtract(mean_s, mean_d, out=luminance)
        np.add(mean_s, mean_d, out=mean_s)
        np.subtract(square_s, square_d, out=structure)
        np.add(square_s, square_d, out=square_s)
        np.subtract(structure, luminance, out=structure)
        np.subtract(square_s, mean_s, out=square_s)
        return luminance, mean_s, structure, square_s


def check_size(size: tuple[int, ...], smallest: int = TAPS, name: str = "SSIM") -> None:
    """Nothing; frames too small for the window end here.

    Raises:
        ClipError: a side is shorter than `smallest`.
    """
    # the published code gives NaN here, with a warning
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
    if kernels.available() and not channel.rounded:  # the kernel mixes the channels itself, and does not round
        from stvsr_bench.metrics import fused

        if 0.0 in channel.weights and sr_CHW.dtype == hr_CHW.dtype == np.uint8:
            only = channel.weights.index(1.0)
            ssim = fused.ssim_of_bytes(sr_CHW[only], hr_CHW[only], (2 * C1, 2 * C2))
            return mse_of_channel(sr_CHW, hr_CHW, channel), ssim
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
        sr_HW, hr_HW = plane(sr_CHW[:, rows], channel), plane(hr_CHW[:, rows], channel)
        np.subtract(sr_HW, hr_HW, out=strip.d)
        np.add(sr_HW, hr_HW, out=strip.s)
        fresh = strip.d if rows.stop >= height else strip.d[:step]  # strips overlap; a row counts once
        squares += cv2.norm(fresh, cv2.NORM_L2SQR)
        if offset:
            np.add(strip.s, 2 * offset / scale, out=strip.s)
        total += float(_product(strip.terms(scale))[:, _EDGE:-_EDGE].sum())
    # the valid region alone: padded borders would move SSIM by up to 8e-4 at 448x256, as measured
    valid = (height - TAPS + 1) * (width - TAPS + 1)
    return squares / (height * width) * scale**2, total / valid


def _product(terms: Terms) -> Plane:
    """Luminance times structure, the SSIM map; its numerators and denominators are used up."""
    luminance, below, structure, structure_below = terms
    np.multiply(luminance, structure, out=luminance)
    np.multiply(below, structure_below, out=below)
    return np.divide(luminance, below, out=luminance)


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
        found = work.terms()
        last = octave == len(MS_WEIGHTS) - 1
        whole = _product(found) if last else found[2] / found[3]
        terms.append(float(np.mean(whole[:, _EDGE:-_EDGE])))
        sr_HW, hr_HW = _halved(sr_HW), _halved(hr_HW)
    # a negative number has no such power: the contrast of frames that are each other's inverse is below zero
    return math.prod(power(max(term, 0.0), weight) for term, weight in zip(terms, MS_WEIGHTS, strict=True))


def _halved(plane_HW: Plane) -> Plane:
    height, width = plane_HW.shape
    even = np.pad(plane_HW, ((0, height % 2), (0, width % 2)), mode="edge")
    return 0.25 * (even[0::2, 0::2] + even[1::2, 0::2] + even[0::2, 1::2] + even[1::2, 1::2])
