"""What a table holds: means, counts, marks, badges."""

import math
import subprocess
import sys

import numpy as np
import pytest

from stvsr_bench.cli.console import print_tables
from stvsr_bench.errors import NotRunnableError, UnknownNameError
from stvsr_bench.report.build import NOT_TRANSITIVE, build
from stvsr_bench.report.tables.markdown import table_md
from stvsr_bench.report.tables.notes import Coverage
from stvsr_bench.report.tables.ranking import ranking
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import tidy
from stvsr_bench.report.write import load


def cells(tables, metric="psnr_y", frames="all"):
    """{(protocol, dataset, split, method): Cell}"""
    return {
        (table.protocol, column.dataset, column.split, line.method): cell
        for table in tables
        for line in table.lines
        for column, cell in zip(table.columns, line.cells, strict=True)
        if (column.metric, column.frames) == (metric, frames)
    }


def test_the_mean_is_of_frames_first_and_then_of_clips(row):
    long = row("a", "", "d", "s", "long", [20.0] * 7)
    short = row("a", "", "d", "s", "short", [30.0] * 3, frames=[0, 1, 2], given=[True, False, True])
    found = cells(build(tidy([long, short]), [], Options(metrics=("psnr_y",))))
    assert found[("suite-1", "d", "s", "a")].value == pytest.approx(25.0)


def test_given_and_between_frames_have_means_of_their_own(row):
    rows = [row("a", "", "d", "s", "c", [30.0, 20.0, 30.0, 20.0, 30.0, 20.0, 30.0])]
    tables = build(tidy(rows), [], Options(metrics=("psnr_y",)))
    key = ("suite-1", "d", "s", "a")
    assert cells(tables, frames="given")[key].value == 30.0
    assert cells(tables, frames="between")[key].value == 20.0


def test_an_infinite_frame_is_left_out_counted_and_named(row):
    rows = [row("a", "", "d", "s", "black", [math.inf, *[20.0] * 6]), row("a", "", "d", "s", "c", [30.0] * 7)]
    (table,) = build(tidy(rows), [], Options(metrics=("psnr_y",)))
    cell = cells([table])[("suite-1", "d", "s", "a")]
    assert (cell.value, cell.n, cell.n_inf) == (25.0, 2, 1)
    assert any("1 frame" in note and "black" in note for note in table.notes)


def test_a_clip_without_a_finite_frame_is_not_in_the_mean(row):
    rows = [row("a", "", "d", "s", "black", [math.inf] * 7), row("a", "", "d", "s", "c", [30.0] * 7)]
    cell = cells(build(tidy(rows), [], Options(metrics=("psnr_y",))))[("suite-1", "d", "s", "a")]
    assert (cell.value, cell.n, cell.n_inf) == (30.0, 1, 7)


def test_a_protocol_that_keeps_infinite_values_shows_them(row):
    rows = [row("a", "", "d", "s", "black", [math.inf, *[20.0] * 6], protocol="zsm-2020")]
    cell = cells(build(tidy(rows), [], Options(metrics=("psnr_y",))))[("zsm-2020", "d", "s", "a")]
    assert math.isinf(cell.value)


def test_a_protocol_that_averages_folders_weighs_folders_equally(row):
    psnr = {"1/a": 20.0, "1/b": 20.0, "1/c": 20.0, "2/a": 30.0}
    rows = [row("a", "", "d", "s", clip, [value] * 7, protocol="rstt-2022") for clip, value in psnr.items()]
    rows += [row("a", "", "d", "s", clip, [value] * 7) for clip, value in psnr.items()]
    found = cells(build(tidy(rows), [], Options(metrics=("psnr_y",))))
    assert found[("rstt-2022", "d", "s", "a")].value == pytest.approx(25.0)
    assert found[("suite-1", "d", "s", "a")].value == pytest.approx(22.5)


def test_protocols_never_share_a_table(row):
    rows = [row("a", "", "d", "s", "c", [20.0] * 7, protocol=name) for name in ("suite-1", "zsm-2020")]
    assert [table.protocol for table in build(tidy(rows), [], Options())] == ["suite-1", "zsm-2020"]


def test_untrained_methods_are_labelled_and_never_best(run):
    measured = load([run])
    for table in build(measured.tidy, measured.profiles, Options()):
        (untrained,) = [line for line in table.lines if line.method == "zsm"]
        assert "untrained" in untrained.badges
        assert {cell.mark for cell in untrained.cells} == {""}
        best = [line.method for line in table.lines if line.cells[0].mark == "best"]
        assert best == ["stdan"]


def test_a_method_that_missed_clips_is_partial_and_not_ranked(row):
    rows = [row("a", "", "d", "s", clip, [20.0] * 7) for clip in "12"] + [row("b", "", "d", "s", "1", [40.0] * 7)]
    (table,) = build(tidy(rows), [], Options(metrics=("psnr_y",)))
    line = {line.method: line for line in table.lines}["b"]
    assert line.badges == ("partial",)
    assert (line.cells[0].n, line.cells[0].mark) == (1, "")
    assert ranking(table) == [("a", "")]


def test_common_compares_only_the_clips_that_all_methods_have(row):
    rows = [row("a", "", "d", "s", "1", [20.0] * 7), row("a", "", "d", "s", "2", [50.0] * 7)]
    rows += [row("b", "", "d", "s", "1", [40.0] * 7)]
    found = cells(build(tidy(rows), [], Options(metrics=("psnr_y",), common=True)))
    assert found[("suite-1", "d", "s", "a")].value == 20.0
    assert found[("suite-1", "d", "s", "b")].mark == "best"


def test_differences_under_a_hundredth_of_a_decibel_share_the_mark(row):
    level = {"a": 30.0, "b": 30.004, "c": 29.0}
    rows = [row(name, "", "d", "s", str(i), [value + i] * 7) for name, value in level.items() for i in range(4)]
    found = cells(build(tidy(rows), [], Options(metrics=("psnr_y",))))
    assert [found[("suite-1", "d", "s", name)].mark for name in "abc"] == ["best", "best", "second"]


def test_a_difference_that_chance_explains_shares_the_mark_from_five_clips_on(row):
    noise = [1.0, -0.9, 0.8, -1.0, 0.9, -0.7]
    for clips, marks in ((6, ["best", "best"]), (3, ["best", "second"])):
        rows = [row("a", "", "d", "s", str(i), [30.0 + noise[i]] * 7) for i in range(clips)]
        rows += [row("b", "", "d", "s", str(i), [30.0] * 7) for i in range(clips)]
        found = cells(build(tidy(rows), [], Options(metrics=("psnr_y",))))
        assert [found[("suite-1", "d", "s", name)].mark for name in "ab"] == marks


def test_a_metric_nobody_measured_is_named_with_those_that_were(run):
    measured = load([run])
    with pytest.raises(UnknownNameError, match=r"unknown metric in these rows 'psnr_x'.*psnr_y"):
        build(measured.tidy, [], Options(metrics=("psnr_x",)))


def test_a_run_that_does_not_exist_is_one_sentence(tmp_path):
    with pytest.raises(NotRunnableError, match="no run at"):
        load([tmp_path / "nothing"])


def test_reports_never_import_torch():
    code = (
        "import sys, pkgutil, importlib, stvsr_bench.report as r\n"
        "[importlib.import_module(m.name) for m in pkgutil.walk_packages(r.__path__, r.__name__ + '.')]\n"
        "assert len([n for n in sys.modules if n.startswith(r.__name__)]) > 20\n"
        "assert 'torch' not in sys.modules, 'torch came along'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_intervals_stand_beside_the_means_when_asked_for(row):
    rows = [row("a", "", "d", "s", str(i), [20.0 + i] * 7) for i in range(3)]
    (table,) = build(tidy(rows), [], Options(metrics=("psnr_y",), intervals=True))
    assert "**21.00** ± 2.48" in table_md(table)  # t(2 degrees, 97.5 %) = 4.303, times 1 / sqrt(3)


def test_a_split_measured_in_part_and_failed_clips_are_said(row):
    rows = [row("a", "mini", "d", "s", "1", [20.0] * 7)]
    known = Coverage(
        {f"d/s/{rows[0].protocol_key}": 8},
        ({"key": "k", "method": "a", "weights": "mini", "dataset": "d", "split": "s", "clip": "2"},),
    )
    (table,) = build(tidy(rows), [], Options(metrics=("psnr_y",)), known)
    assert "d s has 8 clips, 1 was measured" in table.notes
    assert "failed" in table.lines[0].badges


def test_a_leak_is_noted_under_the_table(row):
    (table,) = build(tidy([row("a", "", "d", "s", "city", [20.0] * 7, flags=["leak:27,29"])]), [], Options())
    assert any(note.startswith("Held-out frames were inputs") and "flag: leak" in note for note in table.notes)


def test_a_metric_where_less_is_better_marks_the_lowest(row):
    rows = [row(m, "", "d", "s", "1", [30.0] * 7, scalars={"tof_dis_medium": v}) for m, v in (("a", 0.5), ("b", 0.7))]
    (table,) = build(tidy(rows), [], Options(metrics=("tof_dis_medium",)))
    assert [line.cells[0].mark for line in table.lines] == ["best", "second"]
    assert "0.500" in table_md(table)
    assert ranking(table) == [("a", ""), ("b", "")]


def test_methods_are_chosen_and_ordered_by_name_or_with_their_weights(row):
    rows = [row("a", weights, "d", "s", "1", [20.0] * 7) for weights in ("mini", "none")]
    rows += [row("b", "", "d", "s", "1", [21.0] * 7)]
    (table,) = build(tidy(rows), [], Options(methods=("b", "a@mini")))
    assert [(line.method, line.weights) for line in table.lines] == [("b", ""), ("a", "mini")]


def test_a_metric_of_some_clips_is_counted_by_its_own_clips(row):
    vmaf = {"blend": ("1",), "dis": ("1", "2", "3")}
    rows = [
        row(
            name,
            "",
            "d",
            "s",
            clip,
            [30.0] * 7,
            scalars={"vmaf": 59.0 if name == "blend" else 65.0} if clip in of else {},
        )
        for name, of in vmaf.items()
        for clip in "123"
    ]
    (table,) = build(tidy(rows), [], Options(metrics=("psnr_y", "vmaf")))
    found = {name: cells([table], "vmaf")[("suite-1", "d", "s", name)] for name in vmaf}
    assert {name: (cell.n, cell.partial, cell.mark) for name, cell in found.items()} == {
        "blend": (1, True, ""),
        "dis": (3, False, "best"),
    }
    assert {line.method: line.badges for line in table.lines} == {"blend": ("partial",), "dis": ()}
    psnr = cells([table])[("suite-1", "d", "s", "blend")]
    assert (psnr.n, psnr.partial, psnr.mark) == (3, False, "best")  # tied, and whole
    assert [column.clips for column in table.columns if column.frames == "all"] == [3, 3]
    assert ranking(table) == [("dis", ""), ("blend", "")]  # by PSNR, which both have of all clips
    (table,) = build(tidy(rows[:3]), [], Options(metrics=("psnr_y", "vmaf"), apart=False))
    assert [column.clips for column in table.columns] == [3, 1]
    assert not table.lines[0].cells[1].partial


def test_common_clips_are_those_that_have_the_metric(row):
    vmaf = {(name, clip): {"vmaf": float(clip)} for name in "ab" for clip in "123"} | {("b", "3"): {}}
    rows = [row(name, "", "d", "s", clip, [30.0] * 7, scalars=of) for (name, clip), of in vmaf.items()]
    (table,) = build(tidy(rows), [], Options(metrics=("psnr_y", "vmaf"), apart=False, common=True))
    assert [column.clips for column in table.columns] == [3, 2]
    assert cells([table], "vmaf")[("suite-1", "d", "s", "a")].value == 1.5


def test_the_heads_of_the_terminal_count_the_clips_of_each_metric(row, capsys):
    rows = [row("a", "", "d", "s", clip, [30.0] * 7, scalars={"vmaf": 59.0} if clip == "1" else {}) for clip in "123"]
    print_tables(build(tidy(rows), [], Options(metrics=("psnr_y", "vmaf"))))
    assert "s (n=3/1)" in capsys.readouterr().out
    print_tables(build(tidy(rows), [], Options()))
    assert "s (n=3)" in capsys.readouterr().out


@pytest.mark.parametrize(("apart", "marks"), [(0.00009, ["best", "best"]), (0.0003, ["second", "best"])])
def test_ssim_ties_under_the_last_of_its_four_digits(row, apart, marks):
    rows = [row(name, "", "d", "s", "1", [30.0] * 7, values={"ssim_y": [value] * 7})
            for name, value in (("a", 0.9), ("b", 0.9 + apart))]  # fmt: skip
    (table,) = build(tidy(rows), [], Options(metrics=("ssim_y",), apart=False))
    assert [line.cells[0].mark for line in table.lines] == marks


def test_ties_are_judged_by_the_mean_that_the_protocol_takes(row):
    # by clips b is 1 dB ahead (far over its interval), by folders the two are equal
    gains = {**{f"x/{i}": 1.0 for i in range(9)}, "y/1": -1.0}
    for protocol, marks in (("rstt-2022", ["best", "best"]), ("stdan-2023", ["second", "best"])):
        rows = [row("a", "", "d", "s", clip, [30.0] * 7, protocol=protocol) for clip in gains]
        rows += [row("b", "", "d", "s", clip, [30.0 + gain] * 7, protocol=protocol) for clip, gain in gains.items()]
        (table,) = build(tidy(rows), [], Options(metrics=("psnr_y",), apart=False, intervals=True))
        assert [line.cells[0].mark for line in table.lines] == marks, protocol
        assert table.lines[0].cells[0].half == 0.0
    folders = build(tidy(rows), [], Options(metrics=("psnr_y",)))[0].lines[1].cells[0].half
    assert folders == pytest.approx(2.262157 * np.std([1.0] * 9 + [-1.0], ddof=1) / np.sqrt(10), abs=1e-5)


def test_the_interval_of_a_mean_of_folders_is_of_folders(row):
    values = {"x/1": 30.0, "x/2": 32.0, "y/1": 35.0}
    rows = [row("a", "", "d", "s", clip, [value] * 7, protocol="rstt-2022") for clip, value in values.items()]
    (table,) = build(tidy(rows), [], Options(metrics=("psnr_y",)))
    cell = table.lines[0].cells[0]
    assert cell.value == 33.0
    assert cell.half == pytest.approx(12.7062047 * np.std([31.0, 35.0], ddof=1) / np.sqrt(2), abs=1e-4)


def test_marks_that_are_not_in_the_order_of_the_means_are_explained(row):
    # the third is too uneven to be told from the first, the second is always 1 dB behind it
    uneven = [6.0, -9.0, 5.0, -10.0, 6.0, -14.8]
    rows = [row("a", "", "d", "s", f"{i}", [32.0] * 7) for i in range(6)]
    rows += [row("b", "", "d", "s", f"{i}", [31.0] * 7) for i in range(6)]
    rows += [row("c", "", "d", "s", f"{i}", [32.0 + gain] * 7) for i, gain in enumerate(uneven)]
    (table,) = build(tidy(rows), [], Options(metrics=("psnr_y",), apart=False))
    assert [(line.cells[0].value, line.cells[0].mark) for line in table.lines] == [
        (32.0, "best"),
        (31.0, "second"),
        (pytest.approx(29.2), "best"),
    ]
    assert NOT_TRANSITIVE in table.notes and "each is compared with the best" in table_md(table)
    (table,) = build(tidy(rows[:12]), [], Options(metrics=("psnr_y",)))
    assert NOT_TRANSITIVE not in table.notes


def test_a_metric_that_clips_cannot_have_is_said_with_its_reason(row):
    why = {"missing": "ms_ssim_y: frames are too small; tof: a program failed", "left_out": "ms_ssim_y"}
    rows = [
        row("a", "", "d", "s", name, [30.0] * 7, how=why if name != "001" else {}) for name in ("000", "001", "002")
    ]
    (table,) = build(tidy(rows), [], Options())
    assert "missing: ms_ssim_y: frames are too small, on 2 clips (000, 002)" in table.notes
    assert "missing: tof: a program failed, on 2 clips (000, 002)" in table.notes
