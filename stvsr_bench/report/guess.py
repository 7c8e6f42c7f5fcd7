"""The error for a method that the rows do not have: which run was looked at, and which method may be meant."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from stvsr_bench.errors import UnknownNameError, UsageError

_ALIKE = 0.6  # as difflib's own guesses


class UnknownMethodError(UnknownNameError):
    """A method that was not measured in the runs that were read."""

    def __init__(self, name: str, known: Iterable[str], runs: Sequence[str] = ()) -> None:
        names = sorted(known)
        close = guess(name, names)
        meant = f" Did you mean '{close}'?" if close else ""
        where = f"in {', '.join(runs)}" if runs else "in these rows"
        listed = ", ".join(names) if names else "none"
        UsageError.__init__(self, f"unknown method '{name}' {where}.{meant} Known: {listed}")


def guess(name: str, known: Sequence[str]) -> str:
    """The method that was probably meant; "" where none is near.

    The parts of a joined method (`dis+bicubic`) are compared one by one, and all must be near: two methods that share
    the second network are not spellings of each other.
    """
    scored = sorted(((_alike(name, one), one) for one in known), reverse=True)
    return scored[0][1] if scored and scored[0][0] >= _ALIKE else ""


def _alike(name: str, other: str) -> float:
    mine, theirs = (of.partition("@")[0].split("+") for of in (name, other))
    if len(mine) != len(theirs):
        return 0.7 if mine[0] == theirs[0] else 0.0
    return min(SequenceMatcher(None, one, two).ratio() for one, two in zip(mine, theirs, strict=True))
