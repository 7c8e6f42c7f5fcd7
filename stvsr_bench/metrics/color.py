"""From frames to what a metric compares: 8-bit levels, luma, and the checks that stand before every score.

Axes: S frames, C channels, H W size. This is the only place that knows levels 0..255 and Y.

BT.601 studio luma is Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255. All three weights are 0.219 times
299, 587 and 114, so of 8-bit frames Y is 16 + 219/255000 times a whole number: squared errors are summed exactly.
"""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import ClipError, UsageError
from stvsr_bench.metrics import kernels

if TYPE_CHECKING:
    from torch import Tensor

Array = TypeVar("Array", NDArray[Any], "Tensor")
Levels = NDArray[Any]  # (C, H, W): uint8, or float64 in 0..255 where frames are scored unrounded
Plane = NDArray[np.float64]


@dataclass(frozen=True)
class Channel:
    """One plane made of R, G, B: `scale * (weights . levels) + offset`, rounded to whole levels or not."""

    weights: tuple[float, float, float]
    scale: float = 1.0
    offset: float = 0.0
    rounded: bool = False


# MATLAB's rgb2ycbcr, which super-resolution papers mean by Y. Full range reads 1.3 dB lower and rounded Y up to 0.05 dB
# (docs/metrics.md): both are here to be compared with, not to be reported
STUDIO_Y = Channel((299.0, 587.0, 114.0), 219 / 255000, 16.0)
STUDIO_Y_ROUNDED = Channel((299.0, 587.0, 114.0), 219 / 255000, 16.0, rounded=True)
FULL_Y = Channel((299.0, 587.0, 114.0), 1 / 1000)
RED, GREEN, BLUE = Channel((1.0, 0.0, 0.0)), Channel((0.0, 1.0, 0.0)), Channel((0.0, 0.0, 1.0))


def to_numpy(frames: Any) -> NDArray[Any]:
    """The frames as a numpy array; torch is not imported for it, a tensor's library is there already."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(frames, torch.Tensor):
        wide = frames.float() if frames.dtype in (torch.float16, torch.bfloat16) else frames
        numbers: NDArray[Any] = wide.detach().cpu().numpy()
        return numbers
    if not isinstance(frames, np.ndarray):
        raise UsageError(f"frames are a numpy array or a torch tensor, not {type(frames).__name__}")
    return frames


def like(values: NDArray[np.float64], frames: Array) -> Array:
    """The values in the container of the frames: numpy stays numpy, a tensor stays on its device."""
    if isinstance(frames, np.ndarray):
        return values
    import torch

    return torch.from_numpy(values).to(frames.device)


def checked(sr_SCHW: Any, hr_SCHW: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both clips as numpy arrays of one shape (S, 3, H, W).

    Raises:
        UsageError: a container, type of number or layout that frames cannot have.
        ClipError: the shapes differ (nothing is ever broadcast) or a value is not a finite number.
    """
    sr, hr = to_numpy(sr_SCHW), to_numpy(hr_SCHW)
    for name, frames in (("sr", sr), ("hr", hr)):
        if frames.ndim != 4 or frames.shape[1] != 3:
            raise UsageError(f"{name} has shape {frames.shape}; metrics take RGB frames of shape (S, 3, H, W)")
        if frames.size == 0:
            raise UsageError(f"{name} has shape {frames.shape}: there is no frame to score")
        if frames.dtype != np.uint8 and not np.issubdtype(frames.dtype, np.floating):
            raise UsageError(f"{name} has {frames.dtype}; metrics take floats in [0, 1] or uint8")
    if sr.shape != hr.shape:
        raise ClipError(f"sr has shape {sr.shape} and hr {hr.shape}; both must be equal (S, C, H, W)")
    for name, frames in (("sr", sr), ("hr", hr)):
        _check_finite(name, frames)
    return sr, hr


def levels(frame_CHW: NDArray[Any], round_8bit: bool = True, clip: bool = True) -> Levels:
    """One frame in 0..255, clipped: as a saved PNG would hold it (half to even), or float64 when not rounded.

    Unrounded values may stay outside that range (`clip=False`), as some scripts score them.
    """
    if frame_CHW.dtype == np.uint8:
        return np.ascontiguousarray(frame_CHW)
    if not round_8bit:
        exact: Levels = (np.clip(frame_CHW, 0, 1) if clip else frame_CHW).astype(np.float64) * 255
        return exact
    # clipped and multiplied in float32, as the published scripts do: float64 would round some ties another way
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and then white
        values = np.ascontiguousarray(frame_CHW, dtype=np.float32)
    if kernels.available():
        from stvsr_bench.metrics import fused

        return fused.to_8bit(values)
    flat = np.clip(values, 0, 1).reshape(len(values), -1)
    # OpenCV rounds half to even, as numpy does
    return cv2.convertScaleAbs(flat, alpha=255).reshape(values.shape).astype(np.uint8, copy=False)


def plane(levels_CHW: Levels, channel: Channel) -> NDArray[Any]:
    """One plane in units of `channel.scale`, without its offset: whole numbers where the levels are 8 bits.

    8-bit levels give float32, which holds them exactly, and the sum of two: they stay below 2**24. A rounded channel
    gives its levels themselves (offset included), half to even, in float64.
    """
    if 0.0 in channel.weights:
        only: NDArray[Any] = levels_CHW[channel.weights.index(1.0)]
        return only if only.dtype != np.uint8 else only.astype(np.float32)
    red, green, blue = channel.weights  # no BLAS here: its threads wait for each other on a busy machine
    depth = cv2.CV_32F if levels_CHW.dtype == np.uint8 else cv2.CV_64F
    mixed: NDArray[Any] = cv2.addWeighted(levels_CHW[0], red, levels_CHW[1], green, 0, dtype=depth)
    mixed = cv2.addWeighted(mixed, 1, levels_CHW[2], blue, 0, dst=mixed, dtype=depth)
    if not channel.rounded:
        return mixed
    return np.rint(mixed.astype(np.float64) * channel.scale + channel.offset)


def units(channel: Channel) -> tuple[float, float]:
    """(scale, offset) that turn the numbers of `plane` into levels 0..255."""
    return (1.0, 0.0) if channel.rounded else (channel.scale, channel.offset)


def in_levels(levels_CHW: Levels, channel: Channel) -> Plane:
    """One plane in levels 0..255, offset included."""
    scale, offset = units(channel)
    return plane(levels_CHW, channel).astype(np.float64) * scale + offset


def crop_border(frames: NDArray[Any], pixels: int) -> NDArray[Any]:
    """The frames without a border of so many pixels.

    Raises:
        UsageError: nothing would be left.
    """
    if pixels == 0:
        return frames
    height, width = frames.shape[-2:]
    if pixels < 0 or 2 * pixels >= min(height, width):
        raise UsageError(f"a border of {pixels} px cannot be cropped from frames of {height}x{width}")
    return frames[..., pixels : height - pixels, pixels : width - pixels]


def _check_finite(name: str, frames: NDArray[Any]) -> None:
    if frames.dtype == np.uint8:
        return
    for index, frame in enumerate(frames):
        # numpy sums squares of float16 in float16, which ends at 65504
        flat = frame.ravel().astype(np.float32) if frame.dtype == np.float16 else frame.ravel()
        with np.errstate(all="ignore"):  # huge finite values overflow the sum, too; the count below tells them apart
            total = np.dot(flat, flat)
        if np.isfinite(total):  # one fast pass; what is not finite shows in the sum of squares
            continue
        bad = int(frame.size - np.count_nonzero(np.isfinite(frame)))
        if bad:
            raise ClipError(
                f"{name}: frame {index} has values that are not finite numbers ({bad}); it cannot be scored"
            )
