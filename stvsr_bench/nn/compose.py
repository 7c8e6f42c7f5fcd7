"""Two methods run one after the other, in the order written, as one network.

Axes: B batch, T frames given, S frames wanted, C channels, h w low and H W high resolution.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from stvsr_bench.errors import UsageError

Size = tuple[int, int]


class InterpolateThenUpscale(nn.Module):
    """`vfi+sr`: frames are interpolated at low resolution, then each is upscaled."""

    def __init__(self, interpolate: nn.Module, upscale: nn.Module) -> None:
        super().__init__()
        self.interpolate = interpolate
        self.upscale = upscale

    def forward(self, lr_BTChw: Tensor, times: Tensor | None = None, size: Size | None = None) -> Tensor:
        """sr_BSCHW of lr_BTChw; `size` (H, W) only for an upscaler that makes several scales."""
        dense: Tensor = self.interpolate(lr_BTChw, times)
        sr_BSCHW: Tensor = self.upscale(dense, **_sized(size))
        return sr_BSCHW


class UpscaleThenInterpolate(nn.Module):
    """`sr+vfi`: given frames are upscaled, then interpolated at high resolution."""

    def __init__(self, upscale: nn.Module, interpolate: nn.Module) -> None:
        super().__init__()
        self.upscale = upscale
        self.interpolate = interpolate

    def forward(self, lr_BTChw: Tensor, times: Tensor | None = None, size: Size | None = None) -> Tensor:
        """sr_BSCHW of lr_BTChw; `size` (H, W) only for an upscaler that makes several scales."""
        sr_BSCHW: Tensor = self.interpolate(self.upscale(lr_BTChw, **_sized(size)), times)
        return sr_BSCHW


class FunctionNet(nn.Module):
    """A plain function of a clip as a network without parameters."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, lr_BTChw: Tensor, times: Tensor | None = None, size: Size | None = None) -> Tensor:
        """What the function returns; it is given `times` and `size` only when there are some."""
        given = (lr_BTChw,) if times is None else (lr_BTChw, times)
        return self.function(*given, **_sized(size))


def _sized(size: Size | None) -> dict[str, Any]:
    """The keyword of an upscaler that is told the size; one that makes a single scale does not know the word."""
    return {} if size is None else {"size": size}


def midpoint_only(times: Tensor | None, name: str) -> None:
    """Refuses times that a method cannot make.

    Raises:
        UsageError: a time other than 0.5, or more than one per gap.
    """
    if times is not None and (times.shape[-1] != 1 or bool((times != 0.5).any())):
        raise UsageError(
            f"{name} makes only the frame midway between two given ones (time 0.5); asked: {times.tolist()}"
        )
