"""Figures and films of frames: where the crop is, what is written, and that LaTeX takes it."""

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from stvsr_bench import protocols
from stvsr_bench.report.figures import drawing, film, qualitative
from stvsr_bench.report.frames import saved
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.write import Output, load, write

RESTORING = protocols.restoring_key(protocols.get("suite-1"))


def frames_of(run, clip="000", size=(64, 48)):
    random = np.random.default_rng(0)
    truth = random.integers(0, 255, (7, size[1], size[0], 3)).astype(np.uint8)
    for name, wrong in (("_hr", 0), ("_lr", 0), ("stdan_mini", 20), ("blend+bicubic", 120), ("zsm_none", 0)):
        folder = run / "frames" / RESTORING / name / "mini" / "fast" / clip
        folder.mkdir(parents=True)
        for index, frame in enumerate(truth):
            pixels = frame.astype(int)
            pixels[24:36, 40:52] += wrong
            if name == "zsm_none":
                pixels[0:12, 0:12] = 0
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{index:05d}.png")


def scene_of(run):
    frames_of(run)
    (found,) = saved(
        [run], [row for row in load([run]).tidy["row"] if row.clip in ("000", "001") and row.split == "fast"]
    )
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
    drawing.save(qualitative.draw(of), tmp_path / "figure")
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
