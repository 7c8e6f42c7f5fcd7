"""8-bit rounding, MSE and SSIM in one pass over the pixels, compiled by numba. Import only if `kernels.available()`.

Compiled once and kept on disk; the first call ever takes some seconds. One thread: a run shares out clips, not pixels.
The functions below are plain Python until the last lines compile them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.compiling import compiled
from stvsr_bench.metrics.window import TAPS, WINDOW

# No fastmath: sums that may be reordered, and multiply-adds that may be fused, depend on the width and the kind of the
# processor's vectors. Sums are kept for each column instead, which is as fast and the same on every CPU.
# Without error_model="numpy" a division could raise, and a loop that may raise is not vectorised.
_compile = compiled(nogil=True, error_model="numpy")
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
    # whole multiples of bytes are whole numbers that float32 holds
    exact = sr_CHW.dtype == hr_CHW.dtype == np.uint8 and all(float(weight).is_integer() for weight in weights)
    ring = np.empty((TAPS, 2, sr_CHW.shape[-1]), np.float32 if exact else np.float64)
    sr_CHW, hr_CHW = np.ascontiguousarray(sr_CHW), np.ascontiguousarray(hr_CHW)
    mse, ssim = _scan(sr_CHW, hr_CHW, weights, constants, _HALF_WINDOW, ring)
    return float(mse), float(ssim)


def ssim_of_bytes(sr_HW: NDArray[np.uint8], hr_HW: NDArray[np.uint8], constants: tuple[float, float]) -> float:
    """Mean SSIM of two planes of 8-bit levels; `constants` are 2 C1 and 2 C2."""
    return float(_scan_bytes(np.ascontiguousarray(sr_HW), np.ascontiguousarray(hr_HW), constants, _HALF_WINDOW))


def _round_plain(values: Any, out: Any) -> None:
    for i in range(values.size):
        value = min(max(values[i], np.float32(0)), np.float32(1))
        out[i] = np.uint8(np.rint(value * np.float32(255)))


def _scan_plain(sr: Any, hr: Any, weights: Any, constants: Any, window: Any, ring: Any) -> Any:
    """Eleven rows of s = x + y and d = x - y are kept in `ring` (11, 2, W); each new one completes a row of the map."""
    height, width = sr.shape[1], sr.shape[2]
    moments = np.empty((4, width))
    squares, ssim = np.zeros(width), np.zeros(width - TAPS + 1)  # a sum for each column
    for y in range(height):
        _mix(sr[:, y], hr[:, y], weights, ring[y % TAPS], squares)
        if y >= TAPS - 1:
            _down_with_squares(ring, 0, y + 1, constants[0], window, moments)
            _down_with_squares(ring, 1, y + 1, 0.0, window, moments)
            _across(moments, constants[1], constants[2], window, ssim)
    return _total(squares) / (height * width), _total(ssim) / ((height - TAPS + 1) * (width - TAPS + 1))


def _total_plain(sums: Any) -> float:
    """The sum from left to right; numba's own may add in another order on another processor."""
    total = 0.0
    for x in range(sums.size):
        total += sums[x]
    return total


def _mix_plain(sr: Any, hr: Any, weights: Any, both: Any, squares: Any) -> None:
    """Fill in s and d of one row of the weighted plane; the squares of d are added to their columns."""
    s, d = both[0], both[1]
    red, green, blue = s.dtype.type(weights[0]), s.dtype.type(weights[1]), s.dtype.type(weights[2])
    sr_r, sr_g, sr_b, hr_r, hr_g, hr_b = sr[0], sr[1], sr[2], hr[0], hr[1], hr[2]
    for x in range(s.size):
        a = red * sr_r[x] + green * sr_g[x] + blue * sr_b[x]
        b = red * hr_r[x] + green * hr_g[x] + blue * hr_b[x]
        s[x], d[x] = a + b, a - b
    for x in range(s.size):  # a loop of its own: with nine arrays in one, LLVM gives up making vectors
        squares[x] += np.float64(d[x]) * np.float64(d[x])


def _down_with_squares_plain(ring: Any, m: int, first: int, offset: float, window: Any, moments: Any) -> None:
    """Eleven rows, each plus `offset`, filtered to one, and so their squares."""
    w0, w1, w2, w3, w4, w5 = window
    k0, k1, k2 = ring[first % 11, m], ring[(first + 1) % 11, m], ring[(first + 2) % 11, m]
    k3, k4, k5 = ring[(first + 3) % 11, m], ring[(first + 4) % 11, m], ring[(first + 5) % 11, m]
    k6, k7, k8 = ring[(first + 6) % 11, m], ring[(first + 7) % 11, m], ring[(first + 8) % 11, m]
    k9, k10 = ring[(first + 9) % 11, m], ring[(first + 10) % 11, m]
    mean, square, plus = moments[m], moments[m + 2], np.float64(offset)
    for x in range(mean.size):
        a0, b0 = _pair(k0[x] + plus, k10[x] + plus)
        a1, b1 = _pair(k1[x] + plus, k9[x] + plus)
        a2, b2 = _pair(k2[x] + plus, k8[x] + plus)
        a3, b3 = _pair(k3[x] + plus, k7[x] + plus)
        a4, b4 = _pair(k4[x] + plus, k6[x] + plus)
        a5 = k5[x] + plus
        mean[x] = w0 * a0 + w1 * a1 + w2 * a2 + w3 * a3 + w4 * a4 + w5 * a5
        square[x] = w0 * b0 + w1 * b1 + w2 * b2 + w3 * b3 + w4 * b4 + w5 * (a5 * a5)


def _pair_plain(value: float, twin: float) -> Any:
    """The sums of two values that share a weight, and of their squares."""
    return value + twin, value * value + twin * twin


def _scan_bytes_plain(sr: Any, hr: Any, constants: Any, window: Any) -> Any:
    """As `_scan`, with s, d and their squares kept as float32: of bytes they are whole numbers below 2**24, exact."""
    height, width = sr.shape
    ring = np.empty((TAPS, 4, width), np.float32)
    moments = np.empty((4, width))
    ssim = np.zeros(width - TAPS + 1)
    for y in range(height):
        _fill_bytes(sr[y], hr[y], ring[y % TAPS])
        if y >= TAPS - 1:
            _down(ring, y + 1, window, moments)
            _across(moments, constants[0], constants[1], window, ssim)
    return _total(ssim) / ((height - TAPS + 1) * (width - TAPS + 1))


def _fill_bytes_plain(sr: Any, hr: Any, moments: Any) -> None:
    """s, d and their squares of one row."""
    s, d, ss, dd = moments[0], moments[1], moments[2], moments[3]
    for x in range(s.size):
        plus, minus = np.float32(sr[x]) + np.float32(hr[x]), np.float32(sr[x]) - np.float32(hr[x])
        s[x], d[x], ss[x], dd[x] = plus, minus, plus * plus, minus * minus


def _down_plain(ring: Any, first: int, window: Any, moments: Any) -> None:
    """Eleven rows of whole numbers filtered to one; what shares a weight is added in float32, where it is exact."""
    w0, w1, w2, w3, w4, w5 = window
    for m in range(4):
        k0, k1, k2 = ring[first % 11, m], ring[(first + 1) % 11, m], ring[(first + 2) % 11, m]
        k3, k4, k5 = ring[(first + 3) % 11, m], ring[(first + 4) % 11, m], ring[(first + 5) % 11, m]
        k6, k7, k8 = ring[(first + 6) % 11, m], ring[(first + 7) % 11, m], ring[(first + 8) % 11, m]
        k9, k10 = ring[(first + 9) % 11, m], ring[(first + 10) % 11, m]
        out = moments[m]
        for x in range(out.size):
            a0, a1, a2 = np.float64(k0[x] + k10[x]), np.float64(k1[x] + k9[x]), np.float64(k2[x] + k8[x])
            a3, a4, a5 = np.float64(k3[x] + k7[x]), np.float64(k4[x] + k6[x]), np.float64(k5[x])
            out[x] = w0 * a0 + w1 * a1 + w2 * a2 + w3 * a3 + w4 * a4 + w5 * a5


def _across_plain(moments: Any, two_c1: float, two_c2: float, window: Any, ssim: Any) -> None:
    """Add one row of the SSIM map to its columns, from one row that is filtered down already."""
    s, d, ss, dd = moments[0], moments[1], moments[2], moments[3]
    for x in range(ssim.size):
        ms, md, vs, vd = _tap(s, x, window), _tap(d, x, window), _tap(ss, x, window), _tap(dd, x, window)
        ms, md = ms * ms, md * md
        vs, vd = vs - ms, vd - md
        ssim[x] += ((ms - md + two_c1) * (vs - vd + two_c2)) / ((ms + md + two_c1) * (vs + vd + two_c2))


def _tap_plain(r: Any, x: int, window: Any) -> Any:
    w0, w1, w2, w3, w4, w5 = window
    near = w5 * r[x + 5] + w4 * (r[x + 4] + r[x + 6]) + w3 * (r[x + 3] + r[x + 7])
    return near + w2 * (r[x + 2] + r[x + 8]) + w1 * (r[x + 1] + r[x + 9]) + w0 * (r[x] + r[x + 10])


_pair, _tap, _total = _compile(_pair_plain), _compile(_tap_plain), _compile(_total_plain)
_across, _down, _fill_bytes = _compile(_across_plain), _compile(_down_plain), _compile(_fill_bytes_plain)
_mix, _down_with_squares = _compile(_mix_plain), _compile(_down_with_squares_plain)
_round, _scan, _scan_bytes = _compile(_round_plain), _compile(_scan_plain), _compile(_scan_bytes_plain)
