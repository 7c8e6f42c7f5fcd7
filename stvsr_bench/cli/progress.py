"""The progress bar of a run: clips done, time left, what failed so far. Nothing is drawn where nobody looks."""

import time
from collections.abc import Sequence
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console

from stvsr_bench import errors
from stvsr_bench.cli.bars import counted
from stvsr_bench.escape import line
from stvsr_bench.protocols import USUAL

if TYPE_CHECKING:
    from stvsr_bench.runner.engines.tasks import Outcome
    from stvsr_bench.runner.plan import Plan


EVERY_S = 20.0  # a line in a log, where there is no terminal to draw on


def about(plan: "Plan") -> str:
    """What a plan measures: its splits, and its scales and time scales where they are not the usual ones."""
    splits: dict[str, dict[str, None]] = {}
    for cell in plan.cells:
        splits.setdefault(cell.label, {}).setdefault(cell.split)
    what = "; ".join(f"{label} {', '.join(names)}" for label, names in splits.items())
    tasks = {(protocol.scale, protocol.time_scale) for cell in plan.cells for protocol in cell.protocols}
    if tasks <= {USUAL}:
        return what
    scales = sorted({Fraction(scale) for scale, _ in tasks})
    return f"{what}, {_times(scales)} in space, {_times(sorted({times for _, times in tasks}))} in time"


def _times(factors: "Sequence[Fraction | int]") -> str:
    return ", ".join(f"x{factor}" for factor in factors)


class Bar:
    """A bar on stderr while a plan is carried out."""

    def __init__(self, plan: "Plan", hidden: bool = False, total: int | None = None) -> None:
        self.console = Console(stderr=True)
        self.failed = self.count = 0
        self.said = time.monotonic()
        self.hidden = hidden
        self.total = len(plan.tasks) if total is None else total
        self.progress = counted(self.console, hidden)
        self.task = self.progress.add_task("", total=self.total)
        if not hidden and not self.console.is_terminal:
            left = plan.rows_total - plan.rows_done
            done = f"done: {plan.rows_done} of {errors.counted(plan.rows_total, 'row')}, {left} to do"
            self.console.print(line(f"{about(plan)}: {done}"), highlight=False, markup=False)

    def update(self, outcome: "Outcome") -> None:
        """One clip is done."""
        task = outcome.task
        self.failed += bool(outcome.error)
        note = f"  {self.failed} failed" if self.failed else ""
        where = line(f"{task.identity[:24]} {task.label[:16]}/{task.split} {task.clip[:16]}{note}")
        self.progress.update(self.task, description=where, advance=1 if task.score else 0)
        self.count += task.score
        if not self.hidden and not self.console.is_terminal and time.monotonic() - self.said > EVERY_S:
            self.said = time.monotonic()
            self.console.print(
                f"{self.count} of {errors.counted(self.total, 'clip')}: {where}", highlight=False, markup=False
            )

    def __enter__(self) -> Self:
        self.progress.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.__exit__(kind, error, trace)
