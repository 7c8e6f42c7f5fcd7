"""The two mappers of BF-STVSR: motion as B-splines in time, features as waves in space.

Axes: B batch, S times, C channels, R rows of queries in one chunk, h w low resolution, H W size of the output.
"""

from math import pi

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.nn.engines import Engine
from stvsr_bench.nn.implicit import Copying, Queries, Siren, linear

WAVES = 64


class SplineMapper(nn.Module):
    """How every query of one frame moves: a sum of cubic B-splines in time."""

    t_res: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.siren = Siren(channels + 2, [64, 64, 256], 2 * WAVES)
        self.t_dilation = nn.Linear(1, WAVES, bias=False)
        self.final_linear = nn.Linear(WAVES, 3)
        self.register_buffer("t_res", torch.tensor([0.125]))

    def splines(self, feat_BChw: Tensor, queries: Queries, engine: Engine) -> Copying:
        """The network that gives every query heights and knots of its splines."""
        return Copying(self.siren, feat_BChw, queries, engine)

    def forward(self, spline_BCRW: Tensor, tau_B: Tensor) -> Tensor:
        """The motion maps (B, 3, R, W) at a time counted from the frame that moves."""
        heights, knots = spline_BCRW.chunk(2, dim=1)
        dilation = (self.t_dilation.weight * self.t_res)[:, :, None]
        distance = dilation * (tau_B[:, None, None, None] - knots)
        return linear(heights * cubic(distance.clamp(-2 + 1e-6, 2 - 1e-6)), self.final_linear)


def cubic(x: Tensor) -> Tensor:
    """The cubic B-spline, of values within (-2, 2)."""
    far = x.abs()
    return torch.where(far <= 1, (4 - 6 * far.square() + 3 * far**3) / 6, (2 - far) ** 3 / 6)


class FourierMapper(nn.Module):
    """What every query of one frame knows: waves across its nearest pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.siren = Siren(channels, [64, 64, 256], 2 * WAVES)
        self.coef, self.freq = nn.Conv2d(WAVES, WAVES, 3, 1, 1), nn.Conv2d(WAVES, WAVES, 3, 1, 1)
        self.phase = nn.Linear(1, WAVES, bias=False)  # in the authors' checkpoints and never used
        self.final_linear = nn.Linear(WAVES, 64)

    def forward(self, around_BCRW: Tensor, relative_B2RW: Tensor) -> Tensor:
        """What the queries of some rows know, (B, 64, R, W), from what the network says of them and a row around."""
        heights, waves = around_BCRW.chunk(2, dim=1)
        # the rows above and below are given; beside the picture there is nothing
        heights = F.conv2d(heights, self.coef.weight, self.coef.bias, padding=(0, 1))
        waves = F.conv2d(waves, self.freq.weight, self.freq.bias, padding=(0, 1))
        down, across = relative_B2RW[:, :1], relative_B2RW[:, 1:]
        phase = pi * (waves[:, 0::2] * down + waves[:, 1::2] * across)
        return linear(heights * torch.cat([phase.cos(), phase.sin()], dim=1), self.final_linear)
