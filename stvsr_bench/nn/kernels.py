"""Which kernels run: vectorised numba ones on the CPU where numba works, pure torch everywhere else.

The numba kernels (`numba_sampling.py`, `numba_windows.py`, extra `[fast]`) have no gradient; each equals its twin in
pure torch to 1e-9 in float64 and stands behind the same function.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

import torch
from torch import Tensor

from stvsr_bench import compiling

REAL = (torch.float32, torch.float64)
HALF = (torch.bfloat16, torch.float16)  # too coarse for kernels: computed in float32

# not a plain global: threads that restore side by side may differ
_pure_torch: ContextVar[bool] = ContextVar("pure_torch", default=False)


def backend() -> Literal["torch", "numba"]:
    """The name of the kernels that a CPU tensor meets now when no gradient is wanted."""
    return "numba" if not _pure_torch.get() and compiling.usable() else "torch"


@contextmanager
def only_torch(only: bool = True) -> Iterator[None]:
    """Inside this context every function takes its pure-torch path."""
    token = _pure_torch.set(only)
    try:
        yield
    finally:
        _pure_torch.reset(token)


def usable(*tensors: Tensor, half: bool = False) -> bool:
    """Whether a kernel can take these tensors: numba allowed, all on the CPU, real floats, no gradient wanted.

    With `half`, halves too: the caller turns them to float32 first.
    """
    if backend() != "numba" or torch.compiler.is_compiling():  # torch.compile cannot look into a numba function
        return False
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return False
    taken = (*REAL, *HALF) if half else REAL
    return all(t.device.type == "cpu" and t.dtype in taken for t in tensors)
