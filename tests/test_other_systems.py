"""The suite without what only Unix has. It is no Windows: what is tried is that nothing of it is taken for granted.

`hide` runs in a process of its own and takes these things away from our modules only; Python's own need them here.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from stvsr_bench.data import atomic
from stvsr_bench.data.frames import write_png
from stvsr_bench.errors import ClipError, DataError
from stvsr_bench.methods.process import ProcessNet
from stvsr_bench.plugins import Plugin
from stvsr_bench.schema import MethodCard

HIDE = '''
"""Python imports this file first, in each process with it on PYTHONPATH."""

import builtins
import os
import select
import signal
import types

NO_MODULES = {"fcntl", "resource", "pwd", "grp", "termios"}
NO_NAMES = {
    "os": """O_CLOEXEC O_NOFOLLOW fork geteuid getuid killpg pread pwrite register_at_fork sched_getaffinity setsid
        statvfs sync uname waitid""".split(),
    "signal": ["SIGHUP", "SIGKILL", "SIGALRM", "SIGUSR1", "pthread_sigmask"],
    "select": ["poll", "epoll"],
}


class Without(types.ModuleType):
    def __init__(self, real, names):
        super().__init__(real.__name__)
        self.__dict__["_real"], self.__dict__["_names"] = real, names

    def __getattr__(self, name):
        if name in self._names:
            raise AttributeError(f"hidden: {self._real.__name__}.{name}")
        return getattr(self._real, name)


shown = {name: Without(module, NO_NAMES[name]) for name, module in (("os", os), ("signal", signal), ("select", select))}
usual = builtins.__import__


def imported(name, globals=None, locals=None, fromlist=(), level=0):
    if str((globals or {}).get("__name__", "")).startswith("stvsr_bench"):
        if name in NO_MODULES:
            raise ModuleNotFoundError(f"hidden: {name}")
        if name in shown:
            return shown[name]
    return usual(name, globals, locals, fromlist, level)


builtins.__import__ = imported
'''
EVERY = """
import importlib, pkgutil, sys
import stvsr_bench
names = [found.name for found in pkgutil.walk_packages(stvsr_bench.__path__, "stvsr_bench.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
from stvsr_bench.data import locking
assert locking.fcntl is None and not hasattr(locking.os, "pwrite") and hasattr(locking.os, "open")
assert len(names) > 200
from stvsr_bench.cli import main
sys.exit(main([*sys.argv[1:], "--out", "run", "--save-frames", "all"]))
"""


@pytest.fixture
def elsewhere(tmp_path):
    """Runs Python with these things hidden from our modules, in it and in the workers that it starts."""
    (tmp_path / "hide").mkdir()
    (tmp_path / "hide" / "sitecustomize.py").write_text(HIDE)
    root = Path(__file__).parents[1]

    def run(*argv):
        path = os.pathsep.join([str(tmp_path / "hide"), str(root)])
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "STVSR_BENCH_NUMBA": "0"}
        done = subprocess.run(
            [sys.executable, *argv], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def test_every_module_is_imported_and_a_worker_measures(elsewhere, tmp_path, noise_clips):
    elsewhere("-c", EVERY, "run", "-m", "blend+bicubic", "-d", str(noise_clips(1, 3, (16, 16))), "--timeout", "600")
    assert len((tmp_path / "run" / "rows-main.jsonl").read_text().splitlines()) == 1


@pytest.fixture
def replaced(monkeypatch):
    """Files are replaced as on Windows: refused as often as `times` says. The waits that were taken."""
    waits = []
    monkeypatch.setattr(atomic, "_SHARED", False)
    monkeypatch.setattr(atomic.time, "sleep", waits.append)
    usual = Path.replace

    def fail(times):
        left = [times]

        def replace(self, target):
            if left[0]:
                left[0] -= 1
                raise PermissionError(13, "used by another process")
            return usual(self, target)

        monkeypatch.setattr(Path, "replace", replace)
        return waits

    return fail


def test_a_file_that_a_scanner_has_open_is_replaced_a_little_later(replaced, tmp_path):
    waits = replaced(2)
    write_png(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    assert (tmp_path / "a.png").is_file() and waits == [0.01, 0.05]


def test_a_file_that_stays_open_is_one_sentence(replaced, tmp_path):
    replaced(99)
    with pytest.raises(DataError, match="used by another process"), atomic.replacing(tmp_path / "a.png") as file:
        file.write(b"x")
    assert list(tmp_path.iterdir()) == []


SERVE = """
import json, sys, time
import numpy as np
for line in sys.stdin:
    question = json.loads(line)
    if question["times"]:
        time.sleep(60)
    np.save(question["output"], np.ones((5, 3, 16, 24), np.float32))
    print(json.dumps({"ok": True}), flush=True)
"""


def test_a_method_in_a_process_is_heard_without_poll(tmp_path, monkeypatch):
    monkeypatch.delattr("stvsr_bench.methods.process.select.poll")
    monkeypatch.setattr("stvsr_bench.methods.process.ANSWER_S", 5)
    (tmp_path / "serve.py").write_text(SERVE)
    card = MethodCard(name="served", title="Served", kind="stvsr", net=f"{sys.executable} serve.py", call="process")
    net = ProcessNet(card, Plugin("methods", "served", tmp_path, "test"), {})
    try:
        assert net(torch.zeros(2, 3, 3, 4, 6)).shape == (2, 5, 3, 16, 24)
        monkeypatch.setattr("stvsr_bench.methods.process.ANSWER_S", 0.2)
        with pytest.raises(ClipError, match="wrote no complete line"):
            net(torch.zeros(1, 3, 3, 4, 6), torch.tensor([[0.5]]))
    finally:
        net.close()
