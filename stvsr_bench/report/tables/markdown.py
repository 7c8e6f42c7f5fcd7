"""Tables as Markdown: right-aligned numbers, best bold, second underlined, footnotes under each table."""

import re
from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

from stvsr_bench.errors import UsageError, counted
from stvsr_bench.escape import code as code_md
from stvsr_bench.escape import markdown as text_md
from stvsr_bench.report.tables.table import Cell, Column, Line, Table, display, explain, half_shown, shown


def table_md(table: Table) -> str:
    """One table for each data set, and under it the same for given and between frames apart."""
    parts = [
        f"## Protocol {code_md(table.protocol)}{_task(table, ': ')}",
        "",
        f"Key {code_md(table.protocol_key)}. {text_md(table.about.sentence)}",
        "",
        *([f"Measured: {text_md('; '.join(place.words for place in table.about.places))}.", ""]),
    ]
    for dataset in table.datasets:
        mine = table.of_dataset(dataset)
        parts += [f"### {text_md(dataset)}", "", _grid(mine.of_frames("all"), with_facts=True), ""]
        apart = mine.of_frames("given", "between")
        if apart.columns:
            parts += ["Input frames (given) and interpolated frames (between) apart:", ""]
            parts += [_grid(apart, with_facts=False), ""]
    return "\n".join([*parts, *_footnotes(table)])


def _task(table: Table, before: str) -> str:
    return f"{before}{table.task}" if table.task else ""


def grid_md(heads: Sequence[str], lines: Sequence[Sequence[str]], align: Sequence[str] | None = None) -> str:
    """Lines of texts as a Markdown table."""
    # numparse would take "30.50" for a number and print 30.5: the digits shown are part of the claim
    return str(tabulate(lines, headers=heads, tablefmt="pipe", disable_numparse=True, colalign=align))


def name_md(line: Line) -> str:
    """The method with its weights and badges."""
    name = text_md(line.method + (f"@{line.weights}" if line.weights else ""))
    return name + "".join(f" ({badge})" for badge in line.badges)


def cell_md(cell: Cell, metric: str, intervals: bool = False) -> str:
    """The digits with their mark, and half of their interval if it is asked for."""
    text = shown(cell.value, display(metric))
    marked = {"best": f"**{text}**", "second": f"<u>{text}</u>", "": text}[cell.mark]
    return f"{marked} ± {half_shown(cell, metric)}" if intervals and cell.n else marked


def _head(column: Column) -> str:
    how = display(column.metric)
    frames = "" if column.frames == "all" else f" {column.frames}"
    arrow = {"higher": " ↑", "lower": " ↓", "": ""}[how.better]
    return f"{text_md(column.split)} {how.title}{frames}{arrow}"


def _grid(table: Table, with_facts: bool) -> str:
    facts = table.facts if with_facts else ()
    heads = ["Method", *(_head(column) for column in table.columns), "n", *(table.fact(name).label for name in facts)]
    lines = []
    for line in table.lines:
        cells = [cell_md(cell, of.metric, table.intervals) for cell, of in zip(line.cells, table.columns, strict=True)]
        numbers = [shown(line.facts.get(name), table.fact(name)) for name in facts]
        lines.append([name_md(line), *cells, _counts(line), *numbers])
    align = ["left"] + ["right"] * (len(heads) - 1)
    return grid_md(heads, lines, align)


def _counts(line: Line) -> str:
    """Clips behind the numbers, split by split where they differ, and how many frames were infinite."""
    counts = [str(cell.n) for cell in line.cells]
    infinite = max((cell.n_inf for cell in line.cells), default=0)
    said = counts[0] if len(set(counts)) == 1 else " ".join(counts)
    return said + (f" ({infinite} inf)" if infinite else "")


def _footnotes(table: Table) -> list[str]:
    badges = dict.fromkeys(badge for line in table.lines for badge in line.badges)
    notes = [f"- {badge}: {explain(badge)}" for badge in badges]
    notes += [f"- {text_md(note)}" for note in table.notes]
    notes.append(
        "- Mean of frames, then of clips. Best **bold**, second <u>underlined</u>; differences under 0.01 dB or "
        "within their 95 % interval (from 5 clips on) share the mark. n counts clips."
    )
    return ["", *notes, ""]


def document(name: str, facts: dict[str, Any], tables: Sequence[Table], *others: str) -> str:
    """The whole report as Markdown: what was run, one section per protocol, then the sections of `others`."""
    head = [f"# {text_md(name)}", "", _facts_line(facts), ""]
    if facts["failed"]:
        many = "clips" if facts["failed"] > 1 else "clip"
        head += [f"**{facts['failed']} {many} failed**: missing from some numbers below; see `failures.jsonl`.", ""]
    if len(tables) > 1:
        head += ["Numbers of different protocols are not comparable; each has its own table.", ""]
    return "\n".join([*head, *(table_md(table) for table in tables), *filter(None, others)])


def into(text: str, tables: Sequence[Table], cost: str = "") -> str:
    """A text (a README) with the tables of all frames and the costs between their lines.

    The tables go between `<!-- table ... -->` and `<!-- /table -->`, the costs between `<!-- efficiency ... -->` and
    `<!-- /efficiency -->`; one of the two may be missing. Without costs their place stays as it is.

    Raises:
        UsageError: the text has neither.
    """
    blocks = {"table": _tables_alone(tables), **({"efficiency": cost} if cost else {})}
    found = False
    for name, block in blocks.items():
        place = re.search(rf"(<!-- {name}[^>]*-->\n)(.*?)(<!-- /{name} -->)", text, re.DOTALL)
        if place is not None:
            found = True
            text = f"{text[: place.end(1)]}\n{block}{text[place.start(3) :]}"
    if not found:
        raise UsageError("no place for the table: the file needs the lines <!-- table --> and <!-- /table -->")
    return text


def _tables_alone(tables: Sequence[Table]) -> str:
    parts = []
    for table in tables:
        for dataset in table.datasets:
            grid = _grid(table.of_dataset(dataset).of_frames("all"), with_facts=True)
            protocol = f"{code_md(table.protocol)} ({code_md(table.protocol_key)})"
            head = f"**{text_md(dataset)}**, protocol {protocol}{_task(table, ', ')}"
            parts += [head, "", grid, ""]
        parts += [*_footnotes(table)[1:-1], ""]
    return "\n".join(parts)


def _facts_line(facts: dict[str, Any]) -> str:
    parts = [f"{counted(facts['clips'], 'clip')}, {counted(facts['rows'], 'row')}"]
    for title, key in (("started", "started"), ("commit", "commit"), ("on", "device"), ("suite", "suite")):
        said = [text_md(value) for value in facts[key] if value]
        if said:
            parts.append(f"{title} {', '.join(dict.fromkeys(said))}")
    return "; ".join(parts) + "."
