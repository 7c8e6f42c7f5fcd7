"""Tables as CSV (a line per number) and as one JSON document; the full value beside the digits that are shown."""

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from stvsr_bench.escape import cell as text_csv
from stvsr_bench.report.tables.table import FACTS, Cell, Column, Line, Table, display, shown

FIELDS = (
    "protocol",
    "protocol_key",
    "dataset",
    "split",
    "method",
    "weights",
    "group",
    "badges",
    "metric",
    "frames",
    "value",
    "shown",
    "half_interval",
    "n",
    "n_inf",
    "n_left",
    "clips",
    "mark",
    *FACTS,
    "clips_of_split",
    "frames_scored",
    "weights_sha256",
    "source",
    "device",
)


def records(tables: Sequence[Table]) -> list[dict[str, Any]]:
    """One flat record for each number of the tables."""
    return [
        _record(table, line, column, cell)
        for table in tables
        for line in table.lines
        for column, cell in zip(table.columns, line.cells, strict=True)
        if cell.measured
    ]


def tables_csv(tables: Sequence[Table]) -> str:
    """The records as CSV; a text that a spreadsheet would run as a formula is quoted with an apostrophe."""
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS, lineterminator="\n")
    writer.writeheader()
    for record in records(tables):
        writer.writerow({name: plain(value) for name, value in record.items()})
    return out.getvalue()


def lines_csv(lines: Iterable[Sequence[Any]]) -> str:
    """Lines of values as CSV that no spreadsheet runs; what is not known is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows(["" if value is None else plain(value) for value in line] for line in lines)
    return out.getvalue()


def tables_json(tables: Sequence[Table], about: dict[str, Any]) -> str:
    """One document: what the run was, and the records."""
    document = {**about, "numbers": finite(records(tables))}
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _record(table: Table, line: Line, column: Column, cell: Cell) -> dict[str, Any]:
    made = line.made_with
    totals = {(place.dataset, place.split): place.of for place in table.about.places}
    return {
        "protocol": table.protocol,
        "protocol_key": table.protocol_key,
        "dataset": column.dataset,
        "split": column.split,
        "method": line.method,
        "weights": line.weights,
        "group": line.group,
        "badges": ";".join(line.badges),
        "metric": column.metric,
        "frames": column.frames,
        "value": cell.value,
        "shown": shown(cell.value, display(column.metric)),
        "half_interval": cell.half,
        "n": cell.n,
        "n_inf": cell.n_inf,
        "n_left": cell.n_left,
        "clips": cell.clips,
        "mark": cell.mark,
        **{name: line.facts.get(name, line.facts.get(f"{name}:{column.dataset}")) for name in FACTS},
        "clips_of_split": totals.get((column.dataset, column.split)),
        "frames_scored": made.frames_of(column.dataset, column.split),
        "weights_sha256": made.sha256,
        "source": made.source,
        "device": made.device,
    }


def plain(value: Any) -> Any:
    """A value for a CSV cell: full precision, and no text that a spreadsheet would run."""
    if isinstance(value, float):
        return repr(value)  # the shortest text that reads back to the same float
    # CSV injection: method and clip names come from other people's folders
    return text_csv(value) if isinstance(value, str) else value


def finite(value: Any) -> Any:
    """The same with infinite and undefined numbers as text, which JSON has no word for."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
