"""What `stvsr-bench profile` does: builds each method, measures it, appends rows to `profile.jsonl`."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import torch

from stvsr_bench import methods, plugins
from stvsr_bench.errors import UsageError, WeightsError
from stvsr_bench.methods.builder import make_net
from stvsr_bench.nn import kernels
from stvsr_bench.profiling import flops, hardware, memory, params, runtime, scaling
from stvsr_bench.profiling.case import Case, Size, frames_made, make, rounded
from stvsr_bench.profiling.params import Params
from stvsr_bench.profiling.row import Kind, Measured, row
from stvsr_bench.profiling.runtime import Call, Clock
from stvsr_bench.restore import pick_device, place
from stvsr_bench.rows import store
from stvsr_bench.schema import Method, Settings

TOP_T = (1, 2, 4, 9)
FREE_PART = 0.8  # of the memory that is free, for --max-size
Say = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """The setting of a profile: one clip size, one way of running."""

    size: Size
    frames: int
    settings: Settings
    threads: int = 0
    budget_s: float = 30.0
    include: tuple[Path, ...] = ()
    trust_pickle: bool = False


@dataclass
class Subject:
    """One method under measurement; its call is of the placed network, its counts of the network as built."""

    method: Method
    case: Case
    call: "Kept"


class Kept:
    """A call that remembers what shape it made."""

    def __init__(self, call: Call, spec: str) -> None:
        self.call, self.spec = call, spec
        self.made = (0, 0, 0)

    def __call__(self) -> None:
        """Run once; the frames themselves are let go."""
        self.made = frames_made(self.call(), self.spec)


class Profiler:
    """Measures methods in one setting; `say` tells what is being done, `note` what the reader must know."""

    def __init__(self, asked: Asked, out: Path | None, say: Say, note: Say) -> None:
        prepare(asked)
        self.asked = replace(asked, settings=replace(asked.settings, device=pick_device(asked.settings.device)))
        self.out, self.say, self.note = out, say, note
        self.clock = Clock(self.asked.settings.device)
        self.machine = hardware.facts(self.asked.settings.device)
        self.fallen: set[str] = set()

    def profile(self, specs: Sequence[str], max_size_mib: float | None = None) -> list[dict[str, Any]]:
        """A row of kind "profile" for each method; all are timed in turns, so that their ratio is fair."""
        named = [self.spec(text) for text in specs]
        subjects = {text: self.subject(text, self.asked.size, self.asked.frames) for text in named}
        timings = self.timed({text: subject.call for text, subject in subjects.items()})
        rows = []
        for text, subject in subjects.items():
            found = Measured(
                made=subject.call.made,
                params=self.params(text, subject.method),
                flops=self.flops(text, subject.case),
                timing=timings[text],
                peak=self.peak(text, subject.case),
                stages_ms={}
                if self.asked.settings.compile
                else runtime.stages(subject.case.net, subject.call, self.clock),
            )
            line = self.line("profile", subject, found)
            if max_size_mib is not None:
                line.update(self.largest(text, subject, max_size_mib))
            rows += self.written([line])
        return rows

    def count(self, specs: Sequence[str]) -> list[dict[str, Any]]:
        """Rows of kind "profile" with parameters and multiply-adds alone: the same on every machine."""
        rows = []
        for text in map(self.spec, specs):
            subject = self.subject(text, self.asked.size, self.asked.frames)
            subject.call()
            counted = (self.params(text, subject.method), self.flops(text, subject.case))
            rows += self.written([self.line("profile", subject, Measured(subject.call.made, *counted))])
        return rows

    def sweep(self, specs: Sequence[str], axis: str) -> list[dict[str, Any]]:
        """Rows of kind "sweep" over sizes or numbers of frames, with the exponents fitted to each method's."""
        along: scaling.Axis = "size" if axis == "size" else "frames"
        rows = []
        for text in map(self.spec, specs):
            card = methods.resolve(text).card
            points = scaling.points(along, self.asked.size, self.asked.frames, card.multiple_of, card.frames_in)
            lines = [self.point(text, along, size, frames) for size, frames in points]
            fitted = exponents(along, lines)
            rows += self.written([{**line, "axis": axis, "exponents": fitted} for line in lines])
        return rows

    def compare_top_t(self, specs: Sequence[str]) -> list[dict[str, Any]]:
        """Rows of kind "topt", one for each number of points kept; all are timed in turns.

        Raises:
            UsageError: a method does not choose points.
        """
        named = [self.spec(variant) for text in specs for variant in top_t_variants(text)]
        subjects = {text: self.subject(text, self.asked.size, self.asked.frames) for text in named}
        timings = self.timed({text: subject.call for text, subject in subjects.items()})
        rows = []
        for text, subject in subjects.items():
            made = Measured(
                made=subject.call.made,
                params=self.params(text, subject.method),
                flops=self.flops(text, subject.case),
                timing=timings[text],
                peak=self.peak(text, subject.case),
            )
            rows.append({**self.line("topt", subject, made), "top_t": subject.method.options["top_t"]})
        return self.written(with_quality(rows, self.out))

    def spec(self, text: str) -> str:
        """The spec, as untrained where no weights are named or installed: cost does not depend on them."""
        chosen = without_weights(text)
        if chosen != text and text not in self.fallen:
            self.fallen.add(text)
            self.note(f"{text}: no weights installed, profiled as {chosen}; cost does not depend on weights")
        return chosen

    def subject(self, text: str, size: Size, frames: int) -> Subject:
        """The method built, checked and put in place."""
        self.say(f"{text}: building")
        settings = self.asked.settings
        method = place(methods.build(text, trust_pickle=self.asked.trust_pickle), settings)
        case = make(method, size, frames, settings.device, settings.precision)
        return Subject(method, case, Kept(case.prepared(), method.spec))

    def point(self, text: str, axis: scaling.Axis, size: Size, frames: int) -> dict[str, Any]:
        """One point of a sweep: time, memory and multiply-adds."""
        subject = self.subject(text, size, frames)
        where = f"{size[0]}x{size[1]}, {frames} frames"
        timing = self.timed({f"{text} at {where}": subject.call})
        found = Measured(
            made=subject.call.made,
            flops=self.flops(text, subject.case),
            timing=next(iter(timing.values())),
            peak=self.peak(text, subject.case),
        )
        return {**self.line("sweep", subject, found), "amount": scaling.amount(axis, size, frames)}

    def timed(self, calls: "dict[str, Kept]") -> dict[str, runtime.Timing]:
        """The times of all calls, in turns."""
        self.say(f"warming up {', '.join(calls)}")
        before = hardware.gpu_state(self.asked.settings.device)
        timings = runtime.measure(
            calls, self.clock, self.asked.budget_s, lambda name, part: self.say(f"timing {name}: {min(part, 1):.0%}")
        )
        after = hardware.gpu_state(self.asked.settings.device)
        if before or after:
            self.machine = {**self.machine, "gpu_state": {"before": before, "after": after}}
        return timings

    def params(self, text: str, method: Method) -> Params:
        """The parameter counts; what is trainable is asked of a new network, since a built one is frozen."""
        counted = params.count(method.net)
        fresh = [make_net(part.card, part.plugin, part.options) for part in methods.resolve(text).parts]
        return replace(counted, trainable=sum(params.count(net).trainable for net in fresh))

    def flops(self, text: str, case: Case) -> flops.Flops:
        """The multiply-adds, counted on the network as built (not compiled)."""
        self.say(f"{text}: counting multiply-adds")
        net = methods.build(text, trust_pickle=self.asked.trust_pickle).net if self.asked.settings.compile else case.net
        return flops.count(net, replace(case, device="cpu").clip(), kernels.only_torch)

    def peak(self, text: str, case: Case, limit_mib: float = 0) -> memory.Peak:
        """The peak memory, from a process of its own."""
        self.say(f"{text}: memory at {case.size[0]}x{case.size[1]}, {case.frames} frames")
        setting = replace(self.asked, size=case.size, frames=case.frames)
        return memory.peak(partial(prepare, setting), partial(work, text, setting), case.device, limit_mib=limit_mib)

    def largest(self, text: str, subject: Subject, budget_mib: float) -> dict[str, Any]:
        """The largest frame, of the aspect of `--size`, whose peak stays within the budget."""
        budget = budget_mib or FREE_PART * psutil.virtual_memory().available / memory.MIB
        unit = subject.method.card.multiple_of
        size = self.asked.size

        def sized(n: int) -> Size:
            return rounded(size, n * unit / size[0], unit)

        def fits(n: int) -> bool:
            return self.peak(text, replace(subject.case, size=sized(n)), limit_mib=budget).fits

        found = scaling.largest(fits, known=size[0] // unit)
        return {"max_size": list(sized(found)) if found else None, "max_size_budget_mib": round(budget)}

    def line(self, kind: Kind, subject: Subject, found: Measured) -> dict[str, Any]:
        """The row, with how the network was run."""
        settings, chosen = self.asked.settings, subject.method.options
        engine = str(chosen.get("engine", ""))
        backend = "torch" if engine == "plain" or settings.device != "cpu" else kernels.backend()
        return {
            **row(kind, subject.method, subject.case, found, self.machine),
            "engine": engine,
            "backend": backend,
            "compile": settings.compile,
            "channels_last": settings.channels_last,
        }

    def written(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rows, appended to the run's `profile.jsonl` if there is one."""
        if self.out is not None:
            with store.Appender(self.out / "profile.jsonl") as file:
                for line in rows:
                    file.line(json.dumps(line, allow_nan=False).encode())
        return rows


def prepare(asked: Asked) -> None:
    """What this process needs before a method is built: plug-ins found, kernels loaded, threads set."""
    for path in asked.include:
        plugins.include(path)
    if kernels.backend() == "numba":
        import_module("stvsr_bench.nn.numba_sampling")  # a library, not a network's memory
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = asked.settings.precision == "tf32"
    hardware.set_threads(asked.threads)


def work(spec: str, asked: Asked) -> Call:
    """The call to measure in a fresh process: the method built and put in place on its clip."""
    method = place(methods.build(spec, trust_pickle=asked.trust_pickle), asked.settings)
    call: Call = make(method, asked.size, asked.frames, asked.settings.device, asked.settings.precision).prepared()
    return call


def without_weights(text: str) -> str:
    """The spec with `@none` at each part that names no weights and has none installed."""
    pieces = []
    for piece in text.split("+"):
        try:
            methods.resolve(piece)
        except WeightsError:
            if "@" in piece:
                raise
            pieces.append(f"{piece}@none")
        else:
            pieces.append(piece)
    return "+".join(pieces)


def top_t_variants(text: str) -> list[str]:
    """The spec with each number of points kept that it can have.

    Raises:
        UsageError: it has no option `top_t`.
    """
    identity = methods.resolve(without_weights(text))
    part = identity.parts[0]
    if len(identity.parts) > 1 or "top_t" not in part.options:
        raise UsageError(f"--top-t: {text} has no option top_t; it is for methods that choose among sampled points")
    head, _, weights = text.partition("@")
    kept = [word for word in head.split(":") if not word.startswith(("top_t=", "top-t="))]
    variants = [":".join([*kept, f"top_t={t}"]) for t in TOP_T]
    return [f"{variant}@{weights}" if weights else variant for variant in variants]


def exponents(axis: scaling.Axis, lines: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """The fitted exponents of time, memory and, as the theory, multiply-adds."""
    amounts = [scaling.amount(axis, tuple(line["size"]), line["frames"]) for line in lines]
    costs = {
        "time": [line["runtime_ms"]["median"] for line in lines],
        "memory": [line["peak_memory_mib"] or 0 for line in lines],
        "theory": [line["gmacs"] for line in lines],
    }
    fitted = {name: scaling.exponent(amounts, values) for name, values in costs.items()}
    return {name: None if value is None else round(value, 3) for name, value in fitted.items()}


def with_quality(rows: list[dict[str, Any]], out: Path | None) -> list[dict[str, Any]]:
    """The rows with the mean PSNR of the run's trained rows beside them, over the clips that all variants share."""
    if out is None or not out.is_dir():
        return rows
    names = {line["method"] for line in rows}
    scored: dict[tuple[str, str, str, str, str], dict[str, float]] = {}
    for one in store.read_rows(out):
        if one.method in names and not one.untrained and one.values.get("psnr_y"):
            values = one.values["psnr_y"]
            place_of = (one.weights, one.dataset, one.split, one.protocol_key, one.clip)
            scored.setdefault(place_of, {})[one.method] = sum(values) / len(values)
    shared = [by_method for by_method in scored.values() if by_method.keys() == names]
    if not shared:
        return rows
    means = {name: sum(by_method[name] for by_method in shared) / len(shared) for name in names}
    return [{**line, "psnr_y": round(means[line["method"]], 4), "psnr_clips": len(shared)} for line in rows]
