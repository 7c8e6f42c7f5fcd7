"""What MoTIF measures of the motion between two frames, and how far it can be trusted, at low resolution.

Axes: B batch, h w low resolution, H W size of the output. A flow is (B, 2, h, w), x before y, in low pixels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.nn.raft import RaftSmall
from stvsr_bench.nn.trajectory import FLOW_UNIT
from stvsr_bench.nn.warp import warp


class MotionEncoder(nn.Sequential):
    """Features of one frame's measurements: the two targets apart at first, then together."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.Conv2d(14, channels, 3, 1, 1, groups=2),
            nn.Conv2d(channels, channels, 3, 1, 1, groups=2),
            nn.LeakyReLU(0.1),
            *(Block(channels) for _ in range(5)),
            nn.LeakyReLU(0.1),
            nn.Conv2d(channels, channels, 3, 1, 1, padding_mode="reflect"),
        )


class Block(nn.Module):
    """Two convolutions with a leaky ReLU between, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1), nn.LeakyReLU(0.1), nn.Conv2d(channels, channels, 3, 1, 1)
        )

    def forward(self, x_BChw: Tensor) -> Tensor:
        """The map, corrected."""
        corrected: Tensor = x_BChw + self.layers(x_BChw)
        return corrected


@torch.no_grad()
def measured(
    raft: RaftSmall, iters: int, blur: Tensor, frames_B2Chw: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """The measurements of frame 0 and of frame 1, (B, 14, h, w) each; nothing here is trained."""
    before, after = frames = frames_B2Chw[:, 0], frames_B2Chw[:, 1]
    there, back = flow(raft, iters, before, after, size), flow(raft, iters, after, before, size)
    still = torch.zeros_like(there)
    # from each frame to frame 0 and to frame 1, itself included: flow, the flow back, source, target
    pairs = [[(still, still, 0, 0), (there, back, 0, 1)], [(back, there, 1, 0), (still, still, 1, 1)]]
    maps = [torch.cat([judged(frames, *pair, blur) for pair in targets], dim=1) for targets in pairs]
    return maps[0], maps[1]


def flow(raft: RaftSmall, iters: int, first_BChw: Tensor, second_BChw: Tensor, size: tuple[int, int]) -> Tensor:
    """The flow from the first frame to the second: measured at the output's size, in low pixels."""
    low = first_BChw.shape[-2:]
    large = [
        F.interpolate(frame, size=size, mode="bilinear", align_corners=False) for frame in (first_BChw, second_BChw)
    ]
    found = raft(large[0], large[1], iters)
    # rows decide the factor of both components, also where columns are enlarged otherwise
    return F.interpolate(found, size=low, mode="bilinear", align_corners=False) * (low[0] / size[0])


def judged(frames: tuple[Tensor, ...], there: Tensor, back: Tensor, source: int, target: int, blur: Tensor) -> Tensor:
    """A flow, three signs that it is wrong (colour, the way back, unrest), source and target, (B, 7, h, w)."""
    colour = (frames[source] - read(frames[target], there)).abs().mean(1, keepdim=True)
    round_trip = (there - read(-back, there)).abs().mean(1, keepdim=True) / 10
    variance = blurred(there.square(), blur) - blurred(there, blur).square()
    unrest = variance.clamp(min=1e-9).sqrt().mean(1, keepdim=True)
    planes = [torch.full_like(colour, number) for number in (source, target)]
    return torch.cat([there / FLOW_UNIT, colour, round_trip, unrest, *planes], dim=1)


def read(map_BChw: Tensor, flow_B2hw: Tensor) -> Tensor:
    """The map read along the flow, all places drawn together by (n - 1) / n towards the upper left corner.

    The authors divide places by the number of pixels and read them with corners on corners: even a flow of zero moves
    the map a little, and the weights were trained so.
    """
    h, w = map_BChw.shape[-2:]
    y = torch.arange(h, dtype=flow_B2hw.dtype, device=flow_B2hw.device)[:, None]
    x = torch.arange(w, dtype=flow_B2hw.dtype, device=flow_B2hw.device)
    across = flow_B2hw[:, 0] * ((w - 1) / w) - x / w
    down = flow_B2hw[:, 1] * ((h - 1) / h) - y / h
    return warp(map_BChw, torch.stack([across, down], dim=1))


def blurred(map_BChw: Tensor, blur: Tensor) -> Tensor:
    """Every channel with the 3x3 filter, its border mirrored."""
    channels = map_BChw.shape[1]
    kernel = blur.reshape(1, 1, 3, 3).expand(channels, 1, 3, 3)
    return F.conv2d(F.pad(map_BChw, (1, 1, 1, 1), mode="reflect"), kernel, groups=channels)
