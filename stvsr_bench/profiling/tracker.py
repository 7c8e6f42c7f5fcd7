"""Which module a network is in while it runs, and the time each of its stages takes.

A stage is a module of the first level. Code that runs between two calls of one stage's submodules belongs to that
stage; what runs outside all of them is "(rest)". So a network that calls parts of a stage without the stage's own
`forward` is still told apart.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

Event = Callable[[str, bool], None]  # (module's name, entered or left)
REST = "(rest)"


@contextmanager
def watched(net: nn.Module, event: Event) -> Iterator[None]:
    """Inside this context `event` is called when a submodule's forward pass begins and when it ends."""
    handles = []
    for name, module in net.named_modules():
        # the root would hold everything, and containers without a forward are never called
        if not name or isinstance(module, nn.ModuleList | nn.ModuleDict):
            continue

        # the name as a default argument: a closure would see the loop's last one
        def enter(_: nn.Module, __: Any, name: str = name) -> None:
            event(name, True)

        def leave(_: nn.Module, __: Any, ___: Any, name: str = name) -> None:
            event(name, False)

        # always_call: a module that raises must leave the stack too
        handles += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave, always_call=True)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class Stack:
    """The names of the modules that a network is in, the innermost last."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, name: str, entered: bool) -> None:
        """Take note of one event."""
        if entered:
            self.names.append(name)
        elif self.names:
            self.names.pop()

    @property
    def inside(self) -> str:
        """The innermost module, "" outside all."""
        return self.names[-1] if self.names else ""


class StageClock:
    """Sums the time of each stage over one forward pass; `now_ms` waits for the device."""

    def __init__(self, now_ms: Callable[[], float]) -> None:
        self.now_ms = now_ms
        self.ms: dict[str, float] = {}
        self.depth = 0
        self.last = ("", now_ms())

    def __call__(self, name: str, entered: bool) -> None:
        """Take note of one event: only the outermost module counts."""
        self.depth += 1 if entered else -1
        if entered and self.depth == 1:
            stage = name.partition(".")[0]
            # code between two parts of one stage is that stage's: a network may never call the stage's own forward
            self._passed(stage if self.last[0] == stage else REST, stage)
        elif not entered and self.depth == 0:
            stage = name.partition(".")[0]
            self._passed(stage, stage)

    def end(self) -> dict[str, float]:
        """Milliseconds of each stage, in the order in which they were first entered."""
        self._passed(REST, "")
        return self.ms

    def _passed(self, to: str, now_in: str) -> None:
        now = self.now_ms()
        self.ms[to] = self.ms.get(to, 0.0) + now - self.last[1]
        self.last = (now_in, now)
