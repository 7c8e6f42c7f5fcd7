"""The average of the two neighbours, weighted by time: the least an interpolator can do.

Axes: B batch, n times per gap, C channels, H W size.
"""

from torch import Tensor

from stvsr_bench.nn.interpolator import Interpolator


class Blend(Interpolator):
    """Mixes the neighbours: no motion, no parameters."""

    def between(self, before_BCHW: Tensor, after_BCHW: Tensor, times_Bn: Tensor) -> Tensor:
        """The neighbours mixed linearly in time, (B, n, C, H, W)."""
        t_Bn111 = times_Bn[:, :, None, None, None]
        return before_BCHW[:, None] * (1 - t_Bn111) + after_BCHW[:, None] * t_Bn111
