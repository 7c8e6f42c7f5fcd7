"""The numba kernels behind `deform.py`: bilinear samples at deformed points, and attention over them.

Imported only where numba is installed. All maps are channels-last and given as one row of numbers; what a bilinear
sample reads outside the picture counts as zero. A kernel works on pixels first..last; its twin `share_*` does all of
them on numba's threads.
"""

from typing import Any

import numpy as np
from numba import prange

from .numba_threads import bound, cached, inlined, on_threads

uint = np.uintp  # an index that cannot be negative needs no wrap-around, which would hide the vectors


@inlined
def corners(y: Any, x: Any, share: Any, h: int, w: int, one: Any) -> Any:
    """Weights (times `share`) and pixel numbers of the four neighbours of a point."""
    floor_y, floor_x = np.floor(y), np.floor(x)
    # before `int`, which a wild offset would overflow
    if not (y > -1 and y < h and x > -1 and x < w):
        return one - one, one - one, one - one, one - one, 0, 0, 0, 0
    part_y, part_x = y - floor_y, x - floor_x
    top, left = int(floor_y), int(floor_x)
    above = (one - part_y) * share if top >= 0 else one - one
    below = part_y * share if top < h - 1 else one - one
    before = one - part_x if left >= 0 else one - one
    after = part_x if left < w - 1 else one - one
    # a neighbour outside weighs 0 but is read all the same, so its index stays inside
    row0, row1 = max(top, 0) * w, min(top + 1, h - 1) * w
    column0, column1 = max(left, 0), min(left + 1, w - 1)
    weights = above * before, above * after, below * before, below * after
    return *weights, row0 + column0, row0 + column1, row1 + column0, row1 + column1


@inlined
def bilinear(x: Any, a: Any, b: Any, c: Any, d: Any, ia: Any, ib: Any, ic: Any, id_: Any, n: Any) -> Any:
    """Channel n of a bilinear sample."""
    return a * x[ia + n] + b * x[ib + n] + c * x[ic + n] + d * x[id_ + n]


@inlined
def bilinear8(x: Any, a: Any, b: Any, c: Any, d: Any, ia: Any, ib: Any, ic: Any, id_: Any) -> Any:
    """Eight neighbouring channels of a bilinear sample; all are read before one is written."""
    v0, v1 = bilinear(x, a, b, c, d, ia, ib, ic, id_, uint(0)), bilinear(x, a, b, c, d, ia, ib, ic, id_, uint(1))
    v2, v3 = bilinear(x, a, b, c, d, ia, ib, ic, id_, uint(2)), bilinear(x, a, b, c, d, ia, ib, ic, id_, uint(3))
    v4, v5 = bilinear(x, a, b, c, d, ia, ib, ic, id_, uint(4)), bilinear(x, a, b, c, d, ia, ib, ic, id_, uint(5))
    v6, v7 = bilinear(x, a, b, c, d, ia, ib, ic, id_, uint(6)), bilinear(x, a, b, c, d, ia, ib, ic, id_, uint(7))
    return v0, v1, v2, v3, v4, v5, v6, v7


@inlined
def read(x: Any, near: Any, start: Any, channels: int, each: int, out: Any, o: Any) -> None:
    """Write `each` channels of the sample between `near` to out[o...]; the picture's group begins at x[start]."""
    a, b, c, d, pa, pb, pc, pd = near
    ia, ib = uint(start + pa * channels), uint(start + pb * channels)
    ic, id_ = uint(start + pc * channels), uint(start + pd * channels)
    whole = each // 8 * 8
    for block in range(0, whole, 8):
        e = uint(block)
        v0, v1, v2, v3, v4, v5, v6, v7 = bilinear8(x, a, b, c, d, ia + e, ib + e, ic + e, id_ + e)
        e = o + e
        out[e], out[e + uint(1)], out[e + uint(2)], out[e + uint(3)] = v0, v1, v2, v3
        out[e + uint(4)], out[e + uint(5)], out[e + uint(6)], out[e + uint(7)] = v4, v5, v6, v7
    for rest in range(whole, each):
        out[o + uint(rest)] = bilinear(x, a, b, c, d, ia, ib, ic, id_, uint(rest))


@cached
def sample(
    x: Any, offset: Any, mask: Any, out: Any, shape: Any, one: Any, base: int, first: int, last: int
) -> None:  # fmt: skip
    """The samples of pixels base + first..base + last, out (pixels, K, C) beginning with pixel `base`.

    x is (B h w C), offset (B h w G K 2), mask (B h w G K). `shape` holds h, w, C, G, the kernel's side and how many
    numbers a pixel has in offset and in mask; `one` is 1 in x's precision.
    """
    h, w, channels, groups, kernel = shape[0], shape[1], shape[2], shape[3], shape[4]
    each, taps, half = channels // groups, kernel * kernel, kernel // 2
    for pixel in range(base + first, base + last):
        picture = pixel // (w * h) * h * w * channels
        row, column = one * (pixel // w % h - half), one * (pixel % w - half)
        for n in range(taps):
            y, z = row + one * (n // kernel), column + one * (n % kernel)
            for g in range(groups):
                o, m = pixel * shape[5] + 2 * (g * taps + n), pixel * shape[6] + g * taps + n
                near = corners(y + offset[o], z + offset[o + 1], mask[m], h, w, one)
                at = uint(((pixel - base) * taps + n) * channels + g * each)
                read(x, near, picture + g * each, channels, each, out, at)


@on_threads
def share_sample(
    x: Any, offset: Any, mask: Any, out: Any, shape: Any, one: Any, base: int, total: int, parts: int
) -> None:
    """`sample` of `total` pixels from `base` on."""
    for part in prange(parts):
        sample(x, offset, mask, out, shape, one, base, bound(total, part, parts), bound(total, part + 1, parts))


@inlined
def softmax_of_best(scores: Any, best: Any, chosen: Any, top_t: int, zero: Any) -> Any:
    """Fill `chosen` and `best` with the largest scores, largest first; the softmax's denominator over them."""
    total = zero
    for t in range(top_t):
        chosen[t] = np.argmax(scores)
        best[t] = scores[chosen[t]]
        scores[chosen[t]] = -np.inf
        total += np.exp(best[t] - best[0])  # the first is the largest: no exponential overflows
    return total


@cached
def attend(
    query: Any, key: Any, value: Any, frames: Any, offset: Any, mask: Any, out: Any, logit: Any,
    shape: Any, top_t: int, one: Any, first: int, last: int,
) -> None:  # fmt: skip
    """Deformable attention of pixels first..last, see `deform.attend_samples`.

    query is (B h w C), key and value (pictures h w C), out (B pairs h w C), logit (B pairs h w), all as one row.
    `frames` holds for every pair of every item the picture of its keys, and of its query; offset, mask, shape and one
    are as for `sample`. Keys are sampled at every tap and never stored, values only at the `top_t` best.
    """
    h, w, channels, groups, kernel = shape[0], shape[1], shape[2], shape[3], shape[4]
    each, taps, half, zero = channels // groups, kernel * kernel, kernel // 2, one - one
    scores, best, chosen = np.empty(taps, key.dtype), np.empty(top_t, key.dtype), np.empty(top_t, np.int64)
    mine, theirs = np.empty(channels, key.dtype), np.empty(channels, key.dtype)
    for pixel in range(first, last):
        pair, place = pixel // (w * h), pixel % (w * h)
        picture = frames[pair, 0] * h * w * channels
        row, column = one * (pixel // w % h - half), one * (pixel % w - half)
        start = (frames[pair, 1] * h * w + place) * channels
        for i in range(channels):
            mine[i] = query[start + i]
        for n in range(taps):
            y, x = row + one * (n // kernel), column + one * (n % kernel)
            for g in range(groups):
                o, m = pixel * shape[5] + 2 * (g * taps + n), pixel * shape[6] + g * taps + n
                near = corners(y + offset[o], x + offset[o + 1], mask[m], h, w, one)
                read(key, near, picture + g * each, channels, each, theirs, uint(g * each))
            score = zero
            for i in range(channels):
                score += mine[i] * theirs[i]
            scores[n] = score
        total = softmax_of_best(scores, best, chosen, top_t, zero)
        logit[pixel], mine[:] = zero, zero
        for t in range(top_t):
            share, n = np.exp(best[t] - best[0]) / total, chosen[t]
            logit[pixel] += share * best[t]
            y, x = row + one * (n // kernel), column + one * (n % kernel)
            for g in range(groups):
                o, m = pixel * shape[5] + 2 * (g * taps + n), pixel * shape[6] + g * taps + n
                near = corners(y + offset[o], x + offset[o + 1], mask[m] * share, h, w, one)
                read(value, near, picture + g * each, channels, each, theirs, uint(g * each))
            for i in range(channels):
                mine[i] += theirs[i]
        for i in range(channels):
            out[pixel * channels + i] = mine[i]


@on_threads
def share_attend(
    query: Any, key: Any, value: Any, frames: Any, offset: Any, mask: Any, out: Any, logit: Any,
    shape: Any, top_t: int, one: Any, total: int, parts: int,
) -> None:  # fmt: skip
    """`attend` of all `total` pixels."""
    for part in prange(parts):
        first, last = bound(total, part, parts), bound(total, part + 1, parts)
        attend(query, key, value, frames, offset, mask, out, logit, shape, top_t, one, first, last)
