"""The tidy table's means by frame position, and its bins of motion."""

import math

import numpy as np
import pytest

from stvsr_bench.report.alike import alike
from stvsr_bench.report.tidy import by_position, motion_bin, tidy
from stvsr_bench.report.units import Units, folder_of
from stvsr_bench.report.write import load


def test_by_position_shows_the_saw_tooth(run):
    table = load([run]).tidy
    mine = table[(table["method"] == "stdan") & (table["split"] == "fast")]
    means = by_position(mine, "psnr_y").sort_values("position")["value"].to_numpy()
    assert (np.diff(means)[0::2] < -5).all()
    assert (np.diff(means)[1::2] > 5).all()


def test_motion_bins_cover_everything_once():
    assert [motion_bin(value) for value in (0.0, 0.99, 1.0, 5.0, 100.0)] == ["0-1", "0-1", "1-2", "4-8", "16+"]


def test_of_two_runs_that_measured_the_same_thing_the_later_one_counts(row, write, tmp_path):
    runs = [
        write(tmp_path / name, [row("a", "", "d", "s", "1", [psnr] * 7)]) for name, psnr in (("x", 20.0), ("y", 30.0))
    ]
    assert list(load(runs).tidy["psnr_y"]) == [30.0]
    assert list(load(runs[::-1]).tidy["psnr_y"]) == [20.0]


def test_the_mean_of_folders_is_a_mean_and_of_top_level_folders():
    values = np.array([10.0, 20.0, 60.0, 60.0])
    clips = ["a/x/1", "b/x/1", "c/x/1", "c/y/1"]
    # the median of the three folders is 20, the folders of the last level give (30 + 60) / 2
    assert Units(folders=tuple(map(folder_of, clips))).mean(values) == pytest.approx((10 + 20 + 60) / 3)


def test_a_clip_without_a_value_does_not_move_the_folders_of_those_after_it():
    values = np.array([math.nan, 10.0, 10.0, 40.0])
    assert Units(folders=("a", "a", "a", "b")).mean(values) == pytest.approx(25.0)
    assert math.isnan(Units(folders=("a",)).mean(values[:1]))


def test_positions_leave_infinite_frames_out_for_all_methods(row):
    rows = [row("a", "", "d", "s", "1", [math.inf, *[20.0] * 6]), row("b", "", "d", "s", "1", [90.0, *[30.0] * 6])]
    rows += [row("b", "", "d", "s", "2", [40.0] * 7)]
    found = by_position(alike(tidy(rows)), "psnr_y").set_index(["method", "position"])["value"]
    assert ("a", 0) not in found.index and found["b", 0] == 40.0 and found["b", 1] == 35.0
