"""How many numbers a network holds: parameters by module, trainable ones, buffers."""

from dataclasses import dataclass

from torch import nn

DEPTH = 2  # levels of modules told apart: stages and their blocks


@dataclass(frozen=True)
class Params:
    """`by_module` has an entry for each module of the first two levels that holds parameters, in the net's order.

    A parameter that two modules share is counted once, at the first. `bytes` is what parameters and buffers occupy.
    """

    total: int
    trainable: int
    buffers: int
    bytes: int
    by_module: dict[str, int]


def count(net: nn.Module) -> Params:
    """The counts of a network; `trainable` are the parameters that want a gradient."""
    parameters = list(net.parameters())  # yields a shared parameter once
    buffers = list(net.buffers())
    return Params(
        total=sum(parameter.numel() for parameter in parameters),
        trainable=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        buffers=sum(buffer.numel() for buffer in buffers),
        bytes=sum(tensor.numel() * tensor.element_size() for tensor in [*parameters, *buffers]),
        by_module=_by_module(net),
    )


def _by_module(net: nn.Module) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, parameter in net.named_parameters():
        for place in prefixes(name.rpartition(".")[0]):
            found[place] = found.get(place, 0) + parameter.numel()
    return found


def prefixes(name: str) -> list[str]:
    """The module's ancestors of the first two levels: `a.b.c` gives `a`, `a.b`; the root's own gives ``(itself)``."""
    words = name.split(".") if name else ["(itself)"]
    return [".".join(words[: depth + 1]) for depth in range(min(DEPTH, len(words)))]
