"""Modulated deformable convolution and sampling, in pure torch.

Axes: B batch, G deformable groups, C channels (G equal runs), K taps of the k x k kernel (row-major), h w picture.
An offset map has channels g*2K + 2n (vertical) and + 1 (horizontal), a mask map g*K + n, for group g and tap n.
"""

from math import isqrt, sqrt
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import kernels

Backend = Literal["torch", "numba"]


def backend() -> Backend:
    """The name of the kernel that deformable sampling uses now when no gradient is wanted."""
    return kernels.backend()


def split_head(head_BChw: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Offsets (2/3 of the channels) and the mask in 0..1 (the rest) from the raw output of an offset head."""
    taps = head_BChw.shape[1] // (3 * groups)
    return head_BChw[:, : 2 * groups * taps], head_BChw[:, 2 * groups * taps :].sigmoid()


def deform_sample(x_BChw: Tensor, offset: Tensor, mask: Tensor, groups: int) -> Tensor:
    """The samples of every tap, shape (B, C, K, h, w), already multiplied by the mask.

    Tap (i, j) of pixel (y, x) reads at (y - k//2 + i + dy, x - k//2 + j + dx), bilinearly; outside is zero.
    """
    if kernels.usable(x_BChw, offset, mask):
        return kernels.sample(x_BChw, offset, mask, groups)
    return sample_torch(x_BChw, offset, mask, groups)


def sample_torch(x_BChw: Tensor, offset: Tensor, mask: Tensor, groups: int) -> Tensor:
    """The pure-torch twin of `kernels.sample`; differentiable in all three tensors."""
    b, c, h, w = x_BChw.shape
    taps = mask.shape[1] // groups
    grid = sampling_grid(offset.float() if offset.dtype in (torch.bfloat16, torch.float16) else offset, groups, h, w)
    x = x_BChw.to(grid.dtype).reshape(b * groups, c // groups, h, w)
    out = F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    out = out.view(b, groups, c // groups, taps, h, w) * mask.to(grid.dtype).reshape(b, groups, 1, taps, h, w)
    return out.view(b, c, taps, h, w).to(x_BChw.dtype)


def sampling_grid(offset: Tensor, groups: int, h: int, w: int) -> Tensor:
    """Where to sample, as `grid_sample` wants it (x then y, -1..1), shape (B*G, K*h, w, 2)."""
    b = offset.shape[0]
    taps = offset.shape[1] // (2 * groups)
    k = isqrt(taps)
    dy, dx = offset.reshape(b * groups, taps, 2, h, w).unbind(2)
    tap = torch.arange(taps, device=offset.device)
    row = (torch.div(tap, k, rounding_mode="floor") - k // 2).to(offset.dtype).view(1, taps, 1, 1)
    column = (tap % k - k // 2).to(offset.dtype).view(1, taps, 1, 1)
    y = torch.arange(h, device=offset.device, dtype=offset.dtype).view(1, 1, h, 1) + row + dy
    x = torch.arange(w, device=offset.device, dtype=offset.dtype).view(1, 1, 1, w) + column + dx
    return torch.stack([(2 * x + 1) / w - 1, (2 * y + 1) / h - 1], dim=-1).view(b * groups, taps * h, w, 2)


def modulated_deform_conv2d(
    x_BChw: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None, groups: int
) -> Tensor:
    """A dense k x k convolution (stride 1, zero padding k//2) over deformed samples; shape (B, weight's rows, h, w)."""
    b, _, h, w = x_BChw.shape
    samples = deform_sample(x_BChw, offset, mask, groups).flatten(1, 2).flatten(2)
    out = torch.matmul(weight.flatten(1), samples)
    if bias is not None:
        out = out + bias.view(1, -1, 1)
    return out.view(b, weight.shape[0], h, w)


class ModulatedDeformConv(nn.Module):
    """A deformable convolution C -> C whose offsets and masks a head reads from another feature map.

    The head starts at zero: offsets 0 and masks 0.5, so training starts from half an ordinary convolution.
    """

    def __init__(self, channels: int, groups: int, kernel: int = 3) -> None:
        super().__init__()
        self.groups = groups
        self.weight = nn.Parameter(torch.empty(channels, channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.head = nn.Conv2d(channels, 3 * groups * kernel * kernel, 3, padding=1)
        bound = 1 / sqrt(channels * kernel * kernel)
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, x_BChw: Tensor, feature_BChw: Tensor) -> Tensor:
        """x, warped and convolved where the feature says; the shape stays."""
        offset, mask = split_head(self.head(feature_BChw), self.groups)
        return modulated_deform_conv2d(x_BChw, offset, mask, self.weight, self.bias, self.groups)
