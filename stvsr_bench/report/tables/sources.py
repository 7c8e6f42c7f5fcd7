"""The facts of provenance as Markdown, LaTeX and CSV, and the rows of a report clip by clip."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain, groupby
from typing import Any

import pandas as pd

from stvsr_bench.escape import code as code_md
from stvsr_bench.escape import markdown as text_md
from stvsr_bench.escape import tex as text_tex
from stvsr_bench.report.provenance import TITLES, Fact
from stvsr_bench.report.tables.about import device_of
from stvsr_bench.report.tables.csvjson import lines_csv
from stvsr_bench.report.tables.table import Table
from stvsr_bench.report.tidy import is_metric
from stvsr_bench.schema import Row

_HEADS = ("protocol", "protocol_key", "dataset", "split", "clip", "method", "weights")


def facts_md(facts: Sequence[Fact]) -> str:
    """A section of a Markdown report: what does not stand beside its tables; nothing where nothing is known."""
    below = [fact for fact in facts if fact.kind not in ("protocol", "clips")]
    lines = ["## Provenance", ""] if below else []
    for kind, of in groupby(below, key=lambda fact: fact.kind):
        lines += [f"### {TITLES[kind]}", ""]
        lines += [f"- {text_md(fact.name)}: {_value_md(fact)}" for fact in of] + [""]
    return "\n".join(lines)


def _value_md(fact: Fact) -> str:
    return code_md(fact.value) if fact.kind in ("weights", "frames", "command") else text_md(fact.value)


def appendix_tex(tables: Sequence[Table], facts: Sequence[Fact]) -> str:
    """What the tables of a paper do not say, to be read in with `\\input` in an appendix: notes and provenance."""
    lines = [r"% needs no package; write \input{appendix} in the appendix of the paper", r"\begingroup\small\sloppy"]
    for kind, of in groupby(facts, key=lambda fact: fact.kind):
        lines += [rf"\paragraph{{{text_tex(TITLES[kind])}.}}"]
        lines += [rf"{text_tex(fact.name)}: {_value_tex(fact)}\par" for fact in of]
    for table in tables:
        if table.notes:
            lines += [rf"\paragraph{{Notes on {text_tex(table.protocol)} ({text_tex(table.protocol_key)}).}}"]
            lines += [rf"{text_tex(note)}.\par" for note in table.notes]
    return "\n".join([*lines, r"\endgroup", ""])


def _value_tex(fact: Fact) -> str:
    text = text_tex(fact.value)
    if fact.kind not in ("weights", "frames"):
        return text
    # 64 digits are wider than a column: a line may end after every eighth
    broken = r"\allowbreak ".join(text[at : at + 8] for at in range(0, len(text), 8))
    return rf"\texttt{{{broken}}}"


def facts_csv(facts: Sequence[Fact]) -> str:
    """One line per fact."""
    return lines_csv([("kind", "name", "value"), *((fact.kind, fact.name, fact.value) for fact in facts)])


def facts_json(facts: Sequence[Fact]) -> list[dict[str, str]]:
    """The facts for a JSON document."""
    return [asdict(fact) for fact in facts]


def clips_csv(chosen: pd.DataFrame) -> str:
    """One line per method, protocol and clip: its frames, the mean of every metric over them, and what made it.

    `chosen` are the lines of the tables; a mean is over the frames that count for all of their methods, as there.
    """
    metrics = [name for name in chosen.columns if is_metric(name, chosen)]
    made = ("n_frames", "motion_px", "height", "width", "flags", "device", "weights_sha256", "source", "suite", "key")
    return lines_csv(chain([(*_HEADS, *metrics, *made)], _lines_of(chosen, metrics)))


def _lines_of(chosen: pd.DataFrame, metrics: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    places = chosen[[*_HEADS, "row", *metrics]].itertuples(index=False, name=None)
    for of in places:
        row: Row = of[len(_HEADS)]
        yield (*of[: len(_HEADS)], *map(_number, of[len(_HEADS) + 1 :]), *_made(row))


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _made(row: Row) -> tuple[Any, ...]:
    facts = (len(row.frames), row.motion_px, *row.size, ";".join(row.flags), device_of(row))
    return (*facts, row.weights_sha256, row.source, row.suite, row.key)
