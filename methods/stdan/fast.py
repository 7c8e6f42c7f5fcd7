"""STDAN with shared arithmetic and batched pairs: the same numbers as the modules' own `forward`, sooner.

Axes as in `model.py`. Every function is the twin of the method that its docstring names; `TWINS`, at the end, says
which parts of the network have one. With gradients all of it is differentiable; without them the bodies work frame by
frame, in the cache, and the tail is one convolution.
"""

from collections.abc import Callable
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from stvsr_bench.nn.deform import attend_samples, split_head
from stvsr_bench.nn.engines import Twins
from stvsr_bench.nn.prepared import FusedPair, PreparedEpcd
from stvsr_bench.nn.pyramid import gaps_as_batch, leaky
from stvsr_bench.nn.window_attention import attend_map

from .aggregate import Stdfa
from .align import Lstfi, ShortTerm
from .body import WINDOW, Block, Body, Stage

BODY_PIXELS = 8192  # of frames that pass through a body together: 7 MB of queries, keys and values stay in the cache
SAMPLE_BYTES = 2**28  # of samples that exist at once in the pure-torch attention
FOLD_PIXELS = 16384  # of a clip from which on folding the tail pays


def run_body(body: Body, feat_BChw: Tensor) -> Tensor:
    """Twin of `Body.forward`: attention straight on the maps, few frames at a time."""
    if torch.is_grad_enabled():  # what follows works in place, which autograd cannot follow
        deep: Tensor = body(feat_BChw)
        return deep
    shallow_BEhw = body.enter(feat_BChw.contiguous(memory_format=torch.channels_last))
    # looked up once for all frames
    biases = [[block.attention.bias().contiguous() for block in blocks] for blocks in blocks_of(body)]
    together = max(1, BODY_PIXELS // (feat_BChw.shape[-2] * feat_BChw.shape[-1]))
    deep_BEhw = torch.cat([run_stages(body, frames, biases) for frames in shallow_BEhw.split(together)])
    restored: Tensor = body.leave(body.join(deep_BEhw).add_(shallow_BEhw))
    return restored


def run_stages(body: Body, shallow_BEhw: Tensor, biases: list[list[Tensor]]) -> Tensor:
    """The normalised map after all stages of a body, (B, E, h, w)."""
    map_BhwE = body.norm_in(shallow_BEhw.permute(0, 2, 3, 1).contiguous())
    for stage, blocks, of_stage in zip(body.stages, blocks_of(body), biases, strict=True):
        inner = map_BhwE.clone()  # run_block writes into it, and the stage's own shortcut needs what came in
        for block, bias in zip(blocks, of_stage, strict=True):
            run_block(block, inner, bias)
        map_BhwE += cast(Stage, stage).conv(inner.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    deep: Tensor = body.norm_out(map_BhwE)
    return deep.permute(0, 3, 1, 2)


def blocks_of(body: Body) -> list[list[Block]]:
    """The blocks of every stage."""
    return [[cast(Block, block) for block in cast(Stage, stage).blocks] for stage in body.stages]


def run_block(block: Block, map_BhwE: Tensor, bias: Tensor) -> None:
    """Twin of `Block.forward` in evaluation, in place."""
    attention = block.attention
    qkv = attention.qkv(block.norm1(map_BhwE))
    map_BhwE += attention.proj(attend_map(qkv, bias, attention.heads, WINDOW, block.shift))
    map_BhwE += block.feed(block.norm2(map_BhwE))


def interpolate(module: ShortTerm, levels: list[Tensor]) -> Tensor:
    """Twin of `ShortTerm.forward` and `Lstfi.forward`: all gaps are one batch, and both directions of time.

    Only the recall of the hidden state is sequential.
    """
    b, gaps = levels[0].shape[0], levels[0].shape[1] - 1
    if not isinstance(module, Lstfi):
        between = module.pair(*gaps_as_batch(levels))
        return between.view(b, gaps, *between.shape[1:])
    pair = FusedPair(module.align, module.fuse)
    ahead = [torch.cat([level[:, :-1], level[:, 1:]]).flatten(0, 1) for level in levels]
    behind = [torch.cat([level[:, 1:], level[:, :-1]]).flatten(0, 1) for level in levels]
    current = pair.aligned(ahead, behind, pair.compared_along(levels))
    onward, backward = current.reshape(2, b, gaps, *current.shape[1:]).unbind(0)
    # step g is gap g onwards and, beside it in the batch, gap g from the end backwards
    steps = torch.cat([torch.cat([onward[:, g], backward[:, gaps - 1 - g]]) for g in range(gaps)])
    recall = PreparedEpcd(module.recall, steps.contiguous(memory_format=torch.channels_last))
    hidden: Tensor | None = None
    mixed: list[Tensor] = []
    for g in range(gaps):
        pick = partial(torch.narrow, dim=0, start=2 * b * g, length=2 * b)
        feature = module.mix(torch.cat([recall(pick, hidden), pick(steps)], dim=1))
        hidden = module.hidden2(leaky(module.hidden1(feature)))
        mixed.append(feature)
    merged = [torch.cat([mixed[g][:b], mixed[gaps - 1 - g][b:]], dim=1) for g in range(gaps)]
    fused: Tensor = module.merge(torch.stack(merged, dim=1).flatten(0, 1))
    return fused.view(b, gaps, *fused.shape[1:])


def aggregate(module: Stdfa, seq_BSChw: Tensor) -> Tensor:
    """Twin of `Stdfa.forward`: a target's pairs are batched; the halves of `offset1` are done once a frame."""
    query, key, value = module.embed(seq_BSChw)
    halves = offset_halves(module, query, key) if module.deform else None
    frames = seq_BSChw.shape[1]
    gathered = torch.stack([gather(module, query, key, value, halves, j) for j in range(frames)], dim=1)
    added: Tensor = module.leave(gathered.flatten(0, 1))
    return added.view_as(seq_BSChw) + seq_BSChw


def offset_halves(module: Stdfa, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
    """The query's and the key's part of `offset1` for every frame; their sum is its output for a pair."""
    # a convolution of two maps side by side is the sum of one of each: S of each instead of S (S - 1)
    of_query, of_key = module.offset1.weight.chunk(2, dim=1)
    query_part = F.conv2d(query.flatten(0, 1), of_query, module.offset1.bias, padding=1).view(query.shape)
    return query_part, F.conv2d(key.flatten(0, 1), of_key, None, padding=1).view(key.shape)


def gather(
    module: Stdfa, query: Tensor, key: Tensor, value: Tensor, halves: tuple[Tensor, Tensor] | None, target: int
) -> Tensor:
    """Twin of `Stdfa.gather`, as many pairs at once as `SAMPLE_BYTES` hold."""
    b, frames, e, h, w = query.shape
    others = [i for i in range(frames) if i != target]
    together = max(1, SAMPLE_BYTES // (b * e * h * w * module.kernel**2 * query.element_size()))
    values, logits = [], []
    for first in range(0, len(others), together):
        some = others[first : first + together]
        offset, mask = points(module, key, halves, target, some)
        gathered, logit = attend_samples(query[:, target], key, value, offset, mask, module.groups, module.top_t, some)
        values.append(gathered)
        logits.append(logit)
    weights = torch.cat(logits, dim=1).softmax(dim=1)
    return (weights[:, :, None] * torch.cat(values, dim=1)).sum(dim=1)


def points(
    module: Stdfa, key: Tensor, halves: tuple[Tensor, Tensor] | None, target: int, others: list[int]
) -> tuple[Tensor, Tensor]:
    """Twin of `Stdfa.points` for some pairs of a target."""
    if halves is None:  # a fixed window looks at no pair
        keys = key[:, others].flatten(0, 1)
        return module.points(keys, keys)
    feature = leaky(halves[0][:, target : target + 1] + halves[1][:, others]).flatten(0, 1)
    return split_head(module.head(leaky(module.offset2(feature))), module.groups)


def enlarge(plain: Callable[[Tensor], Tensor], up_BChw: Tensor) -> Tensor:
    """Twin of `STDAN.enlarge`, which is given as `plain`: it is linear, so inside the frame it is one 5x5 convolution.

    Only the outermost pixel sees the zeros that are padded on the way; it is computed from strips of three pixels.
    """
    b, _, h, w = up_BChw.shape
    if torch.is_grad_enabled() or min(h, w) < 8 or b * h * w < FOLD_PIXELS:
        return plain(up_BChw)
    weight, bias = folded(plain, up_BChw)
    rgb = F.pixel_shuffle(F.conv2d(up_BChw, weight, bias, padding=2), 4)
    # 4 rows of output see 3 rows of features: their own, and the two that a 5x5 reaches
    rgb[:, :, :4] = plain(up_BChw[:, :, :3])[:, :, :4]
    rgb[:, :, -4:] = plain(up_BChw[:, :, -3:])[:, :, -4:]
    rgb[:, :, :, :4] = plain(up_BChw[:, :, :, :3])[:, :, :, :4]
    rgb[:, :, :, -4:] = plain(up_BChw[:, :, :, -3:])[:, :, :, -4:]
    return rgb


def folded(plain: Callable[[Tensor], Tensor], like_BChw: Tensor) -> tuple[Tensor, Tensor]:
    """Weight (48, C, 5, 5) and bias (48,) of the one convolution that `plain` is inside, read off its answers.

    What it makes of zeros is the bias; what it makes of a 1 in the middle of one channel is that channel's kernel.
    """
    channels = like_BChw.shape[1]
    nothing = like_BChw.new_zeros(1, channels, 5, 5)
    impulses = nothing.repeat(channels, 1, 1, 1)
    impulses[range(channels), range(channels), 2, 2] = 1
    rest = F.pixel_unshuffle(plain(nothing), 4)
    answer = F.pixel_unshuffle(plain(impulses), 4) - rest
    # an answer to an impulse is the kernel mirrored: torch's convolution is a correlation
    return answer.flip(2, 3).transpose(0, 1).contiguous(), rest[0, :, 2, 2]


TWINS: Twins = {Body: run_body, ShortTerm: interpolate, Lstfi: interpolate, Stdfa: aggregate}
