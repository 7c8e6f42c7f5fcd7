"""BasicVSR x4: features carried through the whole clip, backward and then forward, each along the optical flow.

Every frame is restored from what came before it and what comes after it, so it depends on the whole clip that is given.

Axes: B batch, T frames, C features, h w low and H W high resolution. A flow is (B, 2, h, w), x before y, in pixels.
Paper: Chan et al., arXiv 2012.02181.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.nn.pyramid import conv3, leaky
from stvsr_bench.nn.residual import residual_trunk
from stvsr_bench.nn.spynet import SpyNet
from stvsr_bench.nn.upsample import PixelShuffleTail
from stvsr_bench.nn.warp import warp

FLOW_BYTES = 64 * 2**20  # for the widest features of the flows that are estimated together
WIDEST = 96  # channels that go into and come out of SpyNet's widest layer, per pixel


class BasicVsr(nn.Module):
    """The clip at four times its size, frame for frame."""

    def __init__(self, features: int = 64, blocks: int = 30) -> None:
        super().__init__()
        self.flow = SpyNet()
        self.backward_ = Trunk(features, blocks)
        self.forward_ = Trunk(features, blocks)
        self.fuse = nn.Conv2d(2 * features, features, 1)
        self.tail = PixelShuffleTail(features)

    def forward(self, frames_BTChw: Tensor) -> Tensor:
        """The frames (B, T, 3, 4h, 4w), not clamped."""
        frames = frames_BTChw.unbind(1)
        to_next, to_previous = self.flows(frames_BTChw)
        later = list(self.carried(self.backward_, frames[::-1], to_next[::-1]))
        # each frame is finished as soon as it can be, and what the backward pass said of it is let go
        restored = [
            self.restored(frame_BChw, later.pop(), feat_BChw)
            for frame_BChw, feat_BChw in zip(frames, self.carried(self.forward_, frames, to_previous), strict=True)
        ]
        return torch.stack(restored, dim=1)

    def flows(self, frames_BTChw: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """T - 1 flows (B, 2, h, w) from each frame to the next, and T - 1 from each but the first to the one before."""
        batch, count, _, *size = frames_BTChw.shape
        to_next: list[Tensor] = []
        to_previous: list[Tensor] = []
        with _full_precision(frames_BTChw):
            # a frame is in up to four pairs: its pyramid is made once
            levels = [torch.unflatten(x, 0, (batch, count)) for x in self.flow.pyramid(frames_BTChw.flatten(0, 1))]
            finest = levels[-1][:, :1, 0]
            step = max(1, FLOW_BYTES // (2 * WIDEST * finest.numel() * finest.element_size()))
            for start in range(0, count - 1, step):
                gaps = slice(start, min(start + step, count - 1))
                now, then = ([x[:, at] for x in levels] for at in (gaps, slice(gaps.start + 1, gaps.stop + 1)))
                pairs = [torch.stack([a, b]).flatten(0, 2) for a, b in zip(now, then, strict=True)]
                flipped = [torch.stack([b, a]).flatten(0, 2) for a, b in zip(now, then, strict=True)]
                both = torch.unflatten(self.flow(pairs, flipped, tuple(size)), 0, (2, batch, -1))
                to_next += both[0].unbind(1)
                to_previous += both[1].unbind(1)
        return to_next, to_previous

    def carried(self, trunk: "Trunk", frames: tuple[Tensor, ...], flows: list[Tensor]) -> Iterator[Tensor]:
        """The features (B, C, h, w) of frame after frame, each made with those of the frame before in this order."""
        feat_BChw = None
        for index, frame_BChw in enumerate(frames):
            if feat_BChw is not None:
                feat_BChw = warp(feat_BChw, flows[index - 1], outside="zeros")
            feat_BChw = trunk(frame_BChw, feat_BChw)
            yield feat_BChw

    def restored(self, frame_BChw: Tensor, later_BChw: Tensor, earlier_BChw: Tensor) -> Tensor:
        """One frame at four times its size."""
        detail_BCHW: Tensor = self.tail(leaky(self.fuse(torch.cat([later_BChw, earlier_BChw], dim=1))))
        return detail_BCHW + F.interpolate(frame_BChw, scale_factor=4.0, mode="bilinear", align_corners=False)


class Trunk(nn.Module):
    """The features of a frame from the frame and the features that were carried to it."""

    def __init__(self, features: int, blocks: int) -> None:
        super().__init__()
        self.features = features
        self.enter = conv3(3 + features, features)
        self.blocks = residual_trunk(features, blocks)

    def forward(self, frame_BChw: Tensor, carried_BChw: Tensor | None) -> Tensor:
        """Features (B, C, h, w); None is carried to the first frame of a pass."""
        if carried_BChw is None:
            batch, _, height, width = frame_BChw.shape
            carried_BChw = frame_BChw.new_zeros(batch, self.features, height, width)
        seen_BChw = torch.cat([frame_BChw, carried_BChw], dim=1)
        if seen_BChw.device.type == "cpu":
            # features last in memory: the trunk's convolutions take 0.76 (144x180) to 0.93 (72x88) of the time
            seen_BChw = seen_BChw.contiguous(memory_format=torch.channels_last)
        feat_BChw: Tensor = self.blocks(leaky(self.enter(seen_BChw)))
        return feat_BChw


def _full_precision(frames_BTChw: Tensor) -> AbstractContextManager[object]:
    """Without autocast: a flow in half precision is off by whole pixels."""
    device = frames_BTChw.device.type
    known = torch.amp.is_autocast_available(device)  # not on the meta device, where networks are counted
    return torch.autocast(device, enabled=False) if known else nullcontext()
