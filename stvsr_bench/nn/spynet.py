"""SpyNet: optical flow from coarse to fine, inside BasicVSR and for metrics along a flow.

Axes: P pictures or pairs of them, h w size of a frame. A flow is (P, 2, h, w), x before y, in pixels.
Paper: Ranjan and Black, arXiv 1611.00850.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.nn.warp import warp

LEVELS = 6
MULTIPLE = 2 ** (LEVELS - 1)  # a frame is stretched to it, not padded
# ImageNet's; the weights' file overwrites them with the same numbers in float32
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class SpyNet(nn.Module):
    """The flow from one picture to another: first(y, x) looks like second(y + v, x + u)."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).reshape(1, 3, 1, 1))
        self.levels = nn.ModuleList(_level() for _ in range(LEVELS))  # the coarsest first

    def pyramid(self, frames_P3hw: Tensor) -> list[Tensor]:
        """The frames normalised and stretched, at six sizes, the smallest first."""
        height, width = (-(-side // MULTIPLE) * MULTIPLE for side in frames_P3hw.shape[-2:])
        pictures = [(_resized(frames_P3hw, (height, width)) - self.mean) / self.std]
        for _ in range(LEVELS - 1):
            pictures.append(F.avg_pool2d(pictures[-1], 2))
        return pictures[::-1]

    def pair(self, first_P3hw: Tensor, second_P3hw: Tensor) -> Tensor:
        """The flow from each first frame to its second, RGB in [0, 1], (P, 2, h, w)."""
        height, width = first_P3hw.shape[-2:]
        flow: Tensor = self(self.pyramid(first_P3hw), self.pyramid(second_P3hw), (height, width))
        return flow

    def forward(self, first: Sequence[Tensor], second: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """The flow of pairs of frames of `size`, (P, 2, h, w), from their pyramids."""
        # it starts from nothing at the coarsest level itself, so that frames of 32 pixels and less have one too
        flow = torch.zeros_like(first[0][:, :2])
        for index, (level, a, b) in enumerate(zip(self.levels, first, second, strict=True)):
            if index:
                flow = 2 * F.interpolate(flow, scale_factor=2.0, mode="bilinear", align_corners=True)
            flow = flow + level(torch.cat([a, warp(b, flow), flow], dim=1))
        # a shift is shorter in the frame than in its stretched version
        shrunk = [asked / stretched for asked, stretched in zip(size, flow.shape[-2:], strict=True)]
        return _resized(flow, size) * flow.new_tensor(shrunk[::-1])[:, None, None]


def _level() -> nn.Sequential:
    """A step for the flow from both pictures (the second warped) and the flow so far."""
    layers: list[nn.Module] = []
    for features_in, features in ((8, 32), (32, 64), (64, 32), (32, 16), (16, 2)):
        layers += [nn.Conv2d(features_in, features, 7, padding=3), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1])


def _resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)
