"""What every frame interpolator shares: checking the times, walking over the gaps, keeping the given frames.

Axes: B batch, T frames given, S frames wanted, n times per gap, C channels, H W size.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from stvsr_bench.errors import UsageError


class Interpolator(nn.Module, ABC):
    """Turns T frames into T + (T - 1) n frames; a subclass says what lies between two neighbours."""

    @abstractmethod
    def between(self, before_BCHW: Tensor, after_BCHW: Tensor, times_Bn: Tensor) -> Tensor:
        """The n frames of one gap, (B, n, C, H, W), at `times_Bn` in (0, 1)."""

    def forward(self, frames_BTCHW: Tensor, times: Tensor | None = None) -> Tensor:
        """All frames in order, (B, S, C, H, W); the given ones are passed through untouched."""
        times_Bn = gap_times(frames_BTCHW, times)
        shown = [frames_BTCHW[:, :1]]
        for before_BCHW, after_BCHW in zip(frames_BTCHW[:, :-1].unbind(1), frames_BTCHW[:, 1:].unbind(1), strict=True):
            shown += [self.between(before_BCHW, after_BCHW, times_Bn), after_BCHW[:, None]]
        return torch.cat(shown, dim=1)


def gap_times(frames_BTCHW: Tensor, times: Tensor | None) -> Tensor:
    """The times asked of every gap, (B, n), the midpoint when none were named."""
    if frames_BTCHW.ndim != 5 or frames_BTCHW.shape[1] < 2:
        raise UsageError(f"an interpolator needs frames (B, T >= 2, C, H, W), got {tuple(frames_BTCHW.shape)}")
    batch = frames_BTCHW.shape[0]
    if times is None:
        return frames_BTCHW.new_full((batch, 1), 0.5)
    if times.ndim != 2 or times.shape[0] not in (1, batch) or times.shape[1] == 0:
        raise UsageError(f"times must be (1 or {batch}, n >= 1), got {tuple(times.shape)}")
    if not bool(((times > 0) & (times < 1)).all()):
        raise UsageError(f"times must lie strictly between 0 and 1, got {times.tolist()}")
    return times.to(frames_BTCHW).expand(batch, -1)
