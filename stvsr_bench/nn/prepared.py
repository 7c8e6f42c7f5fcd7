"""Pair alignment with its arithmetic shared: what depends on one side alone, or not on the time wanted, is done once.

Everything is differentiable and equals the modules' own `forward` but for the order of sums.
Axes: B batch, P known maps, C channels, h w picture. A pyramid is [L1, L2, L3].
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .pyramid import AlignLevel, Epcd, OneWay, PairAligner, leaky

Pick = Callable[[Tensor], Tensor]  # the rows of the known maps that one step needs


class FusedPair:
    """A pair aligner and the 1x1 fusion after it; the fusion is multiplied into the two last convolutions."""

    def __init__(self, aligner: PairAligner, fuse: nn.Conv2d) -> None:
        self.directions = (aligner.forward_, aligner.backward_)
        # a 3x3 convolution and a 1x1 one with no activation between are one 3x3 convolution
        shares = fuse.weight.flatten(1).chunk(2, dim=1)
        lasts = [last(way) for way in self.directions]
        folded = [torch.einsum("oc,cikl->oikl", share, conv.weight) for share, conv in zip(shares, lasts, strict=True)]
        biases = [share @ bias(conv) for share, conv in zip(shares, lasts, strict=True)]
        self.weight, self.bias = torch.cat(folded, dim=1), bias(fuse) + biases[0] + biases[1]

    def compared(self, a: Sequence[Tensor], b: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """What both directions see in two pyramids."""
        return self.directions[0].compared(a, b), self.directions[1].compared(b, a)

    def compared_along(self, levels: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """`compared` of all frames with the next one, and then of all with the one before; pyramids (B, T, C, h, w).

        A frame is the first and the second of a pair in both directions: its halves of those sums are made once.
        """
        seen = [
            compare_neighbours(level, *both)
            for level, *both in zip(levels, *map(levels_of, self.directions), strict=True)
        ]
        return [onward for onward, _ in seen], [backward for _, backward in seen]

    def aligned(
        self,
        a: Sequence[Tensor],
        b: Sequence[Tensor],
        compared: tuple[Sequence[Tensor], Sequence[Tensor]],
        taus: tuple[Tensor | None, Tensor | None] = (None, None),
    ) -> Tensor:
        """The two pyramids aligned with each other and fused, (B, C, h, w)."""
        onward = finest(self.directions[0], a, compared[0], taus[0])
        backward = finest(self.directions[1], b, compared[1], taus[1])
        return self.fused(onward, backward)

    def fused(self, onward: Sequence[Tensor], backward: Sequence[Tensor]) -> Tensor:
        """One map of the four that the last convolutions take."""
        return F.conv2d(torch.cat([*onward, *backward], dim=1), self.weight, self.bias, padding=1)


def finest(way: OneWay, a: Sequence[Tensor], compared: Sequence[Tensor], tau: Tensor | None) -> tuple[Tensor, Tensor]:
    """L1 of one direction, warped, and what comes up from L2; `way.l1.fuse` would join them."""
    offset, aligned = way.coarse(a, compared, tau)
    offset = way.l1.offset(compared[0], way.up(offset, a[0]), tau)
    return way.l1.warp(a[0], offset), way.up(aligned, a[0])


def compare_neighbours(level_BTChw: Tensor, onward: AlignLevel, backward: AlignLevel) -> tuple[Tensor, Tensor]:
    """What both directions see at one level of every pair of neighbours (2 B G), see `FusedPair.compared_along`."""
    halves = [half for way in (onward, backward) for half in way.compare.weight.chunk(2, dim=1)]
    every = F.conv2d(level_BTChw.flatten(0, 1), torch.cat(halves), padding=1)
    first_on, second_on, first_back, second_back = torch.chunk(
        torch.unflatten(every, 0, level_BTChw.shape[:2]), 4, dim=2
    )

    def meet(of_first: Tensor, of_second: Tensor, level: AlignLevel) -> Tensor:
        forwards, backwards = of_first[:, :-1] + of_second[:, 1:], of_first[:, 1:] + of_second[:, :-1]
        both = torch.cat([forwards, backwards]).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return leaky(both + bias(level.compare).view(-1, 1, 1))

    return meet(first_on, second_on, onward), meet(second_back, first_back, backward)


class PreparedEpcd:
    """An Epcd of maps that are known beforehand with a state that is not: twin of `Epcd.forward`."""

    def __init__(self, epcd: Epcd, known_PChw: Tensor) -> None:
        self.pyramid = epcd.pyramid
        self.pair = FusedPair(epcd.align, epcd.fuse)
        self.known = epcd.pyramid(known_PChw)
        # at every level both directions compare: the known map's half of it is done now, the state's in every step
        self.of_state, self.seen = [], []
        for level, onward, backward in zip(self.known, *map(levels_of, self.pair.directions), strict=True):
            known_first, state_second = onward.compare.weight.chunk(2, dim=1)
            state_first, known_second = backward.compare.weight.chunk(2, dim=1)
            self.of_state.append(torch.cat([state_second, state_first]))
            biases = torch.cat([bias(onward.compare), bias(backward.compare)])
            self.seen.append(F.conv2d(level, torch.cat([known_first, known_second]), biases, padding=1))

    def __call__(self, pick: Pick, state_BChw: Tensor | None) -> Tensor:
        """The picked maps aligned with the state (None: zeros), (B, C, h, w)."""
        if state_BChw is None:
            return self.with_zero_state(pick)
        known, state = [pick(level) for level in self.known], self.pyramid(state_BChw)
        return self.pair.aligned(known, state, self.compared(pick, state))

    def compared(self, pick: Pick, state: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """What both directions see in the picked maps and the state."""
        sums = [
            pick(seen) + F.conv2d(level, half, padding=1)
            for seen, level, half in zip(self.seen, state, self.of_state, strict=True)
        ]
        both = [leaky(total).chunk(2, dim=1) for total in sums]
        return [onward for onward, _ in both], [backward for _, backward in both]

    def with_zero_state(self, pick: Pick) -> Tensor:
        """The picked maps aligned with a state of zeros: its pyramid is made once, and its L1 is warped to its bias."""
        known = [pick(level) for level in self.known]
        b, c, h, w = known[0].shape
        one = self.pyramid(torch.zeros_like(known[0][:1]))
        onward, backward = self.pair.directions
        of_known, of_state = self.compared(pick, one)
        state = [level.expand(b, -1, -1, -1) for level in one]
        _, aligned = backward.coarse(state, of_state, None)
        # samples of zeros are zeros wherever they are taken; L2 and L3 are not zero, for the pyramid has biases
        warped = backward.l1.warp.bias.view(1, c, 1, 1).expand(b, -1, h, w)
        return self.pair.fused(finest(onward, known, of_known, None), (warped, backward.up(aligned, known[0])))


def levels_of(way: OneWay) -> tuple[AlignLevel, AlignLevel, AlignLevel]:
    """The levels of a direction, finest first, as in a pyramid."""
    return way.l1, way.l2, way.l3


def last(way: OneWay) -> nn.Conv2d:
    """The convolution that ends a direction."""
    assert way.l1.fuse is not None
    return way.l1.fuse


def bias(conv: nn.Conv2d) -> Tensor:
    """A convolution's bias, which ours always have."""
    assert conv.bias is not None
    return conv.bias
