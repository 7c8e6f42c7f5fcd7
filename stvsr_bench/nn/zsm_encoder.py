"""The encoder of Zooming Slow-Mo: features of the given frames and of the middle of every gap between them.

Axes: B batch, T frames given, G = T - 1 gaps, S = 2T - 1 features, C channels, h w picture.
Source: Xiang et al., arXiv 2002.11616. VideoINR, MoTIF and BF-STVSR decode what it gives for two frames.
"""

import torch
from torch import Tensor, nn

from .convlstm import BidirectionalConvLstm
from .engines import Engine, as_batch, kernels_of
from .prepared import FusedPair
from .pyramid import FeaturePyramid, PairAligner, conv3, gaps, gaps_as_batch, leaky
from .residual import residual_trunk
from .upsample import interleave


class ZsmEncoder(nn.Module):
    """Features by alignment of neighbours, a deformable ConvLSTM over all of them, a trunk of residual blocks.

    `modulated`: pair aligners hold TMNet's modulation of time, which is never used (MoTIF and BF-STVSR carry it).
    """

    def __init__(
        self,
        *,
        channels: int = 64,
        groups: int = 8,
        front_blocks: int = 5,
        back_blocks: int = 40,
        modulated: bool = False,
        engine: Engine = "fast",
    ) -> None:
        super().__init__()
        self.engine = engine
        self.first = conv3(3, channels)
        self.front = residual_trunk(channels, front_blocks)
        self.pyramid = FeaturePyramid(channels)
        self.align = PairAligner(channels, groups, modulated)
        self.fuse = nn.Conv2d(2 * channels, channels, 1)
        self.lstm = BidirectionalConvLstm(channels, groups, modulated=modulated)
        self.back = residual_trunk(channels, back_blocks)

    def encode(self, lr_BTChw: Tensor) -> Tensor:
        """The features (B, S, C, h, w) in order of time; h and w must be multiples of 4."""
        with kernels_of(self.engine):
            levels = self.extract(as_batch(lr_BTChw, self.engine))
            pyramid = [torch.unflatten(level, 0, lr_BTChw.shape[:2]) for level in levels]
            seq_BSChw = interleave(pyramid[0], self.interpolate(pyramid)[:, :, None])
            feat: Tensor = self.back(as_batch(self.lstm(seq_BSChw, self.engine), self.engine))
        return torch.unflatten(feat, 0, seq_BSChw.shape[:2])

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
