"""8-bit rounding, MSE and SSIM in one pass over the pixels, compiled by numba. Import only if `kernels.available()`.

Compiled once and kept on disk; the first call ever takes some seconds. One thread: a run shares out clips, not pixels.
The functions below are plain Python until the last lines compile them.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from stvsr_bench.metrics.window import TAPS, WINDOW

# Sums may be reordered, NaN and infinity keep their meaning. Without error_model="numpy" a division could raise, and
# a loop that may raise is not vectorised.
_compile = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz", "arcp"})
_HALF_WINDOW = tuple(float(weight) for weight in WINDOW[: TAPS // 2 + 1])


def to_8bit(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values in [0, 1] as 8-bit levels: clipped, times 255 in float32, rounded half to even. Same shape."""
    out = np.empty(values.shape, np.uint8)
    _round(values.reshape(-1), out.reshape(-1))
    return out


def mse_ssim(
    sr_CHW: NDArray[Any],
    hr_CHW: NDArray[Any],
    weights: tuple[float, float, float],
    constants: tuple[float, float, float],
) -> tuple[float, float]:
    """(MSE, mean SSIM) of one weighted plane of two frames; `constants` are twice the offset, 2 C1 and 2 C2."""
    mse, ssim = _scan(np.ascontiguousarray(sr_CHW), np.ascontiguousarray(hr_CHW), weights, constants, _HALF_WINDOW)
    return float(mse), float(ssim)


def _round_plain(values: Any, out: Any) -> None:
    for i in range(values.size):
        value = min(max(values[i], np.float32(0)), np.float32(1))
        out[i] = np.uint8(np.rint(value * np.float32(255)))


def _scan_plain(sr: Any, hr: Any, weights: Any, constants: Any, window: Any) -> Any:
    """Eleven horizontally filtered rows are kept; each new one completes a row of the SSIM map."""
    height, width = sr.shape[1], sr.shape[2]
    moments = np.empty((4, width))
    ring = np.empty((TAPS, 4, width - TAPS + 1))
    squares, total = 0.0, 0.0
    for y in range(height):
        squares += _fill(sr[:, y], hr[:, y], weights, constants[0], moments)
        for m in range(4):
            _horizontal(moments[m], window, ring[y % TAPS, m])
        if y >= TAPS - 1:
            total += _vertical(ring, y + 1, constants[1], constants[2], window)
    return squares / (height * width), total / ((height - TAPS + 1) * (width - TAPS + 1))


def _fill_plain(sr: Any, hr: Any, weights: Any, twice_offset: float, moments: Any) -> float:
    """Fill in s = x + y, d = x - y and their squares of one row; the sum of the squares of d."""
    red, green, blue = weights
    sr_r, sr_g, sr_b, hr_r, hr_g, hr_b = sr[0], sr[1], sr[2], hr[0], hr[1], hr[2]
    s, d, ss, dd = moments[0], moments[1], moments[2], moments[3]
    squares = 0.0
    for x in range(s.size):
        a = red * sr_r[x] + green * sr_g[x] + blue * sr_b[x]
        b = red * hr_r[x] + green * hr_g[x] + blue * hr_b[x]
        plus, minus = a + b + twice_offset, a - b
        s[x], d[x], ss[x], dd[x] = plus, minus, plus * plus, minus * minus
        squares += minus * minus
    return squares


def _horizontal_plain(r: Any, window: Any, out: Any) -> None:
    w0, w1, w2, w3, w4, w5 = window
    for x in range(out.size):
        near = w5 * r[x + 5] + w4 * (r[x + 4] + r[x + 6]) + w3 * (r[x + 3] + r[x + 7])
        out[x] = near + w2 * (r[x + 2] + r[x + 8]) + w1 * (r[x + 1] + r[x + 9]) + w0 * (r[x] + r[x + 10])


def _vertical_plain(ring: Any, first: int, two_c1: float, two_c2: float, window: Any) -> float:
    """The sum of one row of the SSIM map, from the eleven rows that start at `first` in the ring."""
    w0, w1, w2, w3, w4, w5 = window
    k0, k1, k2, k3 = ring[first % 11], ring[(first + 1) % 11], ring[(first + 2) % 11], ring[(first + 3) % 11]
    k4, k5, k6, k7 = ring[(first + 4) % 11], ring[(first + 5) % 11], ring[(first + 6) % 11], ring[(first + 7) % 11]
    k8, k9, k10 = ring[(first + 8) % 11], ring[(first + 9) % 11], ring[(first + 10) % 11]
    total = 0.0
    for x in range(ring.shape[2]):
        ms = w5 * k5[0, x] + w4 * (k4[0, x] + k6[0, x]) + w3 * (k3[0, x] + k7[0, x])
        ms += w2 * (k2[0, x] + k8[0, x]) + w1 * (k1[0, x] + k9[0, x]) + w0 * (k0[0, x] + k10[0, x])
        md = w5 * k5[1, x] + w4 * (k4[1, x] + k6[1, x]) + w3 * (k3[1, x] + k7[1, x])
        md += w2 * (k2[1, x] + k8[1, x]) + w1 * (k1[1, x] + k9[1, x]) + w0 * (k0[1, x] + k10[1, x])
        vs = w5 * k5[2, x] + w4 * (k4[2, x] + k6[2, x]) + w3 * (k3[2, x] + k7[2, x])
        vs += w2 * (k2[2, x] + k8[2, x]) + w1 * (k1[2, x] + k9[2, x]) + w0 * (k0[2, x] + k10[2, x])
        vd = w5 * k5[3, x] + w4 * (k4[3, x] + k6[3, x]) + w3 * (k3[3, x] + k7[3, x])
        vd += w2 * (k2[3, x] + k8[3, x]) + w1 * (k1[3, x] + k9[3, x]) + w0 * (k0[3, x] + k10[3, x])
        ms, md = ms * ms, md * md
        vs, vd = vs - ms, vd - md
        total += ((ms - md + two_c1) * (vs - vd + two_c2)) / ((ms + md + two_c1) * (vs + vd + two_c2))
    return total


_fill, _horizontal, _vertical = _compile(_fill_plain), _compile(_horizontal_plain), _compile(_vertical_plain)
_round, _scan = _compile(_round_plain), _compile(_scan_plain)
