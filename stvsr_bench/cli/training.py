"""The progress of a training run: steps, time left, the loss (a running mean)."""

from types import TracebackType
from typing import Self

from rich.console import Console

from stvsr_bench.cli.bars import counted
from stvsr_bench.train.logs import RunningLoss

LINE_EVERY = 50  # steps between two lines where no bar can be drawn


class Meter:
    """A bar on stderr, or a line now and then where stderr is no terminal."""

    def __init__(self, steps: int, hidden: bool = False) -> None:
        self.console, self.hidden, self.steps = Console(stderr=True), hidden, steps
        self.running = RunningLoss()
        self.progress = counted(self.console, hidden)
        self.task = self.progress.add_task("", total=steps)

    def update(self, step: int, loss: float, seconds: float) -> None:
        """One step is done."""
        mean = self.running.add(loss)
        self.progress.update(self.task, completed=step, description=f"loss {mean:.5f}")
        if not self.hidden and not self.console.is_terminal and step % LINE_EVERY == 0:
            self.console.print(f"step {step} of {self.steps}: loss {mean:.5f}, {seconds:.2f} s", highlight=False)

    def __enter__(self) -> Self:
        self.progress.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.__exit__(kind, error, trace)
