"""What a difference between methods is worth: intervals, tests, effect sizes and ties. The clip is the unit.

Frames of a clip are alike, so a clip counts once; methods are compared on the same clips (paired), because clips differ
far more from each other than methods do. Values that are not finite (PSNR of equal frames) are left out of means and
counted; a clip on which one method is exact and the other is not is won, never a tie.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from stvsr_bench.errors import UsageError, counted
from stvsr_bench.report.units import CLIPS, Units

Floats = NDArray[np.float64]
How = Literal["bootstrap", "student-t", "none"]
Verdict = Literal["better", "worse", "tie", "undecided", "too few clips", "one clip: no verdict"]
ALPHA = 0.05
FEWEST_CLIPS = 6  # the smallest two-sided p of the signed-rank test is 2 / 2^n: 0.0625 with five clips, 0.031 with six
RULE = (
    "better or worse: the mean difference is at least the size of a tie, its 95 % interval does not contain zero, and "
    f"the corrected p is under {ALPHA} for gains of the same sign. Under {FEWEST_CLIPS} clips p cannot be so small: "
    '"too few clips". tie: the mean difference is smaller than a tie. All else is undecided'
)
RESAMPLES = 10_000  # 0.02 to 0.14 s for 240 clips
SEED = 20_230_312  # fixed: a report made again says the same interval; any number would do
# below it the percentile bootstrap covers too little: 0.907, 0.927, 0.958 of the means at n = 10, 30, 100, where
# Student t covers 0.935, 0.945, 0.965
FEW_CLIPS = 30
TIE_DB = 0.01  # the last digit that papers print; among thousands of clips any difference is "significant"
_CHUNK = 2_000_000  # indices drawn at a time: 16 MB, where 10,000 resamples of Vimeo's 7,815 clips would be 600 MB


@dataclass(frozen=True)
class Interval:
    """A mean and the interval that holds the true mean with probability `level`; one clip alone has none."""

    mean: float
    low: float | None
    high: float | None
    how: How
    n: int
    n_inf: int
    level: float = 0.95


@dataclass(frozen=True)
class Comparison:
    """How one method fares against another on the same clips; positive differences are gains of the first.

    `difference` is the mean over clips with its interval (`n` clips, and `n_inf` left out because a method is exact on
    them); `effect` is that mean in standard deviations of the differences (Cohen's d_z). Clips closer than `tie` are
    ties, and so are those on which both are exact. `p_wilcoxon` is the signed-rank test over clips, two-sided; `p_holm`
    the same corrected for the number of comparisons it was made among (equal to it for one).
    """

    difference: Interval
    effect: float
    wins: int
    ties: int
    losses: int
    p_wilcoxon: float
    p_holm: float
    tie: float
    per_clip: tuple[float, ...]

    @property
    def share_won(self) -> float:
        """Share of the clips that the first method wins, ties counted half."""
        total = self.wins + self.ties + self.losses
        return (self.wins + 0.5 * self.ties) / total if total else 0.5

    @property
    def verdict(self) -> Verdict:
        """What may be said by `RULE`: never better or worse where the corrected p is 0.05 or more.

        Clips on which one method alone is exact have no place in the mean, and yet they are won: they must agree with
        it, or nothing is decided. Where there are no others, they decide if there are enough of them.
        """
        if len(self.per_clip) == 1:
            return "one clip: no verdict"
        said = self._of_means()
        if said in ("tie", "undecided"):
            return said
        if self.p_holm < ALPHA and _lean(self.per_clip) == (1 if said == "better" else -1):
            return said
        return "too few clips" if len(self.per_clip) < FEWEST_CLIPS else "undecided"

    def _of_means(self) -> Verdict:
        """What the mean, its interval and the clips beside it say, whatever the test says."""
        finite = self._of_finite()
        infinite = [gain for gain in self.per_clip if np.isinf(gain)]
        if not infinite:
            return finite or "tie"
        if min(infinite) != max(infinite):
            return "undecided"
        said: Verdict = "better" if infinite[0] > 0 else "worse"
        agreed = finite == said or (finite is None and len(infinite) > 1)
        return said if agreed else "undecided"

    def _of_finite(self) -> Verdict | None:
        mean, low, high = self.difference.mean, self.difference.low, self.difference.high
        if np.isnan(mean):
            return None
        if abs(mean) < self.tie:
            return "tie"
        if low is None or high is None or low <= 0 <= high:
            return "undecided"
        return "better" if mean > 0 else "worse"


def interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """The mean of one value per clip with its interval: Student t under 30 clips, else bootstrap over clips.

    Raises:
        UsageError: no value at all, or a level outside (0, 1).
    """
    given = _vector(values)
    if not 0 < level < 1:
        raise UsageError(f"an interval of level {level} does not exist; levels lie between 0 and 1, such as 0.95")
    known = given[np.isfinite(given)]
    n_inf = given.size - known.size
    if known.size == 0:
        return Interval(float("nan"), None, None, "none", 0, n_inf, level)
    mean = float(known.mean())
    if known.size == 1:
        return Interval(mean, None, None, "none", 1, n_inf, level)
    how: How = "student-t" if known.size < FEW_CLIPS else "bootstrap"
    low, high = student_t(known, level) if how == "student-t" else bootstrap(known, level)
    return Interval(mean, low, high, how, int(known.size), n_inf, level)


def student_t(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """The interval of the mean by Student's t: two values or more."""
    half = float(stdtrit(values.size - 1, 0.5 + level / 2)) * float(values.std(ddof=1)) / np.sqrt(values.size)
    return float(values.mean() - half), float(values.mean() + half)


def bootstrap(values: Floats, level: float = 0.95, resamples: int = RESAMPLES, seed: int = SEED) -> tuple[float, float]:
    """The percentile interval of the mean over clips drawn with replacement; the same seed gives the same interval.

    For paired differences this is the paired bootstrap: drawing a clip draws both methods.
    """
    random = np.random.default_rng(seed)
    means = np.empty(resamples)
    rows = max(1, _CHUNK // values.size)
    for start in range(0, resamples, rows):
        stop = min(start + rows, resamples)
        means[start:stop] = values[random.integers(0, values.size, (stop - start, values.size))].mean(axis=1)
    low, high = np.quantile(means, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def compare(
    first: ArrayLike,
    second: ArrayLike,
    higher_is_better: bool = True,
    tie: float = TIE_DB,
    level: float = 0.95,
    units: Units = CLIPS,
) -> Comparison:
    """One method against another, one value per clip each, in the same order of clips.

    The mean, its interval and the effect are of the `units` of the protocol's mean. Clips are won and tested one by one
    all the same.

    Raises:
        UsageError: the two do not have the same number of clips, or none.
    """
    one, other = _vector(first), _vector(second)
    if one.shape != other.shape:
        raise UsageError(
            f"methods are compared on the same clips; these have {one.size} and {counted(other.size, 'value')}"
        )
    sign = 1.0 if higher_is_better else -1.0
    with np.errstate(invalid="ignore"):
        gain = sign * (one - other)  # inf - inf is NaN: neither wins
    finite = np.isfinite(gain)
    of_units = units.of(gain, finite)
    p = wilcoxon(gain[~np.isnan(gain)])  # by ranks, so an infinite gain is the largest and no more
    wins, losses = int(np.count_nonzero(gain >= tie)), int(np.count_nonzero(gain <= -tie))
    n_inf = int(np.count_nonzero(~finite))
    mean = interval(of_units, level) if of_units.size else interval(gain, level)
    return Comparison(
        difference=replace(mean, n=gain.size - n_inf, n_inf=n_inf),
        effect=effect_size(of_units),
        wins=wins,
        ties=gain.size - wins - losses,
        losses=losses,
        p_wilcoxon=p,
        p_holm=p,
        tie=tie,
        per_clip=tuple(gain.tolist()),
    )


def compare_to(
    baseline: ArrayLike, others: Mapping[str, ArrayLike], higher_is_better: bool = True, tie: float = TIE_DB
) -> dict[str, Comparison]:
    """Several methods against one baseline, the p values corrected by Holm for their number."""
    made = {name: compare(values, baseline, higher_is_better, tie) for name, values in others.items()}
    corrected = holm([comparison.p_wilcoxon for comparison in made.values()])
    return {name: replace(comparison, p_holm=p) for (name, comparison), p in zip(made.items(), corrected, strict=True)}


def wilcoxon(differences: Floats) -> float:
    """The two-sided p value of Wilcoxon's signed-rank test; 1 where there is no difference at all.

    Exact for few clips: with four it cannot go below 0.125.
    """
    if not np.any(differences):
        return 1.0
    from scipy import stats  # here: slow to import, and most reports test nothing

    return float(stats.wilcoxon(differences).pvalue)


def _lean(gains: Sequence[float]) -> int:
    """Which way the ranks of the test lean: 1 for gains, -1 for losses, 0 for neither."""
    from scipy import stats

    known = np.array([gain for gain in gains if gain and not np.isnan(gain)])
    return int(np.sign((np.sign(known) * stats.rankdata(np.abs(known))).sum())) if known.size else 0


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values corrected for their number (Holm 1979), in the order given."""
    order = np.argsort(p_values, kind="stable")
    corrected = np.empty(len(p_values))
    largest = 0.0
    for rank, position in enumerate(order):
        # never below the value before: a larger p may not become the smaller one
        largest = max(largest, (len(p_values) - rank) * p_values[position])
        corrected[position] = min(1.0, largest)
    return [float(p) for p in corrected]


def effect_size(differences: Floats) -> float:
    """The mean difference in standard deviations of the differences (Cohen's d_z); infinite where all are equal.

    One difference has no deviation: NaN.
    """
    if differences.size == 0 or not np.any(differences):
        return 0.0
    if differences.size == 1:
        return float("nan")
    mean = float(differences.mean())
    spread = float(differences.std(ddof=1))
    if spread <= 1e-12 * abs(mean):  # rounding of a constant difference, not a spread
        return float(np.copysign(np.inf, mean))
    return mean / spread


def detectable(spread: float, n: int, power: float = 0.8, level: float = 0.95) -> float:
    """The smallest mean difference that n clips would show with this power, given the spread of the differences."""
    return float((ndtri(0.5 + level / 2) + ndtri(power)) * spread / np.sqrt(n))


def _vector(values: ArrayLike) -> Floats:
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1 or vector.size == 0:
        raise UsageError(f"one value per clip is needed; these have shape {vector.shape}")
    return vector
