"""What verify calls a change: the largest of any frame, and everything that cannot be subtracted."""

import math
from dataclasses import replace

import pytest

from stvsr_bench.rows.comparison import SAME, both_finite, change_db, differences
from stvsr_bench.schema import Row


@pytest.fixture
def before():
    names = ("key", "method", "weights", "dataset", "split", "clip", "protocol", "protocol_key", "restoring_key")
    of = dict(zip(names, ("k", "m", "", "mini", "fast", "c", "suite-1", "suite-1.1-0", "0"), strict=True))
    values = {"psnr_y": [30.0, 40.0, math.inf]}
    return Row(**of, frames=[0, 1, 2], given=[True, False, True], values=values, size=(32, 48))


def test_the_worst_frame_counts_in_either_direction(before):
    after = replace(before, values={"psnr_y": [30.5, 38.0, math.inf]})
    assert change_db(before, after) == change_db(after, before) == 2.0
    assert change_db(before, before) == 0.0


@pytest.mark.parametrize("values", [[30.0, 40.0, 99.0], [math.inf, 40.0, math.inf], [30.0, math.nan, math.inf]])
def test_a_frame_that_is_infinite_on_one_side_alone_is_no_small_change(before, values):
    assert change_db(before, replace(before, values={"psnr_y": values})) == math.inf


def test_frames_without_a_value_are_equal_where_the_metric_may_lack_them(before):
    late, later = ([math.nan, value, math.nan] for value in (0.1, 0.3))
    rows = [replace(before, values={"time_error": values}) for values in (late, list(late), later, [0.1, *late[1:]])]
    assert both_finite(late, list(late)) is None and both_finite(late, list(late), True).tolist() == [
        False,
        True,
        False,
    ]
    assert differences(rows[0], rows[1], {}, 0.0) == []
    for other in rows[2:]:
        assert len(differences(rows[0], other, {}, 0.0)) == 1


def test_other_frames_cannot_be_compared(before):
    assert change_db(before, replace(before, frames=[1, 2, 3])) == math.inf


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([30.0, math.nan, math.inf], [30.0, math.nan, math.inf]),  # NaN is equal to nothing, itself not either
        ([30.0, 40.0, math.nan], [30.0, 40.0, math.inf]),
        ([30.0, 40.0, math.inf], [30.0, 40.0, -math.inf]),
        ([30.0, math.inf, 40.0], [30.0, 40.0, math.inf]),
        ([30.0, 40.0, 50.0], [30.0, 40.0]),
    ],
)
def test_what_cannot_be_subtracted_is_no_small_change(before, old, new):
    rows = [replace(before, values={"psnr_y": values}) for values in (old, new)]
    assert change_db(*rows) == change_db(*reversed(rows)) == math.inf
    assert both_finite(old, new) is None


def test_a_row_without_the_metric_cannot_be_compared(before):
    without = replace(before, values={"ssim_y": [0.5, 0.5, 0.5]})
    assert change_db(before, without) == change_db(without, before) == change_db(without, without) == math.inf


def test_infinite_as_it_was_is_no_change(before):
    for values in ([math.inf] * 3, [math.inf, -math.inf, 30.0]):
        row = replace(before, values={"psnr_y": values})
        assert change_db(row, row) == 0.0
    assert both_finite([math.inf, 30.0, -math.inf], [math.inf, 20.0, -math.inf]).tolist() == [False, True, False]


LIMITS = {"psnr_y": 1e-6, "ssim_y": 1e-8}
FRAME_DB = 1e-5


def said(before, after, limits=LIMITS, frame_db=FRAME_DB):
    return differences(before, after, limits, frame_db)


def test_a_row_that_is_the_same_differs_in_nothing_and_times_and_places_are_no_difference(before):
    elsewhere = replace(before, seconds={"restore": 9.0}, env="other", suite="9", stamp="x", made={"code": "1"})
    here, there = ({"device": name, "left_out": name, "missing": name, "precision": "fp32"} for name in ("a", "b"))
    assert said(before, before) == said(before, elsewhere) == []
    assert said(replace(before, how=here), replace(before, how=there)) == []


OTHER = {
    "key": "f", "method": "n", "weights": "own", "dataset": "vid4", "split": "slow", "clip": "d", "protocol": "zsm",
    "protocol_key": "zsm-1", "restoring_key": "1", "frames": [0, 1, 3], "given": [True] * 3, "size": (32, 52),
    "kind": "vfi", "weights_sha256": "a" * 64, "source": "0f", "truth": "0f", "input": "0f", "untrained": True,
    "bit_exact": True, "params": 3, "motion_px": 1.0, "flags": ["black"],
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_any_other_label_or_digest_is_a_difference(before, name):
    before = replace(before, made={"code": "0"}, source="1", truth="1", input="1")
    old, new = getattr(before, name), OTHER[name]
    found = said(before, replace(before, **{name: new}))
    assert found == [f"{name} is {old}, not {new if len(str(new)) <= 40 else 'a' * 36 + ' ...'}"]


@pytest.mark.parametrize("name", ["truth", "input", "source"])
def test_what_an_older_row_does_not_say_is_no_difference_and_what_it_says_is_one(before, name):
    assert said(before, replace(before, **{name: "1"})) == []
    assert said(replace(before, **{name: "0"}), replace(before, **{name: "1"})) == [f"{name} is 0, not 1"]
    newer = replace(before, made={"code": "0"})
    assert said(newer, replace(newer, **{name: "1"})) == [f"{name} is , not 1"]


def test_another_way_of_measuring_is_a_difference_in_the_order_of_its_name(before):
    found = said(replace(before, how={"threads": "1", "precision": "fp32"}), replace(before, how={"threads": "2"}))
    assert found == ["precision was fp32, not not said", "threads was 1, not 2"]


def moved(before, metric, old, new, **limits):
    """What is said of one metric of three frames whose second moved."""
    first, second = (replace(before, values={metric: [1.0, value, 1.0]}) for value in (old, new))
    return said(first, second, **limits)


# a frame may move ten times as far as the mean, for that is what FRAME_DB is of the limit of psnr_y
@pytest.mark.parametrize(
    ("metric", "old", "inside", "outside"),
    [
        ("psnr_y", 30.0, 30.0 + 0.9e-5, 30.0 + 1.1e-5),
        ("psnr_y", 30.0, 30.0 - 0.9e-5, 30.0 - 1.1e-5),
        ("ssim_y", 0.5, 0.5 + 0.9e-7, 0.5 + 1.1e-7),
        ("mse_y", 100.0, 100.0 * 10**0.9e-6, 100.0 * 10**1.1e-6),
        ("lpips", 0.5, 0.5 + 0.9e-9, 0.5 + 1.1e-9),  # nobody measured by how much: the last digits,
        ("epe", -20.0, -20.0 + 19e-9, -20.0 + 21e-9),  # of the largest value where that is above 1
    ],
)
def test_a_frame_may_move_as_far_as_is_allowed_and_no_further(before, metric, old, inside, outside):
    assert moved(before, metric, old, inside) == []
    (found,) = moved(before, metric, old, outside)
    assert found.startswith(f"{metric} of a frame moved by ") and "; allowed: " in found


def test_where_other_code_paths_may_move_a_frame_so_may_a_metric_that_nobody_measured(before):
    wide = {"limits": {"psnr_y": 4e-4}, "frame_db": 2e-3}
    assert moved(before, "lpips", 0.5, 0.509, **wide) == []
    assert moved(before, "lpips", 0.5, 0.511, **wide) == ["lpips of a frame moved by 0.011; allowed: 0.01"]


def test_bit_exact_methods_may_move_by_their_limit_alone(before):
    exact = {"limits": {"psnr_y": 0.0, "ssim_y": 1e-13}, "frame_db": 0.0}
    assert moved(before, "psnr_y", 30.0, 30.0 + 1e-12, **exact) != []
    assert moved(before, "mse_y", 100.0, 100.0 + 1e-12, **exact) != []
    assert moved(before, "ssim_y", 0.5, 0.5 + 0.9e-13, **exact) == []
    assert moved(before, "ssim_y", 0.5, 0.5 + 1.5e-13, **exact) != []


def test_scalars_are_compared_and_a_metric_that_is_gone_is_said(before):
    old = replace(before, values={"psnr_y": [1.0] * 3, "ssim_y": [1.0] * 3}, scalars={"tof": 0.5, "vmaf": 90.0})
    new = replace(before, values={"psnr_y": [1.0] * 3}, scalars={"tof": 0.75, "new": 1.0})
    assert said(old, new) == [
        "ssim_y was not computed again", "tof of a frame moved by 0.25; allowed: 1e-09", "vmaf was not computed again",
    ]  # fmt: skip


def test_values_that_cannot_be_subtracted_moved_without_end(before):
    assert moved(before, "psnr_y", math.inf, 30.0) == ["psnr_y of a frame moved by inf; allowed: 1e-05"]
    assert moved(before, "psnr_y", math.inf, math.inf) == []
    other = replace(before, frames=[0, 1, 3], values={"psnr_y": [9.0] * 3})
    assert said(before, other) == ["frames is [0, 1, 2], not [0, 1, 3]"], "values of other frames are not subtracted"
