"""Multi-head self-attention inside square windows, with a learned bias for each relative position (Swin).

Axes: B batch, h w map, C channels, W windows (row-major over the map), N pixels of a window (row-major), D channels
of one head. Source: Liu et al., arXiv 2103.14030.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import kernels

BLOCKED = -100.0  # added to the logit of two pixels that are neighbours only because the map was rolled


def relative_index(window: int) -> Tensor:
    """Row of the bias table for every (query, key) of a window, int64, shape (N, N)."""
    y, x = torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
    y, x = y.flatten(), x.flatten()
    return (y[:, None] - y + window - 1) * (2 * window - 1) + (x[:, None] - x + window - 1)


def shift_mask(h: int, w: int, window: int, shift: int) -> Tensor:
    """What is added to the logits of a map rolled by `shift`: 0 or `BLOCKED`, float32, shape (W, N, N)."""
    regions = []
    for n in (h, w):
        place = torch.arange(n)
        regions.append((place >= n - window).long() + (place >= n - shift).long())
    label = (3 * regions[0][:, None] + regions[1][None, :]).view(1, h, w, 1)
    label_WN = to_windows(label, window).squeeze(-1)
    return torch.where(label_WN[:, :, None] == label_WN[:, None, :], 0.0, BLOCKED)


def to_windows(map_BhwC: Tensor, window: int) -> Tensor:
    """The map cut into windows, shape (B*W, N, C)."""
    b, h, w, c = map_BhwC.shape
    cut = map_BhwC.reshape(b, h // window, window, w // window, window, c)
    return cut.permute(0, 1, 3, 2, 4, 5).reshape(-1, window * window, c)


def from_windows(windows_WNC: Tensor, window: int, h: int, w: int) -> Tensor:
    """The windows put back, shape (B, h, w, C)."""
    c = windows_WNC.shape[-1]
    cut = windows_WNC.reshape(-1, h // window, w // window, window, window, c)
    return cut.permute(0, 1, 3, 2, 4, 5).reshape(-1, h, w, c)


class WindowAttention(nn.Module):
    """Self-attention among the pixels of each window."""

    index: Tensor

    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.qkv = nn.Linear(channels, 3 * channels)
        self.bias_table = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        self.proj = nn.Linear(channels, channels)
        self.register_buffer("index", relative_index(window), persistent=False)
        nn.init.trunc_normal_(self.bias_table, std=0.02)

    def bias(self) -> Tensor:
        """The position bias of every head, shape (heads, N, N)."""
        n = self.index.shape[0]
        return self.bias_table[self.index.flatten()].view(n, n, self.heads).permute(2, 0, 1)

    def forward(self, windows_WNC: Tensor, mask_WNN: Tensor | None = None) -> Tensor:
        """The attended windows; the shape stays. The mask's windows repeat over the batch."""
        b, n, c = windows_WNC.shape
        q, k, v = self.qkv(windows_WNC).view(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        logits = (q * (c // self.heads) ** -0.5) @ k.transpose(-2, -1) + self.bias()
        if mask_WNN is not None:
            each = mask_WNN.shape[0]
            logits = (logits.view(-1, each, self.heads, n, n) + mask_WNN[:, None].to(logits.dtype)).flatten(0, 1)
        out = logits.softmax(dim=-1) @ v
        attended_WNC: Tensor = self.proj(out.transpose(1, 2).reshape(b, n, c))
        return attended_WNC


def attend_map(qkv_BhwC: Tensor, bias: Tensor, heads: int, window: int, shift: int) -> Tensor:
    """Window attention straight on a map of queries, keys and values, without the projection; (B, h, w, C).

    The windows are those of the map rolled by `shift`, and the result is rolled back.
    """
    bias = bias.to(qkv_BhwC.dtype)
    if not kernels.usable(qkv_BhwC, bias):
        return attend_map_torch(qkv_BhwC, bias, heads, window, shift)
    from . import numba_kernels

    b, h, w, c3 = qkv_BhwC.shape
    attend = numba_kernels.make_attend_windows(c3 // 3 // heads, window, qkv_BhwC.dtype == torch.float32)
    out = torch.empty(b, h, w, c3 // 3, dtype=qkv_BhwC.dtype)
    transposed = bias.detach().transpose(1, 2).contiguous().numpy()
    maps = (qkv_BhwC.detach().contiguous().numpy(), transposed, out.numpy())
    blocked = transposed.dtype.type(BLOCKED)
    windows = b * (h // window) * (w // window)
    kernels.share_out(lambda first, last: attend(*maps, shift, blocked, first, last), windows)
    return out


def attend_map_torch(qkv_BhwC: Tensor, bias: Tensor, heads: int, window: int, shift: int) -> Tensor:
    """The pure-torch twin of the kernel in `attend_map`; differentiable."""
    b, h, w, c3 = qkv_BhwC.shape
    n, c = window * window, c3 // 3
    rolled = qkv_BhwC.roll((-shift, -shift), (1, 2)) if shift else qkv_BhwC
    q, k, v = to_windows(rolled, window).view(-1, n, 3, heads, c // heads).permute(2, 0, 3, 1, 4)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.expand(q.shape[0], -1, -1, -1))
    if shift:  # only the windows of the last row and column hold strangers
        mask = shift_mask(h, w, window, shift)  # which windows these are does not depend on the device
        edge = mask.flatten(1).any(dim=1).nonzero().squeeze(1)
        where = (torch.arange(b)[:, None] * len(mask) + edge).flatten().to(q.device)
        masked = (bias[None] + mask[edge][:, None].to(bias)).repeat(b, 1, 1, 1)
        out = out.index_copy(0, where, F.scaled_dot_product_attention(q[where], k[where], v[where], attn_mask=masked))
    out = from_windows(out.transpose(1, 2).reshape(-1, n, c), window, h, w)
    return out.roll((shift, shift), (1, 2)) if shift else out
