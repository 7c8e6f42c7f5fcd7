"""RAFT-small: optical flow by repeated look-ups of correlations around the place reached so far.

Axes: B batch, C channels, P pixels of one chunk, H W size of the frames, h w an eighth of it. Places and flows are
x before y. Names of parts are those of the authors' checkpoints.
Source: Teed and Deng, RAFT, 2020; the small version, as MoTIF and BF-STVSR carry it.
"""

from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.errors import UsageError

LEVELS = 4  # maps of the second frame, each half the size of the one before
REACH = 3  # pixels looked at on every side, at every level
FEATURES, HIDDEN, CONTEXT = 128, 96, 64
# so many pixels look up at a time: what they read, 64 places of 128 numbers each, then stays in the cache
CHUNK_PIXELS = 256


class RaftSmall(nn.Module):
    """The flow from one frame to another."""

    def __init__(self) -> None:
        super().__init__()
        self.fnet = FrameEncoder(FEATURES, normed=True)
        self.cnet = FrameEncoder(HIDDEN + CONTEXT, normed=False)
        self.update_block = UpdateBlock()

    def forward(self, first_BCHW: Tensor, second_BCHW: Tensor, iterations: int = 12) -> Tensor:
        """The flow (B, 2, H, W) from the first frames to the second, in pixels; frames are RGB in [0, 1].

        Raises:
            UsageError: sides that are no multiples of 8.
        """
        height, width = first_BCHW.shape[-2:]
        if height % 8 or width % 8:
            raise UsageError(f"RAFT needs frames with sides that are multiples of 8, not {height}x{width}")
        first, second = 2 * first_BCHW - 1, 2 * second_BCHW - 1
        look_up = Correlation(self.fnet(first), self.fnet(second))
        hidden, context = self.cnet(first).split((HIDDEN, CONTEXT), dim=1)
        hidden, context = hidden.tanh(), context.relu()
        start = pixels(hidden)
        place = start.clone()
        for _ in range(iterations):
            hidden, step = self.update_block(hidden, context, look_up(place), place - start)
            place = place + step
        # corners on corners: the only resize of the field that is so
        return 8 * F.interpolate(place - start, scale_factor=8, mode="bilinear", align_corners=True)


def pixels(map_BChw: Tensor) -> Tensor:
    """The place of every pixel, (B, 2, h, w)."""
    b, _, h, w = map_BChw.shape
    y = torch.arange(h, dtype=map_BChw.dtype, device=map_BChw.device)[:, None].expand(h, w)
    x = torch.arange(w, dtype=map_BChw.dtype, device=map_BChw.device)[None].expand(h, w)
    return torch.stack([x, y]).expand(b, -1, -1, -1)


class OwnStatistics(nn.Module):
    """Every map with mean 0 and variance 1 (instance norm without parameters; a map of one pixel becomes 0)."""

    def forward(self, x_BChw: Tensor) -> Tensor:
        """The map, normed."""
        variance, mean = torch.var_mean(x_BChw, dim=(2, 3), correction=0, keepdim=True)
        return (x_BChw - mean) * torch.rsqrt(variance + 1e-5)


class Bottleneck(nn.Module):
    """A residual block: narrow to a quarter, 3x3, widen again."""

    def __init__(self, channels_in: int, channels: int, stride: int, norm: nn.Module) -> None:
        super().__init__()
        narrow = channels // 4
        self.conv1 = nn.Conv2d(channels_in, narrow, 1)
        self.conv2 = nn.Conv2d(narrow, narrow, 3, stride, 1)
        self.conv3 = nn.Conv2d(narrow, channels, 1)
        self.downsample = None if stride == 1 else nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride), norm)
        self.norm = norm

    def forward(self, x_BChw: Tensor) -> Tensor:
        """The map after the block; half the size where the stride is 2."""
        y = x_BChw
        for conv in (self.conv1, self.conv2, self.conv3):
            y = self.norm(conv(y)).relu()
        return ((x_BChw if self.downsample is None else self.downsample(x_BChw)) + y).relu()


class FrameEncoder(nn.Module):
    """Features of frames at an eighth of their size."""

    def __init__(self, channels: int, normed: bool) -> None:
        super().__init__()
        self.norm = OwnStatistics() if normed else nn.Identity()
        self.conv1 = nn.Conv2d(3, 32, 7, 2, 3)
        self.layer1 = self._layer(32, 32, 1)
        self.layer2 = self._layer(32, 64, 2)
        self.layer3 = self._layer(64, 96, 2)
        self.conv2 = nn.Conv2d(96, channels, 1)

    def _layer(self, channels_in: int, channels: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            Bottleneck(channels_in, channels, stride, self.norm), Bottleneck(channels, channels, 1, self.norm)
        )

    def forward(self, frames_BCHW: Tensor) -> Tensor:
        """The features (B, channels, H/8, W/8)."""
        x = self.norm(self.conv1(frames_BCHW)).relu()
        return self.conv2(self.layer3(self.layer2(self.layer1(x))))  # type: ignore[no-any-return]


class Correlation:
    """Products of every pixel's feature with the second map's features around a place, at four levels.

    Only the products that are asked for are made: those of all pairs of pixels take 1.1 GB for 1280x720.
    """

    def __init__(self, first_BChw: Tensor, second_BChw: Tensor) -> None:
        self.first_BPC = first_BChw.flatten(2).transpose(1, 2) / sqrt(FEATURES)
        self.levels = [second_BChw]
        for _ in range(LEVELS - 1):
            level = self.levels[-1]
            small = min(level.shape[-2:]) < 2  # nothing is left to halve: all that is looked up there is outside
            self.levels.append(level[:, :, :0, :0] if small else F.avg_pool2d(level, 2))

    def __call__(self, place_B2hw: Tensor) -> Tensor:
        """The correlations (B, 4 * 49, h, w): level by level, columns slow, rows fast."""
        places_BP2 = place_B2hw.flatten(2).transpose(1, 2)
        found = [
            torch.stack([around(*item, 0.5**k) for item in zip(self.first_BPC, level, places_BP2, strict=True)])
            for k, level in enumerate(self.levels)
        ]
        return torch.unflatten(torch.cat(found, dim=2).transpose(1, 2), 2, place_B2hw.shape[-2:])


def around(first_PC: Tensor, second_Chw: Tensor, place_P2: Tensor, share: float) -> Tensor:
    """The products of each pixel's feature with those of 7 x 7 places around `share` of its place, (P, 49)."""
    h, w = second_Chw.shape[-2:]
    if h == 0:
        return first_PC.new_zeros(len(first_PC), (2 * REACH + 1) ** 2)
    rows_QC = second_Chw.flatten(1).T.contiguous()
    step = torch.arange(-REACH, REACH + 2, device=place_P2.device)  # 8 whole pixels hold 7 places between them
    found = []
    chunks = torch.split(first_PC, CHUNK_PIXELS), torch.split(place_P2, CHUNK_PIXELS)
    for feature_PC, place in zip(*chunks, strict=True):
        x, y = (place * share).unbind(1)
        column, row = x.floor(), y.floor()
        columns, rows = column.long()[:, None] + step, row.long()[:, None] + step
        index = rows.clamp(0, h - 1)[:, :, None] * w + columns.clamp(0, w - 1)[:, None]
        inside = ((rows >= 0) & (rows < h))[:, :, None] & ((columns >= 0) & (columns < w))[:, None]
        near = rows_QC[index.flatten(1)]
        product = (near @ feature_PC[:, :, None]).view(inside.shape) * inside  # (P, 8 rows, 8 columns)
        right, down = (x - column)[:, None, None], (y - row)[:, None, None]
        across = product[:, :, :-1] * (1 - right) + product[:, :, 1:] * right
        both = across[:, :-1] * (1 - down) + across[:, 1:] * down
        found.append(both.transpose(1, 2).flatten(1))  # the authors' weights want columns before rows
    return torch.cat(found)


class UpdateBlock(nn.Module):
    """One step of the flow, from what was looked up around the place reached."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = MotionEncoder()
        self.gru = ConvGru(HIDDEN, CONTEXT + 82)
        self.flow_head = FlowHead(HIDDEN)

    def forward(
        self, hidden_BChw: Tensor, context_BChw: Tensor, correlation_BChw: Tensor, flow_B2hw: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The next hidden state, and what to add to the place."""
        motion = self.encoder(correlation_BChw, flow_B2hw)
        hidden = self.gru(hidden_BChw, torch.cat([context_BChw, motion], dim=1))
        return hidden, self.flow_head(hidden)


class MotionEncoder(nn.Module):
    """82 channels of the correlations and the flow so far; the last two are the flow itself."""

    def __init__(self) -> None:
        super().__init__()
        self.convc1 = nn.Conv2d(LEVELS * (2 * REACH + 1) ** 2, 96, 1)
        self.convf1 = nn.Conv2d(2, 64, 7, 1, 3)
        self.convf2 = nn.Conv2d(64, 32, 3, 1, 1)
        self.conv = nn.Conv2d(128, 80, 3, 1, 1)

    def forward(self, correlation_BChw: Tensor, flow_B2hw: Tensor) -> Tensor:
        """What the recurrence sees of the motion."""
        correlated = self.convc1(correlation_BChw).relu()
        moved = self.convf2(self.convf1(flow_B2hw).relu()).relu()
        return torch.cat([self.conv(torch.cat([correlated, moved], dim=1)).relu(), flow_B2hw], dim=1)


class ConvGru(nn.Module):
    """A gated recurrent unit of 3x3 convolutions."""

    def __init__(self, hidden: int, seen: int) -> None:
        super().__init__()
        self.convz = nn.Conv2d(hidden + seen, hidden, 3, 1, 1)
        self.convr = nn.Conv2d(hidden + seen, hidden, 3, 1, 1)
        self.convq = nn.Conv2d(hidden + seen, hidden, 3, 1, 1)

    def forward(self, hidden_BChw: Tensor, seen_BChw: Tensor) -> Tensor:
        """The next hidden state."""
        both = torch.cat([hidden_BChw, seen_BChw], dim=1)
        update, reset = self.convz(both).sigmoid(), self.convr(both).sigmoid()
        fresh = self.convq(torch.cat([reset * hidden_BChw, seen_BChw], dim=1)).tanh()
        return torch.lerp(hidden_BChw, fresh, update)


class FlowHead(nn.Module):
    """A step of the flow from the hidden state."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(hidden, 128, 3, 1, 1)
        self.conv2 = nn.Conv2d(128, 2, 3, 1, 1)

    def forward(self, hidden_BChw: Tensor) -> Tensor:
        """x and y, in pixels of the small map."""
        return self.conv2(self.conv1(hidden_BChw).relu())  # type: ignore[no-any-return]
