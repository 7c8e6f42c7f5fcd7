"""What verbs say before and after: which part is measured, what the table is of, commands that can be pasted."""

import shlex
import shutil

import numpy as np
import pytest

from stvsr_bench.cli import call, progress, reader
from stvsr_bench.data.frames import write_png
from stvsr_bench.runner.plan import RunSpec, make


@pytest.mark.parametrize(
    ("datasets", "asked", "said"),
    [
        (("mini",), ("suite-1",), "mini fast, slow"),
        (
            ("mini:rate=2",),
            ("suite-1:scale=2:time_scale=4", "suite-1:scale=5/2:time_scale=4"),
            "mini:rate=2 fast, slow, x2, x5/2 in space, x4 in time",
        ),
    ],
)
def test_a_plan_is_named_by_its_splits_scales_and_times(datasets, asked, said, tmp_path):
    spec = RunSpec(("blend+bicubic",), datasets, ("fast", "slow"), asked, out=tmp_path, limit=1)
    assert progress.about(make(spec)) == said


def test_a_run_says_its_part_its_limit_what_else_the_table_has_and_a_command_to_paste(tmp_path, capsys):
    y, x = np.mgrid[0:32, 0:48]
    for clip in ("a", "b"):
        for t in range(3):
            wave = (np.sin((x - 2 * t) * 0.2 + y * 0.1) * 60 + 128).astype(np.uint8)
            write_png(tmp_path / f"set/{clip}/{t}.png", np.repeat(wave[..., None], 3, -1))
    out = tmp_path / "run 1 ä"
    argv = ["run", "-d", str(tmp_path / "set"), "--save-frames", "none", "-o", str(out)]
    assert call([*argv, "-m", "blend+bicubic", "--limit", "1"]) == 0
    said = capsys.readouterr()
    assert "set all: done: 0 of 1 row, 1 to do" in said.err
    assert "--limit 1: only a part of each split was measured" in said.err
    assert "of earlier commands" not in said.err
    assert "PSNR-Y (dB) / SSIM-Y" in said.out
    command = said.err.partition("(report: ")[2].partition(")")[0]
    assert shlex.split(command) == ["stvsr-bench", "report", str(out)]
    shutil.copytree(tmp_path / "set/a", tmp_path / "other/a")
    argv[2] = str(tmp_path / "other")
    assert call([*argv, "-m", "blend+bicubic"]) == 0
    said = capsys.readouterr().err
    assert "1 row of earlier commands too" in said and "only a part" not in said


def test_words_are_wrapped():
    lines = reader.wrapped("word " * 60, "  ", "a: ").splitlines()
    assert len(lines) > 1 and lines[0].startswith("a: word") and all(line.startswith("  w") for line in lines[1:])
    assert max(map(len, lines)) <= 120
