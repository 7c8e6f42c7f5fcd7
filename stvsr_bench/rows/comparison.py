"""One row against the same row computed again."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.schema import Row


def both_finite(old: Sequence[float], new: Sequence[float]) -> NDArray[np.bool_] | None:
    """Which values are finite on both sides, shape (S,); None where the difference of the two is no number.

    That is where one side has more values, where any is NaN, and where one that is infinite on one side is finite, or
    of the other sign, on the other.
    """
    a, b = np.asarray(old, float), np.asarray(new, float)
    finite = np.isfinite(a)
    # NaN is not finite and equal to nothing, itself not either
    same = np.array_equal(finite, np.isfinite(b)) and np.array_equal(a[~finite], b[~finite])
    return finite if same else None


def change_db(before: Row, after: Row) -> float:
    """The largest change of a frame's PSNR-Y in dB; infinite where the two cannot be subtracted.

    They cannot where other frames were scored, where a value is missing or NaN, and where a frame became equal to the
    truth (an infinite PSNR), or ceased to be.
    """
    old, new = before.values.get("psnr_y"), after.values.get("psnr_y")
    if before.frames != after.frames or old is None or new is None:
        return float("inf")
    finite = both_finite(old, new)
    if finite is None:
        return float("inf")
    return float(np.abs(np.asarray(old)[finite] - np.asarray(new)[finite]).max(initial=0.0))
