"""The parts of SAFA: features of a frame, and the body of a block.

Axes: B batch, C features, H W size of a frame. Numbers of parts inside a sequence are those of the authors' checkpoint.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.nn.pyramid import conv3

FEATURES = 80


def resized(map_BCHW: Tensor, factor: float) -> Tensor:
    """The map enlarged or shrunk bilinearly; shrunk without averaging first, by 1/4 it sees a quarter of the pixels."""
    if factor == 1:
        return map_BCHW
    return F.interpolate(map_BCHW, scale_factor=factor, mode="bilinear", align_corners=False)


class FrozenBatchNorm(nn.BatchNorm2d):
    """Batch norm with the statistics of the checkpoint, in training too."""

    def forward(self, input: Tensor) -> Tensor:
        """The map, normed."""
        return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class BasicBlock(nn.Module):
    """A residual block of ResNet-18."""

    def __init__(self, channels_in: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = FrozenBatchNorm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = FrozenBatchNorm(channels)
        self.downsample = None
        if stride > 1:
            shrink = nn.Conv2d(channels_in, channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(shrink, FrozenBatchNorm(channels))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """The map after the block."""
        branch = self.bn2(self.conv2(self.bn1(self.conv1(x_BCHW)).relu()))
        return ((x_BCHW if self.downsample is None else self.downsample(x_BCHW)) + branch).relu()  # type: ignore[no-any-return]


class Head(nn.Module):
    """80 features at half a frame's size: the front of ResNet-18 at three resolutions, added up."""

    def __init__(self) -> None:
        super().__init__()
        self.normalize = nn.Conv2d(3, 3, 1)
        self.cnn0 = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), FrozenBatchNorm(64), nn.ReLU())
        self.cnn1 = nn.Sequential(nn.MaxPool2d(3, 2, 1), nn.Sequential(BasicBlock(64, 64), BasicBlock(64, 64)))
        self.cnn2 = nn.Sequential(nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128)))
        self.out0, self.out1, self.out2 = (nn.Conv2d(c, FEATURES, 1) for c in (64, 64, 128))

    def forward(self, frames_BCHW: Tensor) -> Tensor:
        """The features (B, 80, H/2, W/2)."""
        fine = self.cnn0(self.normalize(frames_BCHW))
        middle = self.cnn1(fine)
        coarse = self.cnn2(middle)
        return self.out0(fine) + resized(self.out1(middle), 2) + resized(self.out2(coarse), 4)  # type: ignore[no-any-return]


class Residual(nn.Module):
    """Two convolutions, added with a learned weight for each channel; fresh ones add nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.conv = nn.Sequential(conv3(channels, channels), nn.PReLU(channels), conv3(channels, channels))
        self.prelu = nn.PReLU(channels)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """The map, corrected."""
        return self.prelu(x_BCHW + self.beta * self.conv(x_BCHW))  # type: ignore[no-any-return]


class Body(nn.Module):
    """What a block computes, at the resolution that was chosen."""

    def __init__(self, seen: int) -> None:
        super().__init__()
        self.conv_stem = nn.Sequential(conv3(seen, FEATURES), nn.PReLU(FEATURES))
        self.conv_backbone = nn.Sequential(Residual(FEATURES), Residual(FEATURES))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """80 features of what is seen."""
        return self.conv_backbone(self.conv_stem(x_BCHW))  # type: ignore[no-any-return]
