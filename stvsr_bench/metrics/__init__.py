"""METRICS: every number the suite can measure, with its unit and direction.

Frames are RGB, float in [0, 1] or uint8, numpy arrays or torch tensors of shape (S, 3, H, W). Per-frame metrics give
one float64 per frame in the container they were given; `score_frames` and `score_clip` share what metrics have in
common. Torch is not imported here.
"""

from stvsr_bench.metrics import frozen
from stvsr_bench.metrics.color import Array
from stvsr_bench.metrics.frames import FRAME_METRICS, one
from stvsr_bench.metrics.possible import TOLD, Found, of_clip, of_frames, of_interpolated, told
from stvsr_bench.metrics.registry import (
    CORE,
    METRICS,
    Metric,
    Per,
    expanded,
    groups,
    has_gaps,
    made_by,
    missing,
    needs,
    score_clip,
    score_frames,
)

__all__ = [
    "CORE",
    "FRAME_METRICS",
    "METRICS",
    "TOLD",
    "Found",
    "Metric",
    "Per",
    "expanded",
    "frozen",
    "groups",
    "has_gaps",
    "made_by",
    "missing",
    "mse_rgb",
    "mse_y",
    "needs",
    "of_clip",
    "of_frames",
    "of_interpolated",
    "psnr_rgb",
    "psnr_y",
    "score_clip",
    "score_frames",
    "ssim_rgb",
    "ssim_y",
    "told",
]


def psnr_y(sr_SCHW: Array, hr_SCHW: Array) -> Array:
    """PSNR of the luma of each frame, in dB, shape (S,), float64.

    Both clips are rounded to 8 bits first (half to even), as a saved PNG would be. Y is BT.601 in [16, 235], not
    rounded; the peak is 255 and no border is cropped. Equal frames give `inf`.
    """
    return one("psnr_y", sr_SCHW, hr_SCHW)


def ssim_y(sr_SCHW: Array, hr_SCHW: Array) -> Array:
    """SSIM of the luma of each frame, shape (S,), float64: 11x11 Gaussian window (sigma 1.5), valid region.

    Rounding and Y as in `psnr_y`; negative values are kept.
    """
    return one("ssim_y", sr_SCHW, hr_SCHW)


def mse_y(sr_SCHW: Array, hr_SCHW: Array) -> Array:
    """Mean squared error of the luma of each frame, in 8-bit levels squared, shape (S,), float64."""
    return one("mse_y", sr_SCHW, hr_SCHW)


def mse_rgb(sr_SCHW: Array, hr_SCHW: Array) -> Array:
    """Mean squared error over the three channels of each frame, in 8-bit levels squared, shape (S,), float64."""
    return one("mse_rgb", sr_SCHW, hr_SCHW)


def psnr_rgb(sr_SCHW: Array, hr_SCHW: Array) -> Array:
    """PSNR of each frame from one MSE over its three channels, in dB, shape (S,), float64."""
    return one("psnr_rgb", sr_SCHW, hr_SCHW)


def ssim_rgb(sr_SCHW: Array, hr_SCHW: Array) -> Array:
    """Mean of the SSIM of R, G and B of each frame, shape (S,), float64."""
    return one("ssim_rgb", sr_SCHW, hr_SCHW)
