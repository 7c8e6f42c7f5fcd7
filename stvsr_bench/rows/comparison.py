"""One row against the same row computed again."""

import numpy as np

from stvsr_bench.schema import Row


def change_db(before: Row, after: Row) -> float:
    """The largest change of a frame's PSNR-Y in dB; infinite where other frames were scored or one side is infinite."""
    if before.frames != after.frames:
        return float("inf")
    old, new = np.asarray(before.values["psnr_y"]), np.asarray(after.values["psnr_y"])
    both = np.isfinite(old) & np.isfinite(new)
    if (np.isfinite(old) != np.isfinite(new)).any():  # a frame that became equal to the truth, or ceased to be
        return float("inf")
    return float(np.abs(old[both] - new[both]).max(initial=0.0))
