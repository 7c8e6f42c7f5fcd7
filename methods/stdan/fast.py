"""STDAN with shared arithmetic and batched pairs: the same numbers as the modules' own `forward`, sooner.

Axes as in `model.py`. Every function is the twin of the method named in its docstring and is differentiable.
"""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from stvsr_bench.nn.deform import attend_samples, split_head
from stvsr_bench.nn.pyramid import leaky
from stvsr_bench.nn.upsample import interleave

from .aggregate import Stdfa
from .align import Lstfi, ShortTerm

if TYPE_CHECKING:
    from .model import STDAN


def restore(net: "STDAN", lr_BTChw: Tensor) -> Tensor:
    """Twin of `STDAN.plain`."""
    b, t = lr_BTChw.shape[:2]
    l1 = net.extract(leaky(net.first(lr_BTChw.flatten(0, 1))))
    levels = [level.view(b, t, *level.shape[1:]) for level in net.pyramid(l1)]
    between_BGChw = interpolate(net.interpolate, levels)
    seq_BSChw = interleave(levels[0], between_BGChw[:, :, None])
    seq_BSChw = aggregate(net.aggregate, seq_BSChw) if isinstance(net.aggregate, Stdfa) else net.aggregate(seq_BSChw)
    sr = net.tail(net.restore(seq_BSChw.flatten(0, 1)))
    return sr.view(b, -1, *sr.shape[1:])


def interpolate(module: ShortTerm, levels: list[Tensor]) -> Tensor:
    """Twin of `ShortTerm.forward` and `Lstfi.forward`: all gaps are one batch, and both directions of time.

    Only the recall of the hidden state is sequential.
    """
    b, gaps = levels[0].shape[0], levels[0].shape[1] - 1
    first = [level[:, :-1].flatten(0, 1) for level in levels]
    second = [level[:, 1:].flatten(0, 1) for level in levels]
    if not isinstance(module, Lstfi):
        return module.pair(first, second).unflatten(0, (b, gaps))
    both = [torch.cat([x, y]) for x, y in zip(first, second, strict=True)]
    swapped = [torch.cat([y, x]) for x, y in zip(first, second, strict=True)]
    current = module.pair(both, swapped).unflatten(0, (2, b, gaps))
    onward, backward = current[0], current[1].flip(1)
    hidden = torch.zeros_like(torch.cat([onward[:, 0], backward[:, 0]]))
    mixed: list[Tensor] = []
    for g in range(gaps):
        feature, hidden = module.step(torch.cat([onward[:, g], backward[:, g]]), hidden)
        mixed.append(feature)
    merged = [torch.cat([mixed[g][:b], mixed[gaps - 1 - g][b:]], dim=1) for g in range(gaps)]
    return module.merge(torch.stack(merged, dim=1).flatten(0, 1)).unflatten(0, (b, gaps))


def aggregate(module: Stdfa, seq_BSChw: Tensor) -> Tensor:
    """Twin of `Stdfa.forward`: a target's pairs are one batch; the halves of `offset1` are done once a frame."""
    query, key, value = module.embed(seq_BSChw)
    halves = offset_halves(module, query, key) if module.deform else None
    frames = seq_BSChw.shape[1]
    gathered = torch.stack([gather(module, query, key, value, halves, j) for j in range(frames)], dim=1)
    return module.leave(gathered.flatten(0, 1)).view_as(seq_BSChw) + seq_BSChw


def offset_halves(module: Stdfa, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
    """The query's and the key's part of `offset1` for every frame; their sum is its output for a pair."""
    of_query, of_key = module.offset1.weight.chunk(2, dim=1)
    shape = query.shape
    query_part = F.conv2d(query.flatten(0, 1), of_query, module.offset1.bias, padding=1).view(shape)
    return query_part, F.conv2d(key.flatten(0, 1), of_key, None, padding=1).view(shape)


def gather(
    module: Stdfa, query: Tensor, key: Tensor, value: Tensor, halves: tuple[Tensor, Tensor] | None, target: int
) -> Tensor:
    """Twin of `Stdfa.gather`."""
    others = [i for i in range(query.shape[1]) if i != target]
    if halves is None:
        keys = key[:, others].flatten(0, 1)
        offset, mask = module.points(keys, keys)
    else:
        feature = leaky(halves[0][:, target : target + 1] + halves[1][:, others]).flatten(0, 1)
        offset, mask = split_head(module.head(leaky(module.offset2(feature))), module.groups)
    gathered, logit = attend_samples(
        query[:, target], key[:, others], value[:, others], offset, mask, module.groups, module.top_t
    )
    return (logit.softmax(dim=1)[:, :, None] * gathered).sum(dim=1)
