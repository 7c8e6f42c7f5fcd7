"""TMNet: Zooming Slow-Mo whose alignment is told the moment wanted, and whose frames look at their neighbours first.

Axes: B batch, T frames given, G = T - 1 gaps, n times in a gap, S = T + G n frames wanted, C features,
h w low resolution, H W four times.
Paper: Xu et al., arXiv 2104.10642. What the paper leaves open and how it is settled: README.md beside this file.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from stvsr_bench.nn.convlstm import BidirectionalConvLstm
from stvsr_bench.nn.deform import ModulatedDeformConv
from stvsr_bench.nn.engines import Engine, as_batch, kernels_of
from stvsr_bench.nn.interpolator import gap_times
from stvsr_bench.nn.prepared import FusedPair
from stvsr_bench.nn.pyramid import FeaturePyramid, PairAligner, conv3, gaps, gaps_as_batch, leaky
from stvsr_bench.nn.residual import residual_trunk
from stvsr_bench.nn.upsample import PixelShuffleTail, interleave, trilinear


class TMNet(nn.Module):
    """Makes frames at any moments between the given ones, and every frame four times as large."""

    def __init__(
        self,
        *,
        channels: int = 64,
        groups: int = 8,
        front_blocks: int = 5,
        back_blocks: int = 40,
        skip: Literal["none", "trilinear"] = "none",
        engine: Engine = "fast",
    ) -> None:
        super().__init__()
        self.skip, self.engine = skip, engine
        self.first = conv3(3, channels)
        self.front = residual_trunk(channels, front_blocks)
        self.pyramid = FeaturePyramid(channels)
        self.align = PairAligner(channels, groups, modulated=True, resize="size")
        self.fuse = nn.Conv2d(2 * channels, channels, 1)
        self.compare = LocalComparison(channels, groups)
        self.lstm = BidirectionalConvLstm(channels, groups, resize="size")
        self.back = residual_trunk(channels, back_blocks)
        self.tail = PixelShuffleTail(channels)

    def forward(self, lr_BTChw: Tensor, times: Tensor | None = None) -> Tensor:
        """The clip at four times the size with n frames in every gap, (B, S, 3, H, W), not clamped.

        `times` (B or 1, n) in (0, 1) are the moments within every gap, None the middle without modulation.
        """
        times_Bn = gap_times(lr_BTChw, times)
        with kernels_of(self.engine):
            levels = self.extract(as_batch(lr_BTChw, self.engine))
            pyramid = [torch.unflatten(level, 0, lr_BTChw.shape[:2]) for level in levels]
            between_BGnChw = self.interpolate(pyramid, None if times is None else times_Bn)
            seq_BSChw = interleave(pyramid[0], between_BGnChw)
            seen_BSChw = self.lstm(seq_BSChw + self.compare(seq_BSChw), self.engine)
            # around the ConvLSTM and the trunk, from before the comparison
            rgb = self.tail(self.back(as_batch(seen_BSChw, self.engine)) + as_batch(seq_BSChw, self.engine))
        sr_BSCHW: Tensor = torch.unflatten(rgb, 0, seq_BSChw.shape[:2])
        return sr_BSCHW if self.skip == "none" else sr_BSCHW + trilinear(lr_BTChw, times_Bn)

    def extract(self, lr_BChw: Tensor) -> list[Tensor]:
        """The feature pyramid of every frame."""
        levels: list[Tensor] = self.pyramid(self.front(leaky(self.first(lr_BChw))))
        return levels

    def interpolate(self, pyramid_BTChw: list[Tensor], times_Bn: Tensor | None) -> Tensor:
        """The features at every moment of every gap, (B, G, n, C, h, w)."""
        if self.engine == "fast":
            return self.interpolate_at_once(pyramid_BTChw, times_Bn)
        pairs = gaps(pyramid_BTChw)
        return torch.stack([self.between(before, after, times_Bn) for before, after in pairs], dim=1)

    def between(self, before: list[Tensor], after: list[Tensor], times_Bn: Tensor | None) -> Tensor:
        """The features at every moment of one gap, (B, n, C, h, w): its ends aligned with each other and fused."""
        if times_Bn is None:
            return self.fuse(self.align(before, after))[:, None]  # type: ignore[no-any-return]
        moments = [self.align(before, after, *signed(t_B)) for t_B in times_Bn.unbind(1)]
        return torch.stack([self.fuse(moment) for moment in moments], dim=1)

    def interpolate_at_once(self, pyramid_BTChw: list[Tensor], times_Bn: Tensor | None) -> Tensor:
        """Twin of `interpolate`: all gaps are one batch, and both ends are compared once for all moments."""
        b, n_gaps = len(pyramid_BTChw[0]), pyramid_BTChw[0].shape[1] - 1
        before, after = gaps_as_batch(pyramid_BTChw)
        pair = FusedPair(self.align, self.fuse)
        compared = pair.compared(before, after)
        if times_Bn is None:
            moments = [pair.aligned(before, after, compared)]
        else:
            each_gap = times_Bn.repeat_interleave(n_gaps, dim=0).unbind(1)
            moments = [pair.aligned(before, after, compared, signed(t)) for t in each_gap]
        return torch.unflatten(torch.stack(moments, dim=1), 0, (b, n_gaps))


def signed(t: Tensor) -> tuple[Tensor, Tensor]:
    """Where a time lies between -1 and 1, seen from the frame before and from the frame after."""
    return t / 0.5 - 1, (1 - t) / 0.5 - 1  # not the negative of the first: in float32 it differs by up to 6e-8


class LocalComparison(nn.Module):
    """What the frames just before and after add to each frame: both warped to it, then compared pixel by pixel."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.past_offset, self.past = offset_of_pair(channels), ModulatedDeformConv(channels, groups)
        self.future_offset, self.future = offset_of_pair(channels), ModulatedDeformConv(channels, groups)
        wide = 3 * channels
        layers = [part for _ in range(3) for part in (nn.Conv2d(wide, wide, 1), nn.LeakyReLU(0.1))]
        self.fuse = nn.Sequential(*layers, nn.Conv2d(wide, channels, 1))

    def forward(self, seq_BSChw: Tensor) -> Tensor:
        """The correction of every frame; the first and the last are their own neighbours."""
        past = torch.cat([seq_BSChw[:, :1], seq_BSChw[:, :-1]], dim=1).flatten(0, 1)
        future = torch.cat([seq_BSChw[:, 1:], seq_BSChw[:, -1:]], dim=1).flatten(0, 1)
        now = seq_BSChw.flatten(0, 1)
        from_past = leaky(self.past(past, self.past_offset(torch.cat([past, now], dim=1))))
        from_future = leaky(self.future(future, self.future_offset(torch.cat([future, now], dim=1))))
        correction: Tensor = self.fuse(torch.cat([from_past, now, from_future], dim=1))
        return torch.unflatten(correction, 0, seq_BSChw.shape[:2])


def offset_of_pair(channels: int) -> nn.Sequential:
    """The offset feature of two concatenated maps, no activation at its end."""
    return nn.Sequential(conv3(2 * channels, channels), nn.LeakyReLU(0.1), conv3(channels, channels))
