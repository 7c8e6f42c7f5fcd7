"""The two engines of a network: `plain` computes what the paper writes, part by part, and `fast` the same sooner.

A part is a module, whose `forward` is the plain engine. The fast engine knows *twins* of some parts: functions that
take the part and what its `forward` takes, and give what it gives, but for the order of sums. The network is written
once; `by_engine` picks for each part. How a method gets a fast engine: methods/README.md.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor, nn

from .kernels import only_torch

Engine = Literal["plain", "fast"]
Twins = Mapping[type[nn.Module], Callable[[Any, Any], Tensor]]


def by_engine(twins: Twins) -> Callable[[nn.Module, Any, Engine], Tensor]:
    """A function of a part, what goes in and the engine: by the part's twin if the fast engine has one, else by itself.

    Twins are looked up by exact type: a subclass computes something else.
    """

    def run(part: nn.Module, given: Any, engine: Engine) -> Tensor:
        twin = twins.get(type(part)) if engine == "fast" else None
        made: Tensor = part(given) if twin is None else twin(part, given)
        return made

    return run


def kernels_of(engine: Engine) -> AbstractContextManager[None]:
    """The context in which an engine computes: pure torch for the plain one, whatever is installed for the fast one."""
    # not only_torch(False): a caller who asked for pure torch keeps it
    return only_torch() if engine == "plain" else nullcontext()


def as_batch(seq_BSChw: Tensor, engine: Engine) -> Tensor:
    """All frames as one batch, in the memory order that the engine's kernels want."""
    frames_BChw = seq_BSChw.flatten(0, 1)
    # the numba kernels read a pixel's channels in one run; oneDNN's convolutions keep the order that they are given
    return frames_BChw if engine == "plain" else frames_BChw.contiguous(memory_format=torch.channels_last)
