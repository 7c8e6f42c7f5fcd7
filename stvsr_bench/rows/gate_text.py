"""What the gate found, for people (Markdown) and for CI servers (JUnit XML)."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from stvsr_bench import escape
from stvsr_bench.errors import counted
from stvsr_bench.rows.judgement import Judgement, Used


def markdown(judgement: Judgement, limit: int = 50) -> str:
    """A summary for a pull request: the verdict first, then what moved, worst first."""
    count = sum(move.bad for move in judgement.moves)
    head = "passed" if judgement.passed else "**failed**"
    lines = [f"### stvsr-bench gate: {head}", ""]
    lines.append(
        f"{counted(judgement.compared, 'value')} compared, {count} worse or changed, "
        f"{len(judgement.moves)} moved in all."
    )
    lines += [f"Note: {_cell(note)}." for note in judgement.notes]
    lines += _tolerance_lines(judgement.used)
    shown = sorted(judgement.moves, key=lambda move: (not move.bad, move.method, move.where))[:limit]
    if shown:
        lines += ["", "| | method | where | what | baseline | now |", "|---|---|---|---|---:|---:|"]
        for m in shown:
            cells = (m.verdict, m.method, m.where, m.what, m.before, m.after)
            lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    if len(judgement.moves) > limit:
        lines.append(f"\n... and {len(judgement.moves) - limit} more.")
    return "\n".join(lines) + "\n"


def _tolerance_lines(used: Sequence[Used]) -> list[str]:
    """A table of which tolerance was applied to which methods, and why."""
    if not used:
        return []
    lines = ["", "| methods | rows | largest change allowed | because |", "|---|---:|---|---|"]
    for one in used:
        limits = ", ".join(f"{metric} {limit:.1g}" for metric, limit in one.limits.items())
        cells = (", ".join(one.methods), str(one.rows), limits, one.why)
        lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    return lines


def _cell(text: str) -> str:
    """A name of anybody's in one cell of a table; inside a word Markdown reads no `_`, and people read this too."""
    return re.sub(r"(?<=\w)\\_(?=\w)", "_", escape.markdown(text))


def junit(judgement: Judgement) -> str:
    """JUnit XML: one test case a thing that moved, one for the whole."""
    bad = [move for move in judgement.moves if move.bad]
    failures = len(bad) + (judgement.compared == 0)
    suite = ElementTree.Element(
        "testsuite", name="stvsr-bench gate", tests=str(len(judgement.moves) + 1), failures=str(failures)
    )
    whole = ElementTree.SubElement(
        suite, "testcase", classname="gate", name=f"{counted(judgement.compared, 'value')} compared"
    )
    if judgement.compared == 0:
        ElementTree.SubElement(whole, "failure", message="nothing was measured")
    for move in judgement.moves:
        name = f"{move.where} {move.what}"
        case = ElementTree.SubElement(suite, "testcase", classname=escape.xml(move.method), name=escape.xml(name))
        if move.bad:
            message = f"{move.verdict}: {move.before} -> {move.after}"
            ElementTree.SubElement(case, "failure", message=escape.xml(message))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
