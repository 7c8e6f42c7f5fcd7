"""MATLAB-equal bicubic upscaling, the baseline that super-resolution papers quote.

Axes: B batch, T frames, C channels, h w given and H W wanted size.
"""

from torch import Tensor, nn

from stvsr_bench.nn.resize import imresize


class Bicubic(nn.Module):
    """Every frame by itself, four times as large; no parameters."""

    def __init__(self, scale: int = 4) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, frames_BTChw: Tensor) -> Tensor:
        """The frames at `scale` times their size, (B, T, C, H, W), not clipped."""
        large = imresize(frames_BTChw.flatten(0, 1), self.scale)
        return large.reshape(*frames_BTChw.shape[:2], *large.shape[1:])
