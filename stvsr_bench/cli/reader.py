"""Output for a reader who may have gone: `stvsr-bench gate ... | head -1`."""

import os
import sys
from contextlib import suppress


def say(text: str) -> None:
    """Print on stdout; a reader who has gone costs a verb neither its work nor its exit code."""
    if sys.stdout is None:  # started with stdout closed
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        gone()


def gone() -> None:
    """Let what is still to be written to the closed pipe vanish: Python would complain of it at its end."""
    with suppress(OSError, ValueError):  # no file at all, as in a notebook
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
