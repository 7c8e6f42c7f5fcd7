"""Pictures as functions of a place: sine networks, and the places of a large picture's pixels on a small one.

Axes: B batch, C channels, Q queries (pixels of the large picture), R its rows in one chunk, h w small, H W large size.
Sources: SIREN (Sitzmann et al., 2020), VideoINR (2206.04647), MoTIF (2307.07988), BF-STVSR (2501.11043).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .engines import Engine

OMEGA = 30.0  # in every sine layer, not in the first alone
# what the numbers of one chunk of queries may take at once: of 2^21 to 2^27 fastest on one core, 640 ms of CPU for a
# 192x320 frame of VideoINR against 920 and 670 ms at the ends
QUERY_BYTES = 2**25


class Siren(nn.Module):
    """Sine layers of these widths and a linear one, for each query by itself; the keys are the authors'."""

    def __init__(self, channels_in: int, hidden: Sequence[int], channels: int) -> None:
        super().__init__()
        sizes = [channels_in, *hidden]
        sines, last = [SineLayer(*pair) for pair in zip(sizes, hidden, strict=False)], nn.Linear(hidden[-1], channels)
        self.net = nn.Sequential(*sines, last)
        bounds = [1 / channels_in, *(sqrt(6 / size) / OMEGA for size in hidden)]
        for layer, bound in zip([*(sine.linear for sine in sines), last], bounds, strict=True):
            nn.init.uniform_(layer.weight, -bound, bound)
        self.channels = channels
        self.floats = channels_in + 2 * max(sizes)  # numbers alive at once for each query

    def forward(self, seen_BCRW: Tensor) -> Tensor:
        """What every query gets, (B, channels, R, W)."""
        return self.after_first(linear(seen_BCRW, self.first))

    def after_first(self, first_BCRW: Tensor) -> Tensor:
        """The rest, from what the first linear map gives (which is changed in place)."""
        z = sine(first_BCRW)
        *_, last = self.net.children()
        for layer in list(self.net.children())[1:-1]:
            z = layer(z)
        assert isinstance(last, nn.Linear)
        return linear(z, last)

    @property
    def first(self) -> nn.Linear:
        """The linear map of the first layer."""
        layer = self.net[0]
        assert isinstance(layer, SineLayer)
        return layer.linear

    def shares(self, *channels: int) -> tuple[Tensor, ...]:
        """The columns of the first linear map for each part of the input."""
        return torch.split(self.first.weight, list(channels), dim=1)


class SineLayer(nn.Module):
    """sin(30 (W z + b))."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels_in, channels)

    def forward(self, z_BCRW: Tensor) -> Tensor:
        """The next layer's input."""
        return sine(linear(z_BCRW, self.linear))


def linear(z_BCRW: Tensor, layer: nn.Linear) -> Tensor:
    """A linear layer over the channels of a map."""
    return mixed(z_BCRW, layer.weight) + layer.bias[:, None, None]


def mixed(z_BCRW: Tensor, weight: Tensor) -> Tensor:
    """Every pixel's channels times a matrix (out, C), no bias."""
    # a plain product: on one core it was faster than a 1x1 convolution (6 and 9 ms for 8192 queries, 64 to 256)
    return torch.unflatten(torch.matmul(weight, z_BCRW.flatten(2)), 2, z_BCRW.shape[2:])


def sine(z: Tensor) -> Tensor:
    """sin(30 z); without gradients in place."""
    return z.mul_(OMEGA).sin() if z.requires_grad else z.mul_(OMEGA).sin_()


@dataclass(frozen=True)
class Axis:
    """One side of the queries: nearest low pixel, how far it is from that pixel's centre (in low pixels), its place."""

    nearest: Tensor
    relative: Tensor
    centre: Tensor

    @staticmethod
    def of(low: int, high: int, like: Tensor) -> "Axis":
        """The `high` pixel centres of a side that has `low` pixels.

        A centre exactly between two low pixels (scales such as 2.5) belongs to the larger index: whole numbers decide,
        so rounding cannot.
        """
        twice = 2 * torch.arange(high, device=like.device) + 1  # centres are (2i + 1) / (2 high) of the side
        nearest = torch.div(twice * low, 2 * high, rounding_mode="floor")
        relative = (twice * low - (2 * nearest + 1) * high).to(torch.float64) / high
        centre = twice.to(torch.float64) / high - 1
        return Axis(nearest, relative.to(like.dtype), centre.to(like.dtype))


class Queries:
    """The pixels of an H x W picture as places of an h x w one; coordinates are y before x."""

    def __init__(self, low: tuple[int, int], size: tuple[int, int], like: Tensor) -> None:
        self.size, self.batch = size, like.shape[0]
        self.row_bytes = like.element_size() * like.shape[0] * size[1]  # of one number for each query of a row
        self.y, self.x = (Axis.of(*sides, like) for sides in zip(low, size, strict=True))

    def rows(self, floats: int) -> Iterator[slice]:
        """So many rows at a time that `floats` numbers for each of their queries stay within `QUERY_BYTES`."""
        height, each = self.size[0], max(1, QUERY_BYTES // (self.row_bytes * floats))
        for first in range(0, height, each):
            yield slice(first, min(first + each, height))

    def chunked(self, work: Callable[[slice], Tensor], floats: int) -> Tensor:
        """What `work` gives for some rows at a time, for all of them; rows are its last axis but one."""
        return torch.cat([work(rows) for rows in self.rows(floats)], dim=-2)

    def nearest(self, map_BChw: Tensor, rows: slice) -> Tensor:
        """The map's nearest pixel for every query of these rows, (B, C, R, W)."""
        return map_BChw.index_select(2, self.y.nearest[rows]).index_select(3, self.x.nearest)

    def relative(self, rows: slice) -> Tensor:
        """Where every query lies in its nearest pixel, (B, 2, R, W), from -1 to 1, y first."""
        y, x = self.y.relative[rows, None], self.x.relative[None]
        return torch.stack([y.expand(-1, x.shape[1]), x.expand(len(y), -1)]).expand(self.batch, -1, -1, -1)

    def bilinear(self, map_BChw: Tensor, rows: slice) -> Tensor:
        """The map read at every query, (B, C, R, W); neighbours outside count as 0."""
        y, x = self.y.centre[rows, None], self.x.centre[None]
        grid = torch.stack([x.expand(len(y), -1), y.expand(-1, x.shape[1])], dim=-1).expand(self.batch, -1, -1, -1)
        return read(map_BChw, grid)

    def plane(self, value_B: Tensor, rows: slice) -> Tensor:
        """One number for each item as a channel, (B, 1, R, W)."""
        height, width = len(self.y.nearest[rows]), self.size[1]
        return value_B[:, None, None, None].expand(-1, 1, height, width)


def read(map_BChw: Tensor, place_BRW2: Tensor) -> Tensor:
    """The map read bilinearly at places in [-1, 1], x before y, (B, C, R, W); neighbours outside count as 0."""
    seen = map_BChw.to(place_BRW2.dtype)  # under half precision places stay exact
    return F.grid_sample(seen, place_BRW2, mode="bilinear", padding_mode="zeros", align_corners=False)


class Copying:
    """A sine network that sees, among other things, the nearest pixel of a low map.

    The fast engine makes the first layer's share of the map at low resolution, once, and copies that: a linear layer of
    copies is a copy of a linear layer.
    """

    def __init__(self, net: Siren, low_BChw: Tensor, queries: Queries, engine: Engine, before: int = 0) -> None:
        self.net, self.queries, self.low_BChw = net, queries, low_BChw
        self.made = engine == "fast"
        if self.made:  # `before`: how many channels of the input come ahead of the map's
            channels = low_BChw.shape[1]
            ahead, of_map, behind = net.shares(before, channels, net.first.in_features - before - channels)
            self.rest = torch.cat([ahead, behind], dim=1)
            self.low_BChw = mixed(low_BChw, of_map) + net.first.bias[:, None, None]

    def __call__(self, rows: slice, before: Sequence[Tensor] = (), after: Sequence[Tensor] = ()) -> Tensor:
        """What the queries of these rows get, (B, channels, R, W); `before` and `after` are the other inputs."""
        copied = self.queries.nearest(self.low_BChw, rows)
        if not self.made:
            return self.net(torch.cat([*before, copied, *after], dim=1))  # type: ignore[no-any-return]
        others = [*before, *after]
        return self.net.after_first(copied + mixed(torch.cat(others, dim=1), self.rest) if others else copied)
