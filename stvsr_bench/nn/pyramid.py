"""Feature pyramids, and the coarse-to-fine deformable alignment of two of them (PCD, of EDVR, arXiv 1905.02716).

Axes: B batch, C channels, h w picture. A pyramid is [L1, L2, L3], each half the size of the one before.
Sources: Zooming Slow-Mo (arXiv 2002.11616), TMNet (2104.10642), STDAN (2203.06841).
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .deform import ModulatedDeformConv

Resize = Literal["factor", "size"]  # x2 (ZSM, STDAN), or to the finer map's exact size (TMNet: odd sides work)


def leaky(x: Tensor) -> Tensor:
    """Leaky ReLU with slope 0.1, the activation of all three networks."""
    return F.leaky_relu(x, 0.1)


def conv3(channels_in: int, channels_out: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution with zero padding 1."""
    return nn.Conv2d(channels_in, channels_out, 3, stride, 1)


class FeaturePyramid(nn.Module):
    """Makes [L1, L2, L3] from L1: twice a stride-2 and a stride-1 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.l2_down, self.l2_refine = conv3(channels, channels, 2), conv3(channels, channels)
        self.l3_down, self.l3_refine = conv3(channels, channels, 2), conv3(channels, channels)

    def forward(self, l1_BChw: Tensor) -> list[Tensor]:
        """[L1, L2, L3]; odd sizes round up."""
        l2 = leaky(self.l2_refine(leaky(self.l2_down(l1_BChw))))
        l3 = leaky(self.l3_refine(leaky(self.l3_down(l2))))
        return [l1_BChw, l2, l3]


def gaps(levels_BTChw: Sequence[Tensor]) -> list[tuple[list[Tensor], list[Tensor]]]:
    """The pyramids before and after each of the T - 1 gaps between frames."""
    every = range(levels_BTChw[0].shape[1] - 1)
    return [([level[:, t] for level in levels_BTChw], [level[:, t + 1] for level in levels_BTChw]) for t in every]


def gaps_as_batch(levels_BTChw: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """The pyramids before and after all gaps, (B (T-1), C, h, w) at every level."""
    before = [level[:, :-1].flatten(0, 1) for level in levels_BTChw]
    return before, [level[:, 1:].flatten(0, 1) for level in levels_BTChw]


class TimeModulation(nn.Module):
    """A correction of an offset feature for a moment tau = 2t - 1 of the gap (TMNet); zero at tau = 0."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spatial1, self.spatial2 = conv3(channels, channels), conv3(channels, channels)
        # without biases nothing is added at tau = 0: time 0.5 gives the numbers of no time at all
        self.time1 = nn.Conv2d(1, channels, 1, bias=False)
        self.time2 = nn.Conv2d(channels, channels, 1, bias=False)
        self.time3 = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, offset_BChw: Tensor, tau_B: Tensor) -> Tensor:
        """What to add to the refined offset feature; the shape stays."""
        vector = tau_B.reshape(-1, 1, 1, 1)
        for layer in (self.time1, self.time2, self.time3):
            vector = leaky(layer(vector))
        return leaky(self.spatial2(leaky(self.spatial1(offset_BChw)))) * vector


class AlignLevel(nn.Module):
    """One level of a one-way alignment: an offset feature from both maps, and map a warped by it.

    The coarsest level has no coarser offset to merge and no coarser map to fuse.
    """

    def __init__(self, channels: int, groups: int, coarsest: bool, modulated: bool) -> None:
        super().__init__()
        self.compare = conv3(2 * channels, channels)
        self.merge = None if coarsest else conv3(2 * channels, channels)
        self.refine = conv3(channels, channels)
        self.modulate = TimeModulation(channels) if modulated else None
        self.warp = ModulatedDeformConv(channels, groups)
        self.fuse = None if coarsest else conv3(2 * channels, channels)

    def offset(self, compared: Tensor, coarser: Tensor | None, tau: Tensor | None) -> Tensor:
        """The offset feature of this level; `coarser` is that of the level below, already of this size."""
        feature = compared
        if self.merge is not None and coarser is not None:
            # the feature is doubled with the picture: displacements are twice as long here
            feature = leaky(self.merge(torch.cat([feature, 2 * coarser], dim=1)))
        refined = leaky(self.refine(feature))
        if self.modulate is not None and tau is not None:  # of the feature before it was refined
            refined = refined + self.modulate(feature, tau)
        return refined

    def align(self, a: Tensor, offset: Tensor, coarser: Tensor | None) -> Tensor:
        """Map a, warped, and fused with the coarser result; no activation after the fusion."""
        warped: Tensor = self.warp(a, offset)
        if self.fuse is None or coarser is None:
            return warped
        return self.fuse(torch.cat([warped, coarser], dim=1))  # type: ignore[no-any-return]


class OneWay(nn.Module):
    """Warps pyramid a towards pyramid b, coarse to fine; gives one map of L1's size."""

    def __init__(self, channels: int, groups: int, modulated: bool, resize: Resize) -> None:
        super().__init__()
        self.resize = resize
        self.l3 = AlignLevel(channels, groups, True, modulated)
        self.l2 = AlignLevel(channels, groups, False, modulated)
        self.l1 = AlignLevel(channels, groups, False, modulated)

    def forward(self, a: Sequence[Tensor], b: Sequence[Tensor], tau: Tensor | None = None) -> Tensor:
        """The aligned map (B, C, h, w)."""
        compared = self.compared(a, b)
        offset, aligned = self.coarse(a, compared, tau)
        offset = self.l1.offset(compared[0], self.up(offset, a[0]), tau)
        return self.l1.align(a[0], offset, self.up(aligned, a[0]))

    def compared(self, a: Sequence[Tensor], b: Sequence[Tensor]) -> list[Tensor]:
        """What every level sees in both pyramids, before coarser levels and the time wanted come in."""
        levels = zip((self.l1, self.l2, self.l3), a, b, strict=True)
        return [leaky(level.compare(torch.cat([x, y], dim=1))) for level, x, y in levels]

    def coarse(self, a: Sequence[Tensor], compared: Sequence[Tensor], tau: Tensor | None) -> tuple[Tensor, Tensor]:
        """The offset feature and the aligned map of L2, from what comparing the two pyramids gave at every level."""
        # an activation after the warp at L3, after the fusion at L2, none at L1: as the authors' checkpoints want it
        offset = self.l3.offset(compared[2], None, tau)
        aligned = leaky(self.l3.align(a[2], offset, None))
        offset = self.l2.offset(compared[1], self.up(offset, a[1]), tau)
        return offset, leaky(self.l2.align(a[1], offset, self.up(aligned, a[1])))

    def up(self, coarse: Tensor, finer: Tensor) -> Tensor:
        """The coarse map at twice its size, or at exactly the finer map's size."""
        if self.resize == "factor":
            return F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)
        return F.interpolate(coarse, size=finer.shape[-2:], mode="bilinear", align_corners=False)


class PairAligner(nn.Module):
    """Aligns two pyramids with each other in both directions, each with weights of its own."""

    def __init__(self, channels: int, groups: int, modulated: bool = False, resize: Resize = "factor") -> None:
        super().__init__()
        self.forward_ = OneWay(channels, groups, modulated, resize)
        self.backward_ = OneWay(channels, groups, modulated, resize)

    def forward(
        self, a: Sequence[Tensor], b: Sequence[Tensor], tau: Tensor | None = None, tau_back: Tensor | None = None
    ) -> Tensor:
        """[a towards b, b towards a], 2C channels. `tau` (B,) is 2t - 1 of the wanted moment, `tau_back` 1 - 2t."""
        return torch.cat([self.forward_(a, b, tau), self.backward_(b, a, tau_back)], dim=1)


class Epcd(nn.Module):
    """Aligns two maps with each other and fuses them into one; pyramids are its own (the authors' "Easy PCD")."""

    def __init__(self, channels: int, groups: int, resize: Resize = "factor", modulated: bool = False) -> None:
        super().__init__()
        self.pyramid = FeaturePyramid(channels)
        # checkpoints of MoTIF and BF-STVSR carry a modulation here; no state is ever aligned for another moment
        self.align = PairAligner(channels, groups, modulated, resize)
        self.fuse = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, first_BChw: Tensor, second_BChw: Tensor) -> Tensor:
        """One map of the same shape, no activation."""
        return self.fuse(self.align(self.pyramid(first_BChw), self.pyramid(second_BChw)))  # type: ignore[no-any-return]
