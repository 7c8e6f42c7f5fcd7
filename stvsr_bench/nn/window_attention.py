"""Multi-head attention inside windows, with a learned bias for each relative position (Swin).

A window is as many pixels high and wide as its `window` says: one number, or (rows, columns); a shift likewise.
Axes: B batch, T frames, h w map, C channels, W windows (row-major over the map), N pixels of a window (frame by frame,
row-major), K heads, D channels of one head. Source: Liu et al., arXiv 2103.14030.
"""

from collections.abc import Sequence
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


Sides = int | tuple[int, int]  # of a window, or of a shift: both alike, or (down, across)


def down_across(sides: Sides) -> tuple[int, int]:
    """Both numbers of one or two."""
    return (sides, sides) if isinstance(sides, int) else sides


def relative_index(window: int, times: Sequence[int] = (0,), seen: Sequence[int] = (0,)) -> Tensor:
    """Row of the bias table for every (query, key) of a square window, int64, shape (N, N).

    `times` are those of the frames that ask, up to the last that the table knows; `seen` those of the frames asked.
    """
    side = torch.arange(window)
    asking, asked = (torch.cartesian_prod(torch.tensor(list(each)), side, side) for each in (times, seen))
    t, y, x = (asking[:, None] - asked[None]).unbind(-1)
    reach = 2 * window - 1
    return ((t + max(times)) * reach + y + window - 1) * reach + x + window - 1


def position_bias(table: Tensor, index: Tensor) -> Tensor:
    """The bias of every head for every (query, key), shape (K, N, N), from the rows of its table that `index` names."""
    return table[index.flatten()].view(*index.shape, -1).permute(2, 0, 1)


def shift_mask(h: int, w: int, window: Sides, shift: Sides) -> Tensor:
    """What is added to the logits of a map rolled by `shift`: 0 or `BLOCKED`, float32, shape (W, N, N)."""
    regions = []
    for n, side, by in zip((h, w), down_across(window), down_across(shift), strict=True):
        place = torch.arange(n)
        # 0 up to the last window, 1 in its first part, 2 in the part that came from the other side
        regions.append((place >= n - side).long() + (place >= n - by).long())
    label = (3 * regions[0][:, None] + regions[1][None, :]).view(1, h, w, 1)
    label_WN = to_windows(label, window).squeeze(-1)
    return torch.where(label_WN[:, :, None] == label_WN[:, None, :], 0.0, BLOCKED)


def to_windows(map_BhwC: Tensor, window: Sides) -> Tensor:
    """A map (B, h, w, C), or all frames of a clip (B, T, h, w, C), cut into windows, shape (B*W, N, C)."""
    tall, wide = down_across(window)
    h, w, c = map_BhwC.shape[-3:]
    cut = map_BhwC.reshape(len(map_BhwC), -1, h // tall, tall, w // wide, wide, c)
    frames = cut.shape[1]
    return cut.permute(0, 2, 4, 1, 3, 5, 6).reshape(-1, frames * tall * wide, c)


def from_windows(windows_WNC: Tensor, window: Sides, h: int, w: int) -> Tensor:
    """The windows of maps put back, shape (B, h, w, C)."""
    return from_clip_windows(windows_WNC, window, h, w).flatten(0, 1)


def from_clip_windows(windows_WNC: Tensor, window: Sides, h: int, w: int) -> Tensor:
    """The windows of clips put back, shape (B, T, h, w, C)."""
    tall, wide = down_across(window)
    frames, c = windows_WNC.shape[1] // (tall * wide), windows_WNC.shape[-1]
    cut = windows_WNC.reshape(-1, h // tall, w // wide, frames, tall, wide, c)
    return cut.permute(0, 3, 1, 4, 2, 5, 6).reshape(-1, frames, h, w, c)


def attend(q_WKND: Tensor, k_WKND: Tensor, v_WKND: Tensor, bias_KNN: Tensor, mask_WNN: Tensor | None) -> Tensor:
    """What every query gathers, (W, K, N, D), step by step; the mask's windows repeat over the batch."""
    logits = (q_WKND * q_WKND.shape[-1] ** -0.5) @ k_WKND.transpose(-2, -1) + bias_KNN
    if mask_WNN is not None:
        masked = logits.view(-1, len(mask_WNN), *logits.shape[1:]) + mask_WNN[:, None].to(logits.dtype)
        logits = masked.flatten(0, 1)
    gathered: Tensor = logits.softmax(dim=-1) @ v_WKND
    return gathered


def attend_fused(q_WKND: Tensor, k_WKND: Tensor, v_WKND: Tensor, bias_KNN: Tensor, mask_WNN: Tensor | None) -> Tensor:
    """Twin of `attend` by torch's own fused attention."""
    each = bias_KNN.to(q_WKND.dtype)
    out = F.scaled_dot_product_attention(q_WKND, k_WKND, v_WKND, attn_mask=each.expand(len(q_WKND), -1, -1, -1))
    if mask_WNN is None:
        return out
    # only the windows of the last row and column need a mask; which these are does not depend on the device
    edge = mask_WNN.flatten(1).any(dim=1).nonzero().squeeze(1)
    times = len(q_WKND) // len(mask_WNN)
    where = (torch.arange(times)[:, None] * len(mask_WNN) + edge).flatten().to(q_WKND.device)
    masked = (each[None] + mask_WNN[edge][:, None].to(each)).repeat(times, 1, 1, 1)
    q, k, v = q_WKND[where], k_WKND[where], v_WKND[where]
    return out.index_copy(0, where, F.scaled_dot_product_attention(q, k, v, attn_mask=masked))


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
        return position_bias(self.bias_table, self.index)

    def forward(self, windows_WNC: Tensor, mask_WNN: Tensor | None = None) -> Tensor:
        """The attended windows; the shape stays. The mask's windows repeat over the batch."""
        b, n, c = windows_WNC.shape
        q, k, v = self.qkv(windows_WNC).view(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        out = attend(q, k, v, self.bias(), mask_WNN)
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
    h, w, c3 = qkv_BhwC.shape[1:]
    n, c = window * window, c3 // 3
    rolled = qkv_BhwC.roll((-shift, -shift), (1, 2)) if shift else qkv_BhwC
    q, k, v = to_windows(rolled, window).view(-1, n, 3, heads, c // heads).permute(2, 0, 3, 1, 4)
    out = attend_fused(q, k, v, bias, shift_mask(h, w, window, shift) if shift else None)
    out = from_windows(out.transpose(1, 2).reshape(-1, n, c), window, h, w)
    return out.roll((shift, shift), (1, 2)) if shift else out
