"""The body: stages of blocks whose attention sees every frame of the clip inside a window of 4x4 pixels.

Axes: B batch, T frames given, S = 2T - 1 frames wanted, C features, h w size at this depth, W windows, N pixels of a
window (all of its frames, frame by frame), K heads, D features of a head.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.nn.residual import TransformerBlock
from stvsr_bench.nn.window_attention import (
    attend,
    from_clip_windows,
    position_bias,
    relative_index,
    shift_mask,
    to_windows,
)

WINDOW = 4
SHIFT = 2
GIVEN = (0, 2, 4, 6)  # the moments of the frames given, among those wanted


class ClipAttention(nn.Module):
    """What every pixel of some frames gathers from a window of the same or of other frames.

    `times` are the moments of the frames that ask, `seen` those of the frames asked.
    """

    index: Tensor

    def __init__(
        self, channels: int, heads: int, times: range | tuple[int, ...], seen: range | tuple[int, ...]
    ) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key_value = nn.Linear(channels, channels), nn.Linear(channels, 2 * channels)
        self.bias_table = nn.Parameter(torch.empty(2 * len(times) - 1, (2 * WINDOW - 1) ** 2, heads).flatten(0, 1))
        self.proj = nn.Linear(channels, channels)
        self.register_buffer("index", relative_index(WINDOW, times, seen), persistent=False)
        nn.init.trunc_normal_(self.bias_table, std=0.02)

    def bias(self) -> Tensor:
        """The position bias of every head, (K, N, N)."""
        return position_bias(self.bias_table, self.index)

    def split(self, tokens_WNC: Tensor, parts: int) -> tuple[Tensor, ...]:
        """Queries, or keys and values, by heads: `parts` tensors (W, K, N, D)."""
        windows, n, _ = tokens_WNC.shape
        return tokens_WNC.view(windows, n, parts, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)

    def forward(self, asking_WNC: Tensor, seen_WNC: Tensor, mask_WNN: Tensor | None) -> Tensor:
        """The windows that ask, after the projection; the shape stays."""
        (q,), (k, v) = self.split(self.query(asking_WNC), 1), self.split(self.key_value(seen_WNC), 2)
        gathered = attend(q, k, v, self.bias(), mask_WNN)
        attended_WNC: Tensor = self.proj(gathered.transpose(1, 2).flatten(2))
        return attended_WNC


class Block(TransformerBlock):
    """What both kinds of block share: windows of a map of any size, in odd blocks on a rolled map."""

    def __init__(self, shifted: bool, rate: float) -> None:
        super().__init__()
        self.shifted, self.rate = shifted, rate

    def gather(self, attention: ClipAttention, asking_BThwC: Tensor, seen_BThwC: Tensor) -> Tensor:
        """The attention branch of normed maps: pad, roll, cut, attend, and all of it back."""
        h, w = asking_BThwC.shape[2:4]
        shift = shift_of(h, w) if self.shifted else (0, 0)
        asking, seen = (rolled(fitted(each), shift) for each in (asking_BThwC, seen_BThwC))
        mask_WNN = mask_of(*asking.shape[2:4], shift, asking.shape[1], seen.shape[1]) if any(shift) else None
        if mask_WNN is not None:
            mask_WNN = mask_WNN.to(asking)
        windows = attention(to_windows(asking, WINDOW), to_windows(seen, WINDOW), mask_WNN)
        return back(from_clip_windows(windows, WINDOW, *asking.shape[2:4]), shift)[:, :, :h, :w]


class EncoderBlock(Block):
    """The frames given see each other; then an MLP."""

    def __init__(self, channels: int, heads: int, times: range, shifted: bool, rate: float) -> None:
        super().__init__(shifted, rate)
        self.norm1, self.attention = nn.LayerNorm(channels), ClipAttention(channels, heads, times, times)
        self.norm2 = nn.LayerNorm(channels)
        self.expand, self.shrink = nn.Linear(channels, 2 * channels), nn.Linear(2 * channels, channels)

    def forward(self, map_BThwC: Tensor) -> Tensor:
        """The map after this block; the shape stays."""
        normed = self.norm1(map_BThwC)
        map_BThwC = map_BThwC + self.dropped(self.gather(self.attention, normed, normed))
        return map_BThwC + self.dropped(self.feed(self.norm2(map_BThwC)))


class DecoderBlock(Block):
    """The frames wanted see each other, then what the encoder made of the frames given; then an MLP."""

    def __init__(self, channels: int, heads: int, shifted: bool, rate: float) -> None:
        super().__init__(shifted, rate)
        times = range(GIVEN[-1] + 1)
        self.norm1, self.own = nn.LayerNorm(channels), ClipAttention(channels, heads, times, times)
        self.norm2, self.norm_given = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.cross = ClipAttention(channels, heads, times, GIVEN)
        self.norm3 = nn.LayerNorm(channels)
        self.expand, self.shrink = nn.Linear(channels, 2 * channels), nn.Linear(2 * channels, channels)

    def forward(self, maps: tuple[Tensor, Tensor]) -> Tensor:
        """The map (B, S, h, w, C) after this block; with it goes the encoder's of the same size (B, T, h, w, C)."""
        map_BShwC, given_BThwC = maps
        normed = self.norm1(map_BShwC)
        map_BShwC = map_BShwC + self.dropped(self.gather(self.own, normed, normed))
        # the raw map of the encoder, normed anew by every block
        seen = self.norm_given(given_BThwC)
        map_BShwC = map_BShwC + self.dropped(self.gather(self.cross, self.norm2(map_BShwC), seen))
        return map_BShwC + self.dropped(self.feed(self.norm3(map_BShwC)))


def shift_of(h: int, w: int) -> tuple[int, int]:
    """How far odd blocks roll a map of this size: a side that one window covers is not rolled, the other still is."""
    return (SHIFT if h > WINDOW else 0, SHIFT if w > WINDOW else 0)


def fitted(map_BThwC: Tensor) -> Tensor:
    """The normed map with zeros at its bottom and right, to whole windows; they are seen like other pixels."""
    h, w = map_BThwC.shape[2:4]
    down, right = -h % WINDOW, -w % WINDOW
    return F.pad(map_BThwC, (0, 0, 0, right, 0, down)) if down or right else map_BThwC


def rolled(map_BThwC: Tensor, shift: tuple[int, int]) -> Tensor:
    """The map with its first rows and columns at its end."""
    return map_BThwC.roll((-shift[0], -shift[1]), (2, 3)) if any(shift) else map_BThwC


def back(map_BThwC: Tensor, shift: tuple[int, int]) -> Tensor:
    """What `rolled` moved, where it was."""
    return map_BThwC.roll(shift, (2, 3)) if any(shift) else map_BThwC


@lru_cache(maxsize=8)
def mask_of(h: int, w: int, shift: tuple[int, int], asking: int, seen: int) -> Tensor:
    """The mask of a rolled clip, (W, N, N): a pixel's region is the same in every frame."""
    return shift_mask(h, w, WINDOW, shift).repeat(1, asking, seen)
