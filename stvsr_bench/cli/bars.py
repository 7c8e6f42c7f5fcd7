"""Progress bars on stderr: drawn where somebody looks, a line now and then in a log (`progress`, `training`)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import progress
from rich.console import Console

from stvsr_bench.escape import line


@contextmanager
def telling(what: str, quiet: bool, in_bytes: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A function that is told what is done and the total (0: not known) and draws it, where somebody looks."""
    console = Console(stderr=True)
    amount = progress.DownloadColumn() if in_bytes else progress.MofNCompleteColumn()
    speed = [progress.TransferSpeedColumn()] if in_bytes else []
    with progress.Progress(
        progress.TextColumn("{task.description}", markup=False),  # a file name may hold what rich takes for markup
        progress.BarColumn(bar_width=None),
        amount,
        *speed,
        progress.TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
        expand=True,
    ) as bar:
        task = bar.add_task(line(what), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def counted(console: Console, hidden: bool) -> progress.Progress:
    """A bar of things done, with the time spent and left, for verbs that take minutes to days."""
    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=None),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
        console=console,
        disable=hidden or not console.is_terminal,
        expand=True,
    )
