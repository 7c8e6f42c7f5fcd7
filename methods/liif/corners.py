"""The four LR pixels around each pixel of the output, and how far they are, in whole numbers where that is exact.

An axis of n pixels is [-1, 1]; the centre of pixel i is -1 + (2i + 1) / n. Rows and columns are independent, so a
corner is a side of the rows (before or after) with a side of the columns.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHIFT = 1e-6  # the authors push every query this far down and right before they round
EXACT = 10**6  # below it SHIFT decides ties and moves nothing else


@dataclass(frozen=True)
class Axis:
    """For each of n output pixels of an axis: the LR pixel before and after it, and where it lies relative to them.

    `pixel_2n` is an index; `offset_2n` is from the LR pixel's centre to the query, in units of half an LR pixel (-2 to
    2); `cell` is the size of an output pixel in the same unit.
    """

    pixel_2n: NDArray[np.int64]
    offset_2n: NDArray[np.float64]
    cell: float


def axis(given: int, wanted: int) -> Axis:
    """The corners of an axis of `given` LR pixels that is asked for `wanted` pixels."""
    shared = math.gcd(given, wanted)
    exact = wanted // shared * given < EXACT
    pixel_2n, offset_2n = _whole(given, wanted) if exact else _rounded(given, wanted)
    return Axis(pixel_2n, offset_2n, 2 * given / wanted)


def _whole(given: int, wanted: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Without rounding error: at odd scales a query is in the very middle of an LR pixel, where an error decides."""
    shared = math.gcd(given, wanted)
    p, q = wanted // shared, given // shared
    odd_n = 2 * np.arange(wanted, dtype=np.int64) + 1
    # a tie goes to the later pixel (floor), on both sides, as the authors' shift has it
    pixels = [np.clip((odd_n * q + side * p) // (2 * p), 0, given - 1) for side in (-1, 1)]
    pixel_2n = np.stack(pixels)
    return pixel_2n, (odd_n * given - (2 * pixel_2n + 1) * wanted) / wanted


def _rounded(given: int, wanted: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The authors' formulas in float64: on so fine a grid their shift itself takes queries to the next pixel."""
    query_n = -1 + (2 * np.arange(wanted) + 1) / wanted
    low, high = -1 + SHIFT, 1 - SHIFT
    places = [np.clip(query_n + side / given + SHIFT, low, high) for side in (-1, 1)]
    pixel_2n = np.rint(((np.stack(places) + 1) * given - 1) / 2).astype(np.int64)
    return pixel_2n, (query_n - (-1 + (2 * pixel_2n + 1) / given)) * given
