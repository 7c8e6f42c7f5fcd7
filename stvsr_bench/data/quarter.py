"""Bicubic by exactly 1/4 of 8-bit frames in whole numbers, compiled by numba. Import only where numba works.

N planes, H W their size (multiples of 4). Every output sample is made of 16 inputs, 4k-6 ... 4k+9, whose weights are
symmetric multiples of 1/4096; both directions together give whole multiples of 2**-24, rounded once.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.compiling import compiled

# half of the 16 taps, in 1/4096; the other half is their mirror image (../shared/specs/metrics.md, 3)
_WEIGHTS = (-7.0, -45.0, -75.0, -49.0, 93.0, 399.0, 745.0, 987.0)
_PAD = 8  # two blocks of 4 on each side; the taps reach 6 px beyond the border
_compile = compiled(nogil=True, error_model="numpy")


def resize(planes_NHW: NDArray[np.uint8], out_Nhw: NDArray[np.uint8]) -> None:
    """Fill `out_Nhw`, (N, H / 4, W / 4), with the planes at a quarter of their size."""
    _resize(planes_NHW, out_Nhw, _WEIGHTS)


def _resize_plain(planes: Any, out: Any, weights: Any) -> None:
    count, height, width = planes.shape
    floats = np.empty((height, width), np.float32)
    line = np.empty(width + 2 * _PAD, np.float32)
    # every fourth sample in a row of its own, so that the inner loop reads neighbours. float64: one direction of bytes
    # stays below 4800 * 255 (exact in float32), both reach 5.9e9
    phases = np.empty((4, width // 4 + 4))
    for n in range(count):
        for y in range(height):
            _copy(planes[n, y], floats[y])
        for k in range(height // 4):
            inner = line[_PAD : _PAD + width]
            inner[:] = np.float32(0)
            for tap in range(8):
                upper, lower = _mirrored(4 * k - 6 + tap, height), _mirrored(4 * k + 9 - tap, height)
                _add_pair(floats[upper], floats[lower], np.float32(weights[tap]), inner)
            for edge in range(_PAD):
                line[_PAD - 1 - edge] = inner[edge]
                line[_PAD + width + edge] = inner[width - 1 - edge]
            for phase in range(4):
                _every_fourth(line, phase, phases[phase])
            _columns(phases, weights, out[n, k])


def _mirrored_plain(index: int, size: int) -> int:
    if index < 0:
        return -1 - index
    return 2 * size - 1 - index if index >= size else index


def _copy_plain(levels: Any, out: Any) -> None:
    for x in range(levels.size):
        out[x] = levels[x]


def _add_pair_plain(first: Any, second: Any, weight: Any, out: Any) -> None:
    for x in range(out.size):
        out[x] += weight * (first[x] + second[x])  # whole numbers below 2**24: exact in float32


def _every_fourth_plain(line: Any, phase: int, out: Any) -> None:
    for k in range(out.size):
        out[k] = line[4 * k + phase]


def _columns_plain(phases: Any, weights: Any, out: Any) -> None:
    """One row of the result; sample 4k-6 of the frame is sample 2 of phase block k of the padded line."""
    w0, w1, w2, w3, w4, w5, w6, w7 = weights
    a, b, c, d = phases[0], phases[1], phases[2], phases[3]
    for k in range(out.size):
        total = (
            w0 * (c[k] + b[k + 4]) + w1 * (d[k] + a[k + 4]) + w2 * (a[k + 1] + d[k + 3]) + w3 * (b[k + 1] + c[k + 3])
        )
        total += w4 * (c[k + 1] + b[k + 3]) + w5 * (d[k + 1] + a[k + 3])
        total += w6 * (a[k + 2] + d[k + 2]) + w7 * (b[k + 2] + c[k + 2])
        out[k] = np.uint8(min(max(total * 2.0**-24 + 0.5, 0.0), 255.0))


# plain Python up to here, so that a test can run it without numba's compiler
_copy, _add_pair, _every_fourth = _compile(_copy_plain), _compile(_add_pair_plain), _compile(_every_fourth_plain)
_mirrored, _columns = _compile(_mirrored_plain), _compile(_columns_plain)
_resize = _compile(_resize_plain)
