"""Results and comparisons on a terminal, narrow enough for 80 columns."""

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table as RichTable
from rich.text import Text

from stvsr_bench.cli import reader
from stvsr_bench.errors import printable
from stvsr_bench.report.tables.table import FACTS, display, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stvsr_bench.report.compare import ClipPair, Compared, Part
    from stvsr_bench.report.tables.table import Cell, Line, Table

_STYLES = {"best": "bold", "second": "underline"}


def print_tables(tables: "Sequence[Table]") -> None:
    """Print each table, one block per data set: PSNR / SSIM of all frames by split."""
    console = reader.console()
    for table in tables:
        for dataset in table.datasets:
            part = table.of_dataset(dataset).of_frames("all")
            task = f", {table.task}" if table.task else ""
            named = " / ".join(display(metric).label for metric in dict.fromkeys(of.metric for of in part.columns))
            head = f"{dataset}, protocol {table.protocol} ({table.protocol_key}){task}: {named}"
            console.print(reader.text(head, style="bold"))
            console.print(_block(part))
            for said in _exact(part):
                console.print(reader.text(said))
        for note in table.left_out:
            console.print(reader.text(note))


def _exact(table: "Table") -> list[str]:
    """Where a mean is of fewer clips than the method measured, because in the others no frame counts."""
    return [
        printable(
            f"{_name(line)}, {of.split}: {_infinite(cell, of.metric)}the mean is of {cell.n} of {cell.clips} "
            f"clip{'s' if cell.clips > 1 else ''}"
        )
        for line in table.lines
        for of, cell in zip(table.columns, line.cells, strict=True)
        if cell.n < cell.clips
    ]


def _infinite(cell: "Cell", metric: str) -> str:
    many = "s" if cell.n_inf > 1 else ""
    return f"{cell.n_inf} frame{many} with infinite {display(metric).title}; " if cell.n_inf else ""


def _block(table: "Table") -> RichTable:
    splits = list(dict.fromkeys(column.split for column in table.columns))
    block = RichTable(box=SIMPLE_HEAD, pad_edge=False)
    block.add_column("method", overflow="fold")
    for split in splits:
        # PSNR / SSIM of 3 clips and VMAF of 1: "n=3/3/1"
        counts = [str(column.clips) for column in table.columns if column.split == split]
        clips = counts[0] if len(set(counts)) == 1 else "/".join(counts)
        block.add_column(reader.text(f"{split} (n={clips})"), justify="right", no_wrap=True)
    block.add_column("s/clip", justify="right", no_wrap=True)
    for line in table.lines:
        cells = [_joined(table, line, split) for split in splits]
        seconds = line.facts.get(f"seconds:{table.datasets[0]}")
        block.add_row(reader.text(_name(line)), *cells, shown(seconds, FACTS["seconds"]))
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


def print_compared(found: "Compared") -> None:
    """Print a comparison: a block for each metric and choice of frames, then the clips that differ most."""
    console = reader.console()
    where = f", {', '.join(found.runs)}" if found.runs else ""
    said = (
        f"{found.first} against {found.second}{where}: positive differences are gains of {found.first}, over "
        "pairs of the same clip. Intervals: 95 %, over clips; p: Wilcoxon, corrected by Holm."
    )
    from stvsr_bench.report.stats import RULE

    console.print(reader.text(said))
    console.print(reader.text(f"Verdicts: {RULE}."))
    if found.exact:
        console.print(reader.text(found.exact))
    for note in found.notes:
        console.print(reader.text(f"{note}."))
    if found.untrained:
        console.print(
            reader.text(f"Untrained: {', '.join(found.untrained)}. The numbers show only that it runs.", "bold")
        )
    for key, protocol in found.protocols.items():
        mine = [part for part in found.parts if part.protocol_key == key]
        for metric, frames in dict.fromkeys((part.metric, part.frames) for part in mine):
            title = f"{display(metric).label} of {frames} frames, protocol {protocol}{found.task_of(key)}"
            console.print(reader.text(f"\n{title}", style="bold"))
            console.print(_compared([part for part in mine if (part.metric, part.frames) == (metric, frames)]))
        pairs = [pair for pair in found.apart if pair.protocol_key == key]
        console.print(reader.text(f"\nClips that differ most ({len(pairs)}), protocol {protocol}", style="bold"))
        console.print(_apart(pairs, found))


def _compared(parts: "Sequence[Part]") -> RichTable:
    block = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    block.add_column("clips", overflow="fold")
    for name in ("n", "mean", "95 % interval", "won/tied/lost", "p"):
        block.add_column(name, justify="right", no_wrap=True)
    block.add_column("verdict", max_width=9)
    for part in parts:
        result = part.result
        between = " ".join(part.interval_shown or ("–",))
        count = f"{result.wins}/{result.ties}/{result.losses}"
        where = reader.text(part.where.replace(" motion ", " "))
        block.add_row(where, part.count_shown, part.mean_shown, between, count, part.p_shown, result.verdict)
    return block


def _apart(pairs: "Sequence[ClipPair]", found: "Compared") -> RichTable:
    block = RichTable(box=SIMPLE_HEAD, pad_edge=False)
    block.add_column("clip", overflow="fold")
    for name in (found.first, found.second):
        block.add_column(reader.text(name), justify="right", overflow="fold")
    block.add_column("gain", justify="right", no_wrap=True)
    for pair in pairs:
        block.add_row(reader.text(pair.clip), f"{pair.first:.4g}", f"{pair.second:.4g}", f"{pair.gain:+.4g}")
    return block
