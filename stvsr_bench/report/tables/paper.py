"""A table as its paper lays it out: published lines, ours under each with the verdict, the paper's order of columns.

Published values are others'. They take no part in marks or ranks, and are never averaged with ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from stvsr_bench import protocols
from stvsr_bench.escape import markdown as text_md
from stvsr_bench.report.labels import listed, method_label
from stvsr_bench.report.published.verdicts import Entry, Measurement, plain_name
from stvsr_bench.report.tables.csvjson import lines_csv
from stvsr_bench.report.tables.markdown import grid_md
from stvsr_bench.report.tables.table import Cell, Table, display, shown
from stvsr_bench.schema import PaperTable

_SAID = (
    "Published lines are others' values, with their source; they are not ranked with ours. The verdict is that of the "
    "ledger (`ledger.md`): it is given under the paper's own protocol, for the whole split and with the authors' "
    'weights alone. "other protocol": the published value is of another protocol than this column. \\* measured on '
    "part of the clips."
)
# data set, split, protocol, metric
Place = tuple[str, str, str, str]


@dataclass
class Block:
    """A method's lines: published values by (as printed, source), and ours by label; each by column."""

    method: str
    published: dict[tuple[str, str], dict[Place, list[Entry]]] = field(default_factory=dict)
    measured: dict[str, dict[Place, Cell]] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """A line of the table as plain text: `values` by column ("": none); `said`: the source, or what a verdict is of."""

    kind: Literal["published", "verdict", "measured"]
    name: str
    values: tuple[str, ...]
    said: str
    url: str = ""
    under: str = ""


def columns_of(paper: PaperTable) -> list[Place]:
    """The columns of a paper's table, by the protocols' own names."""
    return [
        (dataset, split, protocols.get(protocol).name, metric)
        for dataset, split, protocol in paper.places
        for metric in paper.metrics
    ]


def blocks(paper: PaperTable, tables: Sequence[Table], entries: Sequence[Entry]) -> list[Block]:
    """The methods of a paper's table: those with published values in their order, then the rest of ours."""
    columns = columns_of(paper)
    found: dict[str, Block] = {}
    for entry in entries:
        of = entry.published
        for place in columns:
            if _stands(paper, entry, place):
                block = found.setdefault(of.method, Block(of.method))
                block.published.setdefault((of.printed, of.source), {}).setdefault(place, []).append(entry)
    # of a protocol that has changed since, no row stands in a column of today's
    for table in filter(_of_today, tables):
        for line in table.lines:
            cells = {
                place: cell
                for column, cell in zip(table.columns, line.cells, strict=True)
                if column.frames == "all" and cell.measured
                if (place := (column.dataset, column.split, table.protocol, column.metric)) in columns
            }
            if cells:
                block = found.setdefault(plain_name(line.method), Block(plain_name(line.method)))
                block.measured.setdefault(method_label(line.method, line.weights), {}).update(cells)
    return list(found.values())


def paper_md(papers: Sequence[PaperTable], tables: Sequence[Table], entries: Sequence[Entry], title: str) -> str:
    """Every table of a suite as Markdown."""
    parts = [f"# {text_md(title)}", "", _SAID, ""]
    for paper in papers:
        columns = columns_of(paper)
        several = len({protocol for _, _, protocol, _ in columns}) > 1
        heads = ["Method", "", *(_head(place, several) for place in columns), "Source or weights"]
        lines = [_line_md(line) for block in blocks(paper, tables, entries) for line in lines_of(block, columns)]
        under = "Protocols: those of the columns." if several else f"Protocol {columns[0][2]}."
        align = ["left", "left", *["right"] * len(columns), "left"]
        parts += [f"## {text_md(paper.title)}", "", f"{text_md(under)}", "", grid_md(heads, lines, align), ""]
    return "\n".join(parts)


def paper_csv(papers: Sequence[PaperTable], tables: Sequence[Table], entries: Sequence[Entry]) -> str:
    """Every number of these tables, a line each; `measured` lines name their weights, `published` ones their source."""
    lines: list[list[Any]] = [
        [
            "table",
            "kind",
            "method",
            *("dataset", "split", "protocol", "metric"),
            "value",
            "n",
            "delta",
            "verdict",
            "source",
        ]
    ]
    for paper in papers:
        for block in blocks(paper, tables, entries):
            for (printed, source), by_place in block.published.items():
                for place, of in by_place.items():
                    for one in of:
                        said = _verdict(one, place)
                        delta = one.delta if _held(one, place) else None
                        lines.append(
                            [paper.title, "published", printed, *place, one.published.value, None, delta, said, source]
                        )
            for label, cells in block.measured.items():
                for place, cell in cells.items():
                    lines.append([paper.title, "measured", label, *place, cell.value, cell.n, None, "", ""])
    return lines_csv(lines)


def _of_today(table: Table) -> bool:
    known = protocols.known(table.protocol)
    return known is not None and known.key == table.protocol_key


def _stands(paper: PaperTable, entry: Entry, place: Place) -> bool:
    """Whether a published value belongs into a column."""
    of = entry.published
    dataset, split, protocol, metric = place
    under = (protocol, *(protocols.get(name).name for name in paper.published_under))
    alike = (of.scale, of.time_scale) == protocols.task(protocols.get(protocol))
    wanted = not paper.methods or of.method in paper.methods or of.printed in paper.methods
    sourced = not paper.sources or any(of.source.startswith(source) for source in paper.sources)
    there = (of.dataset, of.split, of.clip, of.metric) == (dataset, split, "", metric)
    return there and alike and wanted and sourced and of.protocol in under


def _verdict(entry: Entry, place: Place) -> str:
    return entry.verdict if entry.published.protocol == place[2] else "other protocol"


def _head(place: Place, with_protocol: bool) -> str:
    dataset, split, protocol, metric = place
    under = f" {protocol}" if with_protocol else ""
    return f"{text_md(f'{dataset} {split}{under}')} {display(metric).title}"


def _line_md(line: Line) -> list[str]:
    said = f"[{text_md(line.said)}]({line.url}){line.under}" if line.url else text_md(line.said)
    return [text_md(line.name), line.kind, *(text_md(value) or "–" for value in line.values), said]


def lines_of(block: Block, columns: Sequence[Place]) -> list[Line]:
    """The lines of a method: each published one, its verdict if any was measured, and ours."""
    lines = []
    for (printed, source), by_place in block.published.items():
        values = tuple(" / ".join(one.published.shown for one in by_place.get(place, ())) for place in columns)
        every = [(place, one) for place, of in by_place.items() for one in of]
        others = sorted({one.published.protocol for place, one in every if one.published.protocol != place[2]})
        under = f", under {', '.join(others)}" if others else ""
        lines.append(Line("published", printed, values, source, every[0][1].published.source_url, under))
        if block.measured:
            judged = tuple(" / ".join(_judged(one, place) for one in by_place.get(place, ())) for place in columns)
            lines.append(Line("verdict", "", judged, _said_of(every)))
    for label, cells in block.measured.items():
        mine = tuple(_shown(cells.get(place), place) for place in columns)
        lines.append(Line("measured", label, mine, "this suite"))
    return lines


def _said_of(every: Sequence[tuple[Place, Entry]]) -> str:
    """Which of our lines the verdicts are of, and why values are left out."""
    judged = {method_label(mine.method, mine.weights) for place, one in every if (mine := _held(one, place))}
    reasons = {one.published.left_out for place, one in every if _verdict(one, place) == "left out"}
    of = [f"of {listed(sorted(judged))}"] if judged else []
    return "; ".join([*of, *(f"left out: {reason}" for reason in sorted(reasons))])


def _held(entry: Entry, place: Place) -> Measurement | None:
    """The measurement that a value is held against in this column; None where there is no verdict to give."""
    return entry.same_protocol if entry.published.protocol == place[2] and not entry.published.left_out else None


def _judged(entry: Entry, place: Place) -> str:
    said = _verdict(entry, place)
    if _held(entry, place) is None or entry.delta is None:
        return said
    return f"{entry.delta:+.{display(place[3]).decimals}f} {said}"


def _shown(cell: Cell | None, place: Place) -> str:
    return "" if cell is None else shown(cell.value, display(place[3])) + ("*" if cell.partial else "")
