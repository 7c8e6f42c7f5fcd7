"""MATLAB-equal bicubic upscaling, the baseline that super-resolution papers quote.

Axes: B batch, T frames, C channels, h w given and H W wanted size.
"""

from torch import Tensor, nn

from stvsr_bench.nn.resize import imresize_to


class Bicubic(nn.Module):
    """Every frame by itself, at any size; no parameters."""

    def forward(self, frames_BTChw: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """The frames at `size` (H, W), four times as large where none is named; (B, T, C, H, W), not clipped."""
        height, width = frames_BTChw.shape[-2:]
        large = imresize_to(frames_BTChw.flatten(0, 1), size or (4 * height, 4 * width))
        return large.reshape(*frames_BTChw.shape[:2], *large.shape[1:])
