"""The progress bar of a run: clips done, time left, what failed so far. Nothing is drawn where nobody looks."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console

from stvsr_bench.cli.bars import counted
from stvsr_bench.escape import line

if TYPE_CHECKING:
    from stvsr_bench.runner.engines.tasks import Outcome
    from stvsr_bench.runner.plan import Plan


EVERY_S = 20.0  # a line in a log, where there is no terminal to draw on


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
            self.console.print(
                f"{plan.rows_total} rows, {plan.rows_done} done, {len(plan.tasks)} clips to restore", highlight=False
            )

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
            self.console.print(f"{self.count} of {self.total} clips: {where}", highlight=False, markup=False)

    def __enter__(self) -> Self:
        self.progress.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.__exit__(kind, error, trace)
