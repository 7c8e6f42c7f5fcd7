"""Vectorised CPU kernels behind the functions of this package; used where numba is installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

from torch import Tensor

_pure_torch: ContextVar[bool] = ContextVar("pure_torch", default=False)


def backend() -> Literal["torch", "numba"]:
    """The name of the kernels in use."""
    return "torch"


@contextmanager
def only_torch(only: bool = True) -> Iterator[None]:
    """Inside this context every function takes its pure-torch path."""
    token = _pure_torch.set(only)
    try:
        yield
    finally:
        _pure_torch.reset(token)


def usable(*tensors: Tensor) -> bool:
    """Whether a kernel can take these tensors: on the CPU, no gradient wanted, numba installed and allowed."""
    return False


def sample(x_BChw: Tensor, offset: Tensor, mask: Tensor, groups: int) -> Tensor:
    """The samples of every tap; see `deform.deform_sample`."""
    raise AssertionError("ask usable() first")
