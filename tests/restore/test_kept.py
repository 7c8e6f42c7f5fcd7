"""No method spoils the next: what it changes in the process is put back, told and a flag of its rows."""

import inspect
import os
import signal
import sys
import threading
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from stvsr_bench.errors import ClipError
from stvsr_bench.restore.kept import ended_by_nothing, kept, state

CHANGES = {
    "recursion": lambda: sys.setrecursionlimit(sys.getrecursionlimit() + 7),
    "device": lambda: torch.set_default_device("meta"),
    "signals": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    "dtype": lambda: torch.set_default_dtype(torch.float64),
    "gradients": lambda: torch.set_grad_enabled(not torch.is_grad_enabled()),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "determinism": lambda: torch.use_deterministic_algorithms(True),
    "matmul-precision": lambda: torch.set_float32_matmul_precision("medium"),
    "onednn": lambda: torch.backends.mkldnn.set_flags(False),
    "cudnn": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "opencv": lambda: cv2.setUseOptimized(False),
    "opencv-threads": lambda: cv2.setNumThreads(3),
    "numpy-errors": lambda: np.seterr(all="raise"),
    "folder": lambda: os.chdir("/"),
}


@pytest.mark.fault(
    "A11", "a method changes dtype, device, threads, oneDNN, OpenCV, the folder, Ctrl-C, ...", "put back; a flag", "0"
)
@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("raises", [False, True])
def test_what_was_changed_is_put_back_and_named(name, raises):
    before = state()
    try:
        with kept() as changed:
            CHANGES[name]()
            assert state() != before
            if raises:
                raise ValueError("and it fails")
    except ValueError:
        pass
    assert state() == before
    assert name in changed and all(other.startswith("opencv") for other in changed - {name})


def test_nothing_is_named_where_nothing_was_changed():
    with kept() as changed, torch.inference_mode():
        torch.rand(3)
    assert changed == set()


def test_warnings_as_errors_end_with_the_call():
    with kept() as changed:
        warnings.simplefilter("error")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        warnings.warn("still a warning", UserWarning, stacklevel=1)
    assert len(seen) == 1 and changed == set()
    with kept():
        warnings.simplefilter("error")
    warnings.warn_explicit("no error", DeprecationWarning, "somewhere", 1)


def test_a_folder_that_was_taken_away_is_left_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with kept() as changed:
        (tmp_path / "gone").mkdir()
        os.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
    assert Path.cwd() == tmp_path and changed == {"folder"}


def test_a_child_may_end_itself():
    with kept():
        child = os.fork()
        if child == 0:
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@pytest.mark.parametrize("words", ["os._exit(0)", "raise SystemExit(5)", "raise GeneratorExit"])
def test_a_method_that_would_end_the_process_is_an_error(words):
    says = "net tried to end the process: (SystemExit|GeneratorExit)"
    with pytest.raises(ClipError, match=says), kept(), ended_by_nothing("net"):
        exec(words)


def test_ctrl_c_is_no_error_of_the_method():
    with pytest.raises(KeyboardInterrupt), ended_by_nothing("net"):
        raise KeyboardInterrupt


def test_room_that_a_method_takes_from_python_s_stack_is_given_back():
    """Too little of it fails whatever follows, with an error that names nobody."""
    before = sys.getrecursionlimit()
    with kept() as changed:
        sys.setrecursionlimit(len(inspect.stack(0)) + 25)
    assert changed == {"recursion"} and sys.getrecursionlimit() == before


def test_a_thread_leaves_the_signals_to_the_main_thread():
    begun, changed, found = threading.Event(), threading.Event(), []

    def restore():
        with kept() as names:
            begun.set()
            assert changed.wait(10)
        found.append(set(names))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=restore)
    thread.start()
    assert begun.wait(10)
    try:
        signal.signal(signal.SIGTERM, handler := lambda *_: None)
        changed.set()
        thread.join()
        assert found == [set()] and signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)
