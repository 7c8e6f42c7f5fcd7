"""Means over frames against a plain loop, with frames that cannot be averaged."""

import math
import statistics

import numpy as np
import pytest

from stvsr_bench.metrics.means import over_clips, over_frames

LINES = [[30.0, 40.0, 35.5], [30.0, math.inf, 35.5], [math.nan, math.inf, 31.0], [math.nan, 20.0, 22.0], [math.inf] * 3]


@pytest.mark.parametrize("keep", [False, True])
def test_a_mean_leaves_out_what_has_no_value_and_infinity_unless_it_is_kept(keep):
    for line, mean in zip(LINES, over_frames(np.array(LINES), keep), strict=True):
        known = [value for value in line if not math.isnan(value) and (keep or math.isfinite(value))]
        assert mean == pytest.approx(statistics.fmean(known)) if known else math.isnan(mean)


def test_a_clip_without_a_value_is_left_out_of_the_mean_over_clips():
    assert over_clips(np.array([30.0, math.nan, 33.0])) == 31.5
    assert over_clips(np.array([30.0, math.inf])) == math.inf  # of a protocol that keeps it
    assert math.isnan(over_clips(np.array([math.nan, math.nan])))
