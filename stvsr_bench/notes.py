"""What the suite has to say of this machine while it works: one sentence on stderr, once a command.

A worker process has nobody at its keyboard: it hands its sentences to the process that started it (`heard_by`).
"""

import sys
from collections.abc import Callable
from contextlib import suppress

from stvsr_bench.errors import printable

_said: set[str] = set()


def _print(sentence: str) -> None:
    if sys.stderr is not None:
        with suppress(OSError, ValueError):  # nobody reads it, or it is closed
            sys.stderr.write(f"stvsr-bench: {printable(sentence)}\n")


_hear: list[Callable[[str], None]] = [_print]


def once(sentence: str) -> None:
    """Say a sentence, unless this command has said it."""
    if sentence not in _said:
        _said.add(sentence)
        _hear[-1](sentence)


def heard_by(listener: Callable[[str], None]) -> None:
    """From now on sentences go to the listener and not to stderr."""
    _hear[:] = [listener]


def forget() -> None:
    """Sentences said before may be said again: another command begins."""
    _said.clear()
