"""How numba compiles our kernels, and how their work is shared among threads.

Numba's OpenMP threads are asked for first: threads of Python's own beside those of torch, which wait for work by
spinning, would fight for the same cores.
"""

import os
from collections.abc import Callable
from threading import Lock
from typing import Any

import numba
import torch
from numba import njit

from stvsr_bench.compiling import compiled

numba.config.SLP_VECTORIZE = 1  # type: ignore[attr-defined] # eight channels in a row become one vector; numba leaves this off
numba.config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]  # type: ignore[attr-defined]

Kernel = Callable[..., None]
# No zero-division checks (they would hide the vectors), no Python lock. Sums may be reordered (fastmath), which metrics
# forbid: the last digits of a network depend on the processor anyway, by oneDNN and MKL (docs/measured.md)
helper = njit(nogil=True, fastmath=True, error_model="numpy")
inlined = njit(nogil=True, fastmath=True, error_model="numpy", inline="always")
cached = compiled(nogil=True, fastmath=True, error_model="numpy")  # compiled once for all runs
on_threads = compiled(nogil=True, error_model="numpy", parallel=True)

_one_at_a_time = Lock()  # two callers would only slow each other down, and not every thread pool of numba allows it
_pool_of: list[int] = []  # the process whose threads numba's pool holds


@inlined
def bound(total: int, part: int, parts: int) -> Any:
    """Where part number `part` of the work begins."""
    return total * part // parts


def run(alone: Kernel, shared: Kernel, given: tuple[Any, ...], total: int) -> None:
    """Do items 0..total: alone(*given, 0, total), or shared(*given, total, parts) on as many threads as torch uses.

    A forked process works alone: its parent's threads did not come with it.
    """
    threads = min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    if threads == 1 or total < 2 * threads or (_pool_of and _pool_of[0] != os.getpid()):
        alone(*given, 0, total)
        return
    with _one_at_a_time:
        if not _pool_of:
            _pool_of.append(os.getpid())
        numba.set_num_threads(threads)
        shared(*given, total, threads)
