"""SAFA: a flow between two enlarged frames, refined by blocks that choose the size at which they compute.

Axes: B batch, T frames given, S frames wanted, n times in a gap, C features, h w low resolution, H W four times (padded
to multiples of 32). The two bits of a block's choice are (first, second): 6 blocks, so (n, 6, B, 2) for a pair.
Paper: Huang et al., arXiv 2310.17294. What the paper leaves open and how it is settled: README.md beside this file.
"""

import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.errors import UsageError
from stvsr_bench.nn.interpolator import gap_times
from stvsr_bench.nn.pyramid import conv3
from stvsr_bench.nn.warp import warp

from .parts import Body, Chooser, Head, Tail, at_chosen_sizes, read

BLOCKS = 6
TAIL_DEPTH = 12
MULTIPLE = 32  # of the enlarged frames, as the authors' script pads
SCALE = 4


@dataclass(frozen=True)
class Pair:
    """All that is known of two frames before a time is asked: themselves at full size, and their small features."""

    first: Tensor
    last: Tensor
    feats: tuple[Tensor, Tensor]
    mixed: Tensor


class SAFA(nn.Module):
    """Frames at any times between the given ones, and every frame four times as large."""

    def __init__(
        self,
        *,
        channels: int = 80,
        tail_depth: int = TAIL_DEPTH,
        scales: Literal["round", "sample"] = "round",
        seed: int = 0,
    ) -> None:
        super().__init__()
        if channels < 2 or channels % 2 or tail_depth < 0:
            raise UsageError(f"safa: channels={channels} must be even, tail_depth={tail_depth} at least 0")
        self.scales, self.seed = scales, seed
        self.head = Head(channels)
        self.mix = nn.Sequential(conv3(2 * channels, channels), nn.PReLU(channels))
        seen = 3 * channels + 6 + 1
        self.blocks = nn.ModuleList(Body(seen, channels) for _ in range(BLOCKS))
        self.step = conv3(channels, 24)  # this and the chooser serve all blocks
        self.choose = Chooser(seen, channels)
        self.tail = Tail(2 * channels + 1, channels, tail_depth)

    def forward(self, lr_BTChw: Tensor, times: Tensor | None = None) -> Tensor:
        """The clip with n frames in every gap, the given frames restored too, (B, S, 3, H, W) within [0, 1].

        `times` (B or 1, n) in (0, 1) are the moments within every gap, None the middle.
        """
        times_Bn = gap_times(lr_BTChw, times)
        large_BTCHW = enlarged(lr_BTChw)
        # blue first: the authors read and feed their frames so
        frames = [padded(frame) for frame in large_BTCHW.flip(2).unbind(1)]
        ends = times_Bn.new_zeros(len(times_Bn), 1), times_Bn.new_ones(len(times_Bn), 1)
        feat, shown = self.head(frames[0]), []
        for gap, (first, last) in enumerate(pairwise(frames)):
            feats = (feat, self.head(last))
            # a given frame belongs to the gap that it ends; only the very first begins one
            asked_Bn = torch.cat([*([] if gap else ends[:1]), times_Bn, ends[1]], dim=1)
            floors = self.floors(lr_BTChw[:, gap : gap + 2], asked_Bn)
            shown.append(self.at_times(self.pair_of(first, last, feats), asked_Bn, floors)[0])
            feat = feats[1]
        height, width = large_BTCHW.shape[-2:]
        return torch.cat(shown, dim=1).flip(2)[..., :height, :width]

    def pair(
        self, first_BCHW: Tensor, last_BCHW: Tensor, times_Bn: Tensor, bits_n6B2: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The frames (B, n, 3, H, W) at times in [0, 1] of two enlarged frames, and the chances of bits (n, 6, B, 2).

        Channels as given (blue first is what it was trained on), no padding: sides are multiples of 8. Bits None: the
        network's own rule.
        """
        times_Bn = times_Bn.expand(len(first_BCHW), -1)
        if bits_n6B2 is None:
            floors = self.floors(torch.stack([first_BCHW, last_BCHW], dim=1), times_Bn)
        else:  # a chance always reaches 0 and never 2
            floors = 2 * (1 - bits_n6B2.to(first_BCHW))
        feats = (self.head(first_BCHW), self.head(last_BCHW))
        return self.at_times(self.pair_of(first_BCHW, last_BCHW, feats), times_Bn, floors)

    def pair_of(self, first_BCHW: Tensor, last_BCHW: Tensor, feats: tuple[Tensor, Tensor]) -> Pair:
        """All that does not depend on a time."""
        return Pair(first_BCHW, last_BCHW, feats, self.mix(torch.cat(feats, dim=1)))

    def at_times(self, pair: Pair, times_Bn: Tensor, floors_n6B2: Tensor) -> tuple[Tensor, Tensor]:
        """The frames (B, n, 3, H, W) and the chances (n, 6, B, 2)."""
        made = [self.at(pair, t_B, floors) for t_B, floors in zip(times_Bn.unbind(1), floors_n6B2, strict=True)]
        frames, chances = zip(*made, strict=True)
        return torch.stack(frames, dim=1), torch.stack(chances)

    def at(self, pair: Pair, t_B: Tensor, floors_6B2: Tensor) -> tuple[Tensor, Tensor]:
        """One frame per batch item, (B, 3, H, W), and the chances (6, B, 2)."""
        feat, (height, width) = pair.mixed, pair.first.shape[-2:]
        flow = pair.first.new_zeros(len(t_B), 6, height, width)
        time_B1hw = t_B.to(pair.first)[:, None, None, None].expand(-1, 1, height // 2, width // 2)
        chances = []
        for block, floor_B2 in zip(self.blocks, floors_6B2, strict=True):
            small, from_first, from_last = read(pair.feats, flow)
            seen = torch.cat([feat, small, from_first, from_last, time_B1hw], dim=1)
            chances.append(self.choose(seen))
            feat = at_chosen_sizes(block, seen, chances[-1], floor_B2)  # type: ignore[arg-type]
            flow = flow + F.pixel_shuffle(self.step(feat), 2)
        _, from_first, from_last = read(pair.feats, flow)
        frame = blended(pair, flow) + self.tail(torch.cat([time_B1hw, from_first, from_last], dim=1))
        return frame.clamp(0, 1), torch.stack(chances)

    def floors(self, pair_B2Chw: Tensor, times_Bn: Tensor) -> Tensor:
        """What the chance of each bit must reach for the bit to be 1, (n, 6, B, 2)."""
        batch, n = times_Bn.shape
        if self.training:  # drawn as the authors draw, from the dice that the trainer seeds
            return torch.rand(n, BLOCKS, batch, 2, device=pair_B2Chw.device, dtype=pair_B2Chw.dtype)
        if self.scales == "round":
            return pair_B2Chw.new_full((n, BLOCKS, batch, 2), 0.5)
        drawn = [
            torch.stack([dice(pair, float(t), self.seed) for pair, t in zip(pair_B2Chw, t_B, strict=True)], dim=1)
            for t_B in times_Bn.unbind(1)
        ]
        return torch.stack(drawn).to(pair_B2Chw)


def blended(pair: Pair, flow_B6HW: Tensor) -> Tensor:
    """Both frames where the flow points, as far as each is believed, (B, 3, H, W)."""
    believe = torch.sigmoid(flow_B6HW[:, 4:5])
    return believe * warp(pair.first, flow_B6HW[:, :2]) + (1 - believe) * warp(pair.last, flow_B6HW[:, 2:4])


def dice(pair_2Chw: Tensor, t: float, seed: int) -> Tensor:
    """Uniform numbers in [0, 1) for one frame, (6, 2).

    They depend on the two frames, the time and the seed alone: so neither on the order of clips, nor on the batch, nor
    on what other times are asked, and two pairs have dice of their own.
    """
    content = np.ascontiguousarray(pair_2Chw.detach().float().cpu().numpy()).tobytes()
    mark = zlib.crc32(np.array([t, seed], dtype="<f8").tobytes(), zlib.crc32(content))
    return torch.rand(BLOCKS, 2, generator=torch.Generator().manual_seed(mark))


def enlarged(lr_BTChw: Tensor) -> Tensor:
    """The frames four times as large, (B, T, 3, H, W): the cubic with a = -0.75, neither rounded nor clamped."""
    large = F.interpolate(lr_BTChw.flatten(0, 1), scale_factor=SCALE, mode="bicubic", align_corners=False)
    return torch.unflatten(large, 0, lr_BTChw.shape[:2])


def padded(frame_BCHW: Tensor) -> Tensor:
    """The frame with zeros at its bottom and right, to multiples of 32."""
    height, width = frame_BCHW.shape[-2:]
    return F.pad(frame_BCHW, (0, -width % MULTIPLE, 0, -height % MULTIPLE))
