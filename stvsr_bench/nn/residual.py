"""Residual blocks without normalisation, and trunks of them.

Axes: B batch, C features, h w low resolution.
"""

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
