"""What a method may change in its process, put back after each call of it, so that none spoils the next.

Threads add in another order, another default dtype fails every later network, another folder loses the frames: what was
changed is told, for it moved the numbers of that call. Random numbers are the clip's (`runner/engines/isolation.py`): a
method may draw some. Filters of warnings are put back and not told: libraries add some when they are first imported.
"""

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import cv2
import numpy as np
import torch

from stvsr_bench.errors import ClipError, interrupted, told

_CUDNN: tuple[str, ...] = ("enabled", "benchmark", "deterministic", "allow_tf32")


def _cudnn() -> dict[str, bool]:
    return {name: getattr(torch.backends.cudnn, name) for name in _CUDNN}


def _set_cudnn(values: dict[str, bool]) -> None:
    for name, on in values.items():
        setattr(torch.backends.cudnn, name, on)


def _device() -> str:
    return str(torch.get_default_device())


def _set_device(name: str) -> None:
    torch.set_default_device(None if name == "cpu" else name)  # "cpu" would be one more step in every call of torch


_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def _handlers() -> list[Any]:
    if threading.current_thread() is not threading.main_thread():
        return []  # no method that runs here can set them, and what the main thread does is not to be undone
    return [signal.getsignal(number) for number in _SIGNALS]


def _set_handlers(handlers: list[Any]) -> None:
    for number, handler in zip(_SIGNALS, handlers, strict=True):
        if handler is not None:  # one that is not Python's cannot be set from here
            signal.signal(number, handler)


# name: how it is read, how it is set
_STATE: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "recursion": (sys.getrecursionlimit, sys.setrecursionlimit),
    "device": (_device, _set_device),
    "signals": (_handlers, _set_handlers),  # else Ctrl-C is ignored from here on
    "dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "gradients": (torch.is_grad_enabled, torch.set_grad_enabled),
    "threads": (torch.get_num_threads, torch.set_num_threads),
    "determinism": (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
    "matmul-precision": (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    "onednn": (lambda: torch.backends.mkldnn.enabled, torch.backends.mkldnn.set_flags),
    "cudnn": (_cudnn, _set_cudnn),
    # also sets IPP and OpenCL, which therefore come after it
    "opencv": (cv2.useOptimized, cv2.setUseOptimized),
    "opencv-ipp": (cv2.ipp.useIPP, cv2.ipp.setUseIPP),
    "opencv-opencl": (cv2.ocl.useOpenCL, cv2.ocl.setUseOpenCL),
    "opencv-threads": (cv2.getNumThreads, cv2.setNumThreads),
    "numpy-errors": (np.geterr, lambda how: np.seterr(**how)),
    "folder": (os.getcwd, os.chdir),
}


@contextmanager
def kept() -> Iterator[set[str]]:
    """Everything of `_STATE` as it was, however the body ends; the set has the names of what it had changed."""
    before = state()
    filters = list(warnings.filters)
    changed: set[str] = set()
    try:
        with _no_exit():
            yield changed
    finally:
        changed |= _put_back(before)
        if warnings.filters != filters:
            warnings.filters[:] = filters  # type: ignore[index]
            warnings.resetwarnings.__globals__["_filters_mutated"]()


def state() -> dict[str, Any]:
    """What is looked at, by name."""
    found = {}
    for name, (read, _) in _STATE.items():
        with suppress(OSError):  # the folder was taken away
            found[name] = read()
    return found


def _put_back(before: dict[str, Any]) -> set[str]:
    changed = set()
    if sys.getrecursionlimit() != before["recursion"]:
        sys.setrecursionlimit(before["recursion"])  # at once: with little room all that follows here would fail, too
        changed.add("recursion")
    changed |= {name for name, value in state().items() if value != before.get(name, value)}
    if "folder" in before and "folder" not in state():  # it went into a folder and deleted that
        changed.add("folder")
    for name in _STATE:
        if name in changed or (changed and name.startswith("opencv") and name in before):
            with suppress(OSError):
                _STATE[name][1](before[name])
    return changed


@contextmanager
def ended_by_nothing(who: str) -> Iterator[None]:
    """A method's attempt to end the process (`sys.exit`, `os._exit`, an exception that is no `Exception`) is an error.

    Raises:
        ClipError: the method tried.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        if interrupted(error):
            raise KeyboardInterrupt from error
        raise ClipError(f"{who} tried to end the process: {told(error)}") from error


@contextmanager
def _no_exit() -> Iterator[None]:
    """`os._exit` raises: it would end the run without a word. A child that the method forks may use it."""
    ours, real = os.getpid(), os._exit

    def refused(status: int = 0) -> NoReturn:
        if os.getpid() != ours:
            real(status)
        raise SystemExit(f"os._exit({status})")

    os._exit = refused
    try:
        yield
    finally:
        os._exit = real
