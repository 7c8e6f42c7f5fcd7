"""Tables as LaTeX with booktabs, in the manner of a plain article, of IEEE journals or of CVPR.

The files hold table environments only, to be read in with `\\input`. They need `\\usepackage{booktabs,graphicx}`
and T1 fonts, and shrink to the width that there is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from stvsr_bench.escape import slug
from stvsr_bench.escape import tex as text_tex
from stvsr_bench.report.tables.about import weights_note
from stvsr_bench.report.tables.table import (
    GROUPS,
    Badge,
    Cell,
    Column,
    Display,
    Line,
    Table,
    clips_of,
    display,
    explain,
    half_shown,
    shown,
)

Style = Literal["plain", "ieee", "cvpr"]
STYLES: tuple[Style, ...] = ("plain", "ieee", "cvpr")
MOST_COLUMNS = 8  # of numbers in one table: four splits of two metrics
NEEDS = "\\usepackage[T1]{fontenc}\n\\usepackage{booktabs,graphicx}\n"
_TITLES = {"two-stage": "Two-stage", "one-stage": "One-stage", "ours": "Ours"}


@dataclass(frozen=True)
class _Manner:
    caption_above: bool
    font: str
    separation: str


_MANNERS: dict[Style, _Manner] = {
    "plain": _Manner(caption_above=True, font=r"\small", separation="5pt"),
    "ieee": _Manner(caption_above=True, font=r"\footnotesize", separation="4pt"),
    # CVPR's template sets captions under tables, IEEE's above
    "cvpr": _Manner(caption_above=False, font=r"\small", separation="4pt"),
}


def cell_tex(cell: Cell, metric: str, intervals: bool = False) -> str:
    """The digits with their mark, and half of their interval if it is asked for."""
    text = text_tex(shown(cell.value, display(metric)))
    marked = {"best": rf"\textbf{{{text}}}", "second": rf"\underline{{{text}}}", "": text}[cell.mark]
    half = text_tex(half_shown(cell, metric))
    return rf"{marked} {{\scriptsize$\pm$ {half}}}" if intervals and cell.n else marked


def files(tables: Sequence[Table], style: Style, others: Sequence[str] = ()) -> dict[str, str]:
    """Text by file name under `tex/`: a file for each table, and a paper that has them all, and `others` too.

    A table is split by data set where one would be too wide to read.
    """
    made = {}
    for table in tables:
        # one protocol under two keys (a list of another hash, say) would write one file twice
        alike = sum(other.protocol == table.protocol for other in tables) > 1
        protocol = slug(table.protocol_key if alike else table.protocol)
        main = table.of_frames("all")
        datasets = {f"{protocol}-{slug(dataset)}": dataset for dataset in table.datasets}
        parts = {f"main-{protocol}": main}
        if len(main.columns) > MOST_COLUMNS:
            parts = {f"main-{name}": main.of_dataset(dataset) for name, dataset in datasets.items()}
        for name, dataset in datasets.items():  # given and between double the columns
            parts[f"apart-{name}"] = table.of_dataset(dataset).of_frames("given", "between")
        for name, part in parts.items():
            if part.columns:
                apart = name.startswith("apart")
                made[name] = table_tex(part, style, caption_of(part, apart), f"tab:{name}", with_facts=not apart)
    paper = example(style, [*made, *others])
    return {**{f"tex/{name}.tex": text for name, text in made.items()}, "tex/example.tex": paper}


def table_tex(table: Table, style: Style, caption: str, label: str, with_facts: bool = True) -> str:
    """One table environment with grouped heads, groups of methods, marks and footnotes."""
    facts = table.facts if with_facts else ()
    width = 1 + len(facts) + len(table.columns)
    badges = tuple(dict.fromkeys(badge for line in table.lines for badge in line.badges))
    rows = [*_heads(table, facts), r"\midrule", *_groups(table, facts, badges, width)]
    return floating(style, caption, label, f"l{'r' * (width - 1)}", rows, _footnotes(badges))


def floating(
    style: Style, caption: str, label: str, columns: str, rows: Sequence[str], below: Sequence[str] = ()
) -> str:
    """A table environment of these rows, as wide as it needs to be and no wider than the text."""
    manner = _MANNERS[style]
    environment = "table*" if len(columns) > 5 else "table"  # in a paper of one column the two are the same
    said = [rf"\caption{{{caption}}}", rf"\label{{{label}}}"]
    body = [
        # shrinks what is too wide and never enlarges: a narrow table keeps the letters of its neighbours
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{columns}}}",
        *(r"\toprule", *rows, r"\bottomrule"),
        r"\end{tabular}}",
        *below,
    ]
    head = [
        rf"\begin{{{environment}}}[t]",
        r"\centering",
        manner.font,
        rf"\setlength{{\tabcolsep}}{{{manner.separation}}}",
    ]
    parts = [*said, r"\vspace{4pt}", *body] if manner.caption_above else [*body, *said]
    return "\n".join([*head, *parts, rf"\end{{{environment}}}", ""])


def caption_of(table: Table, apart: bool) -> str:
    """What a reader must know to use the numbers, as one caption."""
    counts = ", ".join(
        f"{text_tex(dataset)} {text_tex(split)} {'/'.join(map(str, clips))}"
        for (dataset, split), clips in clips_of(table).items()
    )
    what = "Input frames (given) and interpolated frames (between) apart" if apart else "Quality"
    task = f"{text_tex(table.task)}; " if table.task else ""
    found = weights_note({(line.method, line.weights): line.made_with for line in table.lines})
    weights = "".join(f" {text_tex(said)}." for said in found)
    return (
        f"{what} under protocol {text_tex(table.protocol)} ({task}key {text_tex(table.protocol_key)}); mean of frames, "
        f"then of clips (clips: {counts}). Best in bold, second underlined; ties share the mark.{weights}"
    )


def _heads(table: Table, facts: Sequence[str]) -> list[str]:
    """The rows of the head: splits, then given and between where they stand apart, then metrics."""
    several = len(table.datasets) > 1
    splits = [f"{of.dataset} {of.split}" if several else of.split for of in table.columns]
    lines = _spanned(splits, [table.fact(name).title for name in facts])
    if any(of.frames != "all" for of in table.columns):
        frames = [f"{split}\n{of.frames}" for split, of in zip(splits, table.columns, strict=True)]
        lines += _spanned(frames, [""] * len(facts))
    last = ["Method", *(_column_head(of) for of in table.columns), *(_fact_head(table.fact(name)) for name in facts)]
    return [*lines, " & ".join(last) + r" \\"]


def _spanned(names: Sequence[str], others: Sequence[str]) -> list[str]:
    """A row whose equal neighbours share one head (its last line, if a name has several), and the rules under it."""
    cells, rules, at = [""], [], 2
    for name, of in groupby(names):
        count = len(list(of))
        cells.append(rf"\multicolumn{{{count}}}{{c}}{{{text_tex(name.rsplit(chr(10), 1)[-1])}}}")
        rules.append(rf"\cmidrule(lr){{{at}-{at + count - 1}}}")
        at += count
    return [" & ".join([*cells, *map(text_tex, others)]) + r" \\", "".join(rules)]


def _column_head(column: Column) -> str:
    how = display(column.metric)
    arrow = {"higher": r" $\uparrow$", "lower": r" $\downarrow$", "": ""}[how.better]
    return text_tex(how.title) + arrow


def _fact_head(how: Display) -> str:
    return text_tex(f"({how.unit})") if how.unit else ""


def _groups(table: Table, facts: Sequence[str], badges: Sequence[Badge], width: int) -> list[str]:
    found = [group for group in GROUPS if any(line.group == group for line in table.lines)]
    lines: list[str] = []
    for group in found:
        if len(found) > 1:
            lines += [
                r"\addlinespace" if lines else "",
                rf"\multicolumn{{{width}}}{{l}}{{\emph{{{_TITLES[group]}}}}} \\",
            ]
        lines += [_line(line, table, facts, badges) for line in table.lines if line.group == group]
    return [line for line in lines if line]


def _line(line: Line, table: Table, facts: Sequence[str], badges: Sequence[Badge]) -> str:
    name = text_tex(line.method + (f"@{line.weights}" if line.weights else ""))
    letters = ",".join(_letter(badges.index(badge)) for badge in line.badges)
    numbers = [text_tex(shown(line.facts.get(fact), table.fact(fact))) for fact in facts]
    cells = [cell_tex(cell, of.metric, table.intervals) for cell, of in zip(line.cells, table.columns, strict=True)]
    said = rf"\textsuperscript{{{letters}}}" if letters else ""
    return " & ".join([name + said, *cells, *numbers]) + r" \\"


def _footnotes(badges: Sequence[Badge]) -> list[str]:
    if not badges:
        return []
    notes = [
        rf"\textsuperscript{{{_letter(i)}}}{text_tex(badge)}: {text_tex(explain(badge))}."
        for i, badge in enumerate(badges)
    ]
    return [r"\par\vspace{2pt}", rf"\parbox{{\linewidth}}{{\footnotesize {' '.join(notes)}}}"]


def _letter(index: int) -> str:
    return "abcdefgh"[index]


def example(style: Style, names: Sequence[str]) -> str:
    """A paper skeleton that reads in every table, to look at them and to copy from."""
    options, kind = {
        "plain": ("11pt", "article"),
        "ieee": ("journal", "IEEEtran"),
        "cvpr": ("10pt,twocolumn", "article"),
    }[style]
    inputs = "".join(f"\\input{{{name}}}\n" for name in names)
    margins = "" if style == "ieee" else "\\usepackage[margin=1in]{geometry}\n"
    return f"\\documentclass[{options}]{{{kind}}}\n{NEEDS}{margins}\\begin{{document}}\n{inputs}\\end{{document}}\n"
