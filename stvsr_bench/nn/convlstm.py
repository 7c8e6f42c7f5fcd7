"""A ConvLSTM whose states are aligned deformably with each frame, run over a clip in both directions of time.

Axes: B batch, S frames, C features, h w picture.
Source: Zooming Slow-Mo (arXiv 2002.11616), section 3.3; TMNet (2104.10642) uses the same block.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .engines import Engine
from .prepared import PreparedEpcd
from .pyramid import Epcd, Resize, conv3


class DeformableConvLstm(nn.Module):
    """One cell: hidden and cell state are aligned with the frame, each by its own Epcd, before the gates see them."""

    def __init__(self, channels: int, groups: int, resize: Resize = "factor", modulated: bool = False) -> None:
        super().__init__()
        self.align_h = Epcd(channels, groups, resize, modulated)
        self.align_c = Epcd(channels, groups, resize, modulated)
        self.gates = conv3(2 * channels, 4 * channels)

    def step(self, x_BChw: Tensor, h_BChw: Tensor, c_BChw: Tensor) -> tuple[Tensor, Tensor]:
        """The states (h, c) after one more frame."""
        h_near, c_near = self.align_h(x_BChw, h_BChw), self.align_c(x_BChw, c_BChw)
        return gated(self.gates(torch.cat([x_BChw, h_near], dim=1)), c_near)

    def forward(self, seq_BSChw: Tensor) -> Tensor:
        """The hidden state after every frame; the shape stays. States start at zero."""
        h_BChw = c_BChw = torch.zeros_like(seq_BSChw[:, 0])
        hidden = []
        for x_BChw in seq_BSChw.unbind(1):
            h_BChw, c_BChw = self.step(x_BChw, h_BChw, c_BChw)
            hidden.append(h_BChw)
        return torch.stack(hidden, dim=1)


def gated(gates_BChw: Tensor, c_near_BChw: Tensor) -> tuple[Tensor, Tensor]:
    """The LSTM update from the raw gates (input, forget, output, candidate) and the aligned cell state."""
    i, f, o, g = gates_BChw.chunk(4, dim=1)  # the authors' order; torch.nn.LSTM has i, f, g, o
    c_BChw = f.sigmoid() * c_near_BChw + i.sigmoid() * g.tanh()
    return o.sigmoid() * c_BChw.tanh(), c_BChw


class BidirectionalConvLstm(nn.Module):
    """One cell run forwards and, with the same weights, backwards in time; both results fused frame by frame."""

    def __init__(self, channels: int, groups: int, resize: Resize = "factor", modulated: bool = False) -> None:
        super().__init__()
        self.cell = DeformableConvLstm(channels, groups, resize, modulated)
        self.fuse = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, seq_BSChw: Tensor, engine: Engine = "plain") -> Tensor:
        """What every frame learns from its past and its future; the shape stays."""
        if engine == "fast":
            return self.both_directions(seq_BSChw)
        past, future = self.cell(seq_BSChw), self.cell(seq_BSChw.flip(1)).flip(1)
        fused: Tensor = self.fuse(torch.cat([past, future], dim=2).flatten(0, 1))
        return torch.unflatten(fused, 0, seq_BSChw.shape[:2])

    def both_directions(self, seq_BSChw: Tensor) -> Tensor:
        """Twin of `forward`, both directions of time side by side."""
        b, s = seq_BSChw.shape[:2]
        hidden = scan_both_directions(self.cell, seq_BSChw)
        both = [torch.cat([past[:b], future[b:]], dim=1) for past, future in zip(hidden, reversed(hidden), strict=True)]
        return torch.unflatten(self.fuse(torch.cat(both)), 0, (s, b)).transpose(0, 1)


def scan_both_directions(cell: DeformableConvLstm, seq_BSChw: Tensor) -> list[Tensor]:
    """The hidden states of every step, (2B, C, h, w): first those of a run forwards, then those of a run backwards.

    Twin of two calls of `cell`: both directions are one batch, and what needs no state is done before the steps.
    """
    b, s = seq_BSChw.shape[:2]
    frames_SBChw = seq_BSChw.transpose(0, 1).flatten(0, 1).contiguous(memory_format=torch.channels_last)
    # a convolution of two maps side by side is the sum of one of each: the frames' is done for all steps at once
    of_frame, of_state = cell.gates.weight.chunk(2, dim=1)
    opened = F.conv2d(frames_SBChw, of_frame, cell.gates.bias, padding=1)
    align_h, align_c = PreparedEpcd(cell.align_h, frames_SBChw), PreparedEpcd(cell.align_c, frames_SBChw)
    hidden: list[Tensor] = []
    h_BChw: Tensor | None = None  # zeros, which PreparedEpcd aligns without warping them
    c_BChw: Tensor | None = None
    for t in range(s):
        pick = partial(from_both_ends, t=t, b=b)
        h_near, c_near = align_h(pick, h_BChw), align_c(pick, c_BChw)
        h_BChw, c_BChw = gated(pick(opened) + F.conv2d(h_near, of_state, padding=1), c_near)
        hidden.append(h_BChw)
    return hidden


def from_both_ends(maps_SBChw: Tensor, t: int, b: int) -> Tensor:
    """Frame t counted from the start and frame t counted from the end, as one batch."""
    end = len(maps_SBChw) - t * b
    return torch.cat([maps_SBChw[t * b : (t + 1) * b], maps_SBChw[end - b : end]])
