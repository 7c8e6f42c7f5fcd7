"""SSIM of two planes: 11x11 Gaussian window (sigma 1.5), valid region only, population moments, float64.

Four separable filters instead of five 2-D ones: of the sum s = x + y and the difference d = x - y the means and
second moments give everything, and the mean of d * d is the MSE. H W size, V valid region (10 smaller).
"""

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


@dataclass(frozen=True)
class Moments:
    """Squared mean and variance maps of s = x + y and d = x - y, in levels squared."""

    mean_s: NDArray[np.float64]
    mean_d: NDArray[np.float64]
    var_s: NDArray[np.float64]
    var_d: NDArray[np.float64]

    def structure(self) -> NDArray[np.float64]:
        """The contrast and structure map: (2 covariance + C2) / (sum of variances + C2)."""
        above = self.var_s - self.var_d
        above += 2 * C2
        below = np.add(self.var_s, self.var_d, out=self.var_s)
        below += 2 * C2
        return np.divide(above, below, out=above)

    def luminance(self) -> NDArray[np.float64]:
        """The luminance map: (2 m1 m2 + C1) / (m1^2 + m2^2 + C1)."""
        above = self.mean_s - self.mean_d
        above += 2 * C1
        below = np.add(self.mean_s, self.mean_d, out=self.mean_s)
        below += 2 * C1
        return np.divide(above, below, out=above)

    def ssim(self) -> float:
        """The mean of luminance times structure."""
        structure = self.structure()
        return float(np.mean(np.multiply(structure, self.luminance(), out=structure)))


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
    if kernels.available() and not channel.rounded:
        scale, offset = units(channel)
        constants = (2 * offset / scale, 2 * C1 / scale**2, 2 * C2 / scale**2)
        from stvsr_bench.metrics import fused

        mse, ssim = fused.mse_ssim(sr_CHW, hr_CHW, channel.weights, constants)
        return mse * scale**2, ssim
    sr, hr = plane(sr_CHW, channel), plane(hr_CHW, channel)
    scale, offset = units(channel)
    difference = sr - hr
    total = np.add(sr, hr, out=sr)
    mse = float(np.vdot(difference, difference)) / difference.size * scale**2
    total *= scale
    total += 2 * offset
    difference *= scale
    return mse, _moments(total, difference).ssim()


def ms_ssim(sr_HW: Plane, hr_HW: Plane) -> float:
    """Multi-scale SSIM (Wang 2003) of two planes in levels 0..255: five octaves by 2x2 means, the usual weights.

    A negative contrast term counts as zero; an odd side repeats its last line before it is halved.

    Raises:
        ClipError: the fifth octave would be smaller than the window.
    """
    check_size(sr_HW.shape, smallest=MS_SMALLEST, name="MS-SSIM")
    terms = []
    for octave in range(len(MS_WEIGHTS)):
        maps = _moments(sr_HW + hr_HW, sr_HW - hr_HW)
        last = octave == len(MS_WEIGHTS) - 1
        terms.append(maps.ssim() if last else float(np.mean(maps.structure())))
        sr_HW, hr_HW = _halved(sr_HW), _halved(hr_HW)
    return float(np.prod(np.maximum(terms, 0.0) ** MS_WEIGHTS))


def _halved(plane_HW: Plane) -> Plane:
    height, width = plane_HW.shape
    even = np.pad(plane_HW, ((0, height % 2), (0, width % 2)), mode="edge")
    return 0.25 * (even[0::2, 0::2] + even[1::2, 0::2] + even[0::2, 1::2] + even[1::2, 1::2])


def _moments(s_HW: Plane, d_HW: Plane) -> Moments:
    """Windowed squared means and variances of a sum and a difference of planes (both are overwritten)."""
    mean_s, var_s = _mean_variance(s_HW)
    mean_d, var_d = _mean_variance(d_HW)
    return Moments(mean_s, mean_d, var_s, var_d)


def _mean_variance(plane_HW: Plane) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean = _filter(plane_HW)
    squares = _filter(np.multiply(plane_HW, plane_HW, out=plane_HW))
    np.multiply(mean, mean, out=mean)
    return mean, np.subtract(squares, mean, out=squares)


def _filter(plane_HW: Plane) -> NDArray[Any]:
    edge = TAPS // 2
    filtered: NDArray[Any] = cv2.sepFilter2D(plane_HW, cv2.CV_64F, WINDOW, WINDOW)
    return filtered[edge:-edge, edge:-edge]
