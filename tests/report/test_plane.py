"""Planes: every number is that of its own table, at its own scale and time scale, and nothing is averaged between."""

import csv
import io
import math
import shutil
import subprocess
from fractions import Fraction

import matplotlib
import pytest

from stvsr_bench import protocols
from stvsr_bench.report.build import build
from stvsr_bench.report.figures import catalogue
from stvsr_bench.report.figures import plane as figures
from stvsr_bench.report.figures.drawing import save
from stvsr_bench.report.formats import Content, texts
from stvsr_bench.report.page import plane as page
from stvsr_bench.report.plane import planes, rate_of
from stvsr_bench.report.tables.latex import NEEDS
from stvsr_bench.report.tables.planes import planes_csv, planes_md, planes_tex
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import tidy
from stvsr_bench.report.write import Output, load, write

A, B, C = ("a", ""), ("b", ""), ("c", "")
HOSTILE = r"\input{/etc/passwd} 100% $x_1^2$ & #1 {~} <b>|</b>"


@pytest.fixture
def measured(row):
    """Makes rows of a method at one point: clips of two gaps, each frame with the value of its kind."""

    def make(method, protocol, given_db, between_db, dataset="mini", clips="12", weights="", split="slow", **changes):
        every = protocols.get(protocol).time_scale
        frames = list(range(2 * every + 1))
        given = [index % every == 0 for index in frames]
        psnr = [given_db if of else between_db for of in given]
        at = {"protocol": protocol, "frames": frames, "given": given}
        return [row(method, weights, dataset, split, clip, psnr, **at, **changes) for clip in clips]

    return make


def of_rows(rows, metrics=("psnr_y",)):
    return planes(build(tidy(rows), [], Options(metrics=metrics)))


def values(plane, method):
    return {(str(scale), time): cell.value for (scale, time), cell in plane.cells[method].items()}


X2, X4, T6 = "suite-1:scale=2", "suite-1", "suite-1:scale=5/2:time_scale=6"


@pytest.fixture
def six(measured):
    """Two methods at three points: `b` is 2, 3 and 1 dB better between input frames."""
    rows = []
    for protocol, given, between, gain in ((X2, 40.0, 30.0, 2.0), (X4, 34.0, 28.0, 3.0), (T6, 38.0, 20.0, 1.0)):
        rows += measured("a", protocol, given, between) + measured("b", protocol, given, between + gain)
    return rows


def test_a_plane_holds_the_mean_of_each_protocol_at_its_own_point(six):
    all_frames, between = of_rows(six)
    assert (all_frames.family, all_frames.dataset, all_frames.split, all_frames.gap) == (
        "suite-1",
        "mini",
        "slow",
        None,
    )
    assert all_frames.scales == (2, Fraction(5, 2), 4) and all_frames.times == (2, 6)
    # three input and two interpolated frames at x2 in time, three and ten at x6
    assert values(all_frames, A) == pytest.approx(
        {("2", 2): (3 * 40 + 2 * 30) / 5, ("4", 2): (3 * 34 + 2 * 28) / 5, ("5/2", 6): (3 * 38 + 10 * 20) / 13}
    )
    assert between.frames == "between"
    assert values(between, B) == pytest.approx({("2", 2): 32.0, ("4", 2): 31.0, ("5/2", 6): 21.0})
    assert {cell.n for cell in between.cells[B].values()} == {2}


def test_the_gain_of_the_best_over_the_second_is_a_difference_cell_by_cell(six):
    _, between = of_rows(six)
    assert between.best_two == (B, A)
    assert between.gains(B, A) == pytest.approx({(2, 2): 2.0, (4, 2): 3.0, (Fraction(5, 2), 6): 1.0})
    assert between.gains(A, B) == {point: -gain for point, gain in between.gains(B, A).items()}
    (of_error,) = [of for of in of_rows(six, ("mse_y",)) if of.frames == "between"]
    assert of_error.best_two == (B, A), "a smaller error is the better one"
    assert min(of_error.gains(B, A).values()) > 0


def test_a_method_on_part_of_the_clips_untrained_or_of_other_points_is_not_compared(measured, six):
    part = [*measured("c", X2, 40.0, 50.0, clips="1"), *measured("c", X4, 40.0, 50.0)]
    (_, between) = of_rows([*six, *part])
    assert (2, 2) not in between.gains(C, A), "c has one clip of two there"
    assert between.best_two == (B, A), "one cell is no plane"
    assert between.cells[C][2, 2].partial
    (_, between) = of_rows([*six, *measured("z", X2, 60.0, 60.0, weights="none"),
                            *measured("z", X4, 60.0, 60.0, weights="none")])  # fmt: skip
    assert between.best_two == (B, A) and ("z", "none") in between.no_rank
    # better than both where it was measured: the cells that it lacks say nothing of it
    better = [*measured("c", X2, 40.0, 35.0), *measured("c", X4, 34.0, 32.5)]
    (_, between) = of_rows([*six, *better])
    assert between.best_two == (C, B)
    assert between.gains(C, B) == pytest.approx({(2, 2): 3.0, (4, 2): 1.5})


def test_one_cell_another_family_another_version_and_another_data_set_make_no_plane(measured):
    one = measured("a", X2, 40.0, 30.0)
    others = [
        *measured("a", "zsm-2020", 40.0, 30.0),
        *measured("a", X4, 40.0, 30.0, dataset="openclips"),
        *measured("a", X4, 40.0, 30.0, split="fast"),
        *measured("a", X4, 40.0, 30.0, protocol_key="suite-1.0-00000000"),
    ]
    assert of_rows([*one, *others]) == []
    (of_all, _) = of_rows([*one, *others, *measured("a", X4, 33.0, 33.0)])
    assert values(of_all, A) == pytest.approx({("2", 2): 36.0, ("4", 2): 33.0})


RATES = (("mini", "suite-1:scale=2"), ("mini:rate=2", "suite-1:scale=2:time_scale=4"),
         ("mini:rate=4", "suite-1:scale=5/2:time_scale=8"))  # fmt: skip


def test_rates_of_one_data_set_share_a_plane_where_their_given_frames_are_the_same(measured):
    rows = [one for dataset, protocol in RATES for one in measured("a", protocol, 40.0, 30.0, dataset)]
    of_all, between = of_rows(rows)
    assert (of_all.dataset, of_all.gap) == ("mini", 2)
    assert {point: spot.dataset for point, spot in of_all.spots.items()} == {
        (2, 2): "mini", (2, 4): "mini:rate=2", (Fraction(5, 2), 8): "mini:rate=4"}  # fmt: skip
    assert "given frames 2 apart" in of_all.place and "x8: mini:rate=4" in of_all.explained
    said = {line["dataset"]: line["gap"] for line in csv.DictReader(io.StringIO(planes_csv([of_all, between])))}
    assert said == {"mini": "2", "mini:rate=2": "2", "mini:rate=4": "2"}
    # x4 in time at rate 1: other given frames, so another plane
    rows += measured("a", "suite-1:scale=2:time_scale=4", 40.0, 20.0)
    places = {of.place for of in of_rows(rows)}
    assert places == {"mini slow", "mini slow, given frames 2 apart"}
    (alone,) = [of for of in of_rows(rows) if of.gap is None and of.frames == "between"]
    assert values(alone, A) == pytest.approx({("2", 2): 30.0, ("2", 4): 20.0})


def test_a_plane_whose_cells_are_all_in_another_is_not_drawn_twice(measured):
    rows = [one for dataset, protocol in RATES for one in measured("a", protocol, 40.0, 30.0, dataset)]
    rows += measured("a", X4, 34.0, 28.0)
    assert [of.gap for of in of_rows(rows)] == [2, 2]
    assert len({(spot.protocol_key, spot.dataset) for spot in of_rows(rows)[0].spots.values()}) == 4


def test_a_rate_is_read_off_the_label_and_nothing_else_is_taken_for_one():
    assert rate_of("mini") == ("mini", 1)
    assert rate_of("mini:rate=4") == ("mini", 4)
    assert rate_of("mini:noise=2:rate=16") == ("mini:noise=2", 16)
    for label in ("mini:rate=0", "mini:rate=1/2", "rate=4", "mini:generate=4", "my:rate=4x"):
        assert rate_of(label) == (label, 1)


def test_every_format_says_the_digits_of_the_tables(six):
    of = of_rows(six)
    (line,) = [one for one in csv.DictReader(io.StringIO(planes_csv(of)))
               if (one["method"], one["scale"], one["frames"]) == ("b", "5/2", "between")]  # fmt: skip
    wanted = {"family": "suite-1", "dataset": "mini", "split": "slow", "metric": "psnr_y", "time_scale": "6", "n": "2",
              "partial": "", "gap": ""}  # fmt: skip
    assert {key: line[key] for key in wanted} == wanted
    assert float(line["value"]) == pytest.approx(21.0, abs=1e-12)
    assert line["protocol_key"] == protocols.get(T6).key
    text = planes_md(of)
    (cells,) = [
        one for one in text.split("interpolated frames")[1].splitlines() if one.startswith("| b") and "x6" in one
    ]
    assert [part.strip() for part in cells.strip("|").split("|")] == ["b", "x6", "–", "**21.00**", "–"]
    (cells,) = [one for one in planes_tex(of, "plain").splitlines() if one.startswith(r" & x6") and "21.00" in one]
    assert cells == r" & x6 & -- & \textbf{24.92} & -- & -- & \textbf{21.00} & -- \\"


def test_the_page_points_at_the_very_cells_of_the_tables(six):
    tables = build(tidy(six), [], Options())
    for of in planes(tables):
        said = page.plane(of)
        for y, time in enumerate(of.times):
            for x, scale in enumerate(of.scales):
                spot = said["at"][y][x]
                if spot is None:
                    assert (scale, time) not in of.spots
                    continue
                table, column = tables[spot[0]], tables[spot[0]].columns[spot[1]]
                known = protocols.get(table.protocol)
                assert (known.ratio, known.time_scale) == (scale, time)
                assert (column.metric, column.frames) == (of.metric, of.frames)


def test_heat_maps_write_the_numbers_and_hatch_what_was_not_measured(six, tmp_path):
    drawn = dict(figures.figures(of_rows(six, ("psnr_y", "ssim_y"))))
    assert list(drawn) == [f"suite-1-mini-slow-psnr_y-{end}"
                           for end in ("all", "all-difference", "between", "between-difference")]  # fmt: skip
    of_methods, gain = drawn["suite-1-mini-slow-psnr_y-between"], drawn["suite-1-mini-slow-psnr_y-between-difference"]
    panels = {axes.get_title(): axes for axes in of_methods.axes if axes.get_title()}
    assert set(panels) == {"a", "b"}

    def numbers(axes):
        return {(axes.get_xticklabels()[round(text.get_position()[0])].get_text(),
                 axes.get_yticklabels()[round(text.get_position()[1])].get_text()): text.get_text()
                for text in axes.texts if text.get_text()}  # fmt: skip

    assert numbers(panels["b"]) == {("x2", "x2"): "32.00", ("x4", "x2"): "31.00", ("x5/2", "x6"): "21.00"}
    assert sum(bool(patch.get_hatch()) for patch in panels["b"].patches) == 3
    assert numbers(gain.axes[0]) == {("x2", "x2"): "+2.00", ("x4", "x2"): "+3.00", ("x5/2", "x6"): "+1.00"}
    colours = matplotlib.colormaps["PuOr"]
    faces = [patch.get_facecolor() for patch in gain.axes[0].patches if not patch.get_hatch()]
    assert colours(1.0) in faces and colours(0.0) not in faces, "the largest gain takes the end of the scale"
    assert len(save(of_methods, tmp_path / "plane")) == 2


def test_an_infinite_mean_has_its_number_and_no_colour(measured):
    zsm = [*measured("a", "zsm-2020", math.inf, 30.0), *measured("a", "zsm-2020:scale=2", 40.0, 31.0)]
    of_all, _ = of_rows(zsm)
    figure = figures.methods(of_all)
    assert [text.get_text() for text in figure.axes[0].texts] == ["36.40", "inf"]
    assert figures.difference(of_all) is None


def test_a_report_has_the_plane_in_every_format_and_one_protocol_has_none(
    six, write_run_of, tmp_path, monkeypatch, unsaved
):
    drawn = {name: catalogue.FIGURES[name] for name in ("plane", "time-response")}
    monkeypatch.setattr(catalogue, "FIGURES", drawn)
    _, written = write(load([write_run_of(six)]), tmp_path / "out", Options(), Output(scenes=0, page=False))
    names = {path.relative_to(written.folder).as_posix() for path in written.files}
    assert {"plane.csv", "tex/plane.tex", "time-response.csv", "figures/plane-suite-1-mini-slow-psnr_y-all.png",
            "figures/plane-suite-1-mini-slow-psnr_y-between-difference.pdf",
            "figures/time-response-suite-1-x5_2-t6-mini-slow.png", "tex/main-suite-1-x5_2-t6.tex"} <= names  # fmt: skip
    text = (written.folder / "table.md").read_text("utf-8")
    assert "## Plane" in text and "## Protocol `suite-1-x5_2-t6`: x5/2 in space, x6 in time" in text
    assert "## Protocol `suite-1`\n" in text
    assert "\\input{plane}" in (written.folder / "tex" / "example.tex").read_text("utf-8")
    tables = build(tidy(six[-2:]), [], Options())
    alone = texts(Content("r", {"failed": 0, "clips": 1, "rows": 1, "started": [], "commit": [], "device": [],
                                "suite": []}, tables, [], [], planes=planes(tables)))  # fmt: skip
    assert not {"plane.csv", "tex/plane.tex", "time-response.csv"} & set(alone)
    assert "## Plane" not in alone["table.md"] and "input{plane}" not in alone["tex/example.tex"]


@pytest.fixture
def write_run_of(write, tmp_path):
    return lambda rows: write(tmp_path / "run", rows)


@pytest.mark.latex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("style", ["plain", "ieee"])
def test_the_plane_compiles_with_hostile_names(measured, tmp_path, style):
    rows = []
    for protocol in (X2, X4, T6):
        for method in (HOSTILE, "b"):
            rows += measured(method, protocol, 40.0, 30.0, HOSTILE, split=HOSTILE)
    kind = {"plain": "article", "ieee": "IEEEtran"}[style]
    text = planes_tex(of_rows(rows, ("psnr_y", "ssim_y")), style)
    source = f"\\documentclass{{{kind}}}\n{NEEDS}\\begin{{document}}\n{text}\\end{{document}}\n"
    (tmp_path / "paper.tex").write_text(source, encoding="utf-8")
    argv = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    done = subprocess.run(
        argv, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull \\hbox" not in done.stdout
