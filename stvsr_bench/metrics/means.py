"""The mean over the frames of a clip, then over clips, and what each leaves out."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def over_frames(values_nS: Floats, keep_infinite: bool = False) -> Floats:
    """The mean of each line, (n,); NaN where no frame is left.

    Frames without a value are left out, and infinite ones too unless a protocol keeps them: the PSNR of a frame equal
    to the truth is infinite, and one such frame would make the mean of the whole set infinite.
    """
    known = ~np.isnan(values_nS) if keep_infinite else np.isfinite(values_nS)
    count = known.sum(axis=1)
    total = np.where(known, values_nS, 0.0).sum(axis=1)
    means: Floats = np.divide(total, count, out=np.full(len(values_nS), np.nan), where=count > 0)
    return means


def over_clips(values_n: Floats) -> float:
    """The mean over clips; a clip without a value (all its frames left out) is left out, NaN where none is left."""
    known = ~np.isnan(values_n)
    return float(values_n[known].mean()) if known.any() else math.nan
