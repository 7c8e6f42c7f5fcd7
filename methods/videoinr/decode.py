"""From a pair's features to a frame at one time: a feature for every query, its flow, and the colour read along it.

Axes: B batch, C channels, R rows of queries in one chunk, h w low resolution, H W size of the output.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stvsr_bench.nn.engines import Engine
from stvsr_bench.nn.implicit import Copying, Queries, Siren, read
from stvsr_bench.nn.warp import places

EDGE = 1 - 1e-6  # places are kept this close to the picture's border, in [-1, 1]


class Nets(nn.Module):
    """The three sine networks: a feature for each query, its flow, its colour."""

    def __init__(self, pair: int) -> None:
        super().__init__()
        frames, feature = 6, 64  # RGB of both frames; what a query knows
        self.feature = Siren(pair + frames + 2 + 1, [64, 64, 256], feature)
        self.flow = Siren(feature + pair + frames + 1, [64, 64, 256], 4)
        self.colour = Siren(2 * (feature + pair + frames) + 1, [64, 64, 256, 256], 3)


@dataclass(frozen=True)
class Pair:
    """What was seen of two frames: features of both and the middle, the frames, and the frames to read colour in."""

    feat_BChw: Tensor
    frames_BChw: Tensor
    pictures_BCHW: Tensor
    queries: Queries


class Decode:
    """A frame at one time, in the paper's order of computation."""

    engine: Engine = "plain"

    def __init__(self, nets: Nets, pair: Pair) -> None:
        self.nets, self.pair = nets, pair
        nearest_BChw = torch.cat([pair.feat_BChw, pair.frames_BChw], dim=1)
        self.known = Copying(nets.feature, nearest_BChw, pair.queries, self.engine)

    def frame(self, t_B: Tensor) -> Tensor:
        """The frame (B, 3, H, W) at time t of each item."""
        known_BCHW = self.pair.queries.chunked(lambda rows: self.features(rows, t_B), self.nets.feature.floats)
        return self.pair.queries.chunked(lambda rows: self.colours(rows, t_B, known_BCHW), self.nets.colour.floats)

    def features(self, rows: slice, t_B: Tensor) -> Tensor:
        """What the queries of these rows know of their nearest pixel, (B, 64, R, W)."""
        queries = self.pair.queries
        return self.known(rows, after=[queries.relative(rows), queries.plane(t_B, rows)])

    def flows(self, rows: slice, t_B: Tensor, known_BCHW: Tensor) -> Tensor:
        """The flow to frame 0 and to frame 1, (B, 4, R, W): x, y, x, y in pixels of the output."""
        pair, queries = self.pair, self.pair.queries
        seen = [known_BCHW[:, :, rows], queries.bilinear(pair.feat_BChw, rows)]
        seen += [queries.bilinear(pair.pictures_BCHW, rows), queries.plane(t_B, rows)]
        return self.nets.flow(torch.cat(seen, dim=1))  # type: ignore[no-any-return]

    def colours(self, rows: slice, t_B: Tensor, known_BCHW: Tensor) -> Tensor:
        """The colours of these rows, (B, 3, R, W)."""
        places = self.places(rows, self.flows(rows, t_B, known_BCHW))
        maps = (known_BCHW, self.pair.feat_BChw, self.pair.pictures_BCHW)
        seen = [read(each, place) for each in maps for place in places]
        return self.nets.colour(torch.cat([*seen, self.pair.queries.plane(t_B, rows)], dim=1))  # type: ignore[no-any-return]

    def places(self, rows: slice, flow_B4RW: Tensor) -> list[Tensor]:
        """Where both flows of these rows point, two of (B, R, W, 2), x before y, in [-1, 1]."""
        # corners are pixel centres here, and corners when a map is read: still pixels are read up to half a pixel
        # beside themselves, and darker where that lies outside. So were the weights trained
        height = self.pair.queries.size[0]
        flows = (flow_B4RW[:, :2], flow_B4RW[:, 2:])
        return [places(flow_B2RW, rows.start, height).clamp(-EDGE, EDGE) for flow_B2RW in flows]
