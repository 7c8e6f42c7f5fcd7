"""Zooming Slow-Mo: features of the missing frames by alignment, a deformable ConvLSTM over all, one reconstruction.

Axes: B batch, T frames given, S = 2T - 1 frames wanted, G = T - 1 gaps, C features, h w low resolution, H W four times.
Paper: Xiang et al., arXiv 2002.11616. What the paper leaves open and how it is settled: README.md beside this file.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from stvsr_bench.errors import UsageError
from stvsr_bench.nn.compose import midpoint_only
from stvsr_bench.nn.convlstm import BidirectionalConvLstm
from stvsr_bench.nn.engines import Engine, as_batch, kernels_of
from stvsr_bench.nn.prepared import FusedPair
from stvsr_bench.nn.pyramid import FeaturePyramid, PairAligner, conv3, gaps, gaps_as_batch, leaky
from stvsr_bench.nn.residual import residual_trunk
from stvsr_bench.nn.upsample import PixelShuffleTail, interleave, trilinear


class ZoomingSlowMo(nn.Module):
    """Doubles the frame rate and makes every frame four times as large."""

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
        self.align = PairAligner(channels, groups)
        self.fuse = nn.Conv2d(2 * channels, channels, 1)
        self.lstm = BidirectionalConvLstm(channels, groups)
        self.back = residual_trunk(channels, back_blocks)
        self.tail = PixelShuffleTail(channels)

    def forward(self, lr_BTChw: Tensor, times: Tensor | None = None) -> Tensor:
        """The clip at four times the size and twice the frame rate, (B, S, 3, H, W), not clamped."""
        check_clip(lr_BTChw)
        midpoint_only(times, "zsm")
        with kernels_of(self.engine):
            levels = self.extract(as_batch(lr_BTChw, self.engine))
            pyramid = [torch.unflatten(level, 0, lr_BTChw.shape[:2]) for level in levels]
            seq_BSChw = interleave(pyramid[0], self.interpolate(pyramid)[:, :, None])
            rgb = self.tail(self.back(as_batch(self.lstm(seq_BSChw, self.engine), self.engine)))
        sr_BSCHW: Tensor = torch.unflatten(rgb, 0, seq_BSChw.shape[:2])
        return sr_BSCHW if self.skip == "none" else sr_BSCHW + trilinear(lr_BTChw, lr_BTChw.new_full((1, 1), 0.5))

    def extract(self, lr_BChw: Tensor) -> list[Tensor]:
        """The feature pyramid of every frame."""
        levels: list[Tensor] = self.pyramid(self.front(leaky(self.first(lr_BChw))))
        return levels

    def interpolate(self, pyramid_BTChw: list[Tensor]) -> Tensor:
        """The feature in the middle of every gap, (B, G, C, h, w): its ends aligned with each other and fused."""
        if self.engine == "plain":
            return torch.stack([self.fuse(self.align(before, after)) for before, after in gaps(pyramid_BTChw)], dim=1)
        before, after = gaps_as_batch(pyramid_BTChw)
        pair = FusedPair(self.align, self.fuse)
        middle = pair.aligned(before, after, pair.compared(before, after))
        return torch.unflatten(middle, 0, (len(pyramid_BTChw[0]), -1))


def check_clip(lr_BTChw: Tensor) -> None:
    """Nothing, if the network can take this clip; else one sentence."""
    height, width = lr_BTChw.shape[-2:]
    # halved twice by the pyramid and doubled twice on the way back: other sides would come back larger
    if height % 4 or width % 4:
        raise UsageError(f"zsm takes frames whose sides are multiples of 4, not {height}x{width}: pad them")
    if lr_BTChw.shape[1] < 2:
        raise UsageError("zsm makes frames between given ones, so it takes at least 2 frames, not 1")
