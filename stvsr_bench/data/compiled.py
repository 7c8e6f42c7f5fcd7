"""The compiled parts of the data path (`quarter`, `unfilter`): used where numba is installed, equal to the byte."""

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any


@cache
def function(module: str, name: str) -> Callable[..., Any] | None:
    """A function of `stvsr_bench.data.<module>`; None without numba, or where STVSR_BENCH_NUMBA=0 switches it off."""
    if os.environ.get("STVSR_BENCH_NUMBA") == "0":
        return None
    try:
        found: Callable[..., Any] = getattr(import_module(f"stvsr_bench.data.{module}"), name)
    except (ImportError, RuntimeError):  # no numba, or one that finds no folder to keep compiled code in
        return None
    return found
