"""Multi-head self-attention inside square windows, with a learned bias for each relative position (Swin).

Axes: B batch, h w map, C channels, W windows (row-major over the map), N pixels of a window (row-major), D channels
of one head. Source: Liu et al., arXiv 2103.14030.
"""

from functools import lru_cache
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import kernels
from .kernels import HALF

WINDOWS_TOGETHER = 8  # on the pure-torch path of a CPU: 0.8 MB of logits at 6 heads of 8x8 pixels
# Added to the logit of two pixels that are neighbours only because the map was rolled. Not minus infinity: published
# checkpoints hold masks of -100 (STDAN's buffers `attn_mask`)
BLOCKED = -100.0


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
        # 0 up to the last window, 1 in its first part, 2 in the part that came from the other side
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
    # in float32 by the kernel: it has no code for halves
    if qkv_BhwC.dtype in HALF and kernels.usable(qkv_BhwC, bias, half=True):
        return attend_map(qkv_BhwC.float(), bias.float(), heads, window, shift).to(qkv_BhwC.dtype)
    bias = bias.to(qkv_BhwC.dtype)
    if not kernels.usable(qkv_BhwC, bias):
        # the chunks write into a buffer, which autograd cannot follow
        chunked = qkv_BhwC.device.type == "cpu" and not torch.is_grad_enabled()
        return (attend_map_torch if chunked else attend_map_fused)(qkv_BhwC, bias, heads, window, shift)
    from .numba_threads import run
    from .numba_windows import make_attend_windows

    b, h, w, c3 = qkv_BhwC.shape
    out = torch.empty(b, h, w, c3 // 3, dtype=qkv_BhwC.dtype)
    transposed = bias.detach().transpose(1, 2).contiguous().numpy()
    maps = (qkv_BhwC.detach().contiguous().numpy(), transposed, out.numpy())
    given = (*maps, shift, transposed.dtype.type(BLOCKED))
    run(*make_attend_windows(c3 // 3 // heads, window, qkv_BhwC.dtype == torch.float32), given, b * h * w // window**2)
    return out


def attend_map_torch(qkv_BhwC: Tensor, bias: Tensor, heads: int, window: int, shift: int) -> Tensor:
    """The pure-torch twin of the kernel in `attend_map`; without gradients.

    Few windows at once, so that their logits stay in the cache; those that need a mask come last.
    """
    b, h, w, c3 = qkv_BhwC.shape
    order, back, mask_WNN = window_order(h, w, window, shift)
    rows = qkv_BhwC.reshape(b, h * w, c3).index_select(1, order).view(b, -1, window**2, 3, heads, c3 // 3 // heads)
    out = rows.new_empty(*rows.shape[:3], heads, rows.shape[-1])
    unmasked, windows = rows.shape[1] - len(mask_WNN), rows.shape[1]
    mask_WHNN = mask_WNN.to(bias)[:, None].expand(-1, heads, -1, -1)
    biases = bias.repeat(WINDOWS_TOGETHER, 1, 1)
    bounds = [*range(0, unmasked, WINDOWS_TOGETHER), *range(unmasked, windows, WINDOWS_TOGETHER), windows]
    for item, into in zip(rows, out, strict=True):
        query, key, value = item.permute(2, 0, 3, 1, 4).contiguous()  # each (windows, heads, N, D)
        for first, last in pairwise(bounds):
            q, k, v = (each[first:last].flatten(0, 1) for each in (query, key, value))
            logits = torch.baddbmm(biases[: len(q)], q, k.transpose(1, 2), alpha=q.shape[-1] ** -0.5)
            if first >= unmasked:
                logits += mask_WHNN[first - unmasked : last - unmasked].flatten(0, 1)
            into[first:last] = torch.bmm(logits.softmax(dim=-1), v).view(-1, heads, *v.shape[1:]).transpose(1, 2)
    return out.view(b, h * w, -1).index_select(1, back).view(b, h, w, -1)


@lru_cache(maxsize=8)
def window_order(h: int, w: int, window: int, shift: int) -> tuple[Tensor, Tensor, Tensor]:
    """The pixels of a map in the order of the windows of a rolled map, the way back, and the masks of the last ones.

    Windows with pixels of more than one region come last, as many as there are masks (W, N, N).
    """
    pixels_WN = to_windows(torch.arange(h * w).view(1, h, w, 1).roll((-shift, -shift), (1, 2)), window).squeeze(-1)
    mask_WNN = shift_mask(h, w, window, shift) if shift else torch.zeros(len(pixels_WN), 1, 1)
    masked_W = mask_WNN.flatten(1).any(dim=1)
    by = masked_W.int().argsort(stable=True)
    order = pixels_WN[by].flatten()
    return order, order.argsort(), mask_WNN[masked_W]


def attend_map_fused(qkv_BhwC: Tensor, bias: Tensor, heads: int, window: int, shift: int) -> Tensor:
    """Twin of `attend_map_torch` by torch's own fused attention over all windows: for accelerators and gradients."""
    b, h, w, c3 = qkv_BhwC.shape
    n, c = window * window, c3 // 3
    rolled = qkv_BhwC.roll((-shift, -shift), (1, 2)) if shift else qkv_BhwC
    q, k, v = to_windows(rolled, window).view(-1, n, 3, heads, c // heads).permute(2, 0, 3, 1, 4)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.expand(q.shape[0], -1, -1, -1))
    if shift:  # only the windows of the last row and column need a mask
        mask = shift_mask(h, w, window, shift)  # which windows these are does not depend on the device
        edge = mask.flatten(1).any(dim=1).nonzero().squeeze(1)
        where = (torch.arange(b)[:, None] * len(mask) + edge).flatten().to(q.device)
        masked = (bias[None] + mask[edge][:, None].to(bias)).repeat(b, 1, 1, 1)
        out = out.index_copy(0, where, F.scaled_dot_product_attention(q[where], k[where], v[where], attn_mask=masked))
    out = from_windows(out.transpose(1, 2).reshape(-1, n, c), window, h, w)
    return out.roll((shift, shift), (1, 2)) if shift else out
