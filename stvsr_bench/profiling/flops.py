"""Multiply-adds of one forward pass, by module and by operator, by two counters; and what neither sees.

The network is run once on the meta device: shapes flow through it, nothing is computed. Each operator is counted by
fvcore's formula (`operators.py`) and by `torch.utils.flop_counter`. A network that needs real values (numpy inside,
a branch on a value) is run on the CPU instead, and the result says so.
"""

import copy
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from stvsr_bench.profiling import operators
from stvsr_bench.profiling.params import prefixes
from stvsr_bench.profiling.tracker import Stack, watched

AGREE = 0.01  # where both count they must be so close: more means that one has a gap
Pure = Callable[[], AbstractContextManager[None]]
Ask = Callable[[nn.Module, Tensor], object]


def _plainly(net: nn.Module, lr_BTChw: Tensor) -> object:
    return net(lr_BTChw)


@dataclass(frozen=True)
class Flops:
    """Counts are multiply-adds. `by_both` is what fvcore's formulas give for the operators that `second` counts too.

    `uncounted` are operators with arithmetic and no formula, with how often each was called.
    """

    total: int
    by_both: int
    second: int
    by_module: dict[str, int]
    by_operator: dict[str, int]
    uncounted: dict[str, int] = field(default_factory=dict)
    note: str = ""

    @property
    def agree(self) -> bool:
        """Whether the two counters are within 1 % where both count."""
        return abs(self.by_both - self.second) <= AGREE * max(self.by_both, self.second)


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts every operator that is executed inside this context."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.stack = stack
        self.by_operator: Counter[str] = Counter()
        self.by_both = 0
        self.by_module: Counter[str] = Counter()
        self.uncounted: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the operator and add up what it costs."""
        # at dispatch, below autograd: fvcore's own tracer misses what an autograd.Function does inside
        name = func._schema.name
        out = _shape_only(name, args)
        if out is None:
            out = func(*args, **(kwargs or {}))
        outputs = out if isinstance(out, tuple | list) else [out]
        cost = operators.multiply_adds(name, args, outputs)
        if cost is not None:
            self.by_operator[name.rpartition("::")[2]] += cost
            # torch's counter knows products, convolutions and attention alone: compared is what both know
            self.by_both += cost if func.overloadpacket in flop_registry else 0
            for place in prefixes(self.stack.inside):  # a module's count holds that of the modules inside it
                self.by_module[place] += cost
        elif not operators.moves_only(name) and any(_is_float(item) for item in outputs):
            self.uncounted[name.rpartition("::")[2]] += 1
        return out


def count(net: nn.Module, lr_BTChw: Tensor, pure: Pure = nullcontext, ask: Ask = _plainly) -> Flops:
    """The multiply-adds of one forward pass on a clip of this shape; the network is left as it is.

    `ask` calls the network, where it is told more than the clip. Inside `pure()` the network must take its path of
    plain tensor operators: a kernel of its own would not be seen.
    """
    try:
        shadow = copy.deepcopy(net).to("meta")  # a copy: values do not come back from the meta device
        return _counted(shadow, lr_BTChw.to("meta"), pure, "", ask)
    except Exception as error:  # noqa: BLE001 - what needs real values fails in its own way here; the real run tells
        needs = f"on shapes alone it raised {type(error).__name__}"
        note = f"counted on real values, since the network needs them ({needs}); arithmetic outside torch is not seen"
        return _counted(copy.deepcopy(net).cpu(), lr_BTChw.cpu(), pure, note, ask)


def _counted(net: nn.Module, lr_BTChw: Tensor, pure: Pure, note: str, ask: Ask) -> Flops:
    stack = Stack()
    recorder, second = _Recorder(stack), FlopCounterMode(display=False)
    # the recorder innermost, so that it sees the operators before the other counter's mode does
    with _quiet(), torch.no_grad(), pure(), watched(net, stack), second, recorder:
        ask(net, lr_BTChw)
    return Flops(
        total=sum(recorder.by_operator.values()),
        by_both=recorder.by_both,
        second=second.get_total_flops() // 2,  # it counts a multiplication and an addition as two
        by_module=dict(recorder.by_module),
        by_operator=dict(recorder.by_operator.most_common()),
        uncounted=dict(recorder.uncounted.most_common()),
        note=note or ("no tensor operator was seen: its forward pass runs elsewhere" if not _seen(recorder) else ""),
    )


def _shape_only(operator: str, inputs: Sequence[Any]) -> Tensor | None:
    """On the meta device, the result of the samplers: torch would run a long Python decomposition for its shape."""
    if not (inputs and isinstance(inputs[0], Tensor) and inputs[0].is_meta):
        return None
    picture = inputs[0]
    if operator == "aten::grid_sampler_2d":
        return picture.new_empty(*picture.shape[:2], *inputs[1].shape[1:3])
    if operator == "aten::upsample_bilinear2d":
        size = inputs[1] or [int(side * factor) for side, factor in zip(picture.shape[2:], inputs[3], strict=True)]
        return picture.new_empty(*picture.shape[:2], *size)
    return None


def _seen(recorder: _Recorder) -> bool:
    return bool(recorder.by_operator or recorder.uncounted)


def _is_float(item: Any) -> bool:
    return isinstance(item, Tensor) and item.is_floating_point()


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
