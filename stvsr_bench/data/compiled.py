"""The compiled parts of the data path (`levels`, `quarter`, `unfilter`): equal to the byte, used where numba works."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from stvsr_bench import compiling


@cache
def function(module: str, name: str) -> Callable[..., Any] | None:
    """A function of `stvsr_bench.data.<module>`; None without a numba that works, or where it is switched off."""
    if not compiling.usable():
        return None
    found: Callable[..., Any] = getattr(import_module(f"stvsr_bench.data.{module}"), name)
    return found
