"""What a profile is asked to measure, and one method built, checked and put in place for it."""

from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from pathlib import Path

from stvsr_bench import methods, plugins
from stvsr_bench.nn import kernels
from stvsr_bench.profiling import hardware
from stvsr_bench.profiling.case import Case, Size, frames_made, make
from stvsr_bench.profiling.runtime import Call
from stvsr_bench.restore import place
from stvsr_bench.schema import Method, Settings


@dataclass(frozen=True)
class ProfileSpec:
    """The setting of a profile: one clip size, one way of running; pickled into the process that measures memory.

    `scale` None is what each method makes when none is named.
    """

    size: Size
    frames: int
    settings: Settings
    threads: int = 0
    budget_s: float = 30.0
    include: tuple[Path, ...] = ()
    override: tuple[str, ...] = ()
    trust_pickle: bool = False
    scale: Fraction | None = None
    time_scale: int = 2


class ShapeRecorder:
    """A call that remembers what shape it made, as (S, H, W)."""

    def __init__(self, case: Case, spec: str) -> None:
        self.call, self.case, self.spec = case.prepared(), case, spec
        self.made = (0, 0, 0)

    def __call__(self) -> None:
        """Run once; the frames themselves are let go, so that timing holds one output and not two."""
        self.made = frames_made(self.call(), self.spec, self.case)


@dataclass
class Subject:
    """One method under measurement; its call is of the placed network, its counts of the network as built."""

    method: Method
    case: Case
    call: ShapeRecorder


def build(text: str, asked: ProfileSpec) -> Subject:
    """The method built, checked against its card and put in place on the clip that is asked for.

    Raises:
        UsageError: the method cannot take this many frames, or make this scale or these times.
    """
    method = place(methods.build(text, trust_pickle=asked.trust_pickle), asked.settings)
    how = (asked.settings.device, asked.settings.precision, asked.scale, asked.time_scale)
    case = make(method, asked.size, asked.frames, *how)
    return Subject(method, case, ShapeRecorder(case, method.spec))


def prepare(asked: ProfileSpec) -> None:
    """What this process needs before a method is built: plug-ins found, kernels loaded, threads set."""
    plugins.allow(asked.override)
    for path in asked.include:
        plugins.include(path)
    if kernels.backend() == "numba":
        # before memory's base line is read: the compiler is a library, not a network's memory
        import_module("stvsr_bench.nn.numba_sampling")
    hardware.set_threads(asked.threads)


def work(text: str, asked: ProfileSpec) -> Call:
    """The call to measure in a fresh process; a function of the module, for closures cannot be pickled."""
    call: Call = build(text, asked).case.prepared()
    return call
