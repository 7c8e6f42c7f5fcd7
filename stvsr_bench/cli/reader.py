"""What a verb says, and where: the only place of the command line that writes on stdout.

A reader may have gone (`stvsr-bench gate ... | head -1`), names are anybody's, and a method, a library or a child of
theirs may print: while a verb runs, stdout is what the verb says and nothing else, so that `--json` is JSON.
"""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TextIO, TypeVar

from stvsr_bench.errors import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

P = ParamSpec("P")
T = TypeVar("T")
_verbs_own: list[TextIO] = []  # stdout as the verb found it; one, while a verb runs


def say(line: str) -> None:
    """Print lines on stdout; a reader who has gone costs a verb neither its work nor its exit code."""
    _write(printable(line) + "\n")


def document(value: Any, indent: int | None = None) -> None:
    """Print one JSON document on stdout; what JSON has no number for (infinity) is text."""
    from stvsr_bench.escape import json_text
    from stvsr_bench.report.tables.csvjson import finite

    _write(json_text(json.dumps(finite(value), indent=indent, ensure_ascii=False, allow_nan=False)) + "\n")


def note(line: str) -> None:
    """Print lines for people on stderr."""
    if sys.stderr is not None:  # print takes None for stdout
        with suppress(BrokenPipeError):
            print(printable(line), file=sys.stderr)


def wrapped(words: str, margin: str, first: str = "") -> str:
    """Words in lines as wide as the terminal, behind a margin; `first` begins the first line instead of it."""
    width = min(120, shutil.get_terminal_size((120, 24)).columns)
    return textwrap.fill(
        " ".join(printable(words).split()),
        max(width, len(margin) + 30),
        initial_indent=first or margin,
        subsequent_indent=margin,
        break_on_hyphens=False,
        break_long_words=False,
    )


def console() -> "Console":
    """A console on stdout, for tables; what goes into them is made by `text`."""
    from rich.console import Console

    return Console(file=_out(), highlight=False)


def text(words: str, style: str = "") -> "Text":
    """Words of anybody's for a console: no markup, nothing that steers a terminal."""
    from rich.text import Text

    return Text(printable(words), style=style)


def done() -> None:
    """Write what is still to be written, here and not at Python's end, where it would change the exit code."""
    _write("")


def gone() -> None:
    """Let what is still to be written to the closed pipe vanish: Python would complain of it at its end."""
    out = _out()
    with suppress(OSError, ValueError, AttributeError):  # no file at all, as in a notebook
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, out.fileno() if out is not None else -1)
        os.close(nothing)


def speaking(verb: Callable[P, T]) -> Callable[P, T]:
    """The verb with stdout to itself."""

    @wraps(verb)
    def spoken(*args: P.args, **kwargs: P.kwargs) -> T:
        with alone():
            return verb(*args, **kwargs)

    return spoken


@contextmanager
def alone() -> Iterator[None]:
    """Stdout for `say` and its like alone; what else is printed there, in Python, in C or by a child, is on stderr."""
    out = sys.stdout
    if out is None or sys.stderr is None or _verbs_own:
        yield
        return
    descriptor = _descriptor(out)
    mine = out if descriptor is None else _moved(out, descriptor)
    _verbs_own.append(mine)
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        _verbs_own.clear()
        sys.stdout = out
        if descriptor is not None:
            with suppress(BrokenPipeError):
                mine.flush()
            os.dup2(mine.fileno(), descriptor)
            with suppress(BrokenPipeError):
                mine.close()


def _descriptor(out: TextIO) -> int | None:
    """1 where that is what stdout writes to; a notebook and a test have put something else in its place."""
    with suppress(OSError, ValueError, AttributeError):
        out.flush()
        if out.fileno() == 1:
            os.fstat(2)
            return 1
    return None


def _moved(out: TextIO, descriptor: int) -> TextIO:
    """A file on what the descriptor writes to; the descriptor itself then writes to stderr."""
    # a letter that the terminal does not have is written out, and ends no verb
    mine = os.fdopen(os.dup(descriptor), "w", encoding=out.encoding, errors="backslashreplace")
    os.dup2(2, descriptor)
    return mine


def _out() -> TextIO | None:
    return _verbs_own[0] if _verbs_own else sys.stdout


def _write(words: str) -> None:
    out = _out()
    if out is None:  # started with stdout closed
        return
    try:
        out.write(words)
        out.flush()
    except BrokenPipeError:
        gone()
