"""Networks that make any size and any time from a pair of frames: walking over the gaps, checking what is asked.

Axes: B batch, T frames given, n times in a gap, S frames wanted, C channels, h w low resolution, H W high resolution.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from stvsr_bench.errors import UsageError

from .interpolator import gap_times

NATURAL_SCALE = 4  # of the output where no size is asked


class PairNet(nn.Module, ABC):
    """Turns T frames into T + (T - 1) n of any size, pair by pair; a subclass says what a pair gives."""

    name: str
    size_multiple = 1  # what both sides of the output must be multiples of

    @abstractmethod
    def restore(self, pair_B2Chw: Tensor, times_BS: Tensor, size: tuple[int, int]) -> Tensor:
        """The frames (B, S, 3, H, W) at `times_BS` in [0, 1], 0 being the first frame given and 1 the second."""

    def forward(self, lr_BTChw: Tensor, times: Tensor | None = None, size: tuple[int, int] | None = None) -> Tensor:
        """All frames in order, (B, T + (T - 1) n, 3, H, W).

        `times` (B or 1, n) in (0, 1) are asked of every gap, None is the middle; `size` is (H, W), None four times
        the frames. A given frame that begins a gap is decoded at time 0 of it, the last one at time 1.

        Raises:
            UsageError: sides that are no multiples of 4, fewer than 2 frames, times or a size that cannot be made.
        """
        times_Bn = gap_times(lr_BTChw, times)
        wanted = self.checked_size(lr_BTChw, size)
        start, end = torch.zeros_like(times_Bn[:, :1]), torch.ones_like(times_Bn[:, :1])
        shown = []
        for first in range(lr_BTChw.shape[1] - 1):
            ends_clip = first == lr_BTChw.shape[1] - 2
            asked_BS = torch.cat([start, times_Bn, end] if ends_clip else [start, times_Bn], dim=1)
            shown.append(self.restore(lr_BTChw[:, first : first + 2], asked_BS, wanted))
        return torch.cat(shown, dim=1)

    def checked_size(self, lr_BTChw: Tensor, size: tuple[int, int] | None) -> tuple[int, int]:
        """The size of the output, if the network can make it from these frames; else one sentence."""
        low = (int(lr_BTChw.shape[-2]), int(lr_BTChw.shape[-1]))
        height, width = (NATURAL_SCALE * side for side in low) if size is None else map(int, size)
        if low[0] % 4 or low[1] % 4:  # halved twice and doubled twice inside the encoder
            raise UsageError(
                f"{self.name} needs frames with sides that are multiples of 4, not {low[0]}x{low[1]}: pad them"
            )
        if height < low[0] or width < low[1]:
            raise UsageError(
                f"{self.name} enlarges or keeps a size: {height}x{width} is smaller than the frames, {low[0]}x{low[1]}"
            )
        if height % self.size_multiple or width % self.size_multiple:
            raise UsageError(
                f"{self.name} makes sizes that are multiples of {self.size_multiple}, not {height}x{width}: "
                "ask for a larger one and cut it"
            )
        return height, width
