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


def ssim_of_bytes(sr_HW: NDArray[np.uint8], hr_HW: NDArray[np.uint8], constants: tuple[float, float]) -> float:
    """Mean SSIM of two planes of 8-bit levels; `constants` are 2 C1 and 2 C2."""
    return float(_scan_bytes(np.ascontiguousarray(sr_HW), np.ascontiguousarray(hr_HW), constants, _HALF_WINDOW))


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
    for x in range(out.size):
        out[x] = _tap(r, x, window)


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


def _scan_bytes_plain(sr: Any, hr: Any, constants: Any, window: Any) -> Any:
    """Down first, in whole numbers: of bytes eleven rows are read sooner than eleven rows of filtered moments."""
    height, width = sr.shape
    moments = np.empty((4, width))
    total = 0.0
    for y in range(height - TAPS + 1):
        _vertical_bytes(_rows(sr, y), _rows(hr, y), window, moments)
        total += _across(moments, constants[0], constants[1], window)
    return total / ((height - TAPS + 1) * (width - TAPS + 1))


def _rows_plain(plane: Any, y: int) -> Any:
    p = plane[y : y + 11]
    return p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10]


def _vertical_bytes_plain(sr: Any, hr: Any, window: Any, moments: Any) -> None:
    """Filtered s = x + y, d = x - y and their squares of one row, from eleven rows of bytes."""
    w0, w1, w2, w3, w4, w5 = window
    a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10 = sr
    b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10 = hr
    s, d, ss, dd = moments[0], moments[1], moments[2], moments[3]
    for x in range(s.size):
        s0, d0, p0, q0 = _pair(a0[x], b0[x], a10[x], b10[x])
        s1, d1, p1, q1 = _pair(a1[x], b1[x], a9[x], b9[x])
        s2, d2, p2, q2 = _pair(a2[x], b2[x], a8[x], b8[x])
        s3, d3, p3, q3 = _pair(a3[x], b3[x], a7[x], b7[x])
        s4, d4, p4, q4 = _pair(a4[x], b4[x], a6[x], b6[x])
        plus, minus = np.int32(a5[x]) + np.int32(b5[x]), np.int32(a5[x]) - np.int32(b5[x])
        s[x] = w0 * s0 + w1 * s1 + w2 * s2 + w3 * s3 + w4 * s4 + w5 * plus
        d[x] = w0 * d0 + w1 * d1 + w2 * d2 + w3 * d3 + w4 * d4 + w5 * minus
        ss[x] = w0 * p0 + w1 * p1 + w2 * p2 + w3 * p3 + w4 * p4 + w5 * (plus * plus)
        dd[x] = w0 * q0 + w1 * q1 + w2 * q2 + w3 * q3 + w4 * q4 + w5 * (minus * minus)


def _pair_plain(sr: Any, hr: Any, sr_twin: Any, hr_twin: Any) -> Any:
    """Sums of s, d, s^2 and d^2 of two pixels that share a weight."""
    a, b, c, d = np.int32(sr), np.int32(hr), np.int32(sr_twin), np.int32(hr_twin)
    s, t, p, q = a + b, c + d, a - b, c - d
    return s + t, p + q, s * s + t * t, p * p + q * q


def _across_plain(moments: Any, two_c1: float, two_c2: float, window: Any) -> float:
    """The sum of one row of the SSIM map, from one row that is filtered down already."""
    total = 0.0
    s, d, ss, dd = moments[0], moments[1], moments[2], moments[3]
    for x in range(s.size - TAPS + 1):
        ms, md, vs, vd = _tap(s, x, window), _tap(d, x, window), _tap(ss, x, window), _tap(dd, x, window)
        ms, md = ms * ms, md * md
        vs, vd = vs - ms, vd - md
        total += ((ms - md + two_c1) * (vs - vd + two_c2)) / ((ms + md + two_c1) * (vs + vd + two_c2))
    return total


def _tap_plain(r: Any, x: int, window: Any) -> Any:
    w0, w1, w2, w3, w4, w5 = window
    near = w5 * r[x + 5] + w4 * (r[x + 4] + r[x + 6]) + w3 * (r[x + 3] + r[x + 7])
    return near + w2 * (r[x + 2] + r[x + 8]) + w1 * (r[x + 1] + r[x + 9]) + w0 * (r[x] + r[x + 10])


_pair, _tap, _rows = _compile(_pair_plain), _compile(_tap_plain), _compile(_rows_plain)
_vertical_bytes, _across = _compile(_vertical_bytes_plain), _compile(_across_plain)
_scan_bytes = _compile(_scan_bytes_plain)
_fill, _horizontal, _vertical = _compile(_fill_plain), _compile(_horizontal_plain), _compile(_vertical_plain)
_round, _scan = _compile(_round_plain), _compile(_scan_plain)
