"""How a command ends: by others, a scheduler's SIGTERM or a closing terminal's SIGHUP, which are answered as Ctrl-C
is; and at its own end, which no thread of a method puts off.
"""

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

_PATIENCE_S = 10.0  # for threads that are about to end


def signals() -> tuple[int, ...]:
    """The signals that ask this process to end, Ctrl-C not among them; none that it was told to ignore (`nohup`)."""
    found = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    return tuple(number for number in found if signal.getsignal(number) is not signal.SIG_IGN)


@contextmanager
def as_ctrl_c() -> Iterator[None]:
    """Inside, those signals raise KeyboardInterrupt in the main thread; in another thread nothing is changed."""

    def hear(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, hear) for number in signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave(code: int, say: Callable[[str], None]) -> NoReturn:
    """End the process. Python waits for threads at its end, for ever; a method's that runs on is left after 10 s."""
    until = time.monotonic() + _PATIENCE_S
    # pools of threads and processes end when they are told, which Python does at its end; it waits for them, too
    threading.Thread(target=_tell_pools, daemon=True).start()
    with suppress(KeyboardInterrupt):  # who presses it does not want to wait
        for thread in _running():
            thread.join(max(0.0, until - time.monotonic()))
    if not (left := _running()):
        sys.exit(code)
    say(f"a thread that was started meanwhile ({left[0].name}) does not end; it is stopped")
    atexit._run_exitfuncs()  # what Python would do after it
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _tell_pools() -> None:
    for tell in reversed([*getattr(threading, "_threading_atexits", ())]):  # where `concurrent.futures` asks for it
        tell()


def _running() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each is not threading.current_thread() and not each.daemon]
