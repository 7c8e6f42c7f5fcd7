"""A reader who goes away (`| head -1`) changes no exit code and brings no traceback."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stvsr_bench.rows import store

BASELINE = Path(__file__).parents[2] / "reports" / "baseline"


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
