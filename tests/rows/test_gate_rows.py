"""One clip against the same clip of the baseline: the direction of each metric, its tolerance, NaN and infinities."""

import dataclasses
import math
import re
from pathlib import Path

import pytest

from stvsr_bench.metrics import METRICS
from stvsr_bench.rows import gate_rows, tolerances
from stvsr_bench.rows.judgement import Names
from stvsr_bench.schema import Row

INF, NAN = math.inf, math.nan
OTHER = {"system": "Linux x86_64", "cpu": "two", "host": "b", "code_paths": {"torch": "AVX512"}}
# what a paper's arrow says, written down here and not asked of the suite
UP = ["psnr_y", "ssim_rgb", "ms_ssim_y", "vmaf", "xpsnr_y"]
DOWN = ["mse_y", "mse_rgb", "lpips_alex", "lpips_vgg", "dists"]
CLIP_UP, CLIP_DOWN = ["tdiff_psnr_y", "cvvdp_standard_fhd_30fps"], ["tof_dis_medium", "warp_error_dis_medium"]


def verdicts(judgement):
    return [(move.verdict, move.what, move.bad) for move in judgement.moves]


@pytest.mark.parametrize("metric", [*UP, *DOWN])
def test_worse_is_lower_or_higher_as_the_metric_says(between, row, metric):
    low, high = ([row(values={metric: [0.25, 0.75 + plus]})] for plus in (0, 0.1))
    better, worse = (low, high) if metric in UP else (high, low)
    limit = {metric: 0.01}
    assert verdicts(between(better, worse, limit)) == [("improved", metric, False)]
    assert verdicts(between(worse, better, limit)) == [("regressed", metric, True)]
    assert verdicts(between(worse, better, {metric: 0.06})) == []  # the mean of two frames moved by 0.05


@pytest.mark.parametrize("metric", [*CLIP_UP, *CLIP_DOWN])
def test_clip_scalars_are_compared_as_values_are(between, row, metric):
    low, high = ([row(scalars={metric: 0.5 + plus})] for plus in (0, 0.1))
    better, worse = (low, high) if metric in CLIP_UP else (high, low)
    assert verdicts(between(better, worse, {metric: 0.01})) == [("improved", metric, False)]
    stopped = between(worse, better, {metric: 0.01})
    assert verdicts(stopped) == [("regressed", metric, True)] and stopped.compared == 1 and not stopped.passed
    assert between(worse, better, {metric: 0.11}).passed


def test_every_metric_has_a_direction_that_a_paper_would_give():
    """So that a new metric cannot come without a thought of its direction."""
    lower = (
        "mse",
        "lpips",
        "dists",
        "tof",
        "warp_error",
        "time_error",
        "ewarp",
        "tlp",
        "flolpips",
        "cambi",
        "shift",
        "lag",
    )
    for name, metric in METRICS.items():
        assert metric.higher_is_better != name.startswith(lower), name


@pytest.mark.parametrize("metric", ["psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb"])
def test_each_metric_is_stopped_by_itself_just_over_its_tolerance(between, row, metric):
    """The figures are those of docs/gate.md, written down again."""
    psnr = metric.startswith("psnr")
    start = 30.0 if psnr else 0.9
    for facts, limit in (({}, 1e-6 if psnr else 1e-8), ({"machine": OTHER}, 4e-4 if psnr else 5e-6)):
        for share, stopped in ((0.9, False), (1.1, True), (-1.1, False)):
            values = {"psnr_y": [30.0], "ssim_y": [0.9], "psnr_rgb": [30.0], "ssim_rgb": [0.9]}
            one = {"frames": [0], "given": [True]}
            before = row(values=values, **one)
            after = row(values={**values, metric: [start - share * limit]}, **one)
            judgement = between([before], [after], **facts)
            assert judgement.passed != stopped, (facts, share)
            assert judgement.compared == 4
            assert [move.what for move in judgement.moves] == ([metric] if abs(share) > 1 else [])


def test_the_strict_tolerance_is_not_used_across_versions_of_torch(between, row):
    a_little = [row(psnr=30 - 5e-5)]
    assert not between([row()], a_little).passed
    assert between([row()], a_little, torch="2.14").passed


def test_a_metric_that_is_no_longer_measured_is_stopped_with_a_tolerance_or_without(between, row):
    full = {"psnr_y": [31.0, 29.0], "lpips_alex": [0.1, 0.2]}
    before = [row(values=full, scalars={"tof_dis_medium": 1.0})]
    for metric, after in (
        ("psnr_y", row(values={"lpips_alex": [0.1, 0.2]}, scalars={"tof_dis_medium": 1.0})),
        ("lpips_alex", row(values={"psnr_y": [31.0, 29.0]}, scalars={"tof_dis_medium": 1.0})),
        ("tof_dis_medium", row(values=full)),
    ):
        for given in (None, {"lpips_alex": 1.0}):
            judgement = between(before, [after], given)
            assert ("missing", metric, True) in verdicts(judgement) and not judgement.passed


def test_metrics_without_a_tolerance_are_named_and_a_psnr_speaks_for_its_mse(between, row):
    values = {"mse_y": [50.0, 60.0], "psnr_y": [31.0, 30.0], "mse_rgb": [1.0, 1.0], "vmaf": [50.0, 60.0]}
    rows = [row(values=values, scalars={"tof_dis_medium": 1.0})]
    (note,) = between(rows, rows).notes
    assert note.startswith("not compared") and note.endswith(": vmaf, tof_dis_medium")
    (note,) = between(rows, rows, {"vmaf": 1.0}).notes
    assert note.endswith(": mse_y, psnr_y, mse_rgb, tof_dis_medium")
    assert between(rows, rows).passed and between(rows, rows).compared == 1


@pytest.mark.parametrize("before", [[NAN, 29.0], [INF, 29.0], [31.0, 29.0], [INF, INF]])
@pytest.mark.parametrize("name", ["psnr_y", "vmaf"])  # with a tolerance and without
def test_nan_is_stopped_whatever_was_there(between, row, before, name):
    rest = {"ssim_y": [0.9, 0.8]}
    judgement = between([row(values={name: before, **rest})], [row(values={name: [NAN, 29.0], **rest})])
    assert verdicts(judgement) == [("changed", f"{name}: NaN", True)]
    assert judgement.moves[0].after == "1 of 2"
    other_way = between([row(values={name: [NAN, 29.0], **rest})], [row(values={name: [31.0, 29.0], **rest})])
    assert verdicts(other_way) == [("changed", f"{name}: NaN", True)] and other_way.moves[0].before == "1 of 2"


def test_frames_that_have_no_value_of_a_metric_must_be_the_same(between, row):
    def judged(old, new, limits):
        return verdicts(between([row(values={"time_error": old})], [row(values={"time_error": new})], limits))

    limits = {"time_error": 0.01}
    assert judged([NAN, 0.1], [NAN, 0.1], limits) == judged([NAN, 0.1], [NAN, 0.1], {}) == []
    assert judged([NAN, 0.1], [0.1, NAN], limits) == [("changed", "time_error: NaN", True)]
    assert judged([NAN, 0.1], [NAN, NAN], {}) == [("changed", "time_error: NaN", True)]


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ([0.1, -0.1], [0.2, -0.2], ("regressed", "time_error", True)),  # the means are 0 on both sides
        ([0.2, -0.2], [0.1, -0.1], ("improved", "time_error", False)),
        ([-0.2, -0.2], [-0.1, -0.1], ("improved", "time_error", False)),
        ([0.1, 0.1], [-0.1, -0.1], ("changed", "time_error: sign", True)),
    ],
)
def test_a_metric_with_a_sign_is_better_where_it_is_smaller(between, row, old, new, verdict):
    sides = [[row(values={"time_error": values})] for values in (old, new)]
    assert verdicts(between(*sides, {"time_error": 0.01})) == [verdict]


def test_nan_of_a_scalar_or_of_a_metric_that_is_new_is_stopped(between, row):
    assert not between([row(scalars={"tof_dis_medium": 1.0})], [row(scalars={"tof_dis_medium": NAN})]).passed
    new = between([row()], [row(scalars={"tof_dis_medium": NAN})])
    assert verdicts(new) == [("changed", "tof_dis_medium: NaN", True)]
    assert between([row()], [row(scalars={"tof_dis_medium": 1.0})]).moves == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([31.0, 29.0], [INF, 29.0], ("0 of 2", "1 of 2")),
        ([INF, 29.0], [31.0, 29.0], ("1 of 2", "0 of 2")),
        ([INF, INF], [31.0, 29.0], ("2 of 2", "0 of 2")),
        ([31.0, 29.0], [INF, INF], ("0 of 2", "2 of 2")),
        ([INF, 29.0], [29.0, INF], ("1 of 2", "1 of 2")),  # as many, of other frames
        ([INF, INF], [INF, -INF], ("2 of 2", "2 of 2 (1 below zero)")),
        ([-INF, 29.0], [INF, 29.0], ("1 of 2 (1 below zero)", "1 of 2")),
    ],
)
def test_a_value_that_became_or_ceased_to_be_infinite_is_stopped(between, row, before, after, said):
    rest = {"ssim_y": [0.9, 0.8]}
    judgement = between([row(values={"psnr_y": before, **rest})], [row(values={"psnr_y": after, **rest})])
    assert verdicts(judgement) == [("changed", "psnr_y: infinite", True)]
    assert (judgement.moves[0].before, judgement.moves[0].after) == said


@pytest.mark.parametrize("values", [[INF, 29.0], [INF, INF], [-INF, 29.0]])
def test_infinite_as_it_was_is_equal_and_the_finite_frames_are_compared(between, row, values):
    before = [row(values={"psnr_y": values})]
    judgement = between(before, before)
    assert judgement.passed and judgement.compared == 1 and judgement.moves == []
    if math.isfinite(values[1]):
        lower = between(before, [row(values={"psnr_y": [values[0], 28.98]})])
        assert verdicts(lower) == [("regressed", "psnr_y", True)]
        assert lower.moves[0].after == "28.9800 (-0.02)"


def test_values_that_a_sum_cannot_hold_are_no_internal_error(between, row):
    huge = [row(values={"mse_y": [1e308, 1e308]})]
    assert not between([row(values={"mse_y": [1.0, 1.0]})], huge, {"mse_y": 1.0}).passed
    assert between(huge, huge, {"mse_y": 1.0}).passed


MUST_BE_EQUAL = [
    ("weights_sha256", "b" * 64, "weights"),
    ("params", 1001, "parameters"),
    ("params", None, "parameters"),
    ("size", (8, 16), "size"),
    ("kind", "vfi", "kind"),
    ("protocol", "suite-9", "protocol"),
    ("restoring_key", "1", "restoring protocol"),
    ("untrained", True, "untrained"),
    ("flags", ["fell-back"], "flags"),
    ("frames", [0, 2], "frames scored"),
    ("given", [True, True], "input frames"),
    ("truth", "0" * 16, "true frames"),
    ("input", "0" * 16, "low-resolution frames"),
]  # fmt: skip
MATCHED = {
    "method",
    "weights",
    "weights_sha256",
    "source",
    "dataset",
    "split",
    "clip",
    "protocol_key",
}  # test_matching.py
COMPARED = {"values", "scalars", "bit_exact", "seconds"}  # here, seconds in test_gate_costs.py
MAY_DIFFER = {
    "key",  # of the same parts as what is matched
    "motion_px",  # of the truth: it has no part in a verdict
    "how", "env",  # they choose the tolerance
    "asked",  # where memory ran out: `method` is matched, and says so
    "made",  # a gate compares what other code makes; it is named in a note
    "stamp",  # of the files: their frames are compared
    "suite", "schema_version",
}  # fmt: skip


def test_every_field_of_a_row_is_guarded_or_may_differ():
    """A new field must be put into one of the four."""
    equal = {field for field, _, _ in MUST_BE_EQUAL}
    assert equal | MATCHED | COMPARED | MAY_DIFFER == {field.name for field in dataclasses.fields(Row)}
    assert not MAY_DIFFER & (equal | MATCHED | COMPARED)


@pytest.mark.parametrize(("field", "value", "what"), MUST_BE_EQUAL)
def test_what_is_no_value_and_must_be_equal(between, row, field, value, what):
    known = {"weights_sha256": "a" * 64, "truth": "1" * 16, "input": "1" * 16}
    judgement = between([row(**known)], [row(**{**known, field: value})])
    assert verdicts(judgement) == [("changed", what, True)]
    assert judgement.moves[0].before != judgement.moves[0].after


def test_other_frames_are_said_where_many_are_scored(between, row):
    many = {"given": [True] * 30, "values": {"psnr_y": [30.0] * 30}}
    before, after = (row(frames=[*range(29), last], **many) for last in (29, 30))
    (move,) = between([before], [after]).moves
    assert (move.before, move.after) == ("30, number 30 is 29", "30, number 30 is 30")
    fewer = row(frames=[*range(29)], given=[True] * 29, values={"psnr_y": [30.0] * 29})
    assert [(move.before, move.after) for move in between([before], [fewer]).moves] == [("30", "29")] * 2


def test_fewer_values_than_frames_are_stopped_and_no_internal_error(row):
    """The reader refuses such rows; a gate that is handed them must not pass them either."""
    names = Names([], [])
    for before, after in (([31.0, 29.0], [31.0]), ([31.0], [31.0, 29.0]), ([31.0], [31.0])):
        sides = [row(values={"psnr_y": values}) for values in (before, after)]
        moves, _ = gate_rows.compare(*sides, tolerances.SAME_MACHINE, names)
        assert [(move.verdict, move.what) for move in moves] == [("changed", "psnr_y: values")]
    short = row(given=[True])
    assert [move.what for move in gate_rows.compare(row(), short, {}, names)[0]] == ["input frames"]


def test_a_method_that_no_longer_calls_itself_bit_exact_does_not_get_a_looser_tolerance_unseen(between, row):
    stopped = between([row(bit_exact=True)], [row(bit_exact=False, psnr=30 - 1e-7)])
    assert verdicts(stopped) == [("changed", "bit-exact", True)]
    assert between([row(bit_exact=False)], [row(bit_exact=True)]).passed  # rows of an earlier suite do not say it


def test_what_must_be_equal_to_the_bit_may_not_move_from_one_frame_to_another(between, row):
    before, after = (row(bit_exact=True, values={"psnr_y": values}) for values in ([31.0, 29.0], [29.0, 31.0]))
    judgement = between([before], [after])
    assert verdicts(judgement) == [("changed", "psnr_y: frames", True)]
    assert judgement.moves[0].after == "2 of 2 differ"
    assert between([row(values=before.values)], [row(values=after.values)]).passed  # a network: the mean counts


def test_the_tolerances_are_those_of_the_page():
    """Each line of the table of docs/gate.md: PSNR and SSIM of a clip, and one frame of the PSNR of luma."""
    page = (Path(__file__).parents[2] / "docs" / "gate.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| .* \| ([\d.e-]+)(?: dB)?, ([\d.e-]+) \| ([\d.e-]+)(?: dB)? \|$", page, re.MULTILINE)
    limits = (tolerances.EXACT, tolerances.OTHER_KERNELS, tolerances.SAME_MACHINE, tolerances.OTHER_CODE)
    frames = (0, 0, tolerances.SAME_MACHINE_FRAME_DB, tolerances.OTHER_CODE_FRAME_DB)
    for (psnr, ssim, frame), found, frame_db in zip(table, limits, frames, strict=True):
        assert found == {
            f"{name}_{of}": float(v) for name, v in (("psnr", psnr), ("ssim", ssim)) for of in ("y", "rgb")
        }
        assert frame_db == float(frame)


def test_what_made_the_rows_otherwise_is_said_in_words_and_is_no_verdict(between, row):
    before = [row("0", made={"code": "1", "seed": "0"}), row("1", made={"code": "1", "seed": "0"})]
    after = [row("0", made={"code": "2", "seed": "0"}), row("1", made={"code": "1", "seed": "7"})]
    judgement = between(before, after)
    assert judgement.passed
    assert "other than when the baseline was measured: its code and the seed, of net@mini" in judgement.notes
    assert not any("other than" in note for note in between(before, before).notes)
    older = [row("0"), row("1")]
    assert not any("other than" in note for note in between(older, after).notes)  # what made them is not known
