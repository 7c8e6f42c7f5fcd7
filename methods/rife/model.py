"""RIFE 4.0: intermediate flow, coarse to fine, for any time between two frames.

Four blocks refine one estimate at an eighth, a quarter, half and full size: the flows from the wanted frame to both
neighbours and a mask that says which neighbour to believe. Each block sees the neighbours as warped so far. Where the
second block still moves both flows by more than 32 px, the pair is done anew with every block at half of its size.

Axes: B batch, n times per gap, C channels, H W size. A flow pair is (B, 4, H, W): x y to `before`, x y to `after`.
Paper: Huang et al., arXiv 2011.06294. Differences from it: README.md beside this file.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.nn.interpolator import Interpolator
from stvsr_bench.nn.warp import warp

FAR_PX = 32  # the authors' number


class Rife(Interpolator):
    """The frames between two frames; they are padded to a multiple of `multiple` (a multiple of 32 itself)."""

    def __init__(self, multiple: int = 128, pad: Literal["replicate", "zeros"] = "replicate") -> None:
        super().__init__()
        self.multiple = multiple
        self.pad_mode = "constant" if pad == "zeros" else "replicate"
        # the first sees two frames and the time (7 channels); then also the mask and the flow pair (12)
        self.blocks = nn.ModuleList(
            [FlowBlock(7, 192), FlowBlock(12, 128), FlowBlock(12, 96), FlowBlock(12, 64)],
        )

    def between(self, before_BCHW: Tensor, after_BCHW: Tensor, times_Bn: Tensor) -> Tensor:
        """The n frames of one gap, (B, n, C, H, W)."""
        height, width = before_BCHW.shape[-2:]
        # to 128 as the authors' scripts do; on small frames 32 was better by up to 1.4 dB (README beside this file)
        edge = (0, -width % self.multiple, 0, -height % self.multiple)
        before_BCHW, after_BCHW = (F.pad(x, edge, mode=self.pad_mode) for x in (before_BCHW, after_BCHW))
        frames = [self.frame_at(before_BCHW, after_BCHW, times_B) for times_B in times_Bn.unbind(1)]
        return torch.stack(frames, dim=1)[..., :height, :width]

    def frame_at(self, before_BCHW: Tensor, after_BCHW: Tensor, times_B: Tensor) -> Tensor:
        """One frame per batch item, of a size that is a multiple of 32."""
        time_B1HW = times_B[:, None, None, None].expand(-1, 1, *before_BCHW.shape[-2:])
        pair = (before_BCHW, after_BCHW, time_B1HW)
        flow_B4HW, mask_B1HW, far_B = self._coarse(8, *pair)
        near, far = (~far_B).nonzero()[:, 0], far_B.nonzero()[:, 0]
        if not len(far):
            return self._fine(2, *pair, flow_B4HW, mask_B1HW)
        # each pair by its own motion: a batch gives what its pairs give one by one
        frames = [self._far(*(x[far] for x in pair))]
        if len(near):
            frames.append(self._fine(2, *(x[near] for x in (*pair, flow_B4HW, mask_B1HW))))
        return torch.cat(frames)[torch.cat([far, near]).argsort()]

    def _far(self, before_BCHW: Tensor, after_BCHW: Tensor, time_B1HW: Tensor) -> Tensor:
        """The frame of pairs that move far: done anew, every block at half of its size."""
        height, width = before_BCHW.shape[-2:]
        # the first block then sees a sixteenth and halves it twice; only `multiple = 32` has sides that need more edge
        edge = (0, -width % 64, 0, -height % 64)
        if any(edge):
            before_BCHW, after_BCHW = (F.pad(x, edge, mode=self.pad_mode) for x in (before_BCHW, after_BCHW))
            time_B1HW = F.pad(time_B1HW, edge, mode="replicate")
        flow_B4HW, mask_B1HW, _ = self._coarse(16, before_BCHW, after_BCHW, time_B1HW)
        frame_BCHW = self._fine(4, before_BCHW, after_BCHW, time_B1HW, flow_B4HW, mask_B1HW)
        return frame_BCHW[..., :height, :width]

    def _coarse(
        self, scale: int, before_BCHW: Tensor, after_BCHW: Tensor, time_B1HW: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Flow pair and mask after the first two blocks, and which items the second block moved far, (B,)."""
        flow_B4HW, mask_B1HW = self.blocks[0](torch.cat([before_BCHW, after_BCHW, time_B1HW], 1), None, scale)
        seen = [*_warped(before_BCHW, after_BCHW, flow_B4HW), time_B1HW, mask_B1HW]
        flow_step, mask_step = self.blocks[1](torch.cat(seen, 1), flow_B4HW, scale // 2)
        # the farthest step of any pixel along x or y, the padding's too; far is where both flows go far
        farthest_B2 = flow_step.unflatten(1, (2, 2)).abs().amax(dim=(2, 3, 4))
        return flow_B4HW + flow_step, mask_B1HW + mask_step, (farthest_B2 > FAR_PX).all(dim=1)

    def _fine(
        self,
        scale: int,
        before_BCHW: Tensor,
        after_BCHW: Tensor,
        time_B1HW: Tensor,
        flow_B4HW: Tensor,
        mask_B1HW: Tensor,
    ) -> Tensor:
        """The frame that the last two blocks make of the first two's estimate."""
        for block, at in zip(self.blocks[2:], (scale, scale // 2), strict=True):
            seen = [*_warped(before_BCHW, after_BCHW, flow_B4HW), time_B1HW, mask_B1HW]
            flow_step, mask_step = block(torch.cat(seen, 1), flow_B4HW, at)
            flow_B4HW, mask_B1HW = flow_B4HW + flow_step, mask_B1HW + mask_step
        from_before, from_after = _warped(before_BCHW, after_BCHW, flow_B4HW)
        believe = torch.sigmoid(mask_B1HW)
        return from_before * believe + from_after * (1 - believe)


class FlowBlock(nn.Module):
    """One refinement at 1/scale of the frame's size."""

    def __init__(self, seen: int, features: int) -> None:
        super().__init__()
        self.enter = nn.Sequential(_conv(seen, features // 2, stride=2), _conv(features // 2, features, stride=2))
        self.trunk = nn.Sequential(*(_conv(features, features) for _ in range(8)))
        self.leave = nn.ConvTranspose2d(features, 5, 4, stride=2, padding=1)

    def forward(self, seen_BCHW: Tensor, flow_B4HW: Tensor | None, scale: int) -> tuple[Tensor, Tensor]:
        """A step for the flow pair (pixels of the full size) and one for the mask."""
        x = _resized(seen_BCHW, 1 / scale)
        if flow_B4HW is not None:
            x = torch.cat([x, _resized(flow_B4HW, 1 / scale) / scale], dim=1)
        entered = self.enter(x)
        step = _resized(self.leave(self.trunk(entered) + entered), 2 * scale)
        return step[:, :4] * (2 * scale), step[:, 4:]  # a flow is longer on a larger frame; a mask is not


def _conv(channels_in: int, channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels_in, channels, 3, stride, padding=1), nn.PReLU(channels))


def _resized(x_BCHW: Tensor, factor: float) -> Tensor:
    if factor == 1:
        return x_BCHW
    return F.interpolate(x_BCHW, scale_factor=factor, mode="bilinear", align_corners=False)


def _warped(before_BCHW: Tensor, after_BCHW: Tensor, flow_B4HW: Tensor) -> tuple[Tensor, Tensor]:
    return warp(before_BCHW, flow_B4HW[:, :2]), warp(after_BCHW, flow_B4HW[:, 2:])
