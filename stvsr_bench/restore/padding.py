"""The picture padded to the multiple that protocol and method want.

Axes: B batch, T frames given, C channels, h w low resolution.
"""

import torch
from torch import Tensor

from stvsr_bench import protocols
from stvsr_bench.schema import EvalProtocol, MethodCard


def padded(card: MethodCard, lr_BTChw: Tensor, protocol: EvalProtocol, how: dict[str, str]) -> Tensor:
    """The picture with pixels added at its right and bottom, so that it fits the grid; `how` says how many."""
    grid = protocols.grid(card, protocol)
    height, width = lr_BTChw.shape[-2:]
    down, right = -height % grid, -width % grid
    if not (down or right):
        return lr_BTChw
    # the released scripts of ZSM, STDAN and TMNet pad with zeros; it is part of their numbers (docs/protocols.md)
    mode = protocol.pad if protocol.pad_multiple else card.pad
    how["pad"] = f"{mode} {right}x{down}"
    return pad(lr_BTChw, right, down, mode)


def pad(frames_BTChw: Tensor, right: int, down: int, mode: str) -> Tensor:
    """Frames with pixels added at the right and bottom: "zeros", "replicate" (the edge) or "reflect" (without it)."""
    height, width = frames_BTChw.shape[-2:]
    if mode == "zeros":
        return torch.nn.functional.pad(frames_BTChw, (0, right, 0, down))
    rows, columns = (_sources(*side, mode).to(frames_BTChw.device) for side in ((height, down), (width, right)))
    return frames_BTChw.index_select(-2, rows).index_select(-1, columns)


def _sources(size: int, more: int, mode: str) -> Tensor:
    """The pixel that each pixel of a padded side is a copy of."""
    places = torch.arange(size + more)
    if mode == "replicate" or size == 1:
        return places.clamp(max=size - 1)
    # back and forth as often as it takes: torch refuses to reflect more pixels than a small frame has
    there_and_back = places % (2 * (size - 1))
    return torch.minimum(there_and_back, 2 * (size - 1) - there_and_back)
