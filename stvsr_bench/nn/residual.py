"""Residual blocks without normalisation, trunks of them, and what blocks of transformers share.

Axes: B batch, C features, h w low resolution.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .pyramid import conv3

INIT_GAIN = 0.1  # small branches: a trunk of 40 blocks starts close to the identity


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a ReLU between, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv3(channels, channels), conv3(channels, channels)
        for conv in (self.conv1, self.conv2):
            nn.init.kaiming_normal_(conv.weight, mode="fan_in")
            conv.weight.data.mul_(INIT_GAIN)
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]

    def forward(self, feat_BChw: Tensor) -> Tensor:
        """The map, corrected; the shape stays."""
        branch_BChw: Tensor = self.conv2(F.relu(self.conv1(feat_BChw), inplace=True))
        return feat_BChw + branch_BChw


def residual_trunk(channels: int, blocks: int) -> nn.Sequential:
    """`blocks` residual blocks, one after the other."""
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))


class TransformerBlock(nn.Module):
    """The branches that blocks of window attention share: an MLP twice as wide, and stochastic depth."""

    rate: float  # of branches that are absent in training
    expand: nn.Linear
    shrink: nn.Linear

    def feed(self, tokens: Tensor) -> Tensor:
        """The MLP of every token."""
        fed: Tensor = self.shrink(F.gelu(self.expand(tokens)))
        return fed

    def dropped(self, branch: Tensor) -> Tensor:
        """The branch; in training absent for a random `rate` of the batch and stronger for the others."""
        if not self.training or self.rate <= 0:
            return branch
        keep = torch.rand(len(branch), *[1] * (branch.ndim - 1), device=branch.device) >= self.rate
        return branch * keep.to(branch.dtype) / (1 - self.rate)
