"""The same frame sooner: what a first layer makes of the pair's features is made at low resolution, once for all times.

Axes: B batch, C channels, R rows of queries in one chunk, h w low resolution, H W size of the output.
"""

from torch import Tensor

from stvsr_bench.nn.engines import Engine
from stvsr_bench.nn.implicit import mixed, read

from .decode import Decode, Nets, Pair


class FastDecode(Decode):
    """Twin of `Decode`, equal but for the order of sums: a linear layer of what is read is read from a linear layer."""

    engine: Engine = "fast"

    def __init__(self, nets: Nets, pair: Pair) -> None:
        super().__init__(nets, pair)
        feat, known = pair.feat_BChw, nets.feature.channels
        # the parts in the order in which `Decode` concatenates them
        self.flow_known, of_feat, of_pictures, self.flow_time = nets.flow.shares(known, feat.shape[1], 6, 1)
        low_BChw = mixed(feat, of_feat)
        self.still_BCHW = pair.queries.chunked(lambda rows: self.still(rows, low_BChw, of_pictures), 4 * known)
        parts = nets.colour.shares(*(2 * [known]), *(2 * [feat.shape[1]]), *(2 * [6]), 1)
        self.colour_known, self.colour_pictures, self.colour_time = parts[0:2], parts[4:6], parts[6]
        self.moving_BChw = [mixed(feat, part) for part in parts[2:4]]

    def still(self, rows: slice, low_BChw: Tensor, of_pictures: Tensor) -> Tensor:
        """What the flow network's first layer makes of all that does not depend on the time."""
        queries = self.pair.queries
        pictures = mixed(queries.bilinear(self.pair.pictures_BCHW, rows), of_pictures)
        # the bias only now: where neighbours outside count as 0, a bias read with the map would count less too
        return queries.bilinear(low_BChw, rows) + pictures + bias(self.nets.flow.first.bias)

    def flows(self, rows: slice, t_B: Tensor, known_BCHW: Tensor) -> Tensor:
        """The flow to frame 0 and to frame 1, (B, 4, R, W): x, y, x, y in pixels of the output."""
        known = mixed(known_BCHW[:, :, rows], self.flow_known)
        return self.nets.flow.after_first(known + self.still_BCHW[:, :, rows] + at(t_B, self.flow_time))

    def colours(self, rows: slice, t_B: Tensor, known_BCHW: Tensor) -> Tensor:
        """The colours of these rows, (B, 3, R, W)."""
        first = bias(self.nets.colour.first.bias) + at(t_B, self.colour_time)
        for k, place in enumerate(self.places(rows, self.flows(rows, t_B, known_BCHW))):
            first = first + mixed(read(known_BCHW, place), self.colour_known[k])
            first = first + read(self.moving_BChw[k], place)
            first = first + mixed(read(self.pair.pictures_BCHW, place), self.colour_pictures[k])
        return self.nets.colour.after_first(first)


def bias(value_C: Tensor) -> Tensor:
    """A bias as a map of one pixel."""
    return value_C[:, None, None]


def at(t_B: Tensor, weight_C1: Tensor) -> Tensor:
    """What a first layer makes of the time, (B, C, 1, 1)."""
    return t_B[:, None, None, None] * weight_C1[:, :, None]
