"""BF-STVSR: pixels of both frames are thrown forward along B-splines in time, and known by waves in space.

Axes: B batch, S frames wanted, C channels, R rows of queries in one chunk, h w low resolution, H W size of the output.
Paper: Kim et al., arXiv 2501.11043. What the paper leaves open and how it is settled: README.md beside this file.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from stvsr_bench.nn.engines import Engine
from stvsr_bench.nn.trajectory import FEATURE, Pair, TrajectoryNet

from .mappers import FourierMapper, SplineMapper


class BfStvsr(TrajectoryNet):
    """Frames of any size at any times between two frames."""

    name = "bfstvsr"

    def __init__(
        self,
        *,
        channels: int = 64,
        groups: int = 8,
        front_blocks: int = 5,
        back_blocks: int = 40,
        engine: Engine = "fast",
    ) -> None:
        super().__init__(channels, groups, front_blocks, back_blocks, engine)
        self.motion, self.texture = SplineMapper(channels), FourierMapper(channels)

    def known(self, pair: Pair, source: int) -> Tensor:
        """What the queries on frame `source` know at any time, (B, 64, H, W)."""
        feat_BChw, siren = pair.feats[2 * source], self.texture.siren
        rows_of = pair.queries.nearest
        if self.engine == "fast":  # all queries of a pixel get the same from the network: ask it once
            said_BChw = siren(feat_BChw)

            def said(rows: slice) -> Tensor:
                return rows_of(said_BChw, rows)
        else:
            said_BCHW = pair.queries.chunked(lambda rows: siren(rows_of(feat_BChw, rows)), siren.floats)

            def said(rows: slice) -> Tensor:
                return said_BCHW[:, :, rows]

        def work(rows: slice) -> Tensor:
            first, last = max(rows.start - 1, 0), min(rows.stop + 1, pair.queries.size[0])
            beyond = (0, 0, first - rows.start + 1, rows.stop + 1 - last)  # zeros above and below the picture
            around = F.pad(said(slice(first, last)), beyond)
            return self.texture(around, pair.queries.relative(rows))  # type: ignore[no-any-return]

        return pair.queries.chunked(work, 8 * FEATURE)

    def motions(self, pair: Pair, source: int, times_BS: Tensor) -> Tensor:
        """The motion maps of frame `source` to each time, (B, S, 3, H, W)."""
        net = self.motion.splines(pair.motion[source], pair.queries, self.engine)
        taus_BS = times_BS if source == 0 else 1 - times_BS  # counted from the frame that moves

        def work(rows: slice) -> Tensor:
            splines = net(rows, after=[pair.queries.relative(rows)])
            return torch.stack([self.motion(splines, tau_B) for tau_B in taus_BS.unbind(1)], dim=1)

        return pair.queries.chunked(work, self.motion.siren.floats)
