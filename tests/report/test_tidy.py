"""The tidy table's means by frame position, and its bins of motion."""

import numpy as np

from stvsr_bench.report.tidy import by_position, motion_bin
from stvsr_bench.report.write import load


def test_by_position_shows_the_saw_tooth(run):
    table = load([run]).tidy
    mine = table[(table["method"] == "stdan") & (table["split"] == "fast")]
    means = by_position(mine, "psnr_y").sort_values("position")["value"].to_numpy()
    assert (np.diff(means)[0::2] < -5).all()
    assert (np.diff(means)[1::2] > 5).all()


def test_motion_bins_cover_everything_once():
    assert [motion_bin(value) for value in (0.0, 0.99, 1.0, 5.0, 100.0)] == ["0-1", "0-1", "1-2", "4-8", "16+"]
