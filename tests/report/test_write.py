"""The report as a whole: files, golden numbers, figures, frames, spread, the command."""

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stvsr_bench.cli import call
from stvsr_bench.report.build import build
from stvsr_bench.report.figures import breakdown, film, pareto, qualitative
from stvsr_bench.report.frames import saved
from stvsr_bench.report.tables.spread import spread
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import by_position, motion_bin, tidy
from stvsr_bench.report.write import Output, load, write
from stvsr_bench.rows import store

GOLDENS = Path(__file__).resolve().parent.parent / "goldens" / "report"
QUICK = Output(figures=False, scenes=0, page=False)


@pytest.mark.parametrize("name", ["table.md", "table.csv", "tex/main-suite-1.tex", "tex/apart-suite-1-mini.tex"])
def test_a_changed_number_or_layout_shows_in_the_golden_file(run, tmp_path, name):
    _, written = write(load([run]), tmp_path / "out", Options(), QUICK)
    found = (written.folder / name).read_text("utf-8")
    golden = GOLDENS / Path(name).name
    if os.environ.get("STVSR_BENCH_UPDATE_GOLDENS") == "1":
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text("utf-8")


def test_the_same_rows_give_the_same_bytes_figures_included(run, tmp_path):
    measured = load([run])
    for name in "ab":
        _, written = write(measured, tmp_path / name, Options(), Output(figures=False, scenes=0))
        written.figure("figure", breakdown.by_frame_position(by_position(measured.rows, "psnr_y")))
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert {".pdf", ".png", ".html", ".tex"} <= {path.suffix for path in files}
    assert [
        path for path in files if (tmp_path / "a" / path).read_bytes() != (tmp_path / "b" / path).read_bytes()
    ] == []


def test_the_table_is_printed_and_said_where_it_is(run, tmp_path, capsys):
    assert call(["report", str(run), "-o", str(tmp_path / "out"), "--no-figures", "--no-page"]) == 0
    said = capsys.readouterr().out
    assert "untrained" in said
    assert str(tmp_path / "out") in said.replace("\n", "")


def test_json_is_one_document_with_the_full_values(run, tmp_path, capsys):
    argv = ["report", str(run), "-o", str(tmp_path / "out"), "--no-figures", "--no-page", "--json"]
    assert call(argv) == 0
    document = json.loads(capsys.readouterr().out)
    best = [
        n
        for n in document["numbers"]
        if (n["dataset"], n["split"], n["metric"], n["mark"]) == ("mini", "fast", "psnr_y", "best")
    ]
    assert {number["method"] for number in best} == {"stdan"}
    assert f"{best[0]['value']:.2f}" == best[0]["shown"]


def test_a_readme_holds_the_table_of_the_last_report_once(run, tmp_path, capsys):
    readme = tmp_path / "README.md"
    readme.write_text("# A\n<!-- table: made -->\nstale\n<!-- /table -->\nend\n")
    argv = ["report", str(run), "-o", str(tmp_path / "out"), "--no-figures", "--no-page", "--into", str(readme)]
    assert call(argv) == call(argv) == 0
    text = readme.read_text()
    assert text.count("**mini**, protocol `suite-1`") == 1
    assert "stale" not in text
    assert text.endswith("<!-- /table -->\nend\n")
    readme.write_text("<!-- efficiency -->\nold\n<!-- /efficiency -->\n")
    assert call(argv) == 0
    assert "| stdan         |         8.29 |  1234.5 |                812.3 |" in readme.read_text()
    assert "old" not in readme.read_text()
    readme.write_text("# A\n")
    assert call(argv) == 2
    assert "no place for the table" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["report", "nowhere"], 4, "no run at nowhere"),
        (["report", "RUN", "--metrics", "psnr"], 2, "unknown metric in these rows 'psnr'"),
        (["report", "RUN", "--style", "acm"], 2, "unknown style 'acm'"),
        (["report", "RUN", "-m", "stdam"], 2, "Did you mean 'stdan'?"),
        (["compare", "stdan", "rife", "RUN"], 2, "unknown method in these rows 'rife'"),
    ],
)
def test_mistakes_are_one_sentence_with_the_documented_code(run, capsys, monkeypatch, tmp_path, argv, code, said):
    monkeypatch.chdir(tmp_path)
    assert call([str(run) if word == "RUN" else word for word in argv]) == code
    error = capsys.readouterr().err
    assert said in " ".join(error.split())
    assert "Traceback" not in error


def test_the_pareto_front_is_what_nothing_beats():
    of = [
        pareto.Point(name, cost, value, None, False) for name, cost, value in (("a", 1, 20), ("b", 2, 19), ("c", 3, 25))
    ]
    of.append(pareto.Point("d", 0.5, 99, None, untrained=True))
    assert [point.name for point in pareto.front(of)] == ["a", "c"]


def test_by_position_shows_the_saw_tooth(run):
    rows = [row for row in load([run]).rows if row.method == "stdan" and row.split == "fast"]
    means = by_position(rows, "psnr_y").sort_values("position")["value"].to_numpy()
    assert (np.diff(means)[0::2] < -5).all()
    assert (np.diff(means)[1::2] > 5).all()


def test_motion_bins_cover_everything_once():
    assert [motion_bin(value) for value in (0.0, 0.99, 1.0, 5.0, 100.0)] == ["0-1", "0-1", "1-2", "4-8", "16+"]


def test_figures_take_hostile_names(row, write, tmp_path):
    name = r"$\alpha_1^ {%#&<b>"
    rows = [row(name, "", name, name, str(i), [20.0 + i] * 7, motion_px=float(i)) for i in range(3)]
    rows += [row("b", "", name, name, str(i), [21.0 + i] * 7, motion_px=float(i)) for i in range(3)]
    measured = load([write(tmp_path / "run", rows)])
    (table,) = build(measured.tidy, [], Options())
    for figure in (
        pareto.quality_against_cost(table, "seconds"),
        breakdown.against_motion(measured.tidy),
        breakdown.motion_histogram(measured.tidy),
        breakdown.clip_against_clip(measured.tidy, (name, ""), ("b", "")),
        breakdown.by_frame_position(by_position(measured.rows, "psnr_y")),
    ):
        assert figure is not None
        assert len(pareto.save(figure, tmp_path / "figure")) == 2


def test_ablations_find_the_option_that_was_varied(row):
    rows = [row(f"stdan:top_t={k}", "mini", "d", "s", "1", [20.0 + k] * 7) for k in (1, 2, 9)]
    assert list(breakdown.ablation(tidy(rows))) == ["stdan@mini-top_t"]


def test_the_spread_of_one_method_is_counted_by_hand(row):
    psnr = [30.0, 20.0, 30.0, 20.0, 30.0, 20.0, 30.0]
    mse = [255**2 * 10 ** (-value / 10) for value in psnr]
    rows = [row("a", "", "d", "s", "1", psnr, values={"psnr_y": psnr, "mse_y": mse, "psnr_rgb": [25.0] * 7})]
    found = {variant.name: variant.value for variant in spread(rows)}
    assert found["as the protocol says"] == pytest.approx(180 / 7)
    assert found["given frames"] == 30.0
    assert found["between frames"] == found["centre frames"] == 20.0
    assert found["pooled MSE of a clip"] == pytest.approx(10 * np.log10(255**2 / np.mean(mse)))
    assert found["PSNR-RGB"] == 25.0


def frames_of(run, clip="000", size=(64, 48)):
    random = np.random.default_rng(0)
    truth = random.integers(0, 255, (7, size[1], size[0], 3)).astype(np.uint8)
    for name, wrong in (("_hr", 0), ("_lr", 0), ("stdan_mini", 20), ("blend+bicubic", 120), ("zsm_none", 0)):
        folder = run / "frames" / name / "mini" / "fast" / clip
        folder.mkdir(parents=True)
        for index, frame in enumerate(truth):
            pixels = frame.astype(int)
            pixels[24:36, 40:52] += wrong
            if name == "zsm_none":
                pixels[0:12, 0:12] = 0
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{index:05d}.png")


def scene_of(run):
    frames_of(run)
    heads = [("blend+bicubic", ""), ("stdan", "mini"), ("zsm", "none")]
    (found,) = saved([run], [("mini", "fast", "000"), ("mini", "fast", "001")], heads)
    return qualitative.scene(found, [1, 3, 5], {"stdan@mini": "30.00 dB between"}, ["zsm@none"])


def test_the_crop_is_where_trained_methods_disagree_most(run):
    crop = scene_of(run).crop
    assert crop.index in (1, 3, 5)
    assert (crop.top, crop.left, crop.side) == (24, 40, 12)


def test_the_qualitative_figure_and_its_films_are_written(run, tmp_path):
    frames_of(run)
    _, written = write(load([run]), tmp_path / "out", Options(), Output(figures=False, page=True, scenes=2))
    names = {path.name for path in written.files}
    assert {"scene.png", "scene.pdf", "scene.tex", "scene.gif"} <= names
    with Image.open(written.folder / "figures" / "scene.gif") as gif:
        assert gif.n_frames == 7
        assert gif.size == (64 * 4, 48 + film.BAR)
    assert len(list((written.folder / "frames").glob("*.js"))) == 5


@pytest.mark.latex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_the_qualitative_figure_compiles_in_two_columns(run, tmp_path):
    of = scene_of(run)
    pareto.save(qualitative.draw(of), tmp_path / "figure")
    source = (
        "\\documentclass[twocolumn]{article}\n\\usepackage[T1]{fontenc}\n\\usepackage{graphicx}\n\\begin{document}\n"
    )
    tex = f"{source}Text.\n{qualitative.figure_tex(of, 'figure.pdf')}\\end{{document}}\n"
    (tmp_path / "paper.tex").write_text(tex, encoding="utf-8")
    argv = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(
        argv, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout


def test_untrained_methods_are_labelled_in_the_qualitative_figure(run):
    assert [one.name for one in scene_of(run).methods] == ["blend+bicubic", "stdan@mini", "zsm@none (untrained)"]


def test_frames_are_found_under_the_names_that_a_run_gives_them(run):
    worker = pytest.importorskip("stvsr_bench.runner.engines.worker")
    names = ("stdan:top_t=9", "dis+bicubic", "a/b c", "x" * 200, "..", "fp16 [tile64,8]")
    for name in names:
        place = Path(*(store.path_component(part) for part in ("mini", "fast", name)))
        for folder in ("_hr", worker.method_folder(name, "mini")):
            (run / "frames" / folder / place).mkdir(parents=True)
        (found,) = saved([run], [("mini", "fast", name)], [(name, "mini")])
        assert found.folders[f"{name}@mini"] == run / "frames" / worker.method_folder(name, "mini") / place


def test_reports_can_be_read_by_others(run, tmp_path):
    _, written = write(load([run]), tmp_path / "out", Options(), QUICK)
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((written.folder / "table.md").stat().st_mode) == 0o666 & ~mask


def test_a_profile_of_another_network_of_the_same_name_is_not_the_methods_cost(run):
    measured = load([run])
    large = [dict(profile, params=99) if profile["method"] == "stdan" else profile for profile in measured.profiles]
    (table,) = build(measured.tidy, large, Options())
    facts = {line.method: line.facts for line in table.lines}
    assert "gmacs" not in facts["stdan"]
    assert facts["stdan"]["params"] == 8.292843
    assert facts["blend+bicubic"]["gmacs"] == 0.0


def test_a_figure_of_cost_averages_over_what_its_methods_share(run):
    (table,) = build(load([run]).tidy, load([run]).profiles, Options())
    kept = {point.name: point.value for point in pareto.points(table, "gmacs", "psnr_y")}
    first = [i for i, of in enumerate(table.columns) if of.metric == "psnr_y" and of.frames == "all"]
    for line in table.lines:
        if line.method in ("stdan", "blend+bicubic"):
            assert kept[pareto.short(line)] == pytest.approx(np.mean([line.cells[i].value for i in first]))
    assert len(kept) == 2


def test_costs_stand_with_their_machine_and_setting(run, tmp_path):
    _, written = write(load([run]), tmp_path / "out", Options(), QUICK)
    text = (written.folder / "table.md").read_text("utf-8")
    assert "| stdan " in text.split("## Cost")[1]
    assert "4 frames of 112x64" in text
    assert "a processor (a test)" in text
    lines = (written.folder / "cost.csv").read_text("utf-8").splitlines()
    assert lines[0].startswith("method,weights,device,machine")
    assert len(lines) == 3


def test_an_ablation_compares_equal_clips_and_holds_the_card_s_own_value(row):
    rows = [row("stdan:top_t=1", "mini", "d", "s", clip, [30.0] * 7) for clip in "12"]
    rows += [row("stdan", "mini", "d", "s", "1", [31.0] * 7), row("stdan", "mini", "d", "t", "1", [31.0] * 7)]
    (figure,) = breakdown.ablation(tidy(rows)).values()
    (line,) = figure.axes[0].get_lines()
    assert [str(x) for x in line.get_xdata(orig=True)] == ["1", "2"]
    assert list(line.get_ydata()) == [30.0, 31.0]
    assert line.get_label() == "d s (n = 1)"


def test_sweeps_and_top_t_are_drawn_from_profiles_of_their_kind():
    def profile(kind, **facts):
        timing = {"median": 70.0 * facts.get("frames", 1), "frame_ms": 10.0}
        return {"kind": kind, "method": "stdan", "device": "cpu", "size": [64, 112], "runtime_ms": timing, **facts}

    sweeps = [profile("sweep", axis="frames", frames=frames) for frames in (2, 4)]
    kept = [profile("topt", method=f"stdan:top_t={t}", top_t=t, frames=4) for t in (1, 2, 9)]
    assert breakdown.sweep(sweeps, along="frames") is not None
    assert breakdown.sweep(sweeps, along="size") is None
    assert breakdown.sweep(sweeps[:1], along="frames") is None
    assert breakdown.top_t(kept) is not None
    assert breakdown.top_t(sweeps) is None
