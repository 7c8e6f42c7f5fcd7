"""What goes wrong at night: kills, interrupts, full disks, clocks. The matrix of docs/faults.md names these tests."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from stvsr_bench import plugins
from stvsr_bench.cli import call
from stvsr_bench.errors import INTERRUPTED, DataError, NotRunnableError
from stvsr_bench.rows import store
from stvsr_bench.runner import execute as runner
from stvsr_bench.runner.plan import RunSpec, make

METHOD = """
import torch, torch.nn.functional as F
CARD = {"title": "Toy", "net": "restore", "call": "function", "kind": "stvsr", "learned": False}

def restore(lr_BTChw):
    dense = lr_BTChw.repeat_interleave(2, dim=1)[:, :-1]
    return F.interpolate(dense.flatten(0, 1), scale_factor=4).unflatten(0, dense.shape[:2])
"""


@pytest.fixture
def spec(tmp_path, noise_clips, monkeypatch):
    monkeypatch.setitem(plugins._included, "methods", {})
    path = tmp_path / "toy.py"
    path.write_text(METHOD)
    plugins.include(path)
    return RunSpec(
        methods=("toy",),
        datasets=(str(noise_clips(40, 3, (16, 16))),),
        out=tmp_path / "run",
        include=(path,),
        save_frames="none",
        threads=1,
    )


def start(spec, out, *more):
    """The same run as a process of its own."""
    argv = ["run", "-m", "toy", "--include", str(spec.include[0]), "-d", spec.datasets[0], "-o", str(out)]
    return subprocess.Popen(
        [sys.executable, "-m", "stvsr_bench", *argv, "--save-frames", "none", "--threads", "1", *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def rows(run):
    return sorted((replace(row, seconds={}, env="") for row in store.read_rows(run)), key=lambda row: row.key)


@pytest.mark.fault("D", "Ctrl-C", '"interrupted; what was finished is saved. To continue, repeat the command"', "130")
def test_ctrl_c_saves_what_is_done_and_ends_with_130(spec, tmp_path):
    out = tmp_path / "interrupted"
    # slow by a file beside it, not by its code: rows of other code would be measured again
    slow = tmp_path / "slow"
    slow.touch()
    wait = f"    import os, time; time.sleep(0.3 * os.path.exists({str(slow)!r}))\n    dense"
    spec.include[0].write_text(METHOD.replace("    dense", wait, 1))
    process = start(spec, out)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and not (out.is_dir() and store.done(out)):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; what was finished is saved" in said and "Traceback" not in said
    kept = len(store.done(out))
    assert 0 < kept < 40
    slow.unlink()
    result = runner.execute(replace(spec, out=out), make(replace(spec, out=out)))
    assert result.done_before == kept and result.written == 40 - kept


@pytest.mark.fault("D", "Ctrl-C while a library writes and raises another error in its clean-up", "the same", "130")
@pytest.mark.parametrize("hidden", ["", " from None"])
def test_ctrl_c_is_not_lost_where_a_library_raises_another_error_while_it_cleans_up(spec, tmp_path, capsys, hidden):
    stop = f"""
    try:
        raise KeyboardInterrupt
    finally:
        raise ValueError("Can't close the ZIP file"){hidden}
    """
    spec.include[0].write_text(METHOD.replace("    dense", f"{stop}\n    dense", 1))
    out = tmp_path / "stopped"
    argv = ["run", "-m", "toy", "--include", str(spec.include[0]), "-d", spec.datasets[0], "-o", str(out), "--quiet"]
    assert call(argv) == INTERRUPTED
    assert "interrupted; what was finished is saved" in capsys.readouterr().err
    assert store.done(out) == set() and (out / "failures.jsonl").read_text() == ""


@pytest.mark.fault("E", "disk full", '"cannot write ...: No space left on device; the rows so far are safe"', "4")
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_one_sentence_and_the_rows_before_stay(spec, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine does not let tests mount a small disk")
    try:
        with pytest.raises(NotRunnableError, match="No space left on device"):
            runner.execute(replace(spec, out=disk / "run"), make(replace(spec, out=disk / "run")))
        kept = rows(disk / "run")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    runner.execute(spec, make(spec))
    assert 0 < len(kept) < 40
    assert kept == [row for row in rows(spec.out) if row.key in {one.key for one in kept}]


@pytest.mark.fault("E", "the clock goes backwards", "the same rows", "0")
def test_a_clock_that_goes_backwards_changes_no_row(spec, monkeypatch, tmp_path):
    runner.execute(spec, make(spec))
    now = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: next(now))
    back = replace(spec, out=tmp_path / "back")
    runner.execute(back, make(back))
    assert rows(back.out) == rows(spec.out)


@pytest.mark.fault("D", "a worker runs out of memory", '"signal 9; perhaps it ran out of memory"', "3")
def test_a_worker_that_is_killed_for_memory_is_said_to_be(spec, tmp_path, monkeypatch):
    monkeypatch.setitem(plugins._included, "methods", {})
    path = tmp_path / "greedy.py"
    path.write_text(METHOD.replace("    dense", "    import os; os.kill(os.getpid(), 9)\n    dense", 1))
    plugins.include(path)
    greedy = replace(spec, methods=("greedy",), include=(path,), jobs=2, clips=("c00",), out=tmp_path / "greedy-run")
    (failure,) = runner.execute(greedy, make(greedy)).failures
    assert "signal 9; perhaps it ran out of memory" in failure.error


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (["run", "--methods", "stdam", "--dataset", "mini"], 2, "Did you mean 'stdan'"),
        (["run", "--methods", "stdan", "--dataset", "mini", "--split", "fats"], 2, "Did you mean 'fast'"),
        (["run", "--methods", "blend+bicubic", "--dataset", "vimeo90k"], 4, "VIMEO90K_ROOT"),
        (["run", "--methods", "blend+bicubic", "--dataset", "nowhere/at/all"], 4, "nowhere/at/all"),
        (["run", "--methods", "blend+bicubic", "--precision", "fp8"], 2, "unknown precision"),
        (["run", "--methods", "blend+bicubic", "--shard", "a"], 2, "--shard"),
        (["run", "--methods", "blend+bicubic", "--save-frames", "some"], 2, "worst:K"),
        (["run", "--methods", "@nolist.txt"], 2, "nolist.txt"),
        (["run", "--no-such-option"], 2, "No such option"),
        (["report", "no/such/run"], 4, "no run"),
        (["gate", "no/baseline", "no/run"], 4, "no run in"),
        (["ls", "method"], 2, "methods"),
        (["infer", "no.mp4", "--method", "blend+bicubic", "-o", "x.mp4"], 4, "no.mp4"),
        (["run", "--from", "no.toml"], 2, "cannot be read"),
    ],
)
def test_every_mistake_is_one_sentence_and_its_exit_code(argv, code, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    got = call(argv)
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert (got, says in said, "Traceback" in said) == (code, True, False), said
    assert list(Path(tmp_path).rglob("rows-*.jsonl")) == []


@pytest.mark.fault("C7", "`env.json` or `manifest.json` damaged", "'...; delete it, the rows are safe'", "4")
@pytest.mark.parametrize("name", ["env.json", "manifest.json"])
def test_damaged_facts_of_a_run_are_a_sentence_that_says_what_to_do(spec, tmp_path, name, capsys):
    asked = replace(spec, clips=("c00",))
    runner.execute(asked, make(asked))
    argv = ["report", str(spec.out), "--no-figures", "--no-page", "--out", str(tmp_path / "report")]
    more = replace(spec, clips=("c00", "c01"))
    for bad in (b"", b"\0\0", b"[]", b'{"x": ', b'{"cells": 3, "methods": [], "history": {}}'):
        (spec.out / name).write_bytes(bad)
        assert call(argv) == 4
        said = capsys.readouterr().err
        assert f"{spec.out / name}" in said and "delete it, the rows are safe" in said, said
        with pytest.raises(DataError, match="delete it, the rows are safe"):
            runner.execute(more, make(more))
    (spec.out / name).unlink()
    assert call(argv) == 0
    assert runner.execute(more, make(more)).written == 1


@pytest.mark.fault("D", "a method leaves a thread that never ends", "it is stopped after 10 s, and said", "0")
def test_a_thread_that_a_method_leaves_does_not_put_off_the_end(spec, tmp_path):
    endless = "    import threading; threading.Thread(target=threading.Event().wait, name='endless').start()\n"
    path = spec.include[0]
    path.write_text(METHOD.replace("    dense =", endless + "    dense ="))
    run = start(spec, tmp_path / "left", "--limit", "1")
    _, said = run.communicate(timeout=120)
    assert run.returncode == 0, said
    assert "a thread that was started meanwhile (endless) does not end; it is stopped" in said
    assert len(store.read_rows(tmp_path / "left")) == 1


def test_a_pool_of_threads_that_a_method_leaves_ends_at_once(spec, tmp_path):
    pool = "    from concurrent.futures import ThreadPoolExecutor\n    POOL = ThreadPoolExecutor(1); POOL.submit(int)\n"
    path = spec.include[0]
    path.write_text(METHOD.replace("    dense =", pool + "    dense ="))
    run = start(spec, tmp_path / "pool", "--limit", "1")
    _, said = run.communicate(timeout=120)
    assert run.returncode == 0 and "does not end" not in said, said
