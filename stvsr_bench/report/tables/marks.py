"""Which numbers of a column are best and second, and which share the mark because nothing tells them apart."""

from collections.abc import Sequence

import numpy as np

from stvsr_bench.report.stats import TIE_DB, student_t
from stvsr_bench.report.tables.table import Mark, display
from stvsr_bench.report.units import CLIPS, Floats, Units

TIE = 0.0001  # of SSIM and its like: the last of four digits
FEWEST_CLIPS = 5  # an interval over fewer spans some decibels and would tie everything


def tie_of(metric: str) -> float:
    """The difference, in the metric's own unit, under which two methods are called equal: what papers round away."""
    return TIE_DB if display(metric).unit == "dB" else TIE


def mark_column(
    means: Sequence[float],
    per_clip: Sequence[Floats],
    eligible: Sequence[bool],
    higher: bool,
    tie: float,
    units: Units = CLIPS,
) -> list[Mark]:
    """The mark of each method of a column.

    `per_clip` holds the values of each method on the same clips in the same order, `units` what their mean is
    taken over. Methods that are not eligible (untrained, on other data, or measured on part of
    the clips) and means that are not finite never take part.
    """
    marks: list[Mark] = [""] * len(means)
    left = [i for i, mean in enumerate(means) if eligible[i] and np.isfinite(mean)]
    mark: Mark
    for mark in ("best", "second"):
        if not left:
            break
        top = max(left, key=lambda i: means[i] if higher else -means[i])
        # tied with the top one, not with each other: ties are not transitive, and a chain could reach any depth
        alike = [i for i in left if i == top or tied(per_clip[top], per_clip[i], tie, units)]
        for i in alike:
            marks[i] = mark
        left = [i for i in left if i not in alike]
    return marks


def not_transitive(means: Sequence[float], marks: Sequence[Mark], eligible: Sequence[bool], higher: bool) -> bool:
    """Whether a method has a better mark than one of the methods with a better mean: ties are not transitive."""
    rank = {"best": 0, "second": 1, "": 2}
    found = [(mean if higher else -mean, rank[mark]) for mean, mark, able in zip(means, marks, eligible, strict=True)
             if able and np.isfinite(mean)]  # fmt: skip
    return any(mean > other and place > other_place for mean, place in found for other, other_place in found)


def tied(first: Floats, second: Floats, tie: float, units: Units = CLIPS) -> bool:
    """Whether two methods differ by less than `tie`, or by less than chance over these clips would give.

    `units` are those of the mean that is marked.
    """
    difference = first - second  # paired: clips differ far more than methods do
    difference = units.of(difference, np.isfinite(difference))
    if difference.size == 0:  # no clip in common, or infinite everywhere: nothing tells them apart
        return True
    mean = abs(float(difference.mean()))
    half = half_interval(difference) if difference.size >= FEWEST_CLIPS else None
    return mean < tie or mean <= (half or 0.0)


def half_interval(values: Floats, units: Units = CLIPS) -> float | None:
    """Half of the 95 % interval of the mean over units (Student t); one value has none.

    The tables use Student t for any number of clips: over 30 it agrees with the bootstrap to well under the digits
    shown, and costs nothing. `compare` gives the bootstrap.
    """
    known = units.of(values, np.isfinite(values))
    if known.size < 2:
        return None
    low, high = student_t(known)
    return (high - low) / 2
