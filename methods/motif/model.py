"""MoTIF: every pixel of both frames is thrown forward along a motion that is a function of place and time.

Axes: B batch, S frames wanted, C channels, R rows of queries in one chunk, h w low resolution, H W size of the output.
Paper: Chen et al., arXiv 2307.07988. What the paper leaves open and how it is settled: README.md beside this file.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from stvsr_bench.nn.engines import Engine
from stvsr_bench.nn.implicit import Copying, Siren
from stvsr_bench.nn.trajectory import FEATURE, Pair, TrajectoryNet

from .motion import MotionEncoder, measured


class Motif(TrajectoryNet):
    """Frames of any size at any times between two frames; sides of the output are multiples of 8."""

    name = "motif"
    size_multiple = 8  # RAFT measures the motion at the output's size

    def __init__(
        self,
        *,
        channels: int = 64,
        groups: int = 8,
        front_blocks: int = 5,
        back_blocks: int = 40,
        iters: int = 4,
        engine: Engine = "fast",
    ) -> None:
        super().__init__(channels, groups, front_blocks, back_blocks, engine)
        self.iters = iters
        self.motion_encoder = MotionEncoder(FEATURE)
        self.motion_net = Siren(FEATURE + 1 + 2, [64, 64, 256], 3)
        self.texture_net = Siren(channels + 2, [64, 64, 256], FEATURE)
        # in the authors' checkpoints and never used
        self.norm_gamma, self.norm_beta = nn.Parameter(torch.ones(1, 3, 1)), nn.Parameter(torch.zeros(1, 3, 1))
        self.shuffle = nn.Conv2d(FEATURE, FEATURE, 1)
        binomial = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.g_filter = nn.Parameter(torch.outer(binomial, binomial).reshape(1, 1, 1, 3, 3), requires_grad=False)

    def see(self, pair_B2Chw: Tensor, size: tuple[int, int]) -> Pair:
        """The pair's features and the features of its motion."""
        pair = super().see(pair_B2Chw, size)
        maps = measured(self.flow_predictor, self.iters, self.g_filter, pair_B2Chw, size)
        both = self.motion_encoder(torch.cat(maps)).chunk(2)
        return replace(pair, motion=(both[0], both[1]))

    def known(self, pair: Pair, source: int) -> Tensor:
        """What the queries on frame `source` know at any time, (B, 64, H, W): its features, at any place."""
        net = Copying(self.texture_net, pair.feats[2 * source], pair.queries, self.engine)
        return pair.queries.chunked(
            lambda rows: net(rows, after=[pair.queries.relative(rows)]), self.texture_net.floats
        )

    def motions(self, pair: Pair, source: int, times_BS: Tensor) -> Tensor:
        """The motion maps of frame `source` to each time, (B, S, 3, H, W)."""
        net = Copying(self.motion_net, pair.motion[source], pair.queries, self.engine)

        def work(rows: slice) -> Tensor:
            place = pair.queries.relative(rows)
            times = [pair.queries.plane(t_B, rows) for t_B in times_BS.unbind(1)]
            return torch.stack([net(rows, after=[time, place]) for time in times], dim=1)

        return pair.queries.chunked(work, self.motion_net.floats)
