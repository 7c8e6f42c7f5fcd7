"""Continuous networks that throw features forward along learned motion: what MoTIF and BF-STVSR have in common.

Axes: B batch, S frames wanted, C channels, R rows of queries in one chunk, h w low resolution, H W size of the output.
The two frames given are the sources of all splats; a motion map is (B, 3, H, W): flow x and y in units of 20 low
pixels, and how much the pixel counts. Sources: MoTIF (arXiv 2307.07988), BF-STVSR (arXiv 2501.11043).
"""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .continuous import PairNet
from .engines import Engine
from .implicit import Copying, Queries, Siren
from .raft import RaftSmall
from .splat import Landing
from .zsm_encoder import ZsmEncoder

FEATURE = 64  # what a query knows
FLOW_UNIT = 20.0  # low pixels


@dataclass(frozen=True)
class Pair:
    """Two frames, the features of both and of the middle, the queries, and what the motion of each frame is made of."""

    frames_B2Chw: Tensor
    feats: tuple[Tensor, Tensor, Tensor]
    queries: Queries
    motion: tuple[Tensor, Tensor]

    @property
    def enlarged(self) -> float:
        """Rows of the output for one row given; the authors take it for columns too."""
        return self.queries.size[0] / self.frames_B2Chw.shape[-2]


class TrajectoryNet(PairNet):
    """A subclass says what every query knows and how it moves; this splats and decodes it."""

    def __init__(self, channels: int, groups: int, front_blocks: int, back_blocks: int, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.encoder = ZsmEncoder(
            channels=channels,
            groups=groups,
            front_blocks=front_blocks,
            back_blocks=back_blocks,
            modulated=True,
            engine=engine,
        )
        self.flow_predictor = RaftSmall()
        self.alpha = nn.Parameter(torch.tensor([-20.0]))
        self.splatted = FEATURE + 2 + channels  # a query's knowledge, its raw flow, its nearest pixel's features
        self.synth_net = Siren(self.splatted + 3 + channels + 1, [64, 64, 64, 256], 3)
        *_, last = self.synth_net.net.children()
        # mid grey: about black, as other biases start, a fresh network may be clamped everywhere and learn nothing
        nn.init.constant_(last.bias, 0.5)  # type: ignore[arg-type]

    @abstractmethod
    def known(self, pair: Pair, source: int) -> Tensor:
        """What the queries on frame `source` know at any time, (B, 64, H, W)."""

    @abstractmethod
    def motions(self, pair: Pair, source: int, times_BS: Tensor) -> Tensor:
        """The motion maps of frame `source` to each time, (B, S, 3, H, W)."""

    def restore(self, pair_B2Chw: Tensor, times_BS: Tensor, size: tuple[int, int]) -> Tensor:
        """The frames (B, S, 3, H, W) at `times_BS` in [0, 1], clamped to [0, 1]."""
        pair = self.see(pair_B2Chw, size)
        motions = [self.motions(pair, source, times_BS).unbind(1) for source in (0, 1)]
        known = [self.known(pair, source) for source in (0, 1)]
        # both sources' features meet: the middle's are only decoded
        synth = Copying(self.synth_net, pair.feats[1], pair.queries, self.engine, before=self.splatted + 3)
        frames = []
        for k, t_B in enumerate(times_BS.unbind(1)):
            splats = self.splat(pair, known, [motions[0][k], motions[1][k]])
            frames.append(decoded(synth, pair, splats, t_B))
        return torch.stack(frames, dim=1)

    def see(self, pair_B2Chw: Tensor, size: tuple[int, int]) -> Pair:
        """The pair's features."""
        self.encoder.engine = self.engine
        before, middle, after = self.encoder.encode(pair_B2Chw).unbind(1)
        low = (int(pair_B2Chw.shape[-2]), int(pair_B2Chw.shape[-1]))
        return Pair(pair_B2Chw, (before, middle, after), Queries(low, size, pair_B2Chw), (before, after))

    def splat(self, pair: Pair, known: list[Tensor], motions: list[Tensor]) -> "Splats":
        """Everything that both sources throw onto the picture of one time."""
        splats = Splats.empty(pair, self.splatted)
        for source, feat_BChw in ((0, pair.feats[0]), (1, pair.feats[2])):
            for rows in pair.queries.rows(4 * self.splatted):
                motion = motions[source][:, :, rows]
                flow, weight = self.thrown(pair, motion)
                # as in the authors' training: the flow learns from where things land, not from being thrown itself
                seen = [known[source][:, :, rows], motion[:, :2].detach(), pair.queries.nearest(feat_BChw, rows)]
                splats.add(Landing(flow, pair.queries.size, rows.start), torch.cat(seen, dim=1), weight)
        return splats

    def thrown(self, pair: Pair, motion_B3RW: Tensor) -> tuple[Tensor, Tensor]:
        """The flow in pixels of the output and the weight of every query, always above 0."""
        flow = motion_B3RW[:, :2] * (FLOW_UNIT * pair.enlarged)
        return flow, torch.exp(self.alpha * motion_B3RW[:, 2:].relu())


@dataclass
class Splats:
    """Sums over both sources of everything that lands on a pixel."""

    sum_BCHW: Tensor  # the weighted values, and the weights as the last channel
    highest_B1HW: Tensor
    count_B1HW: Tensor

    @staticmethod
    def empty(pair: Pair, channels: int) -> "Splats":
        """Nothing has landed yet; the highest weight starts at 1, so it is above 1 only where alpha is positive."""
        like, size = pair.frames_B2Chw, pair.queries.size
        blank = like.new_zeros(pair.queries.batch, 1, *size)
        return Splats(like.new_zeros(pair.queries.batch, channels + 1, *size), torch.ones_like(blank), blank)

    def add(self, landing: Landing, values_BCRW: Tensor, weight_B1RW: Tensor) -> None:
        """Some rows of one source more."""
        self.sum_BCHW = landing.add(torch.cat([values_BCRW * weight_B1RW, weight_B1RW], dim=1), self.sum_BCHW)
        self.highest_B1HW = landing.highest(weight_B1RW, self.highest_B1HW)
        self.count_B1HW = landing.count(self.count_B1HW)

    def seen(self, rows: slice) -> list[Tensor]:
        """What the decoder sees of these rows: mean value, highest weight, number of hits, mean weight of a hit."""
        total, weight = self.sum_BCHW[:, :-1, rows], self.sum_BCHW[:, -1:, rows]
        count = self.count_B1HW[:, :, rows]
        filled = torch.where(weight == 0, 1.0, weight)  # holes
        # a weight of exactly 1 is taken for a hole here, as the authors do, whatever made it 1
        mean = torch.where(filled == 1, 0.0, filled) / torch.where(count == 0, 1.0, count)
        return [total / filled, self.highest_B1HW[:, :, rows], count / 16, mean]


def decoded(synth: Copying, pair: Pair, splats: Splats, t_B: Tensor) -> Tensor:
    """The frame (B, 3, H, W) of what has landed at one time, clamped to [0, 1]."""

    def colours(rows: slice) -> Tensor:
        return synth(rows, splats.seen(rows), [pair.queries.plane(t_B, rows)]).clamp(0, 1)

    return pair.queries.chunked(colours, synth.net.floats)
