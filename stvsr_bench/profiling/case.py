"""What is profiled: one network, one clip of a stated size, and how it is run.

A clip is padded as `run` pads it under `suite-1`: as the method's card says. What comes out is counted without padding.
Axes: B batch, T frames given, S frames wanted, C channels, h w low and H W high resolution.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import torch
from torch import Tensor, nn

from stvsr_bench.errors import ClipError, UsageError, counted
from stvsr_bench.restore import pad
from stvsr_bench.schema import Method

Size = tuple[int, int]
_HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_SEED = 0  # the same clip in every profile


@dataclass(frozen=True)
class Case:
    """One network on one clip: `size` is (h, w) of the frames given, `frames` how many are given.

    The network gets them with sides of a multiple of `multiple_of`. `time_scale` - 1 frames are made in each gap; the
    size of `scale` times is named only to a network that makes several (`told`).
    """

    net: nn.Module
    size: Size
    frames: int
    device: str = "cpu"
    precision: str = "fp32"
    multiple_of: int = 1
    pad: Literal["zeros", "replicate", "reflect"] = "zeros"
    scale: Fraction = Fraction(4)
    time_scale: int = 2
    told: bool = False

    @property
    def padding(self) -> tuple[int, int]:
        """Pixels added at the right and at the bottom."""
        height, width = self.size
        return -width % self.multiple_of, -height % self.multiple_of

    def clip(self) -> Tensor:
        """lr_BTChw, one clip of fixed noise on the device, padded."""
        generator = torch.Generator().manual_seed(_SEED)  # on the CPU: the same noise for every device
        lr_BTChw = torch.rand(1, self.frames, 3, *self.size, generator=generator)
        right, down = self.padding
        return (pad(lr_BTChw, right, down, self.pad) if right or down else lr_BTChw).to(self.device)

    def prepared(self) -> Callable[[], Tensor]:
        """A call that runs the network once on the clip, as a run does: no gradient, autocast for the half types."""
        lr_BTChw = self.clip()
        half = _HALVES.get(self.precision)
        kind = torch.device(self.device).type

        def call() -> Tensor:
            with torch.inference_mode(), torch.autocast(kind, dtype=half, enabled=half is not None):
                return self.ask(self.net, lr_BTChw)

        return call

    def ask(self, net: nn.Module, lr_BTChw: Tensor) -> Tensor:
        """What a network makes of frames, at the case's scale and times."""
        given = [lr_BTChw]
        if self.time_scale > 2:
            times = torch.arange(1, self.time_scale) / self.time_scale
            given.append(times[None].to(lr_BTChw))
        size = {"size": tuple(int(side * self.scale) for side in lr_BTChw.shape[-2:])} if self.told else {}
        return net(*given, **size)  # type: ignore[no-any-return]


def make(
    method: Method,
    size: Size,
    frames: int,
    device: str = "cpu",
    precision: str = "fp32",
    scale: Fraction | None = None,
    time_scale: int = 2,
) -> Case:
    """The case of a method, checked against its card; `scale` None is the one that it makes when none is named.

    Raises:
        UsageError: the method cannot take this many frames, or make this scale or these times.
    """
    card = method.card
    scale = card.usual if scale is None else scale
    if not card.makes(scale):
        raise UsageError(f"{method.spec} does not make x{scale}; change --scale")
    if time_scale > 2 and (card.time == "midpoint" or card.kind == "sr"):
        raise UsageError(
            f"{method.spec} does not make {counted(time_scale - 1, 'frame')} between two; change --time-scale"
        )
    fewest, most = card.frames_in
    if not fewest <= frames <= most:
        raise UsageError(f"{method.spec} takes {fewest} to {counted(most, 'frame')}, not {frames}; change --frames")
    unit = card.grid(scale)
    return Case(method.net, size, frames, device, precision, unit, card.pad, scale, time_scale, card.continuous)


def rounded(size: Size, factor: float, multiple: int) -> Size:
    """The size times a factor, each side the nearest multiple above zero."""
    height, width = (max(1, round(side * factor / multiple)) * multiple for side in size)
    return height, width


def frames_made(sr: object, spec: str, case: Case) -> tuple[int, int, int]:
    """(S, H, W) of what a network returned, without what it made of the padding.

    Raises:
        ClipError: it is no batch of clips.
    """
    if not isinstance(sr, Tensor) or sr.dim() != 5:
        got = tuple(sr.shape) if isinstance(sr, Tensor) else type(sr).__name__
        raise ClipError(f"{spec} returned {got}, not a tensor (B, S, C, H, W)")
    height, width = case.size
    right, down = case.padding
    return sr.shape[1], sr.shape[3] * height // (height + down), sr.shape[4] * width // (width + right)
