"""OpenCV's DIS optical flow in both directions, backward warp, occlusion-aware blending.

Both flows are thrown forward to the wanted time, so that a pixel there knows which motion passes through it; the
neighbours are then read along that motion. A neighbour whose two flows disagree at that place, or that would be read
outside its frame, is hidden there and counts for little.

Axes: B batch, n times per gap, C channels, H W size; 1 stands for a batch of one.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from stvsr_bench.nn.interpolator import Interpolator
from stvsr_bench.nn.warp import warp

from .flow import flows
from .warp import agreement, filled, inside, splat

LIKENESS = 40.0  # how fast the say of a flow vector falls with the colour error it makes, per unit of [0, 1]
HIDDEN = 1.0  # what a neighbour still counts where it seems hidden


class Dis(Interpolator):
    """Moves both neighbours along the flow to the wanted time and mixes what is visible there; no parameters."""

    def between(self, before_BCHW: Tensor, after_BCHW: Tensor, times_Bn: Tensor) -> Tensor:
        """The n frames of one gap, (B, n, C, H, W)."""
        # torch's code for AVX2 and for SSE differ in the last bit, which in float32 reaches a rounded pixel; Metal has
        # no float64
        precise = torch.float32 if before_BCHW.device.type == "mps" else torch.float64
        pairs = zip(before_BCHW.to(precise), after_BCHW.to(precise), strict=True)
        gaps = [Gap.measured(before[None], after[None]) for before, after in pairs]
        rows = [torch.cat([gap.at(t) for t in times.tolist()]) for gap, times in zip(gaps, times_Bn, strict=True)]
        return torch.stack(rows).to(before_BCHW.dtype)


@dataclass(frozen=True)
class Side:
    """One neighbour: its frame, its flow to the other, and how far that flow can be trusted."""

    frame_1CHW: Tensor
    flow_12HW: Tensor
    trust_11HW: Tensor
    likeness_11HW: Tensor

    def moved(self, share: float) -> tuple[Tensor, Tensor]:
        """Its flow vectors thrown `share` of their way: weighted sum and weights."""
        # 1e-3: where neither side can be trusted, their vectors still say more than none
        weight = (1 - share) * self.likeness_11HW * (self.trust_11HW + 1e-3)
        return splat(self.flow_12HW, share * self.flow_12HW, weight)

    def seen(self, flow_12HW: Tensor) -> tuple[Tensor, Tensor]:
        """The frame read along a flow, and what it counts at each pixel."""
        visible = (warp(self.trust_11HW, flow_12HW) + HIDDEN) * (inside(flow_12HW) + 1e-3)
        return warp(self.frame_1CHW, flow_12HW, mode="bicubic"), visible


@dataclass(frozen=True)
class Gap:
    """Two neighbours and the motion between them."""

    before: Side
    after: Side

    @staticmethod
    def measured(before_1CHW: Tensor, after_1CHW: Tensor) -> "Gap":
        """The gap with its flows measured once, whatever times are asked."""
        forth, back = flows(before_1CHW[0], after_1CHW[0])
        return Gap(
            Side(before_1CHW, forth, agreement(forth, back), _likeness(before_1CHW, after_1CHW, forth)),
            Side(after_1CHW, back, agreement(back, forth), _likeness(after_1CHW, before_1CHW, back)),
        )

    def at(self, t: float) -> Tensor:
        """The frame at time t, (1, C, H, W)."""
        sum_before, weight_before = self.before.moved(t)
        sum_after, weight_after = self.after.moved(1 - t)
        motion_12HW = filled(sum_before - sum_after, weight_before + weight_after)
        from_before, counts_before = self.before.seen(-t * motion_12HW)
        from_after, counts_after = self.after.seen((1 - t) * motion_12HW)
        counts_before, counts_after = (1 - t) * counts_before, t * counts_after
        return (counts_before * from_before + counts_after * from_after) / (counts_before + counts_after)


def _likeness(frame_1CHW: Tensor, other_1CHW: Tensor, flow_12HW: Tensor) -> Tensor:
    error = (frame_1CHW - warp(other_1CHW, flow_12HW)).abs().mean(1, keepdim=True)
    return torch.exp(-LIKENESS * error)
