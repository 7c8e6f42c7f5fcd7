"""Features of the frames between the given ones (LSTFI, long-short term feature interpolation), and an ablation.

Axes: B batch, T frames given, C features, h w low resolution. `levels` is the pyramid of all frames, each level
(B, T, C, its height, its width).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from stvsr_bench.nn.pyramid import Epcd, PairAligner, conv3, gaps, leaky


class ShortTerm(nn.Module):
    """A frame between from its two neighbours alone; what STDAN is compared with in its ablation."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.align = PairAligner(channels, groups)
        self.fuse = nn.Conv2d(2 * channels, channels, 1)

    def pair(self, a: list[Tensor], b: list[Tensor]) -> Tensor:
        """The feature between two pyramids, (B, C, h, w)."""
        between_BChw: Tensor = self.fuse(self.align(a, b))
        return between_BChw

    def forward(self, levels: list[Tensor]) -> Tensor:
        """The features between, shape (B, T-1, C, h, w)."""
        frames = [[level[:, t] for level in levels] for t in range(levels[0].shape[1])]
        return torch.stack([self.pair(before, after) for before, after in pairwise(frames)], dim=1)


class Lstfi(ShortTerm):
    """Long short-term interpolation: a hidden state carries what earlier gaps have seen, in both directions of time."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__(channels, groups)
        self.recall = Epcd(channels, groups)
        self.mix = nn.Conv2d(2 * channels, channels, 1)
        self.hidden1, self.hidden2 = conv3(channels, channels), conv3(channels, channels)
        self.merge = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """The features between, shape (B, T-1, C, h, w)."""
        onward = self.scan(levels)
        backward = self.scan([level.flip(1) for level in levels])[::-1]  # with the same weights
        both = [torch.cat(pair, dim=1) for pair in zip(onward, backward, strict=True)]
        return torch.stack([self.merge(pair) for pair in both], dim=1)

    def scan(self, levels: list[Tensor]) -> list[Tensor]:
        """One pass over the gaps from the first to the last frame; the state starts at zero."""
        # a state of zeros is aligned like any other: the biases of `recall` make something of it
        hidden = torch.zeros_like(levels[0][:, 0])
        between = []
        for before, after in gaps(levels):
            mixed, hidden = self.step(self.pair(before, after), hidden)
            between.append(mixed)
        return between

    def step(self, current: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """The feature of this gap, and the hidden state for the next."""
        mixed = self.mix(torch.cat([self.recall(current, hidden), current], dim=1))
        return mixed, self.hidden2(leaky(self.hidden1(mixed)))
