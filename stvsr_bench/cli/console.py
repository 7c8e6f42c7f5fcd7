"""Result tables on a terminal, narrow enough for 80 columns: one block a data set, over all frames."""

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from stvsr_bench.errors import printable
from stvsr_bench.report.tables import FACTS, display, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stvsr_bench.report.tables import Cell, Line, Table

_STYLES = {"best": "bold", "second": "underline"}


def print_tables(tables: "Sequence[Table]") -> None:
    """Print each table, one block per data set: PSNR / SSIM of all frames by split."""
    console = Console(highlight=False)
    for table in tables:
        for dataset in table.datasets:
            part = table.of_dataset(dataset).of_frames("all")
            console.print(Text(printable(f"{dataset}, protocol {table.protocol} ({table.protocol_key})"), style="bold"))
            console.print(_block(part))


def _block(table: "Table") -> RichTable:
    splits = list(dict.fromkeys(column.split for column in table.columns))
    block = RichTable(box=SIMPLE_HEAD, pad_edge=False)
    block.add_column("method", overflow="fold")
    for split in splits:
        clips = max(column.clips for column in table.columns if column.split == split)
        block.add_column(Text(printable(f"{split} (n={clips})")), justify="right", no_wrap=True)
    block.add_column("s/clip", justify="right", no_wrap=True)
    for line in table.lines:
        cells = [_joined(table, line, split) for split in splits]
        block.add_row(Text(_name(line)), *cells, shown(line.facts.get("seconds"), FACTS["seconds"]))
    return block


def _joined(table: "Table", line: "Line", split: str) -> Text:
    text = Text()
    for column, cell in zip(table.columns, line.cells, strict=True):
        if column.split == split:
            text.append(" / " if text else "")
            text.append(_number(cell, column.metric), style=_STYLES.get(cell.mark, ""))
    return text


def _number(cell: "Cell", metric: str) -> str:
    return shown(cell.value, display(metric)) + ("*" if cell.partial else "")


def _name(line: "Line") -> str:
    weights = f"@{line.weights}" if line.weights else ""
    badges = [badge for badge in line.badges if badge != "partial"]
    return printable(f"{line.method}{weights}" + (f" ({', '.join(badges)})" if badges else ""))
