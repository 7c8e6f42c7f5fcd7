"""Sentences for the person at the keyboard, and the exit codes that go with them.

Every error that a user can cause is a `BenchError`: what was asked, what is wrong, what would work.
The command line prints it without a traceback and ends with its `exit_code`.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final, Literal

OK: Final = 0
INTERNAL: Final = 1
USAGE: Final = 2
FAILED_CLIPS: Final = 3
NOT_RUNNABLE: Final = 4
GATE_TRIPPED: Final = 5
INTERRUPTED: Final = 130
LONGEST: Final = 2000  # letters of an error's text: a method may put a tensor into it

ExitCode = Literal[0, 1, 2, 3, 4, 5, 130]


CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and line end
_NO_TEXT: Final = re.compile(r"[\ud800-\udfff]")
# these besides: marks that turn the direction of text, further line ends, halves of a letter, what is no letter at all
STEERING: Final = re.compile(
    CONTROL.pattern[:-1] + "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)


def printable(text: str) -> str:
    """The text with control characters written out (`\\x1b`), so that no name of a file can steer a terminal."""
    return STEERING.sub(lambda found: _written_out(ord(found[0])), text)


def spelled(name: str) -> str:
    """A name of a file with the bytes written out that are no UTF-8 (`caf\\xe9`), as no text file can hold them."""
    return _NO_TEXT.sub(lambda found: _written_out(ord(found[0])), name)


def _written_out(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # how Python reads a byte that is no UTF-8 (PEP 383)
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def counted(number: int, word: str, more: str = "") -> str:
    """`1 row`, `2 rows`; `more` is the word for several where that is not the word and an s."""
    return f"{number} {word if number == 1 else more or word + 's'}"


def interrupted(error: BaseException) -> bool:
    """Whether Ctrl-C is behind an error: a library that is stopped while it writes may raise another in its clean-up.

    numpy's `savez` does: the zip file cannot be closed then, and its ValueError takes the place of the interrupt.
    """
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, KeyboardInterrupt):
        seen = seen.__context__  # also where it is hidden by `from None`
    return seen is not None


def told(error: BaseException) -> str:
    """The kind and the text of an error of anybody's: short, and whatever making its text does."""
    try:
        text = str(error)
    except BaseException as again:
        if isinstance(again, KeyboardInterrupt):
            raise
        text = f"(its text cannot be had: {type(again).__name__})"
    return shortened(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def shortened(text: str, most: int = LONGEST) -> str:
    """The text, or its first and last letters with the number of those between."""
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}... ({len(text) - most:,} letters) ...{text[-(most - most // 2) :]}"


class BenchError(Exception):
    """Base of all errors that are the user's to mend."""

    exit_code: ExitCode = USAGE

    def __str__(self) -> str:
        return spelled(super().__str__())  # a path in it may have bytes that nothing can print or store


class UsageError(BenchError):
    """What was asked cannot be asked: a wrong name, value or combination."""


class StoppedError(BenchError):
    """Ctrl-C ended work that says itself what was kept, and how to continue."""

    exit_code: ExitCode = INTERRUPTED


class UnknownNameError(UsageError):
    """A name that is not known: `unknown split of vimeo90k 'fats'. Did you mean 'fast'? Known: ...`."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        names = sorted(known)
        close = get_close_matches(name, names, n=1)
        guess = f" Did you mean '{close[0]}'?" if close else ""
        listed = ", ".join(names) if names else "none"
        super().__init__(f"unknown {kind} '{name}'.{guess} Known: {listed}" + (f". {hint}" if hint else ""))


class CardError(UsageError):
    """A card (method, data set) or configuration file that does not say what it must."""


class NotRunnableError(BenchError):
    """Data, weights or an extra is missing on this machine; the sentence says how to get it."""

    exit_code: ExitCode = NOT_RUNNABLE


class CannotWriteError(NotRunnableError):
    """The disk is full or a folder is read-only: no later clip would fare better, so the run ends."""


class WeightsError(NotRunnableError):
    """Weights that are missing, do not fit, or may not be loaded."""


class DataError(NotRunnableError):
    """A data set, clip or frame that is missing or broken on disk."""


class ClipError(BenchError):
    """One clip could not be read, restored or scored; the run continues and ends with `FAILED_CLIPS`."""

    exit_code: ExitCode = FAILED_CLIPS


class FailedClipsError(BenchError):
    """The run finished, but some clips failed."""

    exit_code: ExitCode = FAILED_CLIPS


class GateError(BenchError):
    """A regression gate tripped."""

    exit_code: ExitCode = GATE_TRIPPED
