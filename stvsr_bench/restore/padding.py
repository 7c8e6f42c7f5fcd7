"""Frames padded to the multiple that protocol and method want, and cut back.

Axes: B batch, T frames given, C channels, h w low resolution.
"""

import math

import torch.nn.functional as F
from torch import Tensor

from stvsr_bench.restore.network import call
from stvsr_bench.schema import EvalProtocol, Method, Settings


def padded(method: Method, lr_BTChw: Tensor, protocol: EvalProtocol, settings: Settings, how: dict[str, str]) -> Tensor:
    """The network on the window, padded at the right and bottom to the size that protocol and method want, cut back."""
    card = method.card
    height, width = lr_BTChw.shape[-2:]
    # the protocol pads as its paper does, the card as its network must: both have to fit
    multiple = math.lcm(card.multiple_of, protocol.pad_multiple or 1)
    down, right = -height % multiple, -width % multiple
    if down or right:
        # the released scripts of ZSM, STDAN and TMNet pad with zeros; it is part of their numbers (docs/protocols.md)
        mode = protocol.pad if protocol.pad_multiple else card.pad
        how["pad"] = f"{mode} {right}x{down}"
        lr_BTChw = pad(lr_BTChw, right, down, mode)
    sr = call(method, lr_BTChw, protocol, settings)
    scale = protocol.scale
    return sr[..., : height * scale, : width * scale]


def pad(frames_BTChw: Tensor, right: int, down: int, mode: str) -> Tensor:
    """Frames with pixels added at the right and bottom."""
    if mode == "zeros":
        return F.pad(frames_BTChw, (0, right, 0, down))
    # torch pads by replication or reflection in 4-d tensors only
    flat = F.pad(frames_BTChw.flatten(0, 1), (0, right, 0, down), mode=mode)
    return flat.reshape(*frames_BTChw.shape[:2], *flat.shape[1:])
