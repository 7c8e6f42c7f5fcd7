"""STDAN: a deformable attention network for space-time video super-resolution.

Axes: B batch, T frames given, S = 2T - 1 frames wanted, C features, E embedded features, h w low resolution, H W high.
Paper: Wang et al., arXiv 2203.06841. The modules follow the paper line by line and pair by pair (`engine="plain"`);
`fast.py` has twins of them with shared arithmetic and batched pairs (`engine="fast"`), and knows nothing of this file.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.errors import UsageError
from stvsr_bench.nn.deform import ModulatedDeformConv
from stvsr_bench.nn.engines import Engine, as_batch, by_engine, kernels_of
from stvsr_bench.nn.pyramid import FeaturePyramid, conv3, leaky
from stvsr_bench.nn.upsample import interleave, trilinear

from . import fast
from .aggregate import Conv3d, Stdfa
from .align import Lstfi, ShortTerm
from .body import WINDOW, Body

Aggregation = Literal["stdfa", "stfa", "conv3d", "none"]
Interpolation = Literal["lstfi", "short"]
Skip = Literal["none", "trilinear"]

run = by_engine(fast.TWINS)


@dataclass(frozen=True)
class Look:
    """What a target frame takes from the frame number `frame`.

    `points` (B, G, K, 2, h, w) are displacements (vertical, horizontal) in low-resolution pixels of each sampled point
    from the target pixel, `weights` (B, K, h, w) their shares (0: not kept), `share` (B, h, w) that of the whole frame.
    """

    frame: int
    points: Tensor
    weights: Tensor
    share: Tensor


class STDAN(nn.Module):
    """N frames to 2N - 1 frames of four times the size; sides must be multiples of 8."""

    def __init__(
        self,
        *,
        engine: Engine = "fast",
        top_t: int = 2,
        kernel: int = 3,
        channels: int = 64,
        embed: int = 72,
        heads: int = 6,
        groups: int = 8,
        stages_extract: int = 2,
        stages_recon: int = 6,
        depth: int = 6,
        aggregation: Aggregation = "stdfa",
        interpolation: Interpolation = "lstfi",
        skip: Skip = "none",
    ) -> None:
        super().__init__()
        check_options(top_t, kernel, channels, embed, heads, groups)
        self.engine, self.skip = engine, skip
        self.first = conv3(3, channels)
        self.extract = Body(channels, embed, heads, stages_extract, depth)
        self.pyramid = FeaturePyramid(channels)
        self.interpolate = Lstfi(channels, groups) if interpolation == "lstfi" else ShortTerm(channels, groups)
        self.aggregate = make_aggregation(aggregation, channels, embed, groups, kernel, top_t)
        self.restore = Body(channels, embed, heads, stages_recon, depth)
        self.before = conv3(channels, channels)
        self.up1, self.up2 = conv3(channels, 4 * channels), conv3(channels, 4 * channels)
        self.last = conv3(channels, 3)
        for module in self.modules():  # as STDAN was trained; Zooming Slow-Mo and TMNet keep the block's own start
            if isinstance(module, ModulatedDeformConv):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
        if skip != "none":  # training starts at the interpolated clip
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, lr_BTChw: Tensor, times: Tensor | None = None) -> Tensor:
        """The clip at twice the rate and four times the size, (B, S, 3, H, W), not clamped."""
        check_clip(lr_BTChw, times)
        with kernels_of(self.engine):
            seq_BSChw = run(self.aggregate, self.sequence(lr_BTChw, self.engine), self.engine)
            rgb_BCHW = self.tail(run(self.restore, seq_BSChw.flatten(0, 1), self.engine), self.engine)
        sr_BSCHW = rgb_BCHW.view(lr_BTChw.shape[0], -1, *rgb_BCHW.shape[1:])
        if self.skip == "none":
            return sr_BSCHW
        return sr_BSCHW + trilinear(lr_BTChw, lr_BTChw.new_full((1, 1), 0.5))

    def sequence(self, lr_BTChw: Tensor, engine: Engine) -> Tensor:
        """Features of every frame wanted, (B, S, C, h, w), before any frame sees the others."""
        b, t = lr_BTChw.shape[:2]
        l1 = run(self.extract, leaky(self.first(as_batch(lr_BTChw, engine))), engine)
        levels = [level.view(b, t, *level.shape[1:]) for level in self.pyramid(l1)]
        between_BGChw = run(self.interpolate, levels, engine)
        return interleave(levels[0], between_BGChw[:, :, None])

    @torch.no_grad()
    def look(self, lr_BTChw: Tensor, target: int) -> list[Look]:
        """What the wanted frame `target` takes from every other one, in order of time."""
        if not isinstance(self.aggregate, Stdfa):
            raise UsageError("this stdan has no attention to look into; take aggregation=stdfa or stfa")
        check_clip(lr_BTChw, None)
        # by the plain engine whatever restores: what is shown must not depend on how it was computed
        query, key, value = self.aggregate.embed(self.sequence(lr_BTChw, "plain"))
        others = [i for i in range(query.shape[1]) if i != target]
        seen = [self.aggregate.look(query[:, target], key[:, i], value[:, i]) for i in others]
        shares = torch.stack([each.logit for each in seen], dim=1).softmax(dim=1)
        return [
            Look(i, each.points, each.weights, shares[:, n])
            for n, (i, each) in enumerate(zip(others, seen, strict=True))
        ]

    def tail(self, feat_BChw: Tensor, engine: Engine) -> Tensor:
        """Features to frames of four times the size; no activation after the first."""
        # slope 0.01, torch's default, here and nowhere else in the network: so the authors trained it
        up_BChw = F.leaky_relu(self.before(feat_BChw), 0.01)
        return self.enlarge(up_BChw) if engine == "plain" else fast.enlarge(self.enlarge, up_BChw)

    def enlarge(self, feat_BChw: Tensor) -> Tensor:
        """The linear end of the network: two pixel shuffles and the last convolution, (B, 3, 4h, 4w)."""
        double = F.pixel_shuffle(self.up1(feat_BChw), 2)
        rgb_BCHW: Tensor = self.last(F.pixel_shuffle(self.up2(double), 2))
        return rgb_BCHW


def make_aggregation(name: Aggregation, channels: int, embed: int, groups: int, kernel: int, top_t: int) -> nn.Module:
    """The module that lets frames see each other: the paper's, or one of its ablations."""
    if name == "none":
        return nn.Identity()
    if name == "conv3d":
        return Conv3d(channels, embed)
    return Stdfa(channels, embed, groups, kernel, top_t, deform=name == "stdfa")


def check_options(top_t: int, kernel: int, channels: int, embed: int, heads: int, groups: int) -> None:
    """Stop at options that no network can be made of."""
    if kernel < 1 or kernel % 2 == 0:
        raise UsageError(f"stdan: kernel={kernel} is not odd; 1, 3 and 5 work")
    if not 1 <= top_t <= kernel**2:
        raise UsageError(f"stdan: top_t={top_t} cannot be chosen from {kernel}x{kernel} points; 1..{kernel**2} work")
    if embed % heads or embed % groups or channels % groups:
        raise UsageError(
            f"stdan: embed={embed} must be a multiple of heads={heads} and of groups={groups}, "
            f"and channels={channels} of groups"
        )


def check_clip(lr_BTChw: Tensor, times: Tensor | None) -> None:
    """Stop at a clip that this network cannot take."""
    if lr_BTChw.ndim != 5 or lr_BTChw.shape[2] != 3:
        raise UsageError(f"stdan takes clips of shape (B, T, 3, h, w), not {tuple(lr_BTChw.shape)}")
    _, t, _, h, w = lr_BTChw.shape
    if t < 2:
        raise UsageError(f"stdan needs at least 2 frames to interpolate between, not {t}")
    if h % WINDOW or w % WINDOW or h == 0 or w == 0:
        raise UsageError(
            f"stdan needs sides that are multiples of {WINDOW}, not {h}x{w}; pad the frames and crop after"
        )
    if times is not None and not bool(torch.all(times == 0.5)):
        raise UsageError("stdan makes only the frame in the middle of two given ones; times must be 0.5")
