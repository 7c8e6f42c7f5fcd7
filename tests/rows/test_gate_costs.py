"""Seconds of a run against those of the baseline, paired over clips; multiply-adds against multiply-adds."""

import pytest

from stvsr_bench.rows import gate, gate_costs
from stvsr_bench.rows.judgement import Side

PROFILE = {"kind": "profile", "method": "net", "size": [8, 8], "frames": 4, "precision": "fp32", "gmacs": 1.5}


@pytest.fixture
def timed(between, row):
    """What the gate says of seconds by clip, before and after."""

    def judged(before, after, before_of=lambda n: {}, **facts):
        def rows(seconds, changes):
            return [row(**{"clip": f"{n}", "seconds": {"restore": s}, **changes(n)}) for n, s in enumerate(seconds)]

        return between(rows(before, before_of), rows(after, before_of), **facts)

    return judged


def verdicts(judgement):
    return [(move.verdict, move.what) for move in judgement.moves]


@pytest.mark.parametrize(
    ("factor", "said"),
    [(1.12, "regressed"), (1.4, "regressed"), (1.08, ""), (1.0, ""), (0.92, ""), (1 / 1.12, "improved")],
)
def test_a_tenth_slower_is_stopped_and_a_tenth_faster_is_reported(timed, factor, said):
    judgement = timed([1.0 + 0.1 * n for n in range(8)], [factor * (1.0 + 0.1 * n) for n in range(8)])
    assert verdicts(judgement) == ([(said, "runtime")] if said else [])
    assert judgement.passed != (said == "regressed")


def test_noise_of_a_median_over_a_tenth_is_no_slowdown(timed):
    noise = [1.3, 1.25, 1.22, 1.2, 1.18, 1.15, 1.12, 1.11, 1.1, 0.65]  # median 1.165, p = 0.08
    assert timed([1.0] * 10, noise).moves == []


def test_clips_of_very_different_length_are_compared_clip_by_clip(timed):
    before = [0.1, 0.1, 0.1, 0.1, 1.0, 4.0, 4.0, 4.0, 4.0]
    # each clip by 20 %; the median of all stays 1.0 for the middle one alone is as it was
    slower = [1.2 * s for s in before[:4]] + [1.0] + [1.2 * s for s in before[5:]]
    assert verdicts(timed(before, slower)) == [("regressed", "runtime")]
    # one clip moved the middle of all seconds, and the others did not move
    assert timed(before, [*before[:4], 1.5, *before[5:]]).moves == []


@pytest.mark.parametrize("clips", [1, 6, 7])
def test_of_fewer_than_eight_clips_no_slowdown_can_be_told_and_that_is_said(timed, clips):
    """The smallest p of a paired two-sided rank test is 2 / 2^n: below 0.01 from 8 clips on."""
    judgement = timed([1.0] * clips, [3.0 + 0.1 * n for n in range(clips)])
    assert judgement.passed and judgement.moves == []
    (note,) = judgement.notes
    assert "runtime of net@mini: x3" in note and f"{clips} clip{'s' * (clips > 1)}; 8 are needed" in note
    assert not timed([1.0] * 8, [3.0 + 0.1 * n for n in range(8)]).passed


def test_one_clip_under_two_protocols_was_restored_once(timed):
    """Its seconds are one time: eight rows of four clips are no eight clips."""

    def two_protocols(n):
        return {"clip": f"{n // 2}", "protocol_key": f"suite-{n % 2}"}

    assert timed([1.0] * 8, [2.0] * 8, two_protocols).passed
    assert not timed([1.0] * 16, [2.0] * 16, two_protocols).passed


@pytest.mark.parametrize("field", ["dataset", "split", "restoring_key"])
def test_clips_of_one_name_elsewhere_are_other_clips(timed, field):
    def elsewhere(n):
        return {"clip": f"{n // 2}", "protocol_key": f"{n % 2}", field: f"{n % 2}"}

    assert not timed([1.0] * 8, [2.0] * 8, elsewhere).passed


def test_seconds_of_two_versions_of_torch_are_not_compared(timed):
    (note,) = timed([1.0] * 8, [2.0] * 8, torch="2.14").notes
    assert note.startswith("runtime not compared") and note.endswith(": net@mini")


@pytest.mark.parametrize("name", ["threads", "device"])
def test_seconds_of_other_threads_or_of_another_device_are_not_compared(between, row, name):
    before, after = (
        [row(f"{n}", seconds={"restore": s}, how={"threads": "1", "device": "cpu", name: value}) for n in range(8)]
        for s, value in ((1.0, "1"), (2.0, "2"))
    )
    assert between(before, after).passed


def test_seconds_of_machines_that_nobody_described_are_not_compared(tmp_path, row, write):
    folders = [
        write(tmp_path / f"{s}", [row(f"{n}", seconds={"restore": s}) for n in range(8)], machine={"cpu": "one"})
        for s in (1.0, 2.0)
    ]
    assert gate.judge(*folders).passed


def test_seconds_that_are_none_are_left_out(timed):
    assert timed([0.0, -1.0, float("inf"), float("nan"), *[1.0] * 7], [2.0] * 11).passed  # seven are left
    assert not timed([0.0, *[1.0] * 8], [2.0] * 9).passed


def test_methods_are_timed_apart(between, row):
    def rows(seconds):
        return [row(f"{n}", method=method, seconds={"restore": s}) for method, s in seconds.items() for n in range(8)]

    judgement = between(rows({"fast": 1.0, "slow": 1.0}), rows({"fast": 1.0, "slow": 2.0}))
    assert [(move.method, move.verdict) for move in judgement.moves] == [("slow", "regressed")]


@pytest.mark.parametrize("name", ["kind", "method", "size", "frames", "precision"])
def test_profiles_that_differ_in_one_thing_do_not_stand_in_for_each_other(name):
    other = {**PROFILE, name: [16, 16] if name == "size" else "another", "gmacs": 9.0}
    from_before = [PROFILE, other]
    assert _costs(from_before, [other, PROFILE]) == []
    swapped = [{**PROFILE, "gmacs": 9.0}, {**other, "gmacs": 1.5}]
    assert _costs(from_before, swapped) == [("changed", "gmacs")] * 2
    assert _costs(from_before, [PROFILE]) == [("missing", "profile")]


def test_params_of_a_profile_are_compared_and_a_profile_without_a_method_is_no_internal_error():
    before = {**PROFILE, "params": 1000}
    assert _costs([before], [{**before, "params": 1001}]) == [("changed", "params")]
    assert _costs([PROFILE], [before]) == []
    assert _costs([{"kind": "profile"}], []) == [("missing", "profile")]


def _costs(before, after):
    sides = [Side([], {}, profiles) for profiles in (before, after)]
    return [(move.verdict, move.what) for move in gate_costs.costs(*sides)]
