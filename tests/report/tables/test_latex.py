"""LaTeX that compiles with a stock pdfLaTeX, in every style, with hostile names."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stvsr_bench import protocols
from stvsr_bench.escape import tex as text_tex
from stvsr_bench.report.build import build
from stvsr_bench.report.tables.latex import NEEDS, STYLES, caption_of, example, files, table_tex
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import tidy
from stvsr_bench.report.write import Output, load, write

RESTORING = protocols.restoring_key(protocols.get("suite-1"))

needs_latex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
HOSTILE = r"\input{/etc/passwd} 100% $x_1^2$ & #1 {~} <b>|</b> \"é中"


def compile_tex(folder, source):
    (folder / "paper.tex").write_text(source, encoding="utf-8")
    argv = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, errors="replace", timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "paper.pdf").stat().st_size > 1000
    return done.stdout


@pytest.mark.latex
@needs_latex
@pytest.mark.parametrize("style", STYLES)
def test_tables_compile_and_fit_in_every_style(style, run, tmp_path):
    measured = load([run])
    (table,) = build(measured.tidy, measured.profiles, Options())
    main, apart = table.of_frames("all"), table.of_frames("given", "between")
    (tmp_path / "main.tex").write_text(table_tex(main, style, caption_of(main, False), "tab:main"))
    (tmp_path / "apart.tex").write_text(table_tex(apart, style, caption_of(apart, True), "tab:apart", with_facts=False))
    log = compile_tex(tmp_path, example(style, ["main", "apart"]))
    assert "Overfull \\hbox" not in log


PAPERS = {
    "ieee": r"\documentclass[journal]{IEEEtran}",
    "cvpr": r"\documentclass[10pt,twocolumn,letterpaper]{article}\usepackage[margin=0.8in]{geometry}",
}


@pytest.mark.latex
@needs_latex
@pytest.mark.parametrize("style", PAPERS)
def test_a_two_column_paper_holds_every_table_and_the_qualitative_figure(style, run, tmp_path):
    for strength, method in enumerate(("_hr", "stdan_mini", "blend+bicubic")):
        folder = run / "frames" / RESTORING / method / "mini" / "fast" / "000"
        folder.mkdir(parents=True)
        for index in range(7):
            Image.fromarray(np.full((64, 96, 3), 40 * strength + index, np.uint8)).save(folder / f"{index:05d}.png")
    output = Output(style=style, figures=False, page=False, scenes=1, films=False)
    _, written = write(load([run]), tmp_path, Options(), output)
    tables = [path for path in written.files if path.parent.name == "tex" and path.stem != "example"]
    shutil.copy(tmp_path / "figures" / "scene.pdf", tmp_path)
    inputs = "".join(f"\\input{{tex/{path.name}}}\n" for path in tables) + "\\input{figures/scene.tex}\n"
    text = "Words between the floats fill both columns of the paper. " * 200
    source = f"{PAPERS[style]}\n{NEEDS}\\begin{{document}}\n{text}\n{inputs}\n{text}\\end{{document}}\n"
    log = compile_tex(tmp_path, source)
    assert "Overfull \\hbox" not in log
    assert "Float too large" not in log


def test_a_table_too_wide_to_read_is_cut_by_data_set(run):
    (table,) = build(load([run]).tidy, [], Options(metrics=("psnr_y", "ssim_y", "mse_y")))
    names = sorted(Path(name).stem for name in files([table], "ieee"))
    assert [name for name in names if name.startswith("main")] == ["main-suite-1-mini", "main-suite-1-openclips"]


@pytest.mark.latex
@needs_latex
def test_hostile_names_compile_as_text(row, tmp_path):
    rows = [row(HOSTILE, "none", HOSTILE, HOSTILE, "c", [20.0] * 7)]
    (table,) = build(tidy(rows), [], Options())
    (tmp_path / "main.tex").write_text(table_tex(table, "ieee", caption_of(table, False), "tab:main"))
    compile_tex(tmp_path, example("ieee", ["main"]))


def test_every_special_letter_is_escaped():
    assert text_tex(r"a_b%c$d&e#f{g}") == r"a\_b\%c\$d\&e\#f\{g\}"
    assert text_tex("中") == "[U+4E2D]"


def test_marks_badges_and_groups_are_in_the_table(run):
    measured = load([run])
    (table,) = build(measured.tidy, measured.profiles, Options(ours=("stdan",)))
    tex = table_tex(table.of_frames("all"), "cvpr", "c", "l")
    assert r"\textbf{31.19}" in tex
    assert r"\underline{29.21}" in tex
    assert r"zsm@none\textsuperscript{" in tex
    assert "untrained: seeded random weights" in tex
    assert tex.index("Two-stage") < tex.index("One-stage") < tex.index("Ours") < tex.index("stdan@mini")
