"""Intervals, tests and ties against scipy, against simulation, and by hand."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats as oracle

from stvsr_bench.errors import UsageError
from stvsr_bench.report import stats
from stvsr_bench.report.units import Units


def differences(n, mean=0.05, spread=0.1, seed=0):
    return np.random.default_rng(seed).normal(mean, spread, n)


def test_student_t_equals_scipy():
    values = differences(12)
    wanted = oracle.t.interval(0.95, 11, loc=values.mean(), scale=oracle.sem(values))
    assert stats.student_t(values) == pytest.approx(wanted, rel=1e-12)


def test_the_bootstrap_equals_scipys_percentile_bootstrap_to_its_own_noise():
    values = differences(80)
    theirs = oracle.bootstrap((values,), np.mean, n_resamples=10_000, method="percentile", rng=1).confidence_interval
    assert stats.bootstrap(values) == pytest.approx(
        (theirs.low, theirs.high), abs=0.05 * values.std() / np.sqrt(80) * 2
    )


def test_the_bootstrap_repeats_itself_and_does_not_depend_on_its_chunks(monkeypatch):
    values = differences(100)
    once = stats.bootstrap(values)
    assert stats.bootstrap(values) == once
    monkeypatch.setattr(stats, "_CHUNK", 1000)
    assert stats.bootstrap(values) == pytest.approx(once, abs=1e-12)
    assert stats.bootstrap(values, seed=2) != once


@pytest.mark.parametrize("n,lowest", [(10, 0.91), (60, 0.91)])
def test_95_percent_intervals_hold_the_truth_about_95_times_of_100(n, lowest, monkeypatch):
    monkeypatch.setattr(stats, "RESAMPLES", 600)
    random = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        values = random.normal(0.3, 1, n)
        low, high = stats.student_t(values) if n < 30 else stats.bootstrap(values, resamples=600)
        held += low <= 0.3 <= high
    assert lowest <= held / 400 <= 0.985


def test_few_clips_use_student_t_and_many_the_bootstrap():
    assert stats.interval(differences(29)).how == "student-t"
    assert stats.interval(differences(30)).how == "bootstrap"
    alone = stats.interval([31.5])
    assert (alone.mean, alone.low, alone.high, alone.how) == (31.5, None, None, "none")


def test_infinite_values_are_left_out_and_counted():
    made = stats.interval([30.0, np.inf, 32.0, np.nan])
    assert (made.mean, made.n, made.n_inf) == (31.0, 2, 2)
    nothing = stats.interval([np.inf])
    assert nothing.n == 0 and nothing.n_inf == 1 and np.isnan(nothing.mean)


def test_wilcoxon_equals_scipy_and_cannot_go_below_an_eighth_with_four_clips():
    values = differences(40)
    assert stats.wilcoxon(values) == oracle.wilcoxon(values).pvalue
    assert stats.wilcoxon(np.array([0.5, 0.6, 0.7, 0.8])) == 0.125
    assert stats.wilcoxon(np.zeros(10)) == 1.0


def test_holm_by_hand():
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert stats.holm([0.9, 0.6, 0.7]) == [1.0, 1.0, 1.0]  # no p is larger than 1
    assert stats.holm([0.02]) == [0.02] and stats.holm([]) == []


def test_pairing_finds_what_means_alone_hide():
    random = np.random.default_rng(1)
    clips = random.normal(32, 4.2, 240)
    ours, theirs = clips + 0.09 + random.normal(0, 0.03, 240), clips
    made = stats.compare(ours, theirs)
    assert made.verdict == "better" and made.p_wilcoxon < 1e-30
    assert made.difference.mean == pytest.approx(0.09, abs=0.006)
    assert oracle.ttest_ind(ours, theirs).pvalue > 0.5
    assert stats.compare(theirs, ours).verdict == "worse"
    assert stats.compare(ours, theirs, higher_is_better=False).verdict == "worse"


def test_under_a_hundredth_of_a_db_is_a_tie_however_certain():
    clips = np.linspace(25, 40, 2000)
    made = stats.compare(clips + 0.005 + 0.001 * np.sin(np.arange(2000)), clips)
    assert made.p_wilcoxon < 1e-100 and made.verdict == "tie"
    assert (made.wins, made.ties, made.losses) == (0, 2000, 0) and made.share_won == 0.5


def test_an_interval_around_zero_decides_nothing():
    made = stats.compare([30.0, 31.0, 29.5, 33.0], [30.5, 30.2, 30.1, 31.5])
    assert made.verdict == "undecided" and made.difference.how == "student-t"
    assert (made.wins, made.ties, made.losses) == (2, 0, 2)


def test_wins_ties_and_losses_count_infinite_clips_too():
    made = stats.compare([np.inf, np.inf, 30.0, 30.0, 30.0], [30.0, np.inf, np.inf, 30.004, 29.0])
    assert (made.wins, made.ties, made.losses) == (2, 2, 1)
    assert made.difference.n == 2 and made.difference.n_inf == 3


INF = np.inf
# the gain of each clip: infinite where the first method alone is exact, minus infinite where the second is
VERDICTS = {
    "exact everywhere": ([INF] * 6, "better"),
    "the other is exact everywhere": ([-INF] * 6, "worse"),
    "exact on one clip alone": ([INF], "one clip: no verdict"),
    "each is exact somewhere": ([INF, -INF, INF], "undecided"),
    "each is exact somewhere, and the rest is better": ([INF, -INF, 1.0, 1.1, 0.9], "undecided"),
    "exact, and the rest is better": ([INF, 1.0, 1.1, 0.9, 1.2, 0.8], "better"),
    "exact, and the rest is worse": ([INF, -1.0, -1.1, -0.9], "undecided"),
    "the other is exact, and the rest is worse": ([-INF, -1.0, -1.1, -0.9, -1.2, -0.8], "worse"),
    "the other is exact, and the rest is better": ([-INF, 1.0, 1.1, 0.9], "undecided"),
    "exact, and the rest is a tie": ([INF, 0.001, -0.001, 0.0], "undecided"),
    "exact, and the rest is open": ([INF, INF, 1.0, -1.1, 0.9], "undecided"),
    "exact, and the rest is better, of few clips": ([INF, 1.0, 1.1, 0.9], "too few clips"),
    "the rest is a tie": ([0.001, -0.001, 0.0], "tie"),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_an_infinite_difference_is_never_a_tie(case):
    gains, verdict = VERDICTS[case]
    first = [INF if gain == INF else 30.0 if gain == -INF else 30.0 + gain for gain in gains]
    second = [INF if gain == -INF else 30.0 for gain in gains]
    made = stats.compare(first, second)
    assert made.verdict == verdict
    infinite = [gain for gain in gains if np.isinf(gain)]
    assert (made.difference.n, made.difference.n_inf) == (len(gains) - len(infinite), len(infinite))
    assert made.wins == sum(gain >= stats.TIE_DB for gain in gains)
    assert made.losses == sum(gain <= -stats.TIE_DB for gain in gains)
    opposite = {"better": "worse", "worse": "better"}
    assert stats.compare(second, first).verdict == opposite.get(verdict, verdict)


def test_clips_on_which_both_are_exact_are_ties_and_decide_nothing():
    made = stats.compare([INF] * 3, [INF] * 3)
    assert (made.wins, made.ties, made.losses, made.verdict) == (0, 3, 0, "tie")
    assert (made.difference.n, made.difference.n_inf, made.p_wilcoxon) == (0, 3, 1.0)
    more = [31.0, 31.1, 31.2, 31.3, 31.4, 31.5]
    assert stats.compare([INF, *more], [INF] + [30.0] * 6).verdict == "better"


def test_an_infinite_gain_takes_part_in_the_test_as_the_largest_one():
    # a signed-rank test by hand: five gains of one sign out of five have p = 2 / 2**5
    made = stats.compare([INF, INF, 31.0, 32.0, 33.0], [30.0] * 5)
    assert made.p_wilcoxon == 2 / 2**5
    assert made.p_wilcoxon == oracle.wilcoxon([10.0, 10.0, 1.0, 2.0, 3.0]).pvalue


@pytest.mark.parametrize(("gain", "wins", "verdict"), [(0.25, 6, "better"), (0.125, 0, "tie"), (-0.25, 0, "worse")])
def test_a_gain_of_exactly_the_tie_is_no_tie(gain, wins, verdict):
    made = stats.compare([30.0 + gain] * 6, [30.0] * 6, tie=0.25)
    assert (made.wins, made.verdict) == (wins, verdict)
    assert made.wins + made.losses == (6 if abs(gain) >= 0.25 else 0)


def test_a_tie_is_under_a_hundredth_of_a_db_unless_told_otherwise():
    apart = stats.compare([30.011, 30.012, 30.013, 30.014, 30.015, 30.016], [30.0] * 6)
    assert (apart.wins, apart.verdict) == (6, "better")
    assert stats.compare([30.009] * 3, [30.0] * 3).verdict == "tie"


def test_an_interval_that_touches_zero_decides_nothing():
    def verdict(low, high, mean=0.5):
        interval = stats.Interval(mean, low, high, "student-t", 3, 0)
        gains = np.copysign(np.arange(1.0, 9.0), mean)
        made = stats.compare(30.0 + gains, [30.0] * 8)
        return replace(made, difference=interval).verdict

    assert verdict(0.0, 1.0) == verdict(-1.0, 0.0) == verdict(None, None) == "undecided"
    assert verdict(1e-9, 1.0) == "better" and verdict(-1.0, -1e-9, -0.5) == "worse"


def test_the_mean_and_its_interval_are_of_folders_where_a_protocol_averages_folders():
    gains = {"a": [1.0, 1.0, 1.0, 1.0], "b": [-1.0, -3.0], "c": [2.0]}
    folders = [folder for folder, of in gains.items() for _ in of]
    gain = np.concatenate(list(gains.values()))
    made = stats.compare(30.0 + gain, np.full(7, 30.0), units=Units(folders=tuple(folders)))
    means = [1.0, -2.0, 2.0]
    assert made.difference.mean == pytest.approx(np.mean(means))
    wanted = oracle.t.interval(0.95, 2, loc=np.mean(means), scale=oracle.sem(means))
    assert (made.difference.low, made.difference.high) == pytest.approx(wanted)
    assert made.effect == pytest.approx(np.mean(means) / np.std(means, ddof=1))
    assert (made.wins, made.ties, made.losses, made.difference.n) == (5, 0, 2, 7)
    assert made.p_wilcoxon == oracle.wilcoxon(gain).pvalue
    # by clips the first is ahead, by folders nobody is
    even = stats.compare([31.0] * 4 + [29.0], [30.0] * 5, units=Units(folders=("a",) * 4 + ("b",)))
    assert even.verdict == "tie" and stats.compare([31.0] * 4 + [29.0], [30.0] * 5).difference.mean == 0.6


def test_an_exact_clip_is_left_out_of_its_folder_and_its_folder_stays():
    made = stats.compare([INF, 31.0, 33.0], [30.0] * 3, units=Units(folders=("a", "a", "b")))
    assert (made.difference.mean, made.difference.n, made.difference.n_inf) == (2.0, 2, 1)


def test_one_clip_decides_nothing_and_its_interval_is_none():
    made = stats.compare([31.0], [30.0])
    assert (made.verdict, made.difference.low, made.wins) == ("one clip: no verdict", None, 1)
    assert math.isnan(made.effect)  # no standard deviation, and not infinite


def test_the_level_of_an_interval_is_asked_for():
    values = differences(12)
    for level in (0.5, 0.8, 0.99):
        wanted = oracle.t.interval(level, 11, loc=values.mean(), scale=oracle.sem(values))
        made = stats.interval(values, level)
        assert (made.low, made.high) == pytest.approx(wanted) and made.level == level
        assert stats.compare(values, np.zeros(12), level=level).difference == made
    many = differences(50)
    assert stats.interval(many, 0.5).high < stats.interval(many, 0.95).high
    theirs = oracle.bootstrap((many,), np.mean, confidence_level=0.5, method="percentile", rng=1).confidence_interval
    assert stats.bootstrap(many, 0.5) == pytest.approx((theirs.low, theirs.high), abs=0.002)


def test_the_share_won_counts_ties_half():
    assert stats.compare([31.0, 30.0, 29.0, 31.0], [30.0] * 4).share_won == (2 + 0.5) / 4


def test_the_effect_size_is_the_mean_in_standard_deviations():
    values = differences(50)
    assert stats.effect_size(values) == pytest.approx(values.mean() / values.std(ddof=1))
    assert stats.effect_size(np.full(5, 0.3)) == np.inf and stats.effect_size(np.full(5, -0.3)) == -np.inf
    assert stats.effect_size(np.zeros(5)) == 0
    # one difference on every clip, but for what binary fractions make of it
    assert stats.effect_size(np.array([32.3 - 32.0, 33.3 - 33.0, 31.3 - 31.0, 4.3 - 4.0])) == np.inf


def test_several_methods_against_one_baseline_are_corrected_for_their_number():
    baseline = np.linspace(25, 35, 40)
    others = {
        name: baseline + differences(40, mean, 0.2, seed) for seed, (name, mean) in enumerate([("a", 0.1), ("b", 0.02)])
    }
    made = stats.compare_to(baseline, others)
    plain = [made[name].p_wilcoxon for name in ("a", "b")]
    assert [made[name].p_holm for name in ("a", "b")] == pytest.approx(stats.holm(plain))
    assert made["a"].p_holm > made["a"].p_wilcoxon


def test_detectable_differences_equal_the_published_table():
    for n, wanted in [(4, 0.14), (30, 0.051), (1225, 0.0080), (1610, 0.0070), (4972, 0.0040)]:
        assert stats.detectable(0.1, n) == pytest.approx(wanted, rel=0.02)


def test_mistakes_are_sentences():
    with pytest.raises(UsageError, match="2 and 3 values"):
        stats.compare([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(UsageError, match="one value per clip"):
        stats.interval([])
    with pytest.raises(UsageError, match="level 95"):
        stats.interval([1.0, 2.0], level=95)


def test_statistics_need_neither_torch_nor_pandas():
    code = "import sys, stvsr_bench.report.stats; print('torch' in sys.modules, 'pandas' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["False", "False"]


def by_hand(gains, tie=stats.TIE_DB):
    """What may be said of finite gains at most, with scipy's own test and interval."""
    mean = float(np.mean(gains))
    half = oracle.t.ppf(0.975, len(gains) - 1) * oracle.sem(gains)
    if abs(mean) < tie:
        return "tie"
    if oracle.wilcoxon(gains).pvalue >= 0.05 or abs(mean) <= half:
        return "no"
    return "better" if mean > 0 else "worse"


def test_a_verdict_never_contradicts_its_p_and_none_that_is_certain_is_hidden():
    random = np.random.default_rng(7)
    seen = set()
    for _ in range(300):
        n = int(random.integers(2, 16))
        gains = random.normal(random.choice([-1.0, -0.2, 0.0, 0.3, 1.0]), random.choice([0.05, 0.5, 2.0]), n)
        made = stats.compare(30.0 + gains, np.full(n, 30.0))
        seen.add(made.verdict)
        wanted = by_hand(made.per_clip)
        assert made.verdict == wanted or (wanted == "no" and made.verdict in ("undecided", "too few clips"))
        if made.verdict in ("better", "worse"):
            assert made.p_holm < 0.05 and n >= stats.FEWEST_CLIPS
        corrected = replace(made, p_holm=min(1.0, made.p_holm * 20))
        assert corrected.verdict in (
            (made.verdict,) if corrected.p_holm < 0.05 else ("tie", "undecided", "too few clips")
        )
    assert seen == {"better", "worse", "tie", "undecided", "too few clips"}


def test_a_mean_of_folders_against_the_ranks_of_clips_is_undecided():
    # nine clips of one folder lose a little; three folders of one clip win much: the mean and the test disagree
    gains = np.array([-0.2 - 0.01 * i for i in range(30)] + [1.0, 1.01, 1.02, 1.03])
    folders = tuple("a" if gain < 0 else f"b{i}" for i, gain in enumerate(gains))
    made = stats.compare(30.0 + gains, np.full(34, 30.0), units=Units(folders=folders))
    assert made.difference.mean > 0.5 and made.p_wilcoxon < 0.05 and made.verdict == "undecided"
