"""Every network in the order of computation of its paper, for `networks.py` to measure ours against, and for tests.

An order is a function without arguments that gives the frames; all orders of a network have the same modules and
weights (drawn, `@none`) and the same result. Networks with two engines have their own plain one; of the others the
plain order is written here or in `tests/methods/wheels/plain.py`.
"""

import importlib.util
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F

from stvsr_bench import methods, plugins
from stvsr_bench.methods.builder import load_object
from stvsr_bench.nn import implicit, kernels

_spec = importlib.util.spec_from_file_location("plain", Path(__file__).parents[1] / "methods" / "wheels" / "plain.py")
wheels = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(wheels)

ENGINES = ("stdan", "zsm", "tmnet", "rstt", "videoinr", "motif", "bfstvsr")  # have `engine=plain|fast`
CONTINUOUS = ("videoinr", "motif", "bfstvsr")
NUMBA = ("stdan", "zsm", "tmnet", *CONTINUOUS)  # the fast engine has compiled kernels; of the others it is pure torch
OTHERS = ("safa", "basicvsr", "liif", "rife")
EVERY = (*ENGINES, *OTHERS)
FRAMES = {"safa": 2, "basicvsr": 5, "liif": 1, "rife": 2, **dict.fromkeys(CONTINUOUS, 2)}  # given; else 4
ENLARGED = {"rife": 4}  # an interpolator works on frames of the output's size


@dataclass(frozen=True)
class Way:
    """One way to compute: engine, pure torch only, bfloat16 weights. Networks without engines have the first alone."""

    engine: str
    pure: bool = False
    half: bool = False


WAYS = {
    "plain": Way("plain", pure=True),
    "fast, pure torch": Way("fast", pure=True),
    "fast": Way("fast"),
    "fast, bf16": Way("fast", half=True),
}


def ways_of(name: str) -> list[str]:
    """The ways that a network has; of some `fast` is pure torch, or has no half precision of its own."""
    if name in OTHERS or name == "rstt":
        return ["plain", "fast"]
    return [way for way in WAYS if way != "fast, bf16" or name not in CONTINUOUS]


def frames_of(name: str, size: tuple[int, int], count: int = 0) -> torch.Tensor:
    """Drawn frames for a network, for low-resolution pictures of that size."""
    h, w = (side * ENLARGED.get(name, 1) for side in size)
    dice = torch.Generator().manual_seed(0)
    return torch.rand(1, count or FRAMES.get(name, 4), 3, h, w, generator=dice)


def network(name: str, way: str, options: str = "") -> torch.nn.Module:
    """The network of one way, with heads of offsets that are not zero, so that samples lie between pixels."""
    engine = f":engine={WAYS[way].engine}" if name in ENGINES else ""
    torch.manual_seed(0)
    net = methods.build(f"{name}{engine}{options}@none").net
    for key, parameter in net.named_parameters():
        if name in ("stdan", "zsm", "tmnet") and ".head." in key:
            torch.nn.init.normal_(parameter, std=0.02)
    return net.to(torch.bfloat16) if WAYS[way].half else net


def order(name: str, way: str, net: torch.nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    """From frames to frames in one way."""
    plain = way == "plain"
    made = PLAIN[name](net) if plain and name in PLAIN else net

    def run(frames_BTChw: torch.Tensor) -> torch.Tensor:
        given = frames_BTChw.bfloat16() if WAYS[way].half else frames_BTChw
        with torch.inference_mode(), kernels.only_torch(WAYS[way].pure), all_queries(plain):
            return made(given)

    return run


@contextmanager
def all_queries(at_once: bool):
    """Inside, a continuous network asks for all pixels of a picture at once, as the papers' code does."""
    before = implicit.QUERY_BYTES
    implicit.QUERY_BYTES = 2**60 if at_once else before
    try:
        yield
    finally:
        implicit.QUERY_BYTES = before


class PlainRife:
    """RIFE as its paper's code goes: a grid for each warp, all blocks in a loop, done anew for far motion."""

    def __init__(self, net: torch.nn.Module) -> None:
        self.net = net

    def __call__(self, frames_BTCHW: torch.Tensor) -> torch.Tensor:
        shown = [frames_BTCHW[:, 0]]
        for before, after in pairwise(frames_BTCHW.unbind(1)):
            shown += [self.between(before, after), after]
        return torch.stack(shown, dim=1)

    def between(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        height, width = before.shape[-2:]
        edge = (0, -width % self.net.multiple, 0, -height % self.net.multiple)
        before, after = (F.pad(x, edge, mode=self.net.pad_mode) for x in (before, after))
        frame, far = self.at((8, 4, 2, 1), before, after)
        if far:
            frame, _ = self.at((16, 8, 4, 2), before, after)
        return frame[..., :height, :width]

    def at(self, scales: tuple[int, ...], before: torch.Tensor, after: torch.Tensor) -> tuple[torch.Tensor, bool]:
        time = torch.full_like(before[:, :1], 0.5)
        flow = mask = None
        for number, (block, scale) in enumerate(zip(self.net.blocks, scales, strict=True)):
            if flow is None:
                flow, mask = block(torch.cat([before, after, time], 1), None, scale)
                continue
            seen = [warped(before, flow[:, :2]), warped(after, flow[:, 2:]), time, mask]
            step, mask_step = block(torch.cat(seen, 1), flow, scale)
            if number == 1 and scale == 4 and min(step[:, :2].abs().max(), step[:, 2:].abs().max()) > 32:
                return before, True
            flow, mask = flow + step, mask + mask_step
        believe = torch.sigmoid(mask)
        return warped(before, flow[:, :2]) * believe + warped(after, flow[:, 2:]) * (1 - believe), False


class PlainSafa:
    """SAFA as its paper's code goes: every block at all three sizes, times the bits; each pair by itself."""

    def __init__(self, net: torch.nn.Module) -> None:
        self.net = net

    def __call__(self, lr_BTChw: torch.Tensor) -> torch.Tensor:
        large = F.interpolate(lr_BTChw.flatten(0, 1), scale_factor=4, mode="bicubic", align_corners=False)
        height, width = large.shape[-2:]
        frames = F.pad(large, (0, -width % 32, 0, -height % 32)).unflatten(0, lr_BTChw.shape[:2]).flip(2).unbind(1)
        shown = []
        for gap, (first, last) in enumerate(pairwise(frames)):
            feats = self.net.head(first), self.net.head(last)
            mixed = self.net.mix(torch.cat(feats, dim=1))
            shown += [self.at(first, last, feats, mixed, t) for t in ((0.0, 0.5, 1.0) if gap == 0 else (0.5, 1.0))]
        return torch.stack(shown, dim=1).flip(2)[..., :height, :width]

    def at(self, first, last, feats, feat, t):
        flow = first.new_zeros(len(first), 6, *first.shape[-2:])
        time = torch.full_like(feat[:, :1], t)
        for block in self.net.blocks:
            small, from_first, from_last = self.read(feats, flow)
            seen = torch.cat([feat, small, from_first, from_last, time], dim=1)
            s0, s1 = (self.chances(seen) >= 0.5).to(seen)[..., None, None, None].unbind(1)
            full, half, quarter = (sized(block(sized(seen, 1 / by)), by) for by in (1, 2, 4))
            feat = s1 * s0 * full + s1 * (1 - s0) * half + (1 - s1) * quarter
            flow = flow + F.pixel_shuffle(self.net.step(feat), 2)
        _, from_first, from_last = self.read(feats, flow)
        believe = torch.sigmoid(flow[:, 4:5])
        blend = believe * warped(first, flow[:, :2]) + (1 - believe) * warped(last, flow[:, 2:4])
        return (blend + self.net.tail(torch.cat([time, from_first, from_last], dim=1))).clamp(0, 1)

    def read(self, feats, flow):
        small = sized(flow, 0.5)
        return small, warped(feats[0], 0.5 * small[:, :2]), warped(feats[1], 0.5 * small[:, 2:4])

    def chances(self, seen):
        """Of both bits: the first layer sees every pixel here, though the second looks at a quarter of them."""
        choose = self.net.choose
        looked = choose.slope2(choose.look2(choose.slope1(choose.look1(seen))[..., ::2, ::2]))
        return torch.sigmoid(choose.weigh(looked.mean((2, 3))))


def warped(picture: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """The picture read along a flow, its border repeated, by a grid from -1 to 1 that is made anew."""
    height, width = picture.shape[-2:]
    across = torch.linspace(-1, 1, width, dtype=flow.dtype).view(1, 1, width).expand(len(flow), height, width)
    down = torch.linspace(-1, 1, height, dtype=flow.dtype).view(1, height, 1).expand(len(flow), height, width)
    grid = torch.stack([across + flow[:, 0] * 2 / (width - 1), down + flow[:, 1] * 2 / (height - 1)], dim=-1)
    return F.grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=True)


def sized(x: torch.Tensor, factor: float) -> torch.Tensor:
    """Bilinear, also by a factor of 1."""
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


class PlainLiif:
    """LIIF x4, a frame at a time: all queries of a frame at once, and of more frames the memory would grow."""

    def __init__(self, net: torch.nn.Module) -> None:
        self.one = wheels.PlainLiif(net, load_object(plugins.find("methods", "liif"), "corners:axis"))

    def __call__(self, frames_BTChw: torch.Tensor) -> torch.Tensor:
        size = tuple(4 * side for side in frames_BTChw.shape[-2:])
        return torch.cat([self.one(frame, size) for frame in frames_BTChw.split(1, dim=1)], dim=1)


PLAIN = {"safa": PlainSafa, "basicvsr": wheels.PlainBasicVsr, "liif": PlainLiif, "rife": PlainRife}
