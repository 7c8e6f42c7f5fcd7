"""Bicubic resizing that equals MATLAB's `imresize` (and Octave's) to rounding.

Axes: B batch, C channels, h w and H W before and after.
The kernel is the cubic with a = -0.5, stretched by 1/scale when shrinking (antialiasing); borders are mirrored with
the edge pixel repeated (... 2 1 | 1 2 ...). Nothing is clipped or rounded here.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Float64 = NDArray[np.float64]
Index = NDArray[np.int64]
_untraced: list[Callable[..., Tensor]] = []  # `_resize_axis` as torch.compile leaves it alone, once it is asked for


def imresize(frames_BChw: Tensor, scale: float) -> Tensor:
    """The frames at `scale` times their size, (B, C, ceil(h scale), ceil(w scale)), dtype and device kept."""
    height, width = frames_BChw.shape[-2:]
    return _resized(frames_BChw, (math.ceil(height * scale), scale), (math.ceil(width * scale), scale))


def imresize_to(frames_BChw: Tensor, size: tuple[int, int]) -> Tensor:
    """The frames at (H, W), each side by its own scale, (B, C, H, W), dtype and device kept."""
    height, width = frames_BChw.shape[-2:]
    return _resized(frames_BChw, (size[0], size[0] / height), (size[1], size[1] / width))


def _resized(frames_BChw: Tensor, rows: tuple[int, float], columns: tuple[int, float]) -> Tensor:
    resize_axis = _untraced[0] if _untraced else _resize_axis
    tall_BCHw = resize_axis(frames_BChw, *rows, dim=-2)
    return resize_axis(tall_BCHw, *columns, dim=-1)


def _resize_axis(frames: Tensor, out: int, scale: float, dim: int) -> Tensor:
    index, weight = taps(frames.shape[dim], scale, out)
    shape = [1] * frames.ndim
    shape[dim] = -1
    # one tap after the other, not a product of matrices: the order of the sum is the same on every processor
    total: Tensor | None = None
    for column in range(index.shape[1]):
        where = torch.from_numpy(index[:, column]).to(frames.device)
        share = torch.from_numpy(weight[:, column]).to(frames).reshape(shape)
        part = frames.index_select(dim, where) * share
        total = part if total is None else total.add_(part)
    assert total is not None
    return total


def keep_from_compiling() -> None:
    """Leave the resizing out of what torch.compile traces from here on: it would trace the numpy tables, and fails."""
    if not _untraced:
        _untraced.append(torch.compiler.disable(_resize_axis))  # type: ignore[no-untyped-call] # not at import: seconds


@lru_cache(maxsize=64)
def taps(size: int, scale: float, out: int) -> tuple[Index, Float64]:
    """Which samples make each of `out` output samples, and with which weights: two arrays (out, taps)."""
    stretch = min(scale, 1.0)
    width = 4 / stretch
    # MATLAB's half-pixel places, counted from 1: the pictures' corners meet, not the centres of their first pixels
    centre = np.arange(1, out + 1) / scale + 0.5 * (1 - 1 / scale)
    first = np.floor(centre - width / 2)
    index = first[:, None] + np.arange(math.ceil(width) + 2)[None]
    weight = stretch * _cubic(stretch * (centre[:, None] - index))
    weight /= weight.sum(
        axis=1, keepdims=True
    )  # at a scale of 0.3 the samples of the stretched cubic add up to 0.9995 to 1.001
    mirrored = np.concatenate([np.arange(size), np.arange(size)[::-1]])
    source = mirrored[np.mod(index.astype(np.int64) - 1, 2 * size)]
    used = np.any(weight != 0, axis=0)  # at 1/4 these are 16 taps of the 18 that were made room for
    return np.ascontiguousarray(source[:, used]), np.ascontiguousarray(weight[:, used])


def _cubic(x: Float64) -> Float64:
    near, far = np.abs(x) <= 1, (np.abs(x) > 1) & (np.abs(x) <= 2)
    x2, x3 = x * x, np.abs(x * x * x)  # not x**3: numpy's power takes other code on AVX-512
    inner = 1.5 * x3 - 2.5 * x2 + 1
    outer = -0.5 * x3 + 2.5 * x2 - 4 * np.abs(x) + 2
    return np.where(near, inner, 0.0) + np.where(far, outer, 0.0)
