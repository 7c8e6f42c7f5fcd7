"""Methods that misbehave, beside one that does not: it costs their own clips and nothing else."""

import json
import subprocess
import sys

import pytest

from stvsr_bench import plugins
from stvsr_bench.cli import call
from stvsr_bench.rows import store
from stvsr_bench.runner import execute as runner
from stvsr_bench.runner.plan import RunSpec, make

TOY = """
import os, sys, warnings
import cv2, numpy, torch
import torch.nn.functional as F
CARD = {{"title": "Toy", "net": "restore", "call": "function", "kind": "stvsr", "learned": False}}
{head}


def restore(lr_BTChw):
    {body}
    dense = lr_BTChw.repeat_interleave(2, dim=1)[:, :-1]
    sr = F.interpolate(dense.flatten(0, 1), scale_factor=4).unflatten(0, dense.shape[:2])
    return {what}
"""


@pytest.fixture
def spec(tmp_path, noise_clips):
    """Builds a run of a method that misbehaves and then of one that does not, from its words."""
    clips = noise_clips(2, 3, (32, 32))

    def made(body="pass", what="sr", head="", jobs=1):
        (tmp_path / "toy.py").write_text(TOY.format(body=body, what=what, head=head))
        plugins.include(tmp_path / "toy.py")
        return RunSpec(
            ("toy", "blend+bicubic"),
            (str(clips),),
            out=tmp_path / "run",
            include=(tmp_path / "toy.py",),
            save_frames="none",
            jobs=jobs,
        )

    return made


def done(spec):
    result = runner.execute(spec, make(spec))
    rows = store.read_rows(spec.out)
    by_method = {name: [row for row in rows if row.method == name] for name in spec.methods}
    return {o.task.method: o.error for o in result.failures}, by_method


ENDS = [
    ("sys.exit(0)", "SystemExit: 0"),
    ("sys.exit(5)", "SystemExit: 5"),
    ("os._exit(0)", "SystemExit: os._exit"),
    ("raise GeneratorExit", "GeneratorExit"),
    ("raise type('Odd', (BaseException,), {})('odd')", "Odd: odd"),
    ("raise type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})()", "Mute: (its text cannot be had: Zero"),
    ("raise ValueError('x' * 30_000_000)", "29,998,"),
]


@pytest.mark.fault("D5", "a method that exits, raises no `Exception`, or a text of 30 MB", "its clip fails", "3")
@pytest.mark.parametrize(("body", "says"), ENDS)
def test_a_method_that_ends_costs_its_clips_alone(spec, body, says):
    asked = spec(body)
    failed, rows = done(asked)
    assert list(failed) == ["toy"] and says in failed["toy"] and len(failed["toy"]) < 3000
    assert len(rows["blend+bicubic"]) == 2 and not rows["toy"]
    assert (asked.out / "failures.jsonl").stat().st_size < 200_000


@pytest.mark.fault("B3", "a plug-in whose code raises or exits at its import", "named; no other is touched", "3")
@pytest.mark.parametrize("head", ["sys.exit(3)", "1 / 0", "raise type('Odd', (BaseException,), {})('odd')"])
def test_code_that_cannot_be_imported_costs_its_method_alone(spec, head):
    failed, rows = done(spec(head=head))
    assert list(failed) == ["toy"] and "toy (--include): 'restore' cannot be loaded" in failed["toy"]
    assert len(rows["blend+bicubic"]) == 2


@pytest.mark.fault("A11", "a method returns bytes, complex numbers, 0 to 255 or -1 to 1", "what is wanted", "3")
@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("(sr * 255).byte()", "returned torch.uint8, not floating-point values from 0 to 1"),
        ("sr + 1j", "returned torch.complex64"),
        ("sr * 255", "returned values from 0 to 255; divide by 255"),
        ("2 * sr - 1", "returned values from -1 to 1; add 1 and divide by 2"),
    ],
)
def test_values_of_another_range_are_told(spec, what, says, capsys):
    asked = spec(what=what)
    failed, _ = done(asked)
    assert list(failed) == ["toy"] and says in failed["toy"]
    assert call(["doctor", "toy", "--include", str(asked.include[0])]) == 3
    assert says.removeprefix("returned ").split(",")[0].split(";")[0] in capsys.readouterr().out


def test_values_that_only_overshoot_are_measured(spec):
    failed, rows = done(spec(what="1.3 * sr - 0.15"))
    assert not failed and len(rows["toy"]) == 2


@pytest.mark.parametrize("where", ["head", "body"])
def test_what_a_method_changes_is_a_flag_of_its_rows_and_of_no_other(spec, where, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    words = "torch.set_default_dtype(torch.float64); torch.set_num_threads(3)"
    words += "; cv2.setUseOptimized(False); os.chdir('/')"
    asked = spec(**{where: words})
    failed, rows = done(asked)
    assert not failed
    for row in rows["toy"]:
        (flag,) = [flag for flag in row.flags if flag.startswith("changes:")]
        assert {"dtype", "folder", "opencv", "threads"} <= set(flag.removeprefix("changes:").split(","))
    assert not any(flag.startswith("changes") for row in rows["blend+bicubic"] for flag in row.flags)
    assert call(["report", str(asked.out), "--no-figures", "--no-page", "--out", "report"]) == 0
    assert "- The method changes settings of its process" in (tmp_path / "report" / "table.md").read_text()


def test_the_exit_code_and_the_json_are_the_verbs_own(spec, tmp_path):
    asked = spec("print('x'); sys.exit(5)")
    argv = ["run", "-m", "toy", "--include", "toy.py", "-d", asked.datasets[0], "--json", "--out", "again"]
    argv = [sys.executable, "-m", "stvsr_bench", *argv]
    ended = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 3, ended.stderr
    assert len(json.loads(ended.stdout)["failures"]) == 2
