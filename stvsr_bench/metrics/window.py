"""The 11x11 Gaussian window (sigma 1.5) and the two constants of SSIM."""

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.rounded import exp

TAPS = 11
PEAK = 255.0  # also for Y, which spans only 219 levels: so the published scripts
C1 = (0.01 * PEAK) ** 2
C2 = (0.03 * PEAK) ** 2


def _window() -> NDArray[np.float64]:
    weights = np.array([exp(-((tap - TAPS // 2) ** 2) / (2 * 1.5**2)) for tap in range(TAPS)])
    normalised: NDArray[np.float64] = weights / weights.sum()
    return normalised


WINDOW = _window()
