"""Every format that a report is written in. To add one: a function of `Content` here, and its line in `FORMATS`.

What lays out a table stands in `tables/`, a module for each format; here is only what is written under which name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stvsr_bench.report.plane import Plane
from stvsr_bench.report.provenance import Fact
from stvsr_bench.report.published.text import ledger_csv, ledger_md
from stvsr_bench.report.published.verdicts import Entry
from stvsr_bench.report.response import Response
from stvsr_bench.report.tables import csvjson, latex, markdown
from stvsr_bench.report.tables.cost import Profile, costs_csv, costs_md
from stvsr_bench.report.tables.paper import paper_csv, paper_md
from stvsr_bench.report.tables.paper_tex import paper_tex
from stvsr_bench.report.tables.planes import planes_csv, planes_md, planes_tex, responses_csv
from stvsr_bench.report.tables.sources import appendix_tex, clips_csv, facts_csv, facts_json, facts_md
from stvsr_bench.report.tables.table import Table
from stvsr_bench.schema import SuiteFacts


@dataclass(frozen=True)
class Content:
    """What a format may write down: `about` is what a report says of its run, `ledger` published against measured.

    `suite` is the suite that the run is of: its tables are those of a paper. `provenance` names the bundles of
    each row, as CSV; "" where there are none. `facts` are what a reader who doubts the numbers asks for, and `chosen`
    the tidy lines of the tables.
    """

    name: str
    about: dict[str, Any]
    tables: Sequence[Table]
    profiles: Sequence[Profile]
    ledger: Sequence[Entry]
    style: latex.Style = "plain"
    planes: Sequence[Plane] = ()
    responses: Sequence[Response] = ()
    suite: SuiteFacts | None = None
    provenance: str = ""
    facts: Sequence[Fact] = ()
    chosen: pd.DataFrame | None = None


Format = Callable[[Content], dict[str, str]]  # text by file name; nothing where there is nothing to write


def _markdown(of: Content) -> dict[str, str]:
    others = (planes_md(of.planes), costs_md(of.profiles), facts_md(of.facts))
    return {"table.md": markdown.document(of.name, of.about, of.tables, *others)}


def _csv(of: Content) -> dict[str, str]:
    clips = {} if of.chosen is None else {"clips.csv": clips_csv(of.chosen)}
    return {"table.csv": csvjson.tables_csv(of.tables), **clips, "facts.csv": facts_csv(of.facts)}


def _json(of: Content) -> dict[str, str]:
    return {"table.json": csvjson.tables_json(of.tables, {**of.about, "provenance": facts_json(of.facts)})}


def _cost(of: Content) -> dict[str, str]:
    return {"cost.csv": costs_csv(of.profiles)} if of.profiles else {}


def _ledger(of: Content) -> dict[str, str]:
    return {"ledger.md": ledger_md(of.ledger), "ledger.csv": ledger_csv(of.ledger)}


def _plane(of: Content) -> dict[str, str]:
    return {"plane.csv": planes_csv(of.planes)} if of.planes else {}


def _response(of: Content) -> dict[str, str]:
    return {"time-response.csv": responses_csv(of.responses)} if of.responses else {}


def _paper(of: Content) -> dict[str, str]:
    if of.suite is None or not of.suite.tables:
        return {}
    papers = of.suite.tables
    made = paper_md(papers, of.tables, of.ledger, of.suite.title)
    return {"paper.md": made, "paper.csv": paper_csv(papers, of.tables, of.ledger)}


def _provenance(of: Content) -> dict[str, str]:
    return {"provenance.csv": of.provenance} if of.provenance else {}


def _latex(of: Content) -> dict[str, str]:
    others = {"plane": planes_tex(of.planes, of.style)} if of.planes else {}
    if of.suite is not None and of.suite.tables:
        others["paper"] = paper_tex(of.suite.tables, of.tables, of.ledger, of.style)
    others["appendix"] = appendix_tex(of.tables, of.facts)
    made = latex.files(of.tables, of.style, list(others))
    return {**made, **{f"tex/{name}.tex": text for name, text in others.items()}}


# written in this order
FORMATS: dict[str, Format] = {
    "markdown": _markdown,
    "csv": _csv,
    "json": _json,
    "cost": _cost,
    "ledger": _ledger,
    "paper": _paper,
    "provenance": _provenance,
    "plane": _plane,
    "time-response": _response,
    "latex": _latex,
}


def texts(of: Content) -> dict[str, str]:
    """Every text of a report by file name, in every format."""
    return {name: text for make in FORMATS.values() for name, text in make(of).items()}
