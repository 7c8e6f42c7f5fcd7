"""What verify calls a change: the largest of any frame, and everything that cannot be subtracted."""

import math
from dataclasses import replace

import pytest

from stvsr_bench.rows.comparison import change_db
from stvsr_bench.schema import Row


@pytest.fixture
def before():
    names = ("k", "m", "", "mini", "fast", "c", "suite-1", "suite-1.1-0", "0")
    return Row(*names, [0, 1, 2], [True, False, True], {"psnr_y": [30.0, 40.0, math.inf]}, (32, 48))


def test_the_worst_frame_counts_in_either_direction(before):
    after = replace(before, values={"psnr_y": [30.5, 38.0, math.inf]})
    assert change_db(before, after) == change_db(after, before) == 2.0
    assert change_db(before, before) == 0.0


@pytest.mark.parametrize("values", [[30.0, 40.0, 99.0], [math.inf, 40.0, math.inf], [30.0, math.nan, math.inf]])
def test_a_frame_that_is_infinite_on_one_side_alone_is_no_small_change(before, values):
    assert change_db(before, replace(before, values={"psnr_y": values})) == math.inf


def test_other_frames_cannot_be_compared(before):
    assert change_db(before, replace(before, frames=[1, 2, 3])) == math.inf
