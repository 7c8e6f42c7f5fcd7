"""Modulated deformable convolution and sampling, in pure torch.

Axes: B batch, G deformable groups, C channels (G equal runs), K taps of the k x k kernel (row-major), h w picture.
An offset map has channels g*2K + 2n (vertical) and + 1 (horizontal), a mask map g*K + n, for group g and tap n: the
order of DCNv2 (Zhu et al., arXiv 1811.11168) and of `torchvision.ops.deform_conv2d`.
"""

from collections.abc import Sequence
from math import isqrt, sqrt
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import kernels
from .kernels import HALF

if TYPE_CHECKING:
    from numpy.typing import NDArray

Backend = Literal["torch", "numba"]
# the samples of so many pixels are made, multiplied and forgotten: they stay in the cache (4.7 MB at C = 64, K = 9)
CHUNK_PIXELS = 2048
CHUNK_BYTES = 2**27  # of samples that exist at once on the pure-torch path, without gradients


def backend() -> Backend:
    """The name of the kernel that deformable sampling uses now when no gradient is wanted."""
    return kernels.backend()


def split_head(head_BChw: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Offsets (2/3 of the channels) and the mask in 0..1 (the rest) from the raw output of an offset head."""
    # published code cuts the head into three and joins the first two again: the thirds are not x, y and mask
    taps = head_BChw.shape[1] // (3 * groups)
    return head_BChw[:, : 2 * groups * taps], head_BChw[:, 2 * groups * taps :].sigmoid()


def deform_sample(x_BChw: Tensor, offset: Tensor, mask: Tensor, groups: int) -> Tensor:
    """The samples of every tap, shape (B, C, K, h, w), already multiplied by the mask.

    Tap (i, j) of pixel (y, x) reads at (y - k//2 + i + dy, x - k//2 + j + dx), bilinearly; outside is zero.
    """
    if not kernels.usable(x_BChw, offset, mask):
        return sample_torch(x_BChw, offset, mask, groups)
    b, c, h, w = x_BChw.shape
    columns = SampleColumns(x_BChw, offset, mask, groups)
    return columns.read(0, b * h * w).view(b, h, w, -1, c).permute(0, 4, 3, 1, 2)


def sample_torch(x_BChw: Tensor, offset: Tensor, mask: Tensor, groups: int) -> Tensor:
    """The pure-torch twin of `SampleColumns`; differentiable in all three tensors."""
    b, c, h, w = x_BChw.shape
    taps = mask.shape[1] // groups
    grid = sampling_grid(offset.float() if offset.dtype in HALF else offset, groups, h, w)
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
    # half-pixel places go with align_corners=False; (2p)/(n - 1) - 1, for True, divides by zero where a side is 1
    return torch.stack([(2 * x + 1) / w - 1, (2 * y + 1) / h - 1], dim=-1).view(b * groups, taps * h, w, 2)


def modulated_deform_conv2d(
    x_BChw: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None, groups: int
) -> Tensor:
    """A dense k x k convolution (stride 1, zero padding k//2) over deformed samples; shape (B, weight's rows, h, w)."""
    if kernels.usable(x_BChw, offset, mask, weight, half=True):
        return _convolve_columns(SampleColumns(x_BChw, offset, mask, groups), weight.to(x_BChw.dtype), bias)
    b, _, h, w = x_BChw.shape
    bytes_each = x_BChw.element_size() * x_BChw[0].numel() * mask.shape[1] // groups
    # with gradients the backward pass keeps all samples anyway
    together = b if torch.is_grad_enabled() else max(1, CHUNK_BYTES // bytes_each)
    parts = []
    for first in range(0, b, together):
        some = slice(first, first + together)
        samples = sample_torch(x_BChw[some], offset[some], mask[some], groups).flatten(1, 2).flatten(2)
        parts.append(torch.matmul(weight.flatten(1), samples))
    out = torch.cat(parts).view(b, -1, h, w)
    return out if bias is None else out + bias.view(1, -1, 1, 1)


class SampleColumns:
    """The deformable im2col, read pixel by pixel by the numba kernel; rows are (K, C), pixels in the order B, h, w."""

    def __init__(self, x_BChw: Tensor, offset: Tensor, mask: Tensor, groups: int) -> None:
        x_BChw = x_BChw.float() if x_BChw.dtype in HALF else x_BChw  # where a sample lies needs single precision
        self.b, self.channels, self.h, self.w = x_BChw.shape
        self.taps = mask.shape[1] // groups
        self.dtype = x_BChw.dtype
        self.x = dense(x_BChw)
        self.points = points(x_BChw, offset, mask, groups)

    def read(self, first: int, last: int) -> Tensor:
        """The samples of pixels first..last, shape (last - first, K*C)."""
        from . import numba_sampling
        from .numba_threads import run

        out = torch.empty(last - first, self.taps * self.channels, dtype=self.dtype)
        offsets, masks, shape = self.points
        given = (self.x, offsets, masks, out.view(-1).numpy(), shape, self.x.dtype.type(1), first)
        run(numba_sampling.sample, numba_sampling.share_sample, given, last - first)
        return out


def points(
    like: Tensor, offset: Tensor, mask: Tensor, groups: int
) -> tuple["NDArray[Any]", "NDArray[Any]", "NDArray[Any]"]:
    """Offsets, mask and `shape` as the numba kernels take them, for a picture `like` (B, C, h, w)."""
    offsets, offset_step = flat(offset.to(like.dtype))
    masks, mask_step = flat(mask.to(like.dtype))
    c, h, w = like.shape[-3:]
    shape = [h, w, c, groups, isqrt(mask.shape[1] // groups), offset_step, mask_step]
    return offsets, masks, np.array(shape, np.int64)


def dense(x_BChw: Tensor) -> "NDArray[Any]":
    """The numbers in channels-last order as one row; a copy only if they lie otherwise."""
    return x_BChw.detach().permute(0, 2, 3, 1).contiguous().view(-1).numpy()


def flat(x_BChw: Tensor) -> tuple["NDArray[Any]", int]:
    """As `dense`, but channels cut from a wider map are read where they lie; and the numbers from pixel to pixel."""
    # offsets and mask are two slices of one head (`split_head`): copying them would cost more than reading them
    x_BhwC = x_BChw.detach().permute(0, 2, 3, 1)
    b, h, w, c = x_BhwC.shape
    step = x_BhwC.stride(2)
    if x_BhwC.stride() != (h * w * step, w * step, step, 1):
        return dense(x_BChw), c
    return x_BhwC.as_strided(((b * h * w - 1) * step + c,), (1,)).numpy(), step


def _convolve_columns(columns: SampleColumns, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The convolution as products of matrices, on so many pixels at once that their samples stay in the cache."""
    pixels = columns.b * columns.h * columns.w
    matrix = weight.detach().permute(2, 3, 1, 0).reshape(-1, weight.shape[0])  # (K*C, rows of the weight)
    out = torch.empty(pixels, weight.shape[0], dtype=weight.dtype)
    for first in range(0, pixels, CHUNK_PIXELS):
        last = min(first + CHUNK_PIXELS, pixels)
        torch.mm(columns.read(first, last).to(matrix.dtype), matrix, out=out[first:last])
    if bias is not None:
        out += bias.detach().to(out.dtype)
    return out.view(columns.b, columns.h, columns.w, -1).permute(0, 3, 1, 2)


def attend_samples(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    offset: Tensor,
    mask: Tensor,
    groups: int,
    top_t: int,
    frames: Sequence[int] | None = None,
) -> tuple[Tensor, Tensor]:
    """What each query pixel gathers from its deformed samples in each of several pictures.

    query (B, C, h, w) meets P of the pictures in key and value (B, F, C, h, w): those numbered `frames`, else all; at
    the K points of offset and mask, which have B*P maps. The `top_t` points with the largest dot product of query and
    key are kept; a softmax over them weighs their values. Returns the values (B, P, C, h, w) and the mean scores
    (B, P, h, w), weighed the same way.
    """
    if key.dtype in HALF:
        gathered, logit = attend_samples(
            query.float(), key.float(), value.float(), offset.float(), mask.float(), groups, top_t, frames
        )
        return gathered.to(key.dtype), logit.to(key.dtype)
    if not kernels.usable(query, key, value, offset, mask):
        chosen = (key, value) if frames is None else (key[:, list(frames)], value[:, list(frames)])
        return attend_samples_torch(query, *chosen, offset, mask, groups, top_t)
    from . import numba_sampling
    from .numba_threads import run

    b, f, c, h, w = key.shape
    pairs = list(range(f)) if frames is None else list(frames)
    where = np.array([(item * f + frame, item) for item in range(b) for frame in pairs], np.int64)
    offsets, masks, shape = points(key, offset, mask, groups)
    out = torch.empty(b, len(pairs), h, w, c, dtype=key.dtype)
    logit = torch.empty(b, len(pairs), h, w, dtype=key.dtype)
    maps = [dense(each) for each in (query.to(key.dtype), key.flatten(0, 1), value.to(key.dtype).flatten(0, 1))]
    made = (out.view(-1).numpy(), logit.view(-1).numpy())
    given = (*maps, where, offsets, masks, *made, shape, top_t, maps[0].dtype.type(1))
    run(numba_sampling.attend, numba_sampling.share_attend, given, logit.numel())
    return out.permute(0, 1, 4, 2, 3), logit


def attend_samples_torch(
    query: Tensor, key: Tensor, value: Tensor, offset: Tensor, mask: Tensor, groups: int, top_t: int
) -> tuple[Tensor, Tensor]:
    """The pure-torch twin of the kernel in `attend_samples`; differentiable. Values are sampled where chosen only."""
    b, p, c, h, w = key.shape
    taps = mask.shape[1] // groups
    grid = sampling_grid(offset, groups, h, w)
    keys = F.grid_sample(key.reshape(-1, c // groups, h, w), grid, padding_mode="zeros", align_corners=False)
    mask = mask.reshape(b * p, groups, taps, h, w)
    keys = keys.view(b, p, groups, c // groups, taps, h, w)
    query = query.reshape(b, 1, groups, c // groups, 1, h, w)
    scores = query[:, :, :, 0] * keys[:, :, :, 0]
    for channel in range(1, c // groups):  # not einsum: it would make a small matrix of every pixel
        scores = torch.addcmul(scores, query[:, :, :, channel], keys[:, :, :, channel])
    # the mask weighs the score, not each of its C/G terms: <q, m k> = m <q, k>
    best, chosen = (scores.flatten(0, 1) * mask).sum(dim=1).topk(top_t, dim=1)
    share = best.softmax(dim=1)
    at = chosen[:, None].expand(-1, groups, -1, -1, -1)
    grid = grid.view(b * p, groups, taps, h, w, 2).gather(2, at[..., None].expand(-1, -1, -1, -1, -1, 2))
    grid = grid.view(-1, top_t * h, w, 2)
    values = F.grid_sample(value.reshape(-1, c // groups, h, w), grid, padding_mode="zeros", align_corners=False)
    weight = mask.gather(2, at) * share[:, None]
    gathered = (values.view(b * p, groups, -1, top_t, h, w) * weight[:, :, None]).sum(dim=3)
    return gathered.reshape(b, p, c, h, w), (share * best).sum(dim=1).view(b, p, h, w)


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
        bound = 1 / sqrt(channels * kernel * kernel)  # as Zooming Slow-Mo and TMNet start; STDAN draws its own
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, x_BChw: Tensor, feature_BChw: Tensor) -> Tensor:
        """x, warped and convolved where the feature says; the shape stays."""
        offset, mask = split_head(self.head(feature_BChw), self.groups)
        return modulated_deform_conv2d(x_BChw, offset, mask, self.weight, self.bias, self.groups)
