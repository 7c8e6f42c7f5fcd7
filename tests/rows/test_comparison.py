"""What verify calls a change: the largest of any frame, and everything that cannot be subtracted."""

import math
from dataclasses import replace

import pytest

from stvsr_bench.rows.comparison import both_finite, change_db
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
