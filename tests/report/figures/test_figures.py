"""Figures of numbers: what they are drawn from, what they leave out, and that each has one line in the catalogue."""

import numpy as np
import pytest

from stvsr_bench.report.build import build
from stvsr_bench.report.figures import breakdown, catalogue, drawing, pareto, scaling
from stvsr_bench.report.figures.ablation import ablation
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import by_position, tidy
from stvsr_bench.report.write import Output, load, write


def test_the_catalogue_s_figures_are_the_report_s(run, tmp_path, monkeypatch):
    _, written = write(load([run]), tmp_path / "out", Options(), Output(scenes=0, page=False))
    drawn = {path.stem for path in written.files if path.suffix == ".pdf"}
    assert drawn - {"psnr-seconds-mini", "psnr-seconds-openclips"} < set(catalogue.FIGURES)
    assert drawn >= {"psnr-seconds-mini", "psnr-seconds-openclips"}  # clips of another data set take another time
    assert {"psnr-runtime", "psnr-position", "psnr-motion", "motion", "clip-against-clip"} <= drawn
    assert not {"top-t", "sweep-size-runtime"} & drawn  # nothing of that kind was profiled


def test_a_line_in_the_catalogue_is_a_figure_of_the_report(run, tmp_path, monkeypatch):
    measured = load([run])
    monkeypatch.setattr(catalogue, "FIGURES", {"mine": lambda of: drawing.new()[0], "none": lambda of: None,
                                               "many": lambda of: {"a": drawing.new()[0]}})  # fmt: skip
    _, written = write(measured, tmp_path / "out", Options(), Output(scenes=0, page=False))
    assert {path.name for path in written.files if path.parent.name == "figures"} == {
        "mine.png", "mine.pdf", "many-a.png", "many-a.pdf"}  # fmt: skip


def test_the_pareto_front_is_what_nothing_beats():
    of = [
        pareto.Point(name, cost, value, None, False) for name, cost, value in (("a", 1, 20), ("b", 2, 19), ("c", 3, 25))
    ]
    of.append(pareto.Point("d", 0.5, 99, None, untrained=True))
    assert [point.name for point in pareto.front(of)] == ["a", "c"]


def test_figures_take_hostile_names(row, write, tmp_path):
    name = r"$\alpha_1^ {%#&<b>"
    rows = [row(name, "", name, name, str(i), [20.0 + i] * 7, motion_px=float(i)) for i in range(3)]
    rows += [row("b", "", name, name, str(i), [21.0 + i] * 7, motion_px=float(i)) for i in range(3)]
    measured = load([write(tmp_path / "run", rows)])
    (table,) = build(measured.tidy, [], Options())
    for figure in (
        pareto.quality_against_cost(table, f"seconds:{name}"),
        breakdown.against_motion(measured.tidy),
        breakdown.motion_histogram(measured.tidy),
        breakdown.clip_against_clip(measured.tidy, (name, ""), ("b", "")),
        breakdown.by_frame_position(by_position(measured.tidy, "psnr_y")),
    ):
        assert figure is not None
        assert len(drawing.save(figure, tmp_path / "figure")) == 2


def test_ablations_find_the_option_that_was_varied(row):
    rows = [row(f"stdan:top_t={k}", "mini", "d", "s", "1", [20.0 + k] * 7) for k in (1, 2, 9)]
    assert list(ablation(tidy(rows))) == ["stdan@mini-top_t"]


def test_a_figure_of_cost_averages_over_what_its_methods_share(run):
    (table,) = build(load([run]).tidy, load([run]).profiles, Options())
    kept = {point.name: point.value for point in pareto.points(table, "runtime_ms", "psnr_y")}
    first = [i for i, of in enumerate(table.columns) if of.metric == "psnr_y" and of.frames == "all"]
    for line in table.lines:
        if line.method in ("stdan", "blend+bicubic"):
            assert kept[pareto.short(line)] == pytest.approx(np.mean([line.cells[i].value for i in first]))
    assert len(kept) == 2


def test_an_ablation_compares_equal_clips_and_holds_the_card_s_own_value(row):
    rows = [row("stdan:top_t=1", "mini", "d", "s", clip, [30.0] * 7) for clip in "12"]
    rows += [row("stdan", "mini", "d", "s", "1", [31.0] * 7), row("stdan", "mini", "d", "t", "1", [31.0] * 7)]
    (figure,) = ablation(tidy(rows)).values()
    (line,) = figure.axes[0].get_lines()
    assert [str(x) for x in line.get_xdata(orig=True)] == ["1", "2"]
    assert list(line.get_ydata()) == [30.0, 31.0]
    assert line.get_label() == "d s (n = 1)"


def names_of(figure):
    return [line.get_label() for line in figure.axes[0].get_lines()]


def swept(method, ms, **facts):
    """Profiles of a sweep over two sizes."""
    return [
        {"kind": "sweep", "axis": "size", "method": method, "weights": "none", "device": "cpu", "size": [side, 10],
         "frames": 4, "threads": 2, "machine": "m", "precision": "fp32", "runtime_ms": {"median": ms * side}, **facts}
        for side in (10, 20)
    ]  # fmt: skip


def test_a_line_of_a_sweep_is_one_network_in_one_setting_and_says_which():
    profiles = [*swept("stdan", 1.0), *swept("stdan:engine=plain", 3.0), *swept("stdan", 0.5, precision="fp16")]
    figure = scaling.sweep(profiles)
    assert names_of(figure) == [
        "stdan:engine=plain@none · cpu, fp32",
        "stdan@none · cpu, fp16",
        "stdan@none · cpu, fp32",
    ]
    by_name = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].get_lines()}
    assert by_name["stdan@none · cpu, fp32"] == [10.0, 20.0]
    assert by_name["stdan@none · cpu, fp16"] == [5.0, 10.0]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("threads", 1, "1 thread"), ("machine", "n", "machine n"), ("frames", 8, "frames 8"),
     ("compile", True, "cpu, fp32, compile"), ("device", "cuda", "cuda, fp32")],
)  # fmt: skip
def test_two_settings_of_one_network_are_two_lines(name, value, said):
    figure = scaling.sweep([*swept("a", 1.0), *swept("a", 2.0, **{name: value})])
    names = names_of(figure)
    assert len(set(names)) == 2 and any(said in one for one in names)


def test_a_sweep_measured_again_replaces_its_points():
    figure = scaling.sweep([*swept("a", 1.0), *swept("a", 2.0)])
    (line,) = figure.axes[0].get_lines()
    assert list(line.get_ydata()) == [20.0, 40.0]


def test_top_t_lines_keep_the_other_options():
    def kept(method, t, ms, **facts):
        return {"kind": "topt", "method": method, "top_t": t, "weights": "none", "device": "cpu", "size": [8, 8],
                "frames": 4, "runtime_ms": {"frame_ms": ms}, **facts}  # fmt: skip

    profiles = [kept(f"a:engine=plain:top_t={t}", t, 9.0 + t) for t in (1, 4)] + [
        kept("a", 2, 2.0),
        kept("a:top_t=9", 9, 3.0),
    ]
    figure = scaling.top_t(profiles)
    by_name = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].get_lines()}
    assert by_name == {"a:engine=plain@none · cpu, fp32": [10.0, 13.0], "a@none · cpu, fp32": [2.0, 3.0]}


def test_sweeps_and_top_t_are_drawn_from_profiles_of_their_kind():
    def profile(kind, **facts):
        timing = {"median": 70.0 * facts.get("frames", 1), "frame_ms": 10.0}
        return {"kind": kind, "method": "stdan", "device": "cpu", "size": [64, 112], "runtime_ms": timing, **facts}

    sweeps = [profile("sweep", axis="frames", frames=frames) for frames in (2, 4)]
    kept = [profile("topt", method=f"stdan:top_t={t}", top_t=t, frames=4) for t in (1, 2, 9)]
    assert scaling.sweep(sweeps, along="frames") is not None
    assert scaling.sweep(sweeps, along="size") is None
    assert scaling.sweep(sweeps[:1], along="frames") is None
    assert scaling.top_t(kept) is not None
    assert scaling.top_t(sweeps) is None
