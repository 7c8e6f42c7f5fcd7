"""Profiles on a terminal: what is being measured now, then the tables."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.status import Status
from rich.table import Table

from stvsr_bench.cli import reader
from stvsr_bench.profiling import summary
from stvsr_bench.profiling.summary import Grid, Row


class Said:
    """One line on stderr that says what is measured now, and notes that stay; nothing where nobody looks."""

    def __init__(self, hidden: bool) -> None:
        self.console = Console(stderr=True, highlight=False)
        self.hidden = hidden
        self.status = Status("", console=self.console) if self.console.is_terminal and not hidden else None

    def now(self, what: str) -> None:
        """Say what is being done."""
        if self.status is not None:
            self.status.update(reader.text(what))

    def note(self, sentence: str) -> None:
        """Say something that the reader must know, even with --json."""
        reader.note(f"stvsr-bench: {sentence}")

    def __enter__(self) -> Self:
        if self.status is not None:
            self.status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self.status is not None:
            self.status.stop()


def tables(rows: Sequence[Row]) -> None:
    """The tables of one command, and what must be known to read them."""
    console = reader.console()
    for sentence in summary.headline(rows):
        console.print(reader.text(sentence))
    # numbers of the first table never break in two lines: a narrow terminal folds the method's name instead
    console.print(_drawn(summary.costs(rows), whole=True))
    if rows[0]["kind"] == "profile":
        for line in rows:
            grid = summary.modules(line)
            if grid.lines:
                console.print(_drawn(grid))
            console.print(reader.text(summary.totals(line)))
    if rows[0]["kind"] == "sweep":
        console.print(_drawn(summary.exponents(rows)))
    for sentence in summary.remarks(rows):
        console.print(reader.text(sentence))


def _drawn(grid: Grid, whole: bool = False) -> Table:
    # names go in as text: rich would read brackets in a str as markup
    table = Table(
        box=SIMPLE_HEAD, pad_edge=False, title=reader.text(grid.title) if grid.title else None, title_justify="left"
    )
    table.add_column(grid.heads[0], overflow="fold" if whole else "ellipsis")
    for head in grid.heads[1:]:
        table.add_column(head, justify="right", no_wrap=whole)
    for name, *numbers in grid.lines:
        table.add_row(reader.text(name), *numbers)
    return table
