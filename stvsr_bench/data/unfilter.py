"""8-bit RGB rows out of the inflated bytes of a PNG, compiled by numba. Import only where numba works.

PNG specification, section 9: each row begins with the number of its filter; a byte is told as its distance from what
the byte of the pixel before (a), above (b) and before above (c) let expect. The functions are plain Python until the
last lines compile them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.compiling import compiled

_compile = compiled(nogil=True, error_model="numpy")


def rgb(inflated: bytes, height: int, width: int) -> NDArray[np.uint8] | None:
    """The picture (H, W, 3) of these rows; None where their number is wrong or a filter is unknown."""
    if len(inflated) != height * (1 + 3 * width):
        return None
    rows = np.frombuffer(inflated, np.uint8).reshape(height, 1 + 3 * width)
    picture = np.empty((height, width, 3), np.uint8)
    return picture if _unfilter(rows, picture.reshape(height, 3 * width)) else None


def _unfilter_plain(rows: Any, out: Any) -> bool:
    above = np.zeros(out.shape[1], np.uint8)
    for y in range(out.shape[0]):
        kind, told, made = rows[y, 0], rows[y, 1:], out[y]
        if kind == 0:
            made[:] = told
        elif kind == 1:
            _before(told, made)
        elif kind == 2:
            for x in range(made.size):
                made[x] = told[x] + above[x]  # bytes wrap at 256, as the format wants
        elif kind == 3:
            _mean(told, above, made)
        elif kind == 4:
            _paeth(told, above, made)
        else:
            return False
        above = made
    return True


def _before_plain(told: Any, made: Any) -> None:
    for channel in range(3):
        a = np.uint8(0)
        for x in range(channel, made.size, 3):
            a = np.uint8(told[x] + a)
            made[x] = a


def _mean_plain(told: Any, above: Any, made: Any) -> None:
    # the one filter whose sum must not wrap: two bytes need 9 bits
    for channel in range(3):
        a = np.uint8(0)
        for x in range(channel, made.size, 3):
            a = np.uint8(told[x] + ((np.int32(a) + np.int32(above[x])) >> 1))
            made[x] = a


def _paeth_plain(told: Any, above: Any, made: Any) -> None:
    """Of a, b and c the one that is nearest to a + b - c; of equals the first."""
    a0, a1, a2 = np.int32(0), np.int32(0), np.int32(0)
    c0, c1, c2 = np.int32(0), np.int32(0), np.int32(0)
    for x in range(0, made.size, 3):
        b0, b1, b2 = np.int32(above[x]), np.int32(above[x + 1]), np.int32(above[x + 2])
        a0 = (np.int32(told[x]) + _nearest(a0, b0, c0)) & 255
        a1 = (np.int32(told[x + 1]) + _nearest(a1, b1, c1)) & 255
        a2 = (np.int32(told[x + 2]) + _nearest(a2, b2, c2)) & 255
        made[x], made[x + 1], made[x + 2] = np.uint8(a0), np.uint8(a1), np.uint8(a2)
        c0, c1, c2 = b0, b1, b2


def _nearest_plain(a: Any, b: Any, c: Any) -> Any:
    to_a, to_b, to_c = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    other = b if to_b <= to_c else c
    return a if to_a <= min(to_b, to_c) else other


_nearest = _compile(_nearest_plain)
_before, _mean, _paeth = _compile(_before_plain), _compile(_mean_plain), _compile(_paeth_plain)
_unfilter = _compile(_unfilter_plain)
