"""How others end a command: a scheduler by SIGTERM, a closing terminal by SIGHUP. Both are answered as Ctrl-C is."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


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
