"""Zooming Slow-Mo: features of the missing frames by alignment, a deformable ConvLSTM over all, one reconstruction.

Axes: B batch, T frames given, S = 2T - 1 frames wanted, C features, h w low resolution, H W four times.
Paper: Xiang et al., arXiv 2002.11616. What the paper leaves open and how it is settled: README.md beside this file.
"""

from typing import Literal

import torch
from torch import Tensor

from stvsr_bench.errors import UsageError
from stvsr_bench.nn.compose import midpoint_only
from stvsr_bench.nn.engines import Engine, kernels_of
from stvsr_bench.nn.upsample import PixelShuffleTail, trilinear
from stvsr_bench.nn.zsm_encoder import ZsmEncoder


class ZoomingSlowMo(ZsmEncoder):
    """Doubles the frame rate and makes every frame four times as large: its encoder, then a pixel-shuffle tail."""

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
        super().__init__(
            channels=channels, groups=groups, front_blocks=front_blocks, back_blocks=back_blocks, engine=engine
        )
        self.skip = skip
        self.tail = PixelShuffleTail(channels)

    def forward(self, lr_BTChw: Tensor, times: Tensor | None = None) -> Tensor:
        """The clip at four times the size and twice the frame rate, (B, S, 3, H, W), not clamped."""
        check_clip(lr_BTChw)
        midpoint_only(times, "zsm")
        feat_BSChw = self.encode(lr_BTChw)
        with kernels_of(self.engine):
            rgb = self.tail(feat_BSChw.flatten(0, 1))
        sr_BSCHW: Tensor = torch.unflatten(rgb, 0, feat_BSChw.shape[:2])
        return sr_BSCHW if self.skip == "none" else sr_BSCHW + trilinear(lr_BTChw, lr_BTChw.new_full((1, 1), 0.5))


def check_clip(lr_BTChw: Tensor) -> None:
    """Nothing, if the network can take this clip; else one sentence."""
    height, width = lr_BTChw.shape[-2:]
    # halved twice by the pyramid and doubled twice on the way back: other sides would come back larger
    if height % 4 or width % 4:
        raise UsageError(f"zsm takes frames whose sides are multiples of 4, not {height}x{width}: pad them")
    if lr_BTChw.shape[1] < 2:
        raise UsageError("zsm makes frames between given ones, so it takes at least 2 frames, not 1")
