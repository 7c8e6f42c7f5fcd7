"""A reader who goes away (`| head -1`) changes no exit code and brings no traceback."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stvsr_bench.cli import reader
from stvsr_bench.rows import store

ROOT = Path(__file__).parents[2]
BASELINE = ROOT / "reports" / "baseline"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that lacks nearly all of the baseline: its summary is several kilobytes."""
    folder = Path(shutil.copytree(BASELINE, tmp_path_factory.mktemp("gate") / "run"))
    path = store.rows_file(folder)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:1]))
    return folder


def without_reader(*argv, unbuffered=""):
    """The exit code and stderr of a command whose reader has gone before it prints."""
    read, write = os.pipe()
    os.close(read)
    env = {**os.environ, "PYTHONUNBUFFERED": unbuffered, "OMP_NUM_THREADS": "1"}
    argv = [sys.executable, "-m", "stvsr_bench", *map(str, argv)]
    try:
        done = subprocess.run(argv, stdout=write, stderr=subprocess.PIPE, env=env, text=True, check=False)
    finally:
        os.close(write)
    return done.returncode, done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("option", ["--json", "--no-runtime"])
def test_the_verdict_of_a_gate_survives(run, option, unbuffered):
    assert without_reader("gate", BASELINE, run, option, unbuffered=unbuffered) == (5, "")


def test_so_does_the_word_that_all_is_well():
    assert without_reader("gate", BASELINE, BASELINE, "--no-runtime") == (0, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_list_that_nobody_reads_to_its_end_is_no_error(unbuffered):
    assert without_reader("ls", "metrics", unbuffered=unbuffered) == (0, "")


def test_a_line_that_waits_in_the_buffer_is_no_error_at_the_end():
    assert without_reader("ls", "protocols", "--json") == (0, "")


def test_a_closed_stdout_costs_no_verdict(run):
    command = f'"{sys.executable}" -m stvsr_bench gate "{BASELINE}" "{run}" --no-runtime >&-'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (5, "")


LOUD = """
import ctypes, os, sys
import torch.nn.functional as F
CARD = {"title": "Loud", "net": "restore", "call": "function", "kind": "stvsr", "learned": False}
print("at import")


def restore(lr_BTChw):
    print("in python")
    os.system("echo in a child")
    ctypes.CDLL(None).puts(b"in C")
    ctypes.CDLL(None).fflush(None)
    dense = lr_BTChw.repeat_interleave(2, dim=1)[:, :-1]
    return F.interpolate(dense.flatten(0, 1), scale_factor=4).unflatten(0, dense.shape[:2])
"""


@pytest.mark.fault("A11", "a method, a library or a child of it prints while `--json` is asked for", "on stderr", "0")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_a_method_prints_is_not_in_the_json(jobs, tmp_path, noise_clips):
    (tmp_path / "loud.py").write_text(LOUD)
    argv = ["run", "-m", "loud", "--include", "loud.py", "-d", str(noise_clips(2, 3, (16, 16))), "--json"]
    argv = [sys.executable, "-m", "stvsr_bench", *argv, "--jobs", jobs, "--out", "out", "--save-frames", "none"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["written"] == 2
    for words in ("at import", "in python", "in a child", "in C"):
        assert words in done.stderr


def test_a_verb_gives_stdout_back_and_its_own_words_are_on_it(capfd):
    with reader.alone():
        reader.say("said")
        print("printed")
        os.system("echo child")
    print("after")
    assert capfd.readouterr().out.replace("child\n", "") == "said\nafter\n"
    assert sys.stdout is not sys.stderr


def test_infinity_and_signs_that_steer_are_json(capsys):
    reader.document({"a": float("inf"), "b": "\x9b2J\u202e\x1b"})
    said = capsys.readouterr().out
    assert not set(said) & set("\x9b\u202e\x1b")
    assert json.loads(said) == {"a": "inf", "b": "\x9b2J\u202e\x1b"}


@pytest.mark.fault("B5", "a verb that prints a name otherwise than with control characters written out", "a test fails")
@pytest.mark.parametrize("file", sorted((ROOT / "stvsr_bench" / "cli").glob("*.py")), ids=lambda file: file.stem)
def test_verbs_speak_in_one_way_alone(file):
    """`reader` alone prints and makes texts for consoles on stdout, so that no name is printed as it is."""
    if file.stem == "reader":
        return
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "typer.echo", "typer.secho", "sys.stdout.write"), node.lineno
            assert called != "Console" or any(word.arg == "stderr" for word in node.keywords), node.lineno
            assert called != "Text" or not node.args, node.lineno
