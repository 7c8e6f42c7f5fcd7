"""Deformable convolution on the CPU with the numba sampling kernel; not differentiable, twin of that in `deform`.

Axes: B batch, h w picture, C channels, G groups, K taps, O channels out.
"""

import torch
from torch import Tensor

from . import kernels

CHUNK_PIXELS = 2048  # the samples of so many pixels are made, multiplied and overwritten: they stay in the cache


def conv(x_BChw: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
    """Twin of `deform.modulated_deform_conv2d`; the result is channels-last."""
    from .numba_kernels import make_sample

    (b, c, h, w), (o, _, k, _) = x_BChw.shape, weight.shape
    sample = make_sample(c, groups, k, x_BChw.dtype == torch.float32)
    maps = [pixels(each).reshape(-1).numpy() for each in (x_BChw, offset, mask)]
    matrix_KCO = weight.permute(2, 3, 1, 0).reshape(-1, o)
    samples = x_BChw.new_empty(min(CHUNK_PIXELS, b * h * w), k * k * c)
    rows = samples.numpy()
    out = x_BChw.new_empty(b * h * w, o) if bias is None else bias.expand(b * h * w, o).contiguous()
    for start in range(0, b * h * w, CHUNK_PIXELS):
        count = min(CHUNK_PIXELS, b * h * w - start)

        def fill(first: int, last: int, start: int = start) -> None:
            sample(*maps, rows[first:last].reshape(-1), h, w, start + first, start + last)

        kernels.share_out(fill, count)
        out[start : start + count].addmm_(samples[:count], matrix_KCO, beta=0 if bias is None else 1)
    return pixels_back(out, b, h, w)


def pixels(map_BChw: Tensor) -> Tensor:
    """A map as pixels, (B h w, C); a view where it is channels-last."""
    return map_BChw.detach().permute(0, 2, 3, 1).flatten(0, 2)


def pixels_back(pixels_PC: Tensor, b: int, h: int, w: int) -> Tensor:
    """Twin of `pixels`, the other way; channels-last."""
    return pixels_PC.view(b, h, w, -1).permute(0, 3, 1, 2)
