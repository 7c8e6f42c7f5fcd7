"""Two runs beside each other as Markdown."""

from stvsr_bench.escape import markdown as text_md
from stvsr_bench.report.tables.markdown import grid_md
from stvsr_bench.report.tables.table import display
from stvsr_bench.report.two_runs import MOST_MOVED, Moved, TwoRuns, shown_moved


def two_runs_md(of: TwoRuns) -> str:
    """What differs in identity, then in numbers, then the clips that moved most."""
    lines = [f"# {text_md(of.first)} and {text_md(of.second)}", "", text_md(of.said), ""]
    lines += [f"{text_md(said)}.\n" for said in of.alone]
    if of.identity:
        heads = ["Different", of.first, of.second, "Rows"]
        cells = [[text_md(one.what), text_md(one.first), text_md(one.second), str(one.rows)] for one in of.identity]
        lines += ["## What made the rows", "", grid_md([text_md(head) for head in heads], cells, _right(3, 1)), ""]
    heads = ["Method", "Protocol", "Clips of", "Metric", text_md(of.first), text_md(of.second), "Change", "Moved"]
    cells = [
        [
            *(text_md(one.method), text_md(one.protocol), text_md(one.where), display(one.metric).label),
            *(*shown_moved(one), f"{len(one.moved)} of {one.clips}"),
        ]
        for one in of.numbers
    ]
    lines += ["## Numbers", "", grid_md(heads, cells, _right(4, 4)), ""]
    for one in of.numbers:
        if one.moved:
            lines += [f"{text_md(one.method)}, {text_md(one.where)}, {display(one.metric).title}:", ""]
            lines += [*(f"- {text_md(said)}" for said in moved_words(one)), ""]
    return "\n".join(lines)


def moved_words(of: Moved) -> list[str]:
    """The clips that moved most, one line each, and how many more there are."""
    said = [f"{clip}: {first:.6g} to {second:.6g}" for clip, first, second in of.moved[:MOST_MOVED]]
    more = len(of.moved) - MOST_MOVED
    return [*said, *([f"and {more} more clip{'s' if more > 1 else ''}"] if more > 0 else [])]


def _right(left: int, right: int) -> list[str]:
    return ["left"] * left + ["right"] * right
