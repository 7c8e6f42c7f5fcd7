"""The way from features to frames: a pixel-shuffle tail, and the interpolated clip that a small net may add to.

Axes: B batch, T frames given, S frames wanted, C channels, h w low resolution, H W high resolution,
G gaps between given frames, n times in a gap.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .pyramid import conv3, leaky


class PixelShuffleTail(nn.Module):
    """Features to RGB at 4 times the size; a leaky ReLU follows every step but the last.

    `fine` is how many features there are at the full size; as many as come in if it is not said.
    """

    def __init__(self, channels: int, fine: int | None = None) -> None:
        super().__init__()
        fine = channels if fine is None else fine
        self.up1, self.up2 = conv3(channels, 4 * channels), conv3(channels, 4 * fine)
        self.refine = conv3(fine, fine)
        self.last = conv3(fine, 3)

    def forward(self, feat_BChw: Tensor) -> Tensor:
        """The frames (B, 3, 4h, 4w), not clamped."""
        # the activation comes after the shuffle, at the larger size
        double = leaky(F.pixel_shuffle(self.up1(feat_BChw), 2))
        fourfold = leaky(F.pixel_shuffle(self.up2(double), 2))
        rgb_BCHW: Tensor = self.last(leaky(self.refine(fourfold)))
        return rgb_BCHW


def interleave(given_BTChw: Tensor, between_BGnChw: Tensor) -> Tensor:
    """Given frames with the n frames of each gap between them: T + (T-1) n frames in order of time."""
    ahead = torch.cat([given_BTChw[:, :-1, None], between_BGnChw], dim=2).flatten(1, 2)
    return torch.cat([ahead, given_BTChw[:, -1:]], dim=1)


def trilinear(lr_BTChw: Tensor, times_Bn: Tensor, scale: int = 4) -> Tensor:
    """The clip interpolated linearly in time and bilinearly in space, (B, S, C, H, W)."""
    t = times_Bn[:, None, :, None, None, None]
    between_BGnChw = torch.lerp(lr_BTChw[:, :-1, None], lr_BTChw[:, 1:, None], t)
    small_BSChw = interleave(lr_BTChw, between_BGnChw)
    large = F.interpolate(small_BSChw.flatten(0, 1), scale_factor=scale, mode="bilinear", align_corners=False)
    return torch.unflatten(large, 0, small_BSChw.shape[:2])
