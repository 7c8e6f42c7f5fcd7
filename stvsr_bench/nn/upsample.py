"""The way from features to frames: a pixel-shuffle tail, and the interpolated clip a small net may add to.

Axes: B batch, T frames given, S frames wanted, C channels, h w low resolution, H W high resolution, n times a gap.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.errors import UsageError

SLOPE = 0.1  # of the leaky ReLUs of ZSM and TMNet


class PixelShuffleTail(nn.Module):
    """Features to RGB at 4 times the size: two x2 pixel shuffles and two convolutions, leaky ReLU after all but the last."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.up1 = nn.Conv2d(channels, 4 * channels, 3, padding=1)
        self.up2 = nn.Conv2d(channels, 4 * channels, 3, padding=1)
        self.refine = nn.Conv2d(channels, channels, 3, padding=1)
        self.last = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, feat_BChw: Tensor) -> Tensor:
        for up in (self.up1, self.up2):
            feat_BChw = F.leaky_relu(F.pixel_shuffle(up(feat_BChw), 2), SLOPE)
        rgb_BCHW: Tensor = self.last(F.leaky_relu(self.refine(feat_BChw), SLOPE))
        return rgb_BCHW


def interleave(given_BTChw: Tensor, between_BGnChw: Tensor) -> Tensor:
    """Given frames with the n frames of each gap put between them: T + (T-1) n frames, in order of time."""
    ahead = torch.cat([given_BTChw[:, :-1, None], between_BGnChw], dim=2).flatten(1, 2)
    return torch.cat([ahead, given_BTChw[:, -1:]], dim=1)


def trilinear(lr_BTChw: Tensor, times_Bn: Tensor | None = None, scale: int = 4) -> Tensor:
    """The clip interpolated linearly in time (None: the midpoint) and bilinearly in space, (B, S, C, H, W)."""
    if times_Bn is None:
        times_Bn = lr_BTChw.new_full((1, 1), 0.5)
    t_BGnChw = times_Bn.to(lr_BTChw)[:, None, :, None, None, None]
    between_BGnChw = (1 - t_BGnChw) * lr_BTChw[:, :-1, None] + t_BGnChw * lr_BTChw[:, 1:, None]
    small_BSChw = interleave(lr_BTChw, between_BGnChw)
    large = F.interpolate(small_BSChw.flatten(0, 1), scale_factor=scale, mode="bilinear", align_corners=False)
    return large.unflatten(0, small_BSChw.shape[:2])


def refuse_other_times(name: str, times: Tensor | None) -> None:
    """Nothing, if only the midpoint is asked for; else one sentence."""
    if times is not None and not (times.shape[-1] == 1 and bool((times == 0.5).all())):
        asked = ", ".join(f"{t:g}" for t in times.flatten().tolist()) or "none"
        raise UsageError(f"{name} makes only the frame at the midpoint of a gap (time 0.5), not at times {asked}")


def refuse_other_sizes(name: str, height: int, width: int, multiple_of: int) -> None:
    """Nothing, if the network can take frames of this size; else one sentence."""
    if height % multiple_of or width % multiple_of:
        raise UsageError(
            f"{name} takes frames whose height and width are multiples of {multiple_of}, not {height}x{width}: pad them"
        )
