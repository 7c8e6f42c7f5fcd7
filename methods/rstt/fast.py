"""The blocks of RSTT sooner: the same numbers as their own `forward`, by fused attention and fewer matrix products.

Axes as in `body.py`. `TWINS`, at the end, says which parts of the network have a twin. All of it is differentiable.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from stvsr_bench.nn.engines import Twins
from stvsr_bench.nn.window_attention import attend_fused, from_clip_windows, to_windows

from .body import WINDOW, Block, ClipAttention, DecoderBlock, EncoderBlock, back, fitted, mask_of, rolled, shift_of


def encoder_block(block: EncoderBlock, map_BThwC: Tensor) -> Tensor:
    """Twin of `EncoderBlock.forward`."""
    map_BThwC = map_BThwC + block.dropped(gather(block, block.attention, block.norm1(map_BThwC), None))
    return map_BThwC + block.dropped(block.feed(block.norm2(map_BThwC)))


def decoder_block(block: DecoderBlock, maps: tuple[Tensor, Tensor]) -> Tensor:
    """Twin of `DecoderBlock.forward`."""
    map_BShwC, given_BThwC = maps
    map_BShwC = map_BShwC + block.dropped(gather(block, block.own, block.norm1(map_BShwC), None))
    seen = block.norm_given(given_BThwC)
    map_BShwC = map_BShwC + block.dropped(gather(block, block.cross, block.norm2(map_BShwC), seen))
    return map_BShwC + block.dropped(block.feed(block.norm3(map_BShwC)))


def gather(block: Block, attention: ClipAttention, asking_BThwC: Tensor, seen_BThwC: Tensor | None) -> Tensor:
    """Twin of `Block.gather`; without `seen` the frames that ask are those that are asked."""
    h, w = asking_BThwC.shape[2:4]
    shift = shift_of(h, w) if block.shifted else (0, 0)
    asking = rolled(fitted(asking_BThwC), shift)
    if seen_BThwC is None:
        seen = asking
        # one product of matrices for queries, keys and values
        weight = torch.cat([attention.query.weight, attention.key_value.weight])
        bias = torch.cat([attention.query.bias, attention.key_value.bias])
        q, k, v = attention.split(F.linear(to_windows(asking, WINDOW), weight, bias), 3)
    else:
        seen = rolled(fitted(seen_BThwC), shift)
        (q,) = attention.split(attention.query(to_windows(asking, WINDOW)), 1)
        k, v = attention.split(attention.key_value(to_windows(seen, WINDOW)), 2)
    mask_WNN = mask_of(*asking.shape[2:4], shift, asking.shape[1], seen.shape[1]) if any(shift) else None
    windows = attend_fused(q, k, v, attention.bias(), mask_WNN).transpose(1, 2).flatten(2)
    # projected last: what padding asked for is cut off before
    gathered: Tensor = attention.proj(back(from_clip_windows(windows, WINDOW, *asking.shape[2:4]), shift)[:, :, :h, :w])
    return gathered


TWINS: Twins = {EncoderBlock: encoder_block, DecoderBlock: decoder_block}
