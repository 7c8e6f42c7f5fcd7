"""Frames that equal the truth: their PSNR is infinite, and a table says so instead of dropping them."""

import csv
import io
import json
import math

import pytest

from stvsr_bench.cli import call
from stvsr_bench.report.build import build
from stvsr_bench.report.tables.csvjson import tables_csv
from stvsr_bench.report.tables.markdown import table_md
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import tidy

EXACT = [math.inf] * 7


def numbers(rows):
    """{(metric, frames): record of `table.csv`} of rows of one method on one split."""
    lines = csv.DictReader(io.StringIO(tables_csv(build(tidy(rows), [], Options()))))
    return {(line["metric"], line["frames"]): line for line in lines}


def test_a_metric_that_is_infinite_on_every_frame_keeps_its_line_without_a_value(row):
    found = numbers([row("same", "", "d", "s", clip, EXACT) for clip in "ab"])
    for frames, count in (("all", "14"), ("given", "8"), ("between", "6")):
        line = found[("psnr_y", frames)]
        assert (line["value"], line["n"], line["n_inf"], line["mark"]) == ("", "0", count, "")
    assert found[("ssim_y", "all")]["n"] == "2"


def test_infinite_frames_are_counted_in_the_columns_own_frames(row):
    # two of the four given frames, and one of the three between
    psnr = [math.inf, math.inf, 30.0, 20.0, math.inf, 20.0, 30.0]
    found = numbers([row("a", "", "d", "s", "c", psnr)])
    assert [found[("psnr_y", frames)]["n_inf"] for frames in ("all", "given", "between")] == ["3", "2", "1"]
    assert [float(found[("psnr_y", frames)]["value"]) for frames in ("all", "given", "between")] == [25.0, 30.0, 20.0]


def test_a_column_appears_only_where_something_was_measured_or_counted(row):
    rows = [row("a", "", "d", "s", "c", [30.0] * 4, frames=[0, 2, 4, 6], given=[True] * 4)]
    assert ("psnr_y", "between") not in numbers(rows)


def test_a_method_of_exact_frames_alone_stays_in_a_table_of_that_metric(row):
    rows = [row("same", "", "d", "s", "c", EXACT), row("b", "", "d", "s", "c", [30.0] * 7)]
    (table,) = build(tidy(rows), [], Options(metrics=("psnr_y",)))
    assert [line.method for line in table.of_dataset("d").lines] == ["b", "same"]
    (said,) = [line.split() for line in table_md(table.of_frames("all")).splitlines() if line.startswith("| same")]
    assert said[3:6] == ["–", "|", "0"] and "(7 inf)" in " ".join(said)


@pytest.mark.parametrize("clips", [1, 2])
def test_the_report_and_the_terminal_say_how_many_clips_a_mean_is_of(row, write, tmp_path, capsys, clips):
    rows = [row("same", "", "d", "s", "exact", EXACT), row("same", "", "d", "s", "other", [30.0] * 7)][:clips]
    run = write(tmp_path / "r", rows)
    assert call(["report", str(run), "-o", str(tmp_path / "out"), "--no-films"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    wanted = "0 of 1 clip" if clips == 1 else "1 of 2 clips"
    assert f"same, s: 7 frames with infinite PSNR-Y; the mean is of {wanted}" in said
    found = json.loads((tmp_path / "out" / "table.json").read_text("utf-8"))["numbers"]
    (line,) = [of for of in found if (of["metric"], of["frames"]) == ("psnr_y", "all")]
    assert (line["value"], line["n"], line["n_inf"]) == (None if clips == 1 else 30.0, clips - 1, 7)
    assert (tmp_path / "out" / "index.html").is_file()
