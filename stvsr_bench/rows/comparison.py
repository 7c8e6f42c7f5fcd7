"""One row against the same row computed again."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.metrics import has_gaps
from stvsr_bench.schema import Row


def both_finite(old: Sequence[float], new: Sequence[float], gaps: bool = False) -> NDArray[np.bool_] | None:
    """Which values are finite on both sides, shape (S,); None where the difference of the two is no number.

    That is where one side has more values, where any is NaN, and where one that is infinite on one side is finite, or
    of the other sign, on the other. With `gaps` a frame may have no value (NaN), the same frames on both sides.
    """
    a, b = np.asarray(old, float), np.asarray(new, float)
    finite = np.isfinite(a)
    # NaN is not finite and, but for frames that may lack a value, equal to nothing, itself not either
    same = np.array_equal(finite, np.isfinite(b)) and np.array_equal(a[~finite], b[~finite], equal_nan=gaps)
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


# what must be equal in a row that is computed again. Not here: what another day, machine or suite says of itself
# (`seconds`, `env`, `suite`, `schema_version`, `stamp`), and `made`, whose changes are said in words
SAME = (
    "key", "method", "weights", "dataset", "split", "clip", "protocol", "protocol_key", "restoring_key", "frames",
    "given", "size", "kind", "weights_sha256", "source", "truth", "input", "untrained", "bit_exact", "params",
    "motion_px", "flags",
)  # fmt: skip
_NOT_KNOWN_BEFORE = ("truth", "input", "source")  # to rows of an older suite
_OF_THE_PLACE = ("device", "left_out", "missing")  # of `how`: another card of the same kind, a metric that is there now


def differences(before: Row, after: Row, limits: Mapping[str, float], frame_limit_db: float) -> list[str]:
    """What differs between a row and the same row computed again, in a few words each; times and places apart.

    `limits` are the largest changes of a clip's mean by metric, `frame_limit_db` that of one frame's PSNR-Y.
    """
    found = [
        f"{name} is {_short(getattr(before, name))}, not {_short(getattr(after, name))}"
        for name in SAME
        if getattr(before, name) != getattr(after, name)
        and not (before.incomplete and name in _NOT_KNOWN_BEFORE and not getattr(before, name))
    ]
    ways = {name for name in (*before.how, *after.how) if name not in _OF_THE_PLACE}
    found += [
        f"{name} was {before.how.get(name, 'not said')}, not {after.how.get(name, 'not said')}"
        for name in sorted(ways)
        if before.how.get(name) != after.how.get(name)
    ]
    if before.frames != after.frames:
        return found
    for metric in sorted((*before.values, *before.scalars)):
        old = before.values.get(metric, [before.scalars.get(metric, 0.0)])
        new = after.values.get(metric) or [after.scalars[metric]] if metric in {**after.values, **after.scalars} else []
        if not new:
            found.append(f"{metric} was not computed again")
        elif (change := _change(old, new, has_gaps(metric))) > (
            limit := _frame_limit(metric, old, limits, frame_limit_db)
        ):
            found.append(f"{metric} of a frame moved by {change:.2g}; allowed: {limit:.2g}")
    return found


def _change(old: Sequence[float], new: Sequence[float], gaps: bool) -> float:
    finite = both_finite(old, new, gaps)
    if finite is None:
        return float("inf")
    return float(np.abs(np.asarray(old)[finite] - np.asarray(new)[finite]).max(initial=0.0))


def _frame_limit(metric: str, old: Sequence[float], limits: Mapping[str, float], frame_db: float) -> float:
    """The largest change of one frame: as much more than the mean's as that of PSNR-Y is."""
    largest = max((abs(value) for value in old if np.isfinite(value)), default=0.0)
    if metric in limits and limits["psnr_y"]:
        return limits[metric] * frame_db / limits["psnr_y"]
    if metric in limits:
        return limits[metric]
    if metric.startswith("mse"):
        return largest * (10 ** (frame_db / 10) - 1)  # the same number as a PSNR
    # no one measured by how much: the last digits where nothing else may move, a hundredth elsewhere
    return (1e-9 if frame_db < 1e-4 else 1e-2) * max(1.0, largest)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:36]} ..."
