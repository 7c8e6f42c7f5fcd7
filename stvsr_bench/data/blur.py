"""Blur-down ("BD"): 8-bit frames blurred by a Gaussian, of which every n-th sample is kept. Two recipes have that name.

Axes: S frames, C channels, H W size.
BasicVSR's takes 12 taps and is centred on the middle of each block of 4x4 pixels; frames made so lie where bicubic ones
do. The script that STDAN's repository ships takes 7 taps, centred on the block's third pixel: half a pixel off, and
narrower. BasicVSR's BD weights lose 2.69 dB on Vid4 with it, 2.53 of them by the shift (../shared/specs/networks4.md).
"""

from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import UsageError
from stvsr_bench.opencv import portable
from stvsr_bench.rounded import exp

SIGMA = 1.6
TAPS_2021, TAPS_STDAN = 12, 7
SCALE_2021 = 4
Bytes = NDArray[np.uint8]


def bd_2021(hr_SCHW: Bytes, scale: Fraction) -> Bytes:
    """BD as BasicVSR and its successors mean it: sample k is made of pixels 4k - 4 ... 4k + 7.

    Raises:
        UsageError: another scale than 4, for which no script says what BD is.
    """
    if scale != SCALE_2021:
        raise UsageError(
            f"degradation bd-2021 is defined for x{SCALE_2021} only, not x{scale}; bicubic has every scale"
        )
    # OpenCV puts the middle of an even number of taps half a pixel before the sample: 4k + 2 - 0.5
    return blur_down(hr_SCHW, SCALE_2021, phase=2, taps=TAPS_2021)


def bd_stdan(hr_SCHW: Bytes, scale: Fraction) -> Bytes:
    """BD of a script that was left in STDAN's repository; the field's benchmark, STDAN's tables too, is bicubic.

    Raises:
        UsageError: a scale that is no whole number: every 5/2-th sample does not exist.
    """
    if scale.denominator != 1:
        raise UsageError(f"degradation bd-stdan keeps every n-th sample; x{scale} is not a whole number; use bicubic")
    # MATLAB's nearest neighbour takes samples 2, 6, 10, ... (counted from 0) at 1/4; 1, 4, ... at 1/3; 1, 3, ... at 1/2
    return blur_down(hr_SCHW, int(scale), phase=int(scale) // 2, taps=TAPS_STDAN)


@portable()
def blur_down(hr_SCHW: Bytes, scale: int, phase: int, taps: int) -> Bytes:
    """Every `scale`-th sample from `phase` on of the frames blurred by a Gaussian of so many taps, edges repeated.

    The samples are rounded once, half up, (S, C, H // scale, W // scale). An even number of taps is centred half a
    pixel before each sample.
    """
    # `exp` of `rounded`: numpy's differs by the last bit on AVX-512
    weights = np.array([exp(-((tap - (taps - 1) / 2) ** 2) / (2 * SIGMA**2)) for tap in range(taps)])
    weights /= weights.sum()
    height, width = hr_SCHW.shape[-2:]
    out = np.empty((*hr_SCHW.shape[:2], height // scale, width // scale), np.uint8)
    planes: NDArray[Any] = hr_SCHW.reshape(-1, height, width)
    for made, plane in zip(out.reshape(-1, *out.shape[2:]), planes, strict=True):
        blurred = cv2.sepFilter2D(plane, cv2.CV_64F, weights, weights, borderType=cv2.BORDER_REPLICATE)
        # float64 and rounded once, half away from zero as MATLAB stores 8 bits
        made[:] = np.floor(blurred[phase::scale, phase::scale] + 0.5)
    return out
