"""SAFA: one flow refined six times, each time at a resolution that the network chooses for the pair and the moment.

Axes: B batch, T frames given, n times of a pair, S frames wanted, C channels, h w low resolution, H W four times, and
2 the two bits of a choice. A flow has six channels: x y to the first frame, x y to the last, whom to believe, spare.
Paper: SAFA, arXiv 2310.17294. What is left open and how it is settled: README.md beside this file.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.nn.interpolator import gap_times
from stvsr_bench.nn.pyramid import conv3
from stvsr_bench.nn.warp import warp

from .parts import FEATURES, Body, Head, Residual, resized

BLOCKS = 6
SEEN = 3 * FEATURES + 6 + 1  # by a block: features so far, flow, the features of both frames warped, the time
Rule = Literal["round", "sample"]


class Safa(nn.Module):
    """Makes frames at any moments between the given ones, and every frame four times as large."""

    def __init__(self, scales: Rule = "round", seed: int = 0) -> None:
        super().__init__()
        self.rule, self.seed = scales, seed
        self.head = Head()
        self.merge = nn.Sequential(conv3(2 * FEATURES, FEATURES), nn.PReLU(FEATURES))
        self.bodies = nn.ModuleList(Body(SEEN) for _ in range(BLOCKS))
        self.step = nn.Sequential(conv3(FEATURES, 24), nn.PixelShuffle(2))
        self.choose = nn.Sequential(
            nn.Sequential(nn.Conv2d(SEEN, FEATURES, 1), nn.PReLU(FEATURES)),
            nn.Sequential(nn.Conv2d(FEATURES, FEATURES, 1, stride=2), nn.PReLU(FEATURES)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(FEATURES, 2),
        )
        self.correct = nn.Sequential(
            nn.Sequential(conv3(2 * FEATURES + 1, FEATURES, 2), nn.PReLU(FEATURES)),
            *(Residual(FEATURES) for _ in range(12)),
            nn.Sequential(conv3(FEATURES, 2 * FEATURES), nn.PReLU(2 * FEATURES)),
            nn.PixelShuffle(2),
            conv3(FEATURES // 2, 12),
            nn.PixelShuffle(2),
        )

    def forward(self, lr_BTChw: Tensor, times: Tensor | None = None) -> Tensor:
        """All frames in order at four times the size, (B, T + (T - 1) n, 3, H, W), clamped to [0, 1].

        `times` (B or 1, n) in (0, 1) are asked of every gap, None is the middle. Given frames are restored too.
        """
        times_Bn = gap_times(lr_BTChw, times)
        start, end = torch.zeros_like(times_Bn[:, :1]), torch.ones_like(times_Bn[:, :1])
        dice = torch.Generator().manual_seed(self.seed)  # of its own and for each clip: their order changes nothing
        frames, (height, width) = enlarged(lr_BTChw)
        shown = []
        for first in range(frames.shape[1] - 1):
            # a given frame between two gaps can be made from either; it is the end of the one before
            asked = torch.cat([times_Bn, end] if first else [start, times_Bn, end], dim=1)
            made, _ = self.pair(frames[:, first], frames[:, first + 1], asked, dice=dice)
            shown.append(made[..., :height, :width])
        return torch.cat(shown, dim=1).flip(2)

    def pair(
        self,
        first_BCHW: Tensor,
        last_BCHW: Tensor,
        times_Bn: Tensor,
        bits_n6B2: Tensor | None = None,
        dice: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Frames (B, n, C, H, W) between two of full size, BGR, and the chances (n, 6, B, 2) that each bit is 1.

        H and W must be multiples of 8. `bits_n6B2` are the choices; None leaves them to the rule of the network, which
        throws `dice` (None: fresh ones) for "sample".
        """
        dice = dice or torch.Generator().manual_seed(self.seed)
        known = Known(self, first_BCHW, last_BCHW)
        made, chances = [], []
        for k, t_B in enumerate(times_Bn.unbind(1)):
            frame, chance = known.frame(t_B, None if bits_n6B2 is None else bits_n6B2[k], dice)
            made.append(frame)
            chances.append(chance)
        return torch.stack(made, dim=1), torch.stack(chances)

    def bits(self, chance_B2: Tensor, dice: torch.Generator) -> Tensor:
        """The choice by the rule of the network, 0 or 1."""
        if self.rule == "round":
            return (chance_B2 >= 0.5).to(chance_B2.dtype)
        thrown = torch.rand(chance_B2.shape, generator=dice).to(chance_B2.device)
        return (thrown < chance_B2).to(chance_B2.dtype)


class Known:
    """What is known of a pair of frames before a time is asked."""

    def __init__(self, net: Safa, first_BCHW: Tensor, last_BCHW: Tensor) -> None:
        self.net, self.frames = net, (first_BCHW, last_BCHW)
        first, last = net.head(torch.cat(self.frames)).chunk(2)
        self.feats = (first, last)
        self.start = net.merge(torch.cat(self.feats, dim=1))

    def frame(self, t_B: Tensor, bits_6B2: Tensor | None, dice: torch.Generator) -> tuple[Tensor, Tensor]:
        """The frame at one time, and the chances (6, B, 2)."""
        feat, net = self.start, self.net
        time_B1HW = t_B[:, None, None, None].expand(-1, 1, *feat.shape[-2:]).to(feat.dtype)
        flow = self.frames[0].new_zeros(len(t_B), 6, *self.frames[0].shape[-2:])
        chances = []
        for k, body in enumerate(net.bodies):
            small = resized(flow, 0.5)
            # the flow that the block sees stays in pixels of the full size; the one that warps does not
            seen = torch.cat([feat, small, *self.warped(small), time_B1HW], dim=1)
            chance_B2 = net.choose(seen).sigmoid()
            bits_B2 = net.bits(chance_B2, dice) if bits_6B2 is None else bits_6B2[k].to(chance_B2)
            feat = at_chosen_size(body, seen, chance_B2, bits_B2)
            flow = flow + net.step(feat)
            chances.append(chance_B2)
        seen = torch.cat([time_B1HW, *self.warped(resized(flow, 0.5))], dim=1)
        return (self.blend(flow) + net.correct(seen)).clamp(0, 1), torch.stack(chances)

    def blend(self, flow_B6HW: Tensor) -> Tensor:
        """Both frames moved along the flow and mixed."""
        believe = flow_B6HW[:, 4:5].sigmoid()
        first, last = warp(self.frames[0], flow_B6HW[:, 0:2]), warp(self.frames[1], flow_B6HW[:, 2:4])
        return believe * first + (1 - believe) * last

    def warped(self, flow_B6HW: Tensor) -> tuple[Tensor, Tensor]:
        """Both frames' features along a flow of their size in pixels of the full size."""
        return warp(self.feats[0], 0.5 * flow_B6HW[:, 0:2]), warp(self.feats[1], 0.5 * flow_B6HW[:, 2:4])


def at_chosen_size(body: nn.Module, seen_BCHW: Tensor, chance_B2: Tensor, bits_B2: Tensor) -> Tensor:
    """What the body gives at a quarter of the size (second bit 0), half (first bit 0) or the whole, item by item."""
    if chance_B2.requires_grad:
        # all three, so that the chances learn: a bit passes its gradient straight on to its chance
        fine, whole = (chance_B2 + (bits_B2 - chance_B2).detach())[:, :, None, None, None].unbind(1)
        coarse = (1 - whole) * at_size(body, seen_BCHW, 0.25)
        return coarse + whole * ((1 - fine) * at_size(body, seen_BCHW, 0.5) + fine * at_size(body, seen_BCHW, 1))
    sizes = torch.where(bits_B2[:, 1] < 0.5, 0.25, torch.where(bits_B2[:, 0] < 0.5, 0.5, 1.0)).tolist()
    return torch.cat([at_size(body, item, size) for item, size in zip(torch.split(seen_BCHW, 1), sizes, strict=True)])


def at_size(body: nn.Module, seen_BCHW: Tensor, size: float) -> Tensor:
    """What the body gives at a share of the size, brought back to the whole."""
    return resized(body(resized(seen_BCHW, size)), 1 / size)


def enlarged(lr_BTChw: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """The frames as the network wants them, and the size that is to be kept of what it makes."""
    large = F.interpolate(lr_BTChw.flatten(0, 1), scale_factor=4, mode="bicubic", align_corners=False)
    height, width = large.shape[-2:]
    # BGR, and zeros only now: padding what is given would be another picture near the border
    padded = F.pad(large.flip(1), (0, -width % 32, 0, -height % 32))
    return torch.unflatten(padded, 0, lr_BTChw.shape[:2]), (height, width)
