"""The numba kernels behind `deform.py` and `window_attention.py`; imported only where numba is installed.

All arrays are channels-last. A kernel works on items first..last, lets go of Python's lock and is called from several
threads (`kernels.share_out`). Inner loops have constant lengths, so that they become vector instructions. What a
bilinear sample reads outside the picture counts as zero.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numba
import numpy as np
from numba import njit

numba.config.SLP_VECTORIZE = 1  # type: ignore[attr-defined] # eight channels in a row become one vector; numba leaves this off

Kernel = Callable[..., None]
# no zero-division checks (they would hide the vectors), no Python lock
helper = njit(nogil=True, fastmath=True, error_model="numpy")
inlined = njit(nogil=True, fastmath=True, error_model="numpy", inline="always")
kept = njit(nogil=True, fastmath=True, error_model="numpy", cache=True)  # compiled once for all runs
uint = np.uintp  # an index that cannot be negative needs no wrap-around, which would hide the vectors


@inlined
def corners(y: Any, x: Any, share: Any, h: int, w: int, one: Any) -> Any:
    """Weights (times `share`) and pixel numbers of the four neighbours of a point."""
    floor_y, floor_x = np.floor(y), np.floor(x)
    if not (y > -1 and y < h and x > -1 and x < w):
        return one - one, one - one, one - one, one - one, 0, 0, 0, 0
    part_y, part_x = y - floor_y, x - floor_x
    top, left = int(floor_y), int(floor_x)
    above = (one - part_y) * share if top >= 0 else one - one
    below = part_y * share if top < h - 1 else one - one
    before = one - part_x if left >= 0 else one - one
    after = part_x if left < w - 1 else one - one
    row0, row1 = max(top, 0) * w, min(top + 1, h - 1) * w
    column0, column1 = max(left, 0), min(left + 1, w - 1)
    weights = above * before, above * after, below * before, below * after
    return *weights, row0 + column0, row0 + column1, row1 + column0, row1 + column1


@inlined
def mix(x: Any, a: Any, b: Any, c: Any, d: Any, ia: Any, ib: Any, ic: Any, id_: Any, n: Any) -> Any:
    """Channel n of a bilinear sample."""
    return a * x[ia + n] + b * x[ib + n] + c * x[ic + n] + d * x[id_ + n]


@inlined
def eight(x: Any, a: Any, b: Any, c: Any, d: Any, ia: Any, ib: Any, ic: Any, id_: Any) -> Any:
    """Eight neighbouring channels of a bilinear sample; all are read before one is written."""
    v0, v1 = mix(x, a, b, c, d, ia, ib, ic, id_, uint(0)), mix(x, a, b, c, d, ia, ib, ic, id_, uint(1))
    v2, v3 = mix(x, a, b, c, d, ia, ib, ic, id_, uint(2)), mix(x, a, b, c, d, ia, ib, ic, id_, uint(3))
    v4, v5 = mix(x, a, b, c, d, ia, ib, ic, id_, uint(4)), mix(x, a, b, c, d, ia, ib, ic, id_, uint(5))
    v6, v7 = mix(x, a, b, c, d, ia, ib, ic, id_, uint(6)), mix(x, a, b, c, d, ia, ib, ic, id_, uint(7))
    return v0, v1, v2, v3, v4, v5, v6, v7


@kept
def sample(x: Any, offset: Any, mask: Any, out: Any, shape: Any, one: Any, first: int, last: int) -> None:
    """The samples of pixels first..last, out (last - first, K, C).

    x is (B h w C), offset (B h w G K 2), mask (B h w G K); all are given as one row of numbers. `shape` holds
    h, w, C, G and the kernel's side, `one` is 1 in x's precision.
    """
    h, w, channels, groups, kernel = shape
    each, taps, half = channels // groups, kernel * kernel, kernel // 2
    whole = each // 8 * 8
    for pixel in range(first, last):
        picture = pixel // (w * h) * h * w
        row, column = one * (pixel // w % h - half), one * (pixel % w - half)
        for n in range(taps):
            y, z = row + one * (n // kernel), column + one * (n % kernel)
            for g in range(groups):
                at = (pixel * groups + g) * taps + n
                a, b, c, d, pa, pb, pc, pd = corners(y + offset[2 * at], z + offset[2 * at + 1], mask[at], h, w, one)
                ia, ib = uint((picture + pa) * channels + g * each), uint((picture + pb) * channels + g * each)
                ic, id_ = uint((picture + pc) * channels + g * each), uint((picture + pd) * channels + g * each)
                o = uint(((pixel - first) * taps + n) * channels + g * each)
                for block in range(0, whole, 8):
                    e = uint(block)
                    v0, v1, v2, v3, v4, v5, v6, v7 = eight(x, a, b, c, d, ia + e, ib + e, ic + e, id_ + e)
                    e = o + e
                    out[e], out[e + uint(1)], out[e + uint(2)], out[e + uint(3)] = v0, v1, v2, v3
                    out[e + uint(4)], out[e + uint(5)], out[e + uint(6)], out[e + uint(7)] = v4, v5, v6, v7
                for rest in range(whole, each):
                    out[o + uint(rest)] = mix(x, a, b, c, d, ia, ib, ic, id_, uint(rest))


@inlined
def choose(scores: Any, best: Any, chosen: Any, top_t: int, zero: Any) -> Any:
    """Fill `chosen` and `best` with the largest scores, largest first; the softmax's denominator over them."""
    total = zero
    for t in range(top_t):
        chosen[t] = np.argmax(scores)
        best[t] = scores[chosen[t]]
        scores[chosen[t]] = -np.inf
        total += np.exp(best[t] - best[0])
    return total


@kept
def attend(
    query: Any, key: Any, value: Any, offset: Any, mask: Any, out: Any, logit: Any,
    shape: Any, top_t: int, pairs: int, one: Any, first: int, last: int,
) -> None:  # fmt: skip
    """Deformable attention of pixels first..last, see `deform.attend_samples`.

    query is (B h w C), key, value and out (B pairs h w C), logit (B pairs h w), all as one row; out starts at zero;
    offset, mask, shape and one are as for `sample`. Keys are sampled at every tap and never stored, values only at
    the `top_t` best.
    """
    h, w, channels, groups, kernel = shape
    each, taps, half = channels // groups, kernel * kernel, kernel // 2
    whole, zero = each // 8 * 8, one - one
    scores, best, chosen = np.empty(taps, key.dtype), np.empty(top_t, key.dtype), np.empty(top_t, np.int64)
    one_query, one_key = np.empty(channels, key.dtype), np.empty(channels, key.dtype)
    for pixel in range(first, last):
        picture = pixel // (w * h) * h * w
        q = (pixel // (w * h) // pairs * h * w + pixel % (w * h)) * channels
        row, column = one * (pixel // w % h - half), one * (pixel % w - half)
        for i in range(channels):
            one_query[i] = query[q + i]
        for n in range(taps):
            y, x = row + one * (n // kernel), column + one * (n % kernel)
            for g in range(groups):
                at = (pixel * groups + g) * taps + n
                a, b, c, d, pa, pb, pc, pd = corners(y + offset[2 * at], x + offset[2 * at + 1], mask[at], h, w, one)
                ia, ib = uint((picture + pa) * channels + g * each), uint((picture + pb) * channels + g * each)
                ic, id_ = uint((picture + pc) * channels + g * each), uint((picture + pd) * channels + g * each)
                o = uint(g * each)
                for block in range(0, whole, 8):
                    e = uint(block)
                    v0, v1, v2, v3, v4, v5, v6, v7 = eight(key, a, b, c, d, ia + e, ib + e, ic + e, id_ + e)
                    e = o + e
                    one_key[e], one_key[e + uint(1)], one_key[e + uint(2)], one_key[e + uint(3)] = v0, v1, v2, v3
                    one_key[e + uint(4)], one_key[e + uint(5)] = v4, v5
                    one_key[e + uint(6)], one_key[e + uint(7)] = v6, v7
                for rest in range(whole, each):
                    one_key[o + uint(rest)] = mix(key, a, b, c, d, ia, ib, ic, id_, uint(rest))
            score = zero
            for i in range(channels):
                score += one_query[i] * one_key[i]
            scores[n] = score
        total = choose(scores, best, chosen, top_t, zero)
        logit[pixel] = zero
        for t in range(top_t):
            share = np.exp(best[t] - best[0]) / total
            logit[pixel] += share * best[t]
            n = chosen[t]
            y, x = row + one * (n // kernel), column + one * (n % kernel)
            for g in range(groups):
                at = (pixel * groups + g) * taps + n
                a, b, c, d, pa, pb, pc, pd = corners(
                    y + offset[2 * at], x + offset[2 * at + 1], mask[at] * share, h, w, one
                )
                ia, ib = uint((picture + pa) * channels + g * each), uint((picture + pb) * channels + g * each)
                ic, id_ = uint((picture + pc) * channels + g * each), uint((picture + pd) * channels + g * each)
                o = uint(pixel * channels + g * each)
                for block in range(0, whole, 8):
                    e = uint(block)
                    v0, v1, v2, v3, v4, v5, v6, v7 = eight(value, a, b, c, d, ia + e, ib + e, ic + e, id_ + e)
                    e = o + e
                    v0, v1, v2 = v0 + out[e], v1 + out[e + uint(1)], v2 + out[e + uint(2)]
                    v3, v4, v5 = v3 + out[e + uint(3)], v4 + out[e + uint(4)], v5 + out[e + uint(5)]
                    v6, v7 = v6 + out[e + uint(6)], v7 + out[e + uint(7)]
                    out[e], out[e + uint(1)], out[e + uint(2)], out[e + uint(3)] = v0, v1, v2, v3
                    out[e + uint(4)], out[e + uint(5)], out[e + uint(6)], out[e + uint(7)] = v4, v5, v6, v7
                for rest in range(whole, each):
                    out[o + uint(rest)] += mix(value, a, b, c, d, ia, ib, ic, id_, uint(rest))


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
            exponent = max((row[i] - top[i]) * LOG2E, SMALLEST)
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
def place(index: int, size: Any, window: int, shift: int, ys: Any, xs: Any, region: Any) -> Any:
    """Where the pixels of a window lie in the unrolled map; its picture, and whether it holds strangers."""
    h, w = size
    rows, columns = h // window, w // window
    wy, wx = index // columns % rows, index % columns
    for i in range(window * window):
        y, x = wy * window + i // window, wx * window + i % window
        region[i] = 3 * ((y >= h - window) + (y >= h - shift)) + (x >= w - window) + (x >= w - shift)
        ys[i], xs[i] = (y + shift) % h, (x + shift) % w
    return index // (rows * columns), shift > 0 and (wy == rows - 1 or wx == columns - 1)


@helper
def take(qkv: Any, ys: Any, xs: Any, scale: Any, query: Any, memory: Any) -> None:
    """Fill query (C, pixels), scaled, and memory (pixels, 2C), the keys and values, of a window."""
    channels, pixels = query.shape
    for i in range(pixels):
        pixel = qkv[ys[i], xs[i]]
        for c in range(channels):
            query[c, i] = pixel[c] * scale
        for c in range(2 * channels):
            memory[i, c] = pixel[channels + c]


@helper
def put(out: Any, ys: Any, xs: Any, result: Any) -> None:
    """Write what a window gathered, result (C, pixels)."""
    channels, pixels = result.shape
    for i in range(pixels):
        pixel = out[ys[i], xs[i]]
        for c in range(channels):
            pixel[c] = result[c, i]


@helper
def forbid(logits: Any, region: Any, blocked: Any) -> None:
    """Add `blocked` to the logits of strangers."""
    for j in range(logits.shape[0]):
        for i in range(logits.shape[1]):
            if region[j] != region[i]:
                logits[j, i] += blocked


@helper
def largest(logits: Any, top: Any) -> None:
    """`top` becomes the largest logit of every query."""
    for j in range(logits.shape[0]):
        for i in range(logits.shape[1]):
            top[i] = max(top[i], logits[j, i])


@inlined
def weigh(weights: Any, memory: Any, result: Any, total: Any, start: Any, of_value: Any, size: int, one: Any) -> None:
    """Add one head's values, weighed, to its rows of `result` and divide by the weights' total; four keys at once."""
    pixels = weights.shape[0]
    for j in range(0, pixels, 4):
        for d in range(size):
            a, b = memory[j, of_value + uint(d)], memory[j + 1, of_value + uint(d)]
            c, e = memory[j + 2, of_value + uint(d)], memory[j + 3, of_value + uint(d)]
            for i in range(pixels):
                four = a * weights[j, i] + b * weights[j + 1, i] + c * weights[j + 2, i] + e * weights[j + 3, i]
                result[start + uint(d), i] += four
    for d in range(size):
        for i in range(pixels):
            result[start + uint(d), i] *= one / total[i]


@lru_cache(maxsize=8)
def make_attend_windows(size: int, window: int, single: bool) -> Kernel:
    """A kernel (qkv, bias, out, shift, blocked, first, last) over windows: see `window_attention.attend_map`.

    `size` is the number of features of a head. qkv is (B h w 3C), out (B h w C), bias (heads, key, query). Queries lie
    along the vectors.
    """
    pixels = window * window
    real, integer = (np.float32, np.int32) if single else (np.float64, np.int64)
    scale, zero, one, lowest = real(size**-0.5), real(0), real(1), real(-3e38)

    @kept
    def attend_windows(qkv: Any, bias: Any, out: Any, shift: int, blocked: Any, first: int, last: int) -> None:
        heads, channels = bias.shape[0], out.shape[3]
        query, result = np.empty((channels, pixels), real), np.empty((channels, pixels), real)
        memory, logits = np.empty((pixels, 2 * channels), real), np.empty((pixels, pixels), real)
        top, total = np.empty(pixels, real), np.empty(pixels, real)
        bits = np.empty(pixels, integer)
        power = bits.view(real)
        ys, xs, region = np.empty(pixels, np.int64), np.empty(pixels, np.int64), np.empty(pixels, np.int64)
        for index in range(first, last):
            n, edge = place(index, qkv.shape[1:3], window, shift, ys, xs, region)
            take(qkv[n], ys, xs, scale, query, memory)
            result[:] = zero
            for head in range(heads):
                start = uint(head * size)
                of_value = uint(channels + head * size)
                top[:], total[:] = lowest, zero
                for j in range(pixels):
                    for i in range(pixels):
                        dot = bias[head, j, i]
                        for d in range(size):
                            dot += memory[j, start + uint(d)] * query[start + uint(d), i]
                        logits[j, i] = dot
                if edge:
                    forbid(logits, region, blocked)
                largest(logits, top)
                if single:
                    exp_single(logits, top, total, bits, power)
                else:
                    exp_double(logits, top, total)
                weigh(logits, memory, result, total, start, of_value, size, one)
            put(out[n], ys, xs, result)

    return attend_windows
