"""The numba kernel behind `window_attention.py`, imported only where numba is installed.

All arrays are channels-last; queries lie along the vectors, so that inner loops have constant lengths.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numba import prange

from .numba_threads import Kernel, bound, cached, helper, inlined, on_threads

uint = np.uintp  # an index that cannot be negative needs no wrap-around, which would hide the vectors

# 2^f for |f| <= 1/2, to one float32 rounding
P0, P1, P2, P3, P4, P5, P6 = (
    np.float32(p)
    for p in (1.0, 0.6931471805599453, 0.2402265069591007, 0.05550410866482158, 0.009618129107628477,
              0.0013333558146428443, 0.00015403530393381608)
)  # fmt: skip
LOG2E, SMALLEST, HALF = np.float32(math.log2(math.e)), np.float32(-126), np.float32(0.5)
BIAS, STEP = np.float32(127), np.float32(2**23)


@helper
def exp_single(rows: Any, top: Any, total: Any, bits: Any, power: Any) -> None:
    """Rows become exp(row - top) in float32, by a polynomial that vectorises; their sum goes to `total`."""
    for j in range(rows.shape[0]):
        row = rows[j]
        for i in range(row.shape[0]):
            exponent = max((row[i] - top[i]) * LOG2E, SMALLEST)  # below 2^-126 the bits made here are no number
            whole = np.floor(exponent + HALF)
            f = exponent - whole
            bits[i] = np.int32((whole + BIAS) * STEP)  # the bits of 2^whole, which `power` reads as a float
            row[i] = ((((((P6 * f + P5) * f + P4) * f + P3) * f + P2) * f + P1) * f) + P0
        for i in range(row.shape[0]):
            row[i] *= power[i]
            total[i] += row[i]


@helper
def exp_double(rows: Any, top: Any, total: Any) -> None:
    """Rows become exp(row - top) in float64; their sum goes to `total`."""
    for j in range(rows.shape[0]):
        for i in range(rows.shape[1]):
            rows[j, i] = math.exp(rows[j, i] - top[i])
            total[i] += rows[j, i]


@helper
def locate(index: int, size: Any, window: int, shift: int, ys: Any, xs: Any, region: Any) -> Any:
    """Where the pixels of a window lie in the unrolled map; its picture, and whether it needs a mask."""
    h, w = size
    rows, columns = h // window, w // window
    wy, wx = index // columns % rows, index % columns
    for i in range(window * window):
        y, x = wy * window + i // window, wx * window + i % window
        region[i] = 3 * ((y >= h - window) + (y >= h - shift)) + (x >= w - window) + (x >= w - shift)
        ys[i], xs[i] = (y + shift) % h, (x + shift) % w
    return index // (rows * columns), shift > 0 and (wy == rows - 1 or wx == columns - 1)


@helper
def load_window(qkv: Any, ys: Any, xs: Any, scale: Any, query: Any, memory: Any) -> None:
    """Fill query (C, pixels), scaled, and memory (pixels, 2C), the keys and values, of a window."""
    channels, pixels = query.shape
    for i in range(pixels):
        pixel = qkv[ys[i], xs[i]]
        for c in range(channels):
            query[c, i] = pixel[c] * scale
        for c in range(2 * channels):
            memory[i, c] = pixel[channels + c]


@helper
def store_window(out: Any, ys: Any, xs: Any, result: Any) -> None:
    """Write what a window gathered, result (C, pixels)."""
    channels, pixels = result.shape
    for i in range(pixels):
        pixel = out[ys[i], xs[i]]
        for c in range(channels):
            pixel[c] = result[c, i]


@helper
def mask_logits(logits: Any, region: Any, blocked: Any) -> None:
    """Add `blocked` to the logits of pixels of different regions."""
    for j in range(logits.shape[0]):
        for i in range(logits.shape[1]):
            if region[j] != region[i]:
                logits[j, i] += blocked


@helper
def maxima_of_queries(logits: Any, top: Any) -> None:
    """`top` becomes the largest logit of every query."""
    for j in range(logits.shape[0]):
        for i in range(logits.shape[1]):
            top[i] = max(top[i], logits[j, i])


@inlined
def logits_of_head(bias: Any, memory: Any, query: Any, logits: Any, top: Any, start: Any, size: int) -> None:
    """The logits of one head, bias included, and the largest of every query; four keys at once."""
    pixels = logits.shape[0]
    for j in range(0, pixels, 4):
        for i in range(pixels):
            a, b, c, e = bias[j, i], bias[j + 1, i], bias[j + 2, i], bias[j + 3, i]
            for d in range(size):
                at, q = start + uint(d), query[start + uint(d), i]
                a += memory[j, at] * q
                b += memory[j + 1, at] * q
                c += memory[j + 2, at] * q
                e += memory[j + 3, at] * q
            logits[j, i], logits[j + 1, i], logits[j + 2, i], logits[j + 3, i] = a, b, c, e
            top[i] = max(top[i], a, b, c, e)


@inlined
def values_of_head(
    weights: Any, memory: Any, result: Any, total: Any, start: Any, of_value: Any, size: int, one: Any
) -> None:
    """Add one head's values, weighed, to its rows of `result` and divide by the weights' total; four keys at once."""
    pixels = weights.shape[0]
    for j in range(0, pixels, 4):
        for i in range(pixels):
            a, b, c, e = weights[j, i], weights[j + 1, i], weights[j + 2, i], weights[j + 3, i]
            for d in range(size):
                at = of_value + uint(d)
                four = memory[j, at] * a + memory[j + 1, at] * b + memory[j + 2, at] * c + memory[j + 3, at] * e
                result[start + uint(d), i] += four
    for d in range(size):
        for i in range(pixels):
            result[start + uint(d), i] *= one / total[i]


@lru_cache(maxsize=8)
def make_attend_windows(size: int, window: int, single: bool) -> tuple[Kernel, Kernel]:
    """A kernel (qkv, bias, out, shift, blocked, first, last) over windows, and its twin on all threads.

    See `window_attention.attend_map`.

    `size` is the number of features of a head. qkv is (B h w 3C), out (B h w C), bias (heads, key, query). Queries lie
    along the vectors.
    """
    pixels = window * window
    real, integer = (np.float32, np.int32) if single else (np.float64, np.int64)
    # not minus infinity: fastmath takes it for granted that there is none
    scale, zero, one, lowest = real(size**-0.5), real(0), real(1), real(-3e38)

    @cached
    def attend_windows(qkv: Any, bias: Any, out: Any, shift: int, blocked: Any, first: int, last: int) -> None:
        heads, channels = bias.shape[0], out.shape[3]
        query, result = np.empty((channels, pixels), real), np.empty((channels, pixels), real)
        memory, logits = np.empty((pixels, 2 * channels), real), np.empty((pixels, pixels), real)
        top, total = np.empty(pixels, real), np.empty(pixels, real)
        bits = np.empty(pixels, integer)
        power = bits.view(real)
        ys, xs, region = np.empty(pixels, np.int64), np.empty(pixels, np.int64), np.empty(pixels, np.int64)
        for index in range(first, last):
            n, edge = locate(index, qkv.shape[1:3], window, shift, ys, xs, region)
            load_window(qkv[n], ys, xs, scale, query, memory)
            result[:] = zero
            for head in range(heads):
                start = uint(head * size)
                of_value = uint(channels + head * size)
                top[:], total[:] = lowest, zero
                logits_of_head(bias[head], memory, query, logits, top, start, size)
                if edge:
                    mask_logits(logits, region, blocked)
                    top[:] = lowest  # the largest may have been masked
                    maxima_of_queries(logits, top)
                if single:
                    exp_single(logits, top, total, bits, power)
                else:
                    exp_double(logits, top, total)
                values_of_head(logits, memory, result, total, start, of_value, size, one)
            store_window(out[n], ys, xs, result)

    @on_threads
    def share_attend_windows(
        qkv: Any, bias: Any, out: Any, shift: int, blocked: Any, total: int, parts: int
    ) -> None:  # fmt: skip
        for part in prange(parts):
            attend_windows(qkv, bias, out, shift, blocked, bound(total, part, parts), bound(total, part + 1, parts))

    return attend_windows, share_attend_windows
