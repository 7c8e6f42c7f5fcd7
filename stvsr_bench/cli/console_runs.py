"""Two runs beside each other on a terminal, narrow enough for 80 columns."""

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from stvsr_bench.cli import reader
from stvsr_bench.report.tables.table import display
from stvsr_bench.report.tables.two_runs import moved_words
from stvsr_bench.report.two_runs import shown_moved

if TYPE_CHECKING:
    from stvsr_bench.report.two_runs import TwoRuns


def print_runs(found: "TwoRuns") -> None:
    """Print what made the rows of two runs where they differ, the numbers of both, and the clips that moved most."""
    console = reader.console()
    for said in (f"{found.first} and {found.second}: {found.said}", *(f"{said}." for said in found.alone)):
        console.print(reader.text(said))
    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("different", "first run", "second run"):
        made.add_column(name, overflow="fold")
    made.add_column("rows", justify="right")
    for one in found.identity:
        made.add_row(reader.text(one.what), reader.text(one.first), reader.text(one.second), str(one.rows))
    if found.identity:
        console.print(made)
    numbers = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("method", "clips of", "metric"):
        numbers.add_column(name, overflow="fold")
    for name in ("first", "second", "change", "moved"):
        numbers.add_column(name, justify="right", no_wrap=True)
    protocols = {of.protocol for of in found.numbers}
    for of in found.numbers:
        where = of.where + (f", {of.protocol}" if len(protocols) > 1 else "")
        cells = (*shown_moved(of), f"{len(of.moved)} of {of.clips}")
        numbers.add_row(reader.text(of.method), reader.text(where), display(of.metric).label, *cells)
    console.print(numbers)
    for of in found.numbers:
        if of.moved:
            title = f"{of.method}, {of.where}, {of.protocol}, {display(of.metric).title}, clips that moved most:"
            console.print(reader.text(title, style="bold"))
            for said in moved_words(of):
                console.print(reader.text(f"  {said}"))
