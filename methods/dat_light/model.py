"""DAT-light x4: attention over space and over channels in turn, each joined with a convolution by gates.

Axes: B batch, T frames, C features, h w low and H W high resolution, N pixels of a window, W windows, D features of a
head. Paper: Chen et al., arXiv 2308.03364. Each frame by itself.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import ChannelAttention, WindowAttention

MEAN = (0.4488, 0.4371, 0.4040)  # RGB mean of the training set


class DatLight(nn.Module):
    """One residual group of 18 blocks between two convolutions, then a pixel shuffle."""

    mean: Tensor

    def __init__(self, features: int = 60, heads: int = 6, depth: int = 18, scale: int = 4) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).reshape(3, 1, 1), persistent=False)
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.enter = nn.LayerNorm(features)
        self.blocks = nn.ModuleList(Block(features, heads, _kind(index)) for index in range(depth))
        self.group_tail = _bottleneck(features)
        self.leave = nn.LayerNorm(features)
        self.body_tail = _bottleneck(features)
        self.upscale = nn.Sequential(nn.Conv2d(features, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, frames_BTChw: Tensor) -> Tensor:
        """The frames at four times their size, (B, T, 3, H, W)."""
        large = self.restore(frames_BTChw.flatten(0, 1))
        return large.reshape(*frames_BTChw.shape[:2], *large.shape[1:])

    def restore(self, frames_BChw: Tensor) -> Tensor:
        """One batch of frames enlarged, (B, 3, H, W)."""
        shallow_BChw = self.head(frames_BChw - self.mean)
        entered_BhwC = self.enter(_last(shallow_BChw))
        deep_BhwC = entered_BhwC
        for block in self.blocks:
            deep_BhwC = block(deep_BhwC)
        deep_BhwC = _last(self.group_tail(_first(deep_BhwC))) + entered_BhwC
        deep_BChw = self.body_tail(_first(self.leave(deep_BhwC))) + shallow_BChw
        large: Tensor = self.upscale(deep_BChw) + self.mean
        return large


class Block(nn.Module):
    """Attention, then a gated feed-forward, each added to what came in."""

    def __init__(self, features: int, heads: int, kind: Literal["window", "shifted", "channel"]) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(features)
        self.attention: nn.Module
        if kind == "channel":
            self.attention = ChannelAttention(features, heads)
        else:
            self.attention = WindowAttention(features, heads, shifted=kind == "shifted")
        self.norm2 = nn.LayerNorm(features)
        self.feed = FeedForward(features)

    def forward(self, feat_BhwC: Tensor) -> Tensor:
        """The features, refined."""
        feat_BhwC = feat_BhwC + self.attention(self.norm1(feat_BhwC))
        refined: Tensor = feat_BhwC + self.feed(self.norm2(feat_BhwC))
        return refined


class FeedForward(nn.Module):
    """Half of the widened features, seen through a depthwise convolution, gates the other half."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.widen = nn.Linear(features, 2 * features)
        self.norm = nn.LayerNorm(features)
        self.spread = nn.Conv2d(features, features, 3, padding=1, groups=features)
        self.narrow = nn.Linear(features, features)

    def forward(self, feat_BhwC: Tensor) -> Tensor:
        """The features after the gate."""
        kept_BhwC, gate_BhwC = F.gelu(self.widen(feat_BhwC)).chunk(2, dim=-1)
        gate_BhwC = _last(self.spread(_first(self.norm(gate_BhwC))))
        out: Tensor = self.narrow(kept_BhwC * gate_BhwC)
        return out


def _kind(index: int) -> Literal["window", "shifted", "channel"]:
    # as published: windows, channels, rolled windows, channels, and again
    if index % 2:
        return "channel"
    return "shifted" if index % 4 == 2 else "window"


def _bottleneck(features: int) -> nn.Sequential:
    narrow = features // 4
    return nn.Sequential(
        nn.Conv2d(features, narrow, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(narrow, narrow, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(narrow, features, 3, padding=1),
    )


def _last(feat_BChw: Tensor) -> Tensor:
    return feat_BChw.permute(0, 2, 3, 1)


def _first(feat_BhwC: Tensor) -> Tensor:
    return feat_BhwC.permute(0, 3, 1, 2)
