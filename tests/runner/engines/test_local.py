"""Worker processes of this machine: what one that dies, hangs or cannot start costs, and that nothing of it is left."""

import os
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import pytest
import torch

from stvsr_bench import ending, plugins
from stvsr_bench.data.frames import write_png
from stvsr_bench.errors import NotRunnableError, UsageError
from stvsr_bench.rows import store
from stvsr_bench.runner import execute as runner
from stvsr_bench.runner.engines.processes import Child
from stvsr_bench.runner.plan import RunSpec, make
from stvsr_bench.schema import Settings

# a white clip is where the method does its worst; `told` is a folder where it says what it does
METHOD = """
import os, pathlib, tempfile, time, torch.nn.functional as F
CARD = {{"title": "Toy", "net": "restore", "call": "function", "kind": "stvsr", "learned": False}}
told = pathlib.Path({told!r})
{head}


def say(name, text=""):
    (told / f".{{name}}").write_text(text)
    (told / f".{{name}}").rename(told / name)


def restore(lr_BTChw):
    if lr_BTChw.min() > 0.99:
        {body}
    dense = lr_BTChw.repeat_interleave(2, dim=1)[:, :-1]
    return F.interpolate(dense.flatten(0, 1), scale_factor=4).unflatten(0, dense.shape[:2])
"""
FORK = "child = os.fork() or time.sleep(600)\n        "


@pytest.fixture
def spec(tmp_path, noise_clips, monkeypatch):
    """A run of three clips, the second of them white, by a method that says where and what it does."""
    monkeypatch.setitem(plugins._included, "methods", {})
    clips = noise_clips(3, 3, (16, 16))
    for t in range(3):
        write_png(clips / "c1" / f"{t}.png", np.full((16, 16, 3), 255, np.uint8))
    (tmp_path / "told").mkdir()

    def made(body, head="", **more):
        path = tmp_path / "toy.py"
        path.write_text(METHOD.format(told=str(tmp_path / "told"), head=head, body=body))
        plugins.include(path)
        fields = {"out": tmp_path / "run", "include": (path,), "save_frames": "none", "jobs": 2, **more}
        return RunSpec(("toy",), (str(clips),), **fields)

    return made


def lives(pid):
    """Whether a process runs; one that is dead and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def gone(pids, within_s=20):
    until = time.monotonic() + within_s
    while time.monotonic() < until and any(map(lives, pids)):
        time.sleep(0.05)
    return not any(map(lives, pids))


DIES = """
        import gc, struct
        from multiprocessing.connection import Connection
        say("child", str(child))
        tempfile.mkdtemp()
        if not (told / "died").exists():
            say("died", tempfile.gettempdir())
            (pipe,) = [each for each in gc.get_objects() if isinstance(each, Connection)]
            os.write(pipe.fileno(), struct.pack("!i", 1000) + b"half a mess")
            os.kill(os.getpid(), 9)
"""


@pytest.mark.fault(
    "D1", "a worker is killed while it sends its rows, and a child that it forked lives", "its clip is tried again", "0"
)
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_a_worker_killed_while_it_sends_costs_a_second_try_and_its_child_nothing(spec, tmp_path):
    asked = spec(FORK + DIES.strip(), clips=("c1",))
    result = runner.execute(asked, make(asked))
    assert result.failures == [] and result.written == 1
    assert gone([int((tmp_path / "told" / "child").read_text())])
    scratch = (tmp_path / "told" / "died").read_text()
    assert "stvsr-bench-" in scratch and not Path(scratch).exists(), "temporary files of a worker go with it"


@pytest.mark.parametrize("sent", [b"", struct.pack("!i", 1000) + b"half", struct.pack("!i", 4) + b"none"])
def test_half_a_word_of_a_worker_is_its_end(sent):
    ours, theirs = Pipe()
    child = object.__new__(Child)
    child.connection = ours
    os.write(theirs.fileno(), sent)
    theirs.close()
    assert child.receive() is None


@pytest.mark.fault(
    "D2", "`--timeout`: workers start slowly, one clip hangs", "that clip: 'took longer than N s and was stopped'", "3"
)
def test_a_clip_that_hangs_is_stopped_and_the_start_of_a_worker_is_in_no_time_limit(spec):
    asked = spec("time.sleep(600)", head="time.sleep(2.5)", jobs=1, timeout_s=2)
    result = runner.execute(asked, make(asked))
    assert [(o.task.clip, o.error) for o in result.failures] == [
        ("c1", "toy on c1 took longer than 2 s and was stopped")
    ]
    assert {row.clip for row in store.read_rows(asked.out)} == {"c0", "c2"}


@pytest.mark.fault("D4", "`--device cuda --jobs 2` without CUDA", "one sentence, before any process starts", "2")
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA")
def test_a_device_that_is_not_there_is_said_by_the_parent(spec, monkeypatch):
    monkeypatch.setattr(Child, "__init__", lambda *_: pytest.fail("a worker was started"))
    asked = spec("pass", settings=Settings(device="cuda"))
    with pytest.raises(UsageError, match="device 'cuda' is not available on this machine"):
        runner.execute(asked, make(asked))


@pytest.mark.fault("D4", "a worker process that cannot start", "why, once; the run ends", "4")
@pytest.mark.parametrize("ends", ["refuses", "dies"])
def test_a_worker_that_cannot_start_says_why_and_ends_the_run(spec, ends, monkeypatch):
    asked = spec("pass")
    plan = make(asked)
    asked.include[0].unlink()
    says = "toy.py"
    if ends == "dies":  # before our own code runs: what it is started with cannot be read there
        monkeypatch.setattr("stvsr_bench.runner.engines.processes._serve", _Deadly())
        says = r"worker processes end before they can begin \(exit code 7\)"
    with pytest.raises(NotRunnableError, match=says):
        runner.execute(asked, plan)
    assert store.read_failures(asked.out) == []


class _Deadly:
    """A start that cannot be unpickled: it ends the process that tries."""

    def __reduce__(self):
        return os._exit, (7,)


HANGS = 'say("worker", str(os.getpid())); tempfile.mkdtemp(); say("child", str(child)); time.sleep(600)'


@pytest.mark.fault(
    "D6", "SIGTERM to a run with workers, one of which hangs", "what Ctrl-C says; nothing is left", "130"
)
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_and_their_children_end_with_the_run(spec, tmp_path, number):
    asked = spec(FORK + HANGS)
    (tmp_path / "temporary").mkdir()
    argv = ["run", "-m", "toy", "--include", str(asked.include[0]), "-d", asked.datasets[0], "-o", str(asked.out)]
    process = subprocess.Popen(
        [sys.executable, "-m", "stvsr_bench", *argv, "--save-frames", "none", "--timeout", "900", "--clips", "c1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
    )
    told = tmp_path / "told" / "child"
    while not told.exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert gone([int((tmp_path / "told" / name).read_text()) for name in ("worker", "child")])
    assert list((tmp_path / "temporary").glob("stvsr-bench-*")) == []
    if number == signal.SIGTERM:
        assert process.returncode == 130
        assert "interrupted; what was finished is saved" in said and "Traceback" not in said


@pytest.mark.fault("D6", "SIGHUP: the terminal is closed", "as Ctrl-C; not under `nohup`", "130")
def test_a_closed_terminal_is_ctrl_c_but_where_it_is_to_be_ignored():
    before = signal.getsignal(signal.SIGHUP)
    with pytest.raises(KeyboardInterrupt), ending.as_ctrl_c():
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(5)
    assert signal.getsignal(signal.SIGHUP) is before
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending.as_ctrl_c():
            os.kill(os.getpid(), signal.SIGHUP)
            assert ending.signals() == (signal.SIGTERM,)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_rows_of_workers_are_those_of_one_process(spec, tmp_path):
    asked = spec("pass", jobs=1)
    runner.execute(asked, make(asked))
    two = replace(asked, jobs=2, out=tmp_path / "two")
    runner.execute(two, make(two))

    def rows(run):
        return sorted((replace(row, seconds={}, env="") for row in store.read_rows(run)), key=lambda row: row.key)

    assert rows(two.out) == rows(asked.out) and len(rows(two.out)) == 3
