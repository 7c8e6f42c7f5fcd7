"""What `stvsr-bench profile` does: builds each method, measures it, appends rows to `profile.jsonl`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from stvsr_bench import methods
from stvsr_bench.errors import counted
from stvsr_bench.methods.builder import make_net
from stvsr_bench.nn import kernels
from stvsr_bench.profiling import flops, hardware, memory, params, runtime, scaling, subject, variants
from stvsr_bench.profiling.case import Case, Size, rounded
from stvsr_bench.profiling.flops import Flops
from stvsr_bench.profiling.params import Params
from stvsr_bench.profiling.row import Kind, Measured, row
from stvsr_bench.profiling.runtime import Clock
from stvsr_bench.profiling.subject import ProfileSpec, ShapeRecorder, Subject
from stvsr_bench.restore import pick_device
from stvsr_bench.rows import store
from stvsr_bench.rows.lines import line_of_facts
from stvsr_bench.schema import Method

FREE_PART = 0.8  # of the memory that is free, for --max-size
Say = Callable[[str], None]


class Profiler:
    """Measures methods in one setting; `say` tells what is being done, `note` what the reader must know."""

    def __init__(self, asked: ProfileSpec, out: Path | None, say: Say, note: Say) -> None:
        subject.prepare(asked)
        self.asked = replace(asked, settings=replace(asked.settings, device=pick_device(asked.settings.device)))
        self.out, self.say, self.note = out, say, note
        self.clock = Clock(self.asked.settings.device)
        self.machine = hardware.facts(self.asked.settings.device)
        self.noted: set[str] = set()

    def profile(self, specs: Sequence[str], max_size_mib: float | None = None) -> list[dict[str, Any]]:
        """A row of kind "profile" for each method; all are timed in turns, so that their ratio is fair.

        `max_size_mib` also asks for the largest frame within so much memory; 0 is most of what is free.
        """
        rows = []
        for text, one, found in self.measured([self.spec(text) for text in specs]):
            # stages are told apart by hooks, and a compiled forward was traced without them
            timed = {} if self.asked.settings.compile else runtime.stages(one.case.net, one.call, self.clock)
            line = self.line("profile", one, replace(found, stages_ms=timed))
            if max_size_mib is not None:
                line.update(self.largest(text, one, max_size_mib))
            rows += self.written([line])
        return rows

    def count(self, specs: Sequence[str]) -> list[dict[str, Any]]:
        """Rows of kind "profile" with parameters and multiply-adds alone: the same on every machine."""
        rows = []
        for text in map(self.spec, specs):
            one = self.subject(text, self.asked.size, self.asked.frames)
            one.call()  # for the shape that it makes
            counted = (self.params(text, one.method), self.flops(text, one.case), self.plain_flops(text, one.case))
            rows += self.written([self.line("profile", one, Measured(one.call.made, *counted))])
        return rows

    def sweep(self, specs: Sequence[str], axis: scaling.Axis) -> list[dict[str, Any]]:
        """Rows of kind "sweep" over sizes or numbers of frames, with the exponents fitted to each method's."""
        rows = []
        for text in map(self.spec, specs):
            card = methods.resolve(text).card
            points = scaling.points(axis, self.asked.size, self.asked.frames, card.grid(card.usual), card.frames_in)
            lines = [self.point(text, axis, size, frames) for size, frames in points]
            fitted = scaling.exponents(axis, lines)
            rows += self.written([{**line, "axis": axis, "exponents": fitted} for line in lines])
        return rows

    def compare_top_t(self, specs: Sequence[str]) -> list[dict[str, Any]]:
        """Rows of kind "topt", one for each number of points kept; all are timed in turns.

        Raises:
            UsageError: a method does not choose points.
        """
        named = [self.spec(variant) for text in specs for variant in variants.top_t_variants(text)]
        rows = [
            {**self.line("topt", one, found), "top_t": one.method.options["top_t"]}
            for _, one, found in self.measured(named)
        ]
        return self.written(variants.with_quality(rows, self.out))

    def measured(self, named: Sequence[str]) -> Iterator[tuple[str, Subject, Measured]]:
        """Each method with everything that is measured of it; times first, in turns, for a machine's speed drifts."""
        subjects = {text: self.subject(text, self.asked.size, self.asked.frames) for text in named}
        timings = self.timed({text: one.call for text, one in subjects.items()})
        for text, one in subjects.items():
            found = Measured(
                made=one.call.made,
                params=self.params(text, one.method),
                flops=self.flops(text, one.case),
                plain_flops=self.plain_flops(text, one.case),
                timing=timings[text],
                peak=self.peak(text, one.case),
            )
            yield text, one, found

    def spec(self, text: str) -> str:
        """The spec, as untrained where no weights are named or installed: cost does not depend on them."""
        chosen = variants.without_weights(text)
        if chosen != text and text not in self.noted:
            self.noted.add(text)
            self.note(f"{text}: no weights installed, profiled as {chosen}; cost does not depend on weights")
        return chosen

    def subject(self, text: str, size: Size, frames: int) -> Subject:
        """The method built, checked and put in place."""
        self.say(f"{text}: building")
        return subject.build(text, replace(self.asked, size=size, frames=frames))

    def point(self, text: str, axis: scaling.Axis, size: Size, frames: int) -> dict[str, Any]:
        """One point of a sweep: time, memory and multiply-adds."""
        one = self.subject(text, size, frames)
        where = f"{size[0]}x{size[1]}, {counted(frames, 'frame')}"
        timing = self.timed({f"{text} at {where}": one.call})
        found = Measured(
            made=one.call.made,
            flops=self.flops(text, one.case),
            timing=next(iter(timing.values())),
            peak=self.peak(text, one.case),
        )
        return {**self.line("sweep", one, found), "amount": scaling.amount(axis, size, frames)}

    def timed(self, calls: dict[str, ShapeRecorder]) -> dict[str, runtime.Timing]:
        """The times of all calls, in turns."""
        self.say(f"warming up {', '.join(calls)}")
        before = hardware.gpu_state(self.asked.settings.device)
        timings = runtime.measure(
            calls, self.clock, self.asked.budget_s, lambda name, part: self.say(f"timing {name}: {min(part, 1):.0%}")
        )
        after = hardware.gpu_state(self.asked.settings.device)
        if before or after:  # a card that ran hot lowers its clock: both are written down beside the times
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
        return flops.count(net, replace(case, device="cpu").clip(), kernels.only_torch, case.ask)

    def plain_flops(self, text: str, case: Case) -> Flops | None:
        """The multiply-adds in the paper's order of computation, where a fast engine runs another; else None."""
        plain = variants.plain_order(text)
        if plain is None:
            return None
        self.say(f"{text}: counting multiply-adds of the paper's order")
        net = methods.build(plain, trust_pickle=self.asked.trust_pickle).net
        return flops.count(net, replace(case, device="cpu").clip(), kernels.only_torch, case.ask)

    def peak(self, text: str, case: Case, limit_mib: float = 0) -> memory.Peak:
        """The peak memory, from a process of its own."""
        self.say(f"{text}: memory at {case.size[0]}x{case.size[1]}, {counted(case.frames, 'frame')}")
        asked = replace(self.asked, size=case.size, frames=case.frames)
        load, work = partial(subject.prepare, asked), partial(subject.work, text, asked)
        return memory.peak(load, work, case.device, limit_mib=limit_mib)

    def largest(self, text: str, one: Subject, budget_mib: float) -> dict[str, Any]:
        """The largest frame, of the aspect of `--size`, whose peak stays within the budget."""
        budget = budget_mib or FREE_PART * memory.free_mib(one.case.device)
        unit = one.case.multiple_of
        size = self.asked.size

        def sized(n: int) -> Size:
            return rounded(size, n * unit / size[0], unit)

        def fits(n: int) -> bool:
            return self.peak(text, replace(one.case, size=sized(n)), limit_mib=budget).fits

        found = scaling.largest(fits, known=size[0] // unit)
        return {"max_size": list(sized(found)) if found else None, "max_size_budget_mib": round(budget)}

    def line(self, kind: Kind, one: Subject, found: Measured) -> dict[str, Any]:
        """The row, with how the network was run."""
        settings, chosen = self.asked.settings, one.method.options
        engine = str(chosen.get("engine", ""))
        # compiled kernels serve the fast engine on the CPU alone
        backend = "torch" if engine == "plain" or settings.device != "cpu" else kernels.backend()
        return {
            **row(kind, one.method, one.case, found, self.machine),
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
                    file.line(line_of_facts(line))
        return rows
