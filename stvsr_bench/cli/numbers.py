"""What every numeric option of every verb refuses, whoever declares it: what is no number, below 0, and huge.

An option that means something else says so in its declaration (`min=-1`, `max=100`).
"""

import inspect
import math
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from typing import Annotated, Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from stvsr_bench.errors import UsageError

P = ParamSpec("P")
T = TypeVar("T")
LARGEST = 2**31 - 1  # what torch, OpenCV and the clocks of the system take


@dataclass(frozen=True)
class Number:
    """A numeric option or argument: as it is typed, whether it is whole, and its limits, both included."""

    typed: str
    whole: bool
    low: float
    high: float

    def check(self, value: float) -> None:
        """Raises:
        UsageError: the value is none that the option takes.
        """
        if not math.isfinite(value) or not self.low <= value <= self.high:
            kind = "a whole number" if self.whole else "a number"
            raise UsageError(f"{self.typed} {value}: write {kind} from {_shown(self.low)} to {_shown(self.high)}")


def checked(verb: Callable[P, T]) -> Callable[P, T]:
    """The verb, called with numbers that it can mean."""

    @wraps(verb)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        given = inspect.signature(verb).bind(*args, **kwargs).arguments
        for name, number in numbers(verb).items():
            if isinstance(value := given.get(name), int | float):
                number.check(value)
        return verb(*args, **kwargs)

    return called


@cache
def numbers(verb: Callable[..., Any]) -> dict[str, Number]:
    """The numeric options and arguments of a verb, by the name of its parameter."""
    found = {}
    for name, hint in get_type_hints(verb, include_extras=True).items():
        if get_origin(hint) is not Annotated:
            continue
        kind, *about = get_args(hint)
        plain = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
        if not {int, float} & set(plain):
            continue
        said = next((one for one in about if hasattr(one, "param_decls")), None)
        words = [word for word in getattr(said, "param_decls", None) or () if word.startswith("--")]
        low, high = getattr(said, "min", None), getattr(said, "max", None)
        limits = (0 if low is None else low, LARGEST if high is None else high)
        found[name] = Number(words[0] if words else f"--{name.replace('_', '-')}", float not in plain, *limits)
    return found


def _shown(limit: float) -> str:
    return f"{limit:,}".replace(",", "") if isinstance(limit, int) else f"{limit:g}"
