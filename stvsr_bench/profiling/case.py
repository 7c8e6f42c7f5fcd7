"""What is profiled: one network, one clip of a stated size, and how it is run.

Axes: B batch, T frames given, S frames wanted, C channels, h w low and H W high resolution.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stvsr_bench.errors import ClipError, UsageError
from stvsr_bench.schema import Method

Size = tuple[int, int]
_HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_SEED = 0  # the same clip in every profile


@dataclass(frozen=True)
class Case:
    """One network on one clip: `size` is (h, w) of the frames given, `frames` how many are given."""

    net: nn.Module
    size: Size
    frames: int
    device: str = "cpu"
    precision: str = "fp32"

    def clip(self) -> Tensor:
        """lr_BTChw, one clip of fixed noise on the device."""
        generator = torch.Generator().manual_seed(_SEED)  # on the CPU: the same noise for every device
        lr_BTChw = torch.rand(1, self.frames, 3, *self.size, generator=generator)
        return lr_BTChw.to(self.device)

    def prepared(self) -> Callable[[], Tensor]:
        """A call that runs the network once on the clip, as a run does: no gradient, autocast for the half types."""
        lr_BTChw = self.clip()
        half = _HALVES.get(self.precision)
        kind = torch.device(self.device).type

        def call() -> Tensor:
            with torch.inference_mode(), torch.autocast(kind, dtype=half, enabled=half is not None):
                return self.net(lr_BTChw)  # type: ignore[no-any-return]

        return call


def make(method: Method, size: Size, frames: int, device: str = "cpu", precision: str = "fp32") -> Case:
    """The case of a method, checked against its card.

    Raises:
        UsageError: the method cannot take this size or this many frames.
    """
    fewest, most = method.card.frames_in
    if not fewest <= frames <= most:
        raise UsageError(f"{method.spec} takes {fewest} to {most} frames, not {frames}; change --frames")
    multiple = method.card.multiple_of
    if any(side < 1 or side % multiple for side in size):
        fitting = "x".join(str(side) for side in rounded(size, 1.0, multiple))
        asked = "x".join(str(side) for side in size)
        raise UsageError(
            f"{method.spec} takes sides that are multiples of {multiple}, not {asked}; try --size {fitting}"
        )
    return Case(method.net, size, frames, device, precision)


def rounded(size: Size, factor: float, multiple: int) -> Size:
    """The size times a factor, each side the nearest multiple above zero."""
    height, width = (max(1, round(side * factor / multiple)) * multiple for side in size)
    return height, width


def frames_made(sr: object, spec: str) -> tuple[int, int, int]:
    """(S, H, W) of what a network returned.

    Raises:
        ClipError: it is no batch of clips.
    """
    if not isinstance(sr, Tensor) or sr.dim() != 5:
        got = tuple(sr.shape) if isinstance(sr, Tensor) else type(sr).__name__
        raise ClipError(f"{spec} returned {got}, a tensor (B, S, C, H, W) is wanted")
    return sr.shape[1], sr.shape[3], sr.shape[4]
