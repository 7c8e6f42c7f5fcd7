"""SPAN: Swift Parameter-free Attention Network, x4, 48 features.

Three convolutions make the features of a block; the features themselves, through a sigmoid shifted to odd symmetry,
say where they matter: attention without parameters. The blocks hold plain 3x3 convolutions: the authors train wider
ones and fold them into these before publishing.

Axes: B batch, T frames, C features, h w low and H W high resolution.
Paper: Wan et al., arXiv 2311.12770.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

RANGE = 255.0  # the network was trained on 0..255
MEAN = (0.4488, 0.4371, 0.4040)  # of its training set, overwritten by the checkpoint's own


class Span(nn.Module):
    """Every frame by itself, four times as large."""

    mean: Tensor

    def __init__(self, features: int = 48, scale: int = 4) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).reshape(3, 1, 1))
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.blocks = nn.ModuleList(Block(features) for _ in range(6))
        self.tail = nn.Conv2d(features, features, 3, padding=1)
        self.fuse = nn.Conv2d(4 * features, features, 1)
        self.upscale = nn.Sequential(nn.Conv2d(features, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, frames_BTChw: Tensor) -> Tensor:
        """The frames at four times their size, (B, T, 3, H, W)."""
        large = self.restore(frames_BTChw.flatten(0, 1))
        return large.reshape(*frames_BTChw.shape[:2], *large.shape[1:])

    def restore(self, frames_BChw: Tensor) -> Tensor:
        """One batch of frames enlarged, (B, 3, H, W)."""
        shallow_BChw = self.head((frames_BChw - self.mean) * RANGE)
        feat_BChw, outs, inner_BChw = shallow_BChw, [], shallow_BChw
        for block in self.blocks:
            feat_BChw, inner_BChw = block(feat_BChw)
            outs.append(feat_BChw)
        # the last block lends its features after one convolution: the paper's cheap view of an early state
        seen = torch.cat([shallow_BChw, self.tail(feat_BChw), outs[0], inner_BChw], dim=1)
        large: Tensor = self.upscale(self.fuse(seen))
        return large


class Block(nn.Module):
    """Three convolutions and the parameter-free attention over their result."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)
        self.conv3 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, feat_BChw: Tensor) -> tuple[Tensor, Tensor]:
        """The block's features, and its first activation."""
        first_BChw = F.silu(self.conv1(feat_BChw))
        deep_BChw = self.conv3(F.silu(self.conv2(first_BChw)))
        return (deep_BChw + feat_BChw) * (torch.sigmoid(deep_BChw) - 0.5), first_BChw
