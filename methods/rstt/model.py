"""RSTT: a transformer over all frames of a clip, shaped like a U, that makes the frames between as queries.

Axes: B batch, T = 4 frames given, S = 7 frames wanted, C features, h w low resolution, H W four times.
Paper: Geng et al., arXiv 2203.14186. What the paper leaves open and how it is settled: README.md beside this file.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.errors import UsageError
from stvsr_bench.nn.engines import Engine, as_batch, by_engine, kernels_of
from stvsr_bench.nn.pyramid import conv3
from stvsr_bench.nn.upsample import PixelShuffleTail, interleave

from . import fast
from .body import GIVEN, DecoderBlock, EncoderBlock

FRAMES = len(GIVEN)
HEADS = (2, 4, 8, 16)  # of the stages of the encoder; the decoder's are the same from the last to the first
MULTIPLE = 8  # three halvings
LEAST = 32  # of a side; below 25 the deepest windows would not be 4x4, and the authors' code stops
DROP_RATE = 0.1  # of a branch of the encoder's last block, in training

run = by_engine(fast.TWINS)


class RSTT(nn.Module):
    """Four frames to seven frames of four times the size."""

    def __init__(self, *, depth: int = 4, channels: int = 96, engine: Engine = "fast") -> None:
        super().__init__()
        if depth < 1 or channels < 1 or channels % max(HEADS):
            raise UsageError(f"rstt: depth={depth} must be at least 1, channels={channels} a multiple of {max(HEADS)}")
        self.engine = engine
        rates = torch.linspace(0, DROP_RATE, len(HEADS) * depth, device="cpu").tolist()
        self.enter = conv3(3, channels)
        self.encode, self.decode = nn.ModuleList(), nn.ModuleList()
        for stage, heads in enumerate(HEADS):
            each = enumerate(rates[stage * depth : (stage + 1) * depth])
            blocks = [EncoderBlock(channels, heads, range(FRAMES), bool(j % 2), rate) for j, rate in each]
            self.encode.append(nn.ModuleList(blocks))
        for stage, heads in enumerate(reversed(HEADS)):
            each = enumerate(rates[::-1][stage * depth : (stage + 1) * depth])
            blocks_back = [DecoderBlock(channels, heads, bool(j % 2), rate) for j, rate in each]
            self.decode.append(nn.ModuleList(blocks_back))
        # the last one is never used: the authors' checkpoints hold it
        self.down = nn.ModuleList(nn.Conv2d(channels, channels, 4, stride=2, padding=1) for _ in HEADS)
        self.up = nn.ModuleList(nn.ConvTranspose2d(channels, channels, 2, stride=2) for _ in HEADS[1:])
        self.tail = PixelShuffleTail(channels, fine=2 * channels // 3)
        self.apply(start)

    def forward(self, lr_BTChw: Tensor, times: Tensor | None = None) -> Tensor:
        """The clip at twice the rate and four times the size, (B, S, 3, H, W), not clamped."""
        check_clip(lr_BTChw, times)
        b, t, _, h, w = lr_BTChw.shape
        with kernels_of(self.engine):
            # slope 0.01, torch's default, here and nowhere else in the network
            feat = F.leaky_relu(self.enter(as_batch(lr_BTChw, self.engine)), 0.01)
            # the features are padded, not the frames
            down, right = (max(LEAST, side + -side % MULTIPLE) - side for side in (h, w))
            levels = self.see(torch.unflatten(F.pad(feat, (0, right, 0, down)), 0, (b, t)))
            seq_BSChw = self.make(queries(levels[-1]), levels)[..., :h, :w]
            rgb = self.run_tail(as_batch(seq_BSChw, self.engine))
        return torch.unflatten(rgb, 0, (b, -1)) + skip(lr_BTChw)

    def see(self, feat_BTChw: Tensor) -> list[Tensor]:
        """The encoder's map at each depth, (B, T, C, h, w), (B, T, C, h/2, w/2), ..."""
        levels: list[Tensor] = []
        for stage, blocks in enumerate(self.encode):
            if levels:
                feat_BTChw = each_frame(self.down[stage - 1], levels[-1])
            map_BThwC = channels_last(feat_BTChw)
            for block in blocks:  # type: ignore[attr-defined]
                map_BThwC = run(block, map_BThwC, self.engine)
            levels.append(channels_first(map_BThwC))
        return levels

    def make(self, seq_BSChw: Tensor, levels: list[Tensor]) -> Tensor:
        """The features of every frame wanted at the largest size, from queries at the smallest, (B, S, C, h, w)."""
        for stage, (blocks, level) in enumerate(zip(self.decode, reversed(levels), strict=True)):
            if stage:
                seq_BSChw = each_frame(self.up[stage - 1], seq_BSChw)
            map_BShwC, given_BThwC = channels_last(seq_BSChw), channels_last(level)
            for block in blocks:  # type: ignore[attr-defined]
                map_BShwC = run(block, (map_BShwC, given_BThwC), self.engine)
            seq_BSChw = channels_first(map_BShwC)
        return seq_BSChw

    def run_tail(self, feat_BChw: Tensor) -> Tensor:
        """The frames that the features become, (B, 3, 4h, 4w)."""
        if self.engine == "plain" or torch.is_grad_enabled():
            rgb_BCHW: Tensor = self.tail(feat_BChw)
            return rgb_BCHW
        # one frame after the other: the features at the full size are 20 times as large as the frame
        return torch.cat([self.tail(frame) for frame in torch.split(feat_BChw, 1)])


def queries(given_BTChw: Tensor) -> Tensor:
    """What the decoder begins with, (B, S, C, h, w): the frames given, and the mean of each two neighbours."""
    between = (given_BTChw[:, :-1] + given_BTChw[:, 1:]) / 2
    return interleave(given_BTChw, between[:, :, None])


def skip(lr_BTChw: Tensor) -> Tensor:
    """What the network adds to, (B, S, 3, H, W): one trilinear resize, which keeps none but the first and last frame.

    Frame i of 7 is read at (i + 1/2) 4/7 - 1/2, as pixels are in space, and not at i/2.
    """
    t, _, h, w = lr_BTChw.shape[1:]
    size = (2 * t - 1, 4 * h, 4 * w)
    large = F.interpolate(lr_BTChw.transpose(1, 2), size=size, mode="trilinear", align_corners=False)
    return large.transpose(1, 2)


def each_frame(layer: nn.Module, clip_BTChw: Tensor) -> Tensor:
    """The clip after a layer that works on pictures."""
    return torch.unflatten(layer(clip_BTChw.flatten(0, 1)), 0, clip_BTChw.shape[:2])


def channels_last(clip_BTChw: Tensor) -> Tensor:
    """(B, T, h, w, C)."""
    return clip_BTChw.permute(0, 1, 3, 4, 2)


def channels_first(clip_BThwC: Tensor) -> Tensor:
    """(B, T, C, h, w)."""
    return clip_BThwC.permute(0, 1, 4, 2, 3)


def start(module: nn.Module) -> None:
    """The paper's start of a layer; convolutions keep torch's."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)


def check_clip(lr_BTChw: Tensor, times: Tensor | None) -> None:
    """Stop at a clip that this network cannot take."""
    if times is not None and not bool(torch.all(times == 0.5)):
        raise UsageError("rstt makes only the frame in the middle of two given ones; times must be 0.5")
    if lr_BTChw.ndim != 5 or lr_BTChw.shape[2] != 3:
        raise UsageError(f"rstt takes clips of shape (B, T, 3, h, w), not {tuple(lr_BTChw.shape)}")
    if lr_BTChw.shape[1] != FRAMES:
        raise UsageError(
            f"rstt takes exactly {FRAMES} frames, not {lr_BTChw.shape[1]}; repeat the last one, and cut after"
        )
