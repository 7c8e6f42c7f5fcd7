"""Every frame gathers from every other (STDFA, spatial-temporal deformable feature aggregation), and its ablations.

Axes: B batch, S frames, C features outside and E embedded features inside, K sampled points, h w low resolution.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stvsr_bench.nn.deform import deform_sample, split_head
from stvsr_bench.nn.pyramid import conv3, leaky


@dataclass(frozen=True)
class Relevance:
    """What one target frame took from one other frame; for a look inside.

    `points` (B, G, K, 2, h, w) are displacements (vertical, horizontal) in pixels of each sampled point from the
    target pixel, `scores` and `weights` (B, K, h, w) its relevance and its share (0 where it was not chosen),
    `logit` (B, h, w) that of the whole frame, `value` (B, E, h, w) what was gathered.
    """

    points: Tensor
    scores: Tensor
    weights: Tensor
    logit: Tensor
    value: Tensor


class Stdfa(nn.Module):
    """Deformable attention: K points of each other frame are sampled, the `top_t` most relevant are kept.

    With `deform=False` (STFA) the points are the fixed k x k window.
    """

    def __init__(self, channels: int, embed: int, groups: int, kernel: int, top_t: int, deform: bool = True) -> None:
        super().__init__()
        self.groups, self.kernel, self.top_t, self.deform = groups, kernel, top_t, deform
        self.enter = conv3(channels, embed)
        self.query, self.key, self.value = (nn.Linear(embed, embed) for _ in range(3))
        if deform:
            self.offset1, self.offset2 = conv3(2 * embed, embed), conv3(embed, embed)
            self.head = conv3(embed, 3 * groups * kernel * kernel)
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        self.leave = conv3(embed, channels)

    def forward(self, seq_BSChw: Tensor) -> Tensor:
        """The sequence with what each frame gathered added; the shape stays."""
        query, key, value = self.embed(seq_BSChw)
        frames = seq_BSChw.shape[1]
        gathered = torch.stack([self.gather(query, key, value, j) for j in range(frames)], dim=1)
        added: Tensor = self.leave(gathered.flatten(0, 1)).view_as(seq_BSChw)
        return seq_BSChw + added

    def embed(self, seq_BSChw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (B, S, E, h, w)."""
        b, s = seq_BSChw.shape[:2]
        pixels = self.enter(seq_BSChw.flatten(0, 1)).permute(0, 2, 3, 1)
        query, key, value = (
            project(pixels).permute(0, 3, 1, 2).reshape(b, s, -1, *pixels.shape[1:3])
            for project in (self.query, self.key, self.value)
        )
        return query, key, value

    def gather(self, query: Tensor, key: Tensor, value: Tensor, target: int) -> Tensor:
        """What frame `target` gathers from all others, (B, E, h, w): their values by the softmax of their logits."""
        others = [i for i in range(query.shape[1]) if i != target]  # a frame does not attend to itself
        pairs = [self.pair(query[:, target], key[:, i], value[:, i]) for i in others]
        weights = torch.stack([logit for _, logit in pairs], dim=1).softmax(dim=1)
        values = torch.stack([gathered for gathered, _ in pairs], dim=1)
        return (weights[:, :, None] * values).sum(dim=1)

    def pair(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """The value gathered from one frame (B, E, h, w), and the logit of that frame (B, h, w)."""
        seen = self.look(query, key, value)
        return seen.value, seen.logit

    def look(self, query: Tensor, key: Tensor, value: Tensor) -> Relevance:
        """Sample the other frame, score every point against the query, keep the best."""
        offset, mask = self.points(query, key)
        keys = deform_sample(key, offset, mask, self.groups)
        values = deform_sample(value, offset, mask, self.groups)
        # a plain dot product: no heads and no 1/sqrt(E), unlike the window attention of the bodies
        scores = (query[:, :, None] * keys).sum(dim=1)
        # near ties flip with the last digit: compare two machines in float64 (README beside this file)
        best, chosen = scores.topk(self.top_t, dim=1)
        weights = torch.zeros_like(scores).scatter(1, chosen, best.softmax(dim=1))
        b, taps, h, w = scores.shape
        return Relevance(
            points=offset.reshape(b, self.groups, taps, 2, h, w) + self.window(offset).view(1, 1, taps, 2, 1, 1),
            scores=scores,
            weights=weights,
            logit=(weights * scores).sum(dim=1),
            value=(weights[:, None] * values).sum(dim=2),
        )

    def points(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets from the k x k window and masks, as `deform_sample` takes them."""
        if self.deform:
            return split_head(self.head(self.offset_feature(query, key)), self.groups)
        b, _, h, w = query.shape
        taps = self.groups * self.kernel**2
        return query.new_zeros(b, 2 * taps, h, w), query.new_ones(b, taps, h, w)

    def offset_feature(self, query: Tensor, key: Tensor) -> Tensor:
        """What the offset head sees of a pair, (B, E, h, w)."""
        return leaky(self.offset2(leaky(self.offset1(torch.cat([query, key], dim=1)))))

    def window(self, like: Tensor) -> Tensor:
        """The k x k window as displacements (vertical, horizontal), shape (K, 2)."""
        side = torch.arange(self.kernel, device=like.device, dtype=like.dtype) - self.kernel // 2
        return torch.cartesian_prod(side, side)


class Conv3d(nn.Module):
    """Two 3-D convolutions over the sequence; what STDFA is compared with in the ablation."""

    def __init__(self, channels: int, embed: int) -> None:
        super().__init__()
        self.enter = nn.Conv3d(channels, embed, 3, padding=1)
        self.leave = nn.Conv3d(embed, channels, 3, padding=1)

    def forward(self, seq_BSChw: Tensor) -> Tensor:
        """The sequence with what its neighbours gave added; the shape stays."""
        hidden = leaky(self.enter(seq_BSChw.transpose(1, 2)))
        added: Tensor = self.leave(hidden).transpose(1, 2)
        return seq_BSChw + added
