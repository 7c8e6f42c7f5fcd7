"""A paper's table for LaTeX: the lines of `paper.md`, with sources as numbered notes under the table."""

from collections.abc import Sequence
from itertools import groupby

from stvsr_bench.escape import slug
from stvsr_bench.escape import tex as text_tex
from stvsr_bench.report.published.verdicts import Entry
from stvsr_bench.report.tables.latex import Style, floating
from stvsr_bench.report.tables.paper import Line, Place, blocks, columns_of, lines_of
from stvsr_bench.report.tables.table import Table, display
from stvsr_bench.schema import PaperTable


def paper_tex(papers: Sequence[PaperTable], tables: Sequence[Table], entries: Sequence[Entry], style: Style) -> str:
    """Every table of a suite as LaTeX, to be read in with `\\input`; what `latex.NEEDS` names is enough."""
    return "\n".join(_one(paper, tables, entries, style, index) for index, paper in enumerate(papers, 1))


def _one(paper: PaperTable, tables: Sequence[Table], entries: Sequence[Entry], style: Style, index: int) -> str:
    columns = columns_of(paper)
    found = [lines_of(block, columns) for block in blocks(paper, tables, entries)]
    sources = list(dict.fromkeys((line.said, line.url, line.under) for lines in found for line in lines if line.url))
    rows = [*_heads(columns), r"\midrule"]
    for place, lines in enumerate(found):
        # a method's lines belong together: what was published, the verdict, and ours
        rows += ([r"\addlinespace[2pt]"] if place else []) + [_row(line, sources) for line in lines]
    label = f"tab:paper-{index}-{slug(paper.title)}"
    return floating(style, _caption(paper, columns), label, f"ll{'r' * len(columns)}", rows, _notes(sources, found))


def _caption(paper: PaperTable, columns: Sequence[Place]) -> str:
    under = list(dict.fromkeys(protocol for _, _, protocol, _ in columns))
    names = ", ".join(text_tex(name) for name in under)
    return (
        f"{text_tex(paper.title)}. Protocol {names}. Published values are others' and are not ranked with ours; "
        r"a verdict is given under the paper's own protocol. $^*$: measured on part of the clips."
    )


def _heads(columns: Sequence[Place]) -> list[str]:
    """Data sets and splits over their metrics; the protocol too where columns differ in it."""
    several = len({protocol for _, _, protocol, _ in columns}) > 1
    names = [f"{dataset} {split}{f' {protocol}' if several else ''}" for dataset, split, protocol, _ in columns]
    cells, rules, at = [], [], 3
    for name, of in groupby(names):
        count = len(list(of))
        cells.append(rf"\multicolumn{{{count}}}{{c}}{{{text_tex(name)}}}")
        rules.append(rf"\cmidrule(lr){{{at}-{at + count - 1}}}")
        at += count
    titles = [text_tex(display(metric).title) for *_, metric in columns]
    return [
        " & ".join(["", "", *cells]) + r" \\",
        "".join(rules),
        " & ".join(["Method", "", *titles]) + r" \\",
    ]


def _row(line: Line, sources: Sequence[tuple[str, str, str]]) -> str:
    note = rf"\textsuperscript{{{sources.index((line.said, line.url, line.under)) + 1}}}" if line.url else ""
    values = [text_tex(value.removesuffix("*")) + ("$^*$" if value.endswith("*") else "") for value in line.values]
    small = [rf"{{\scriptsize {value}}}" if line.kind == "verdict" and value else value for value in values]
    return " & ".join([text_tex(line.name) + note, line.kind, *(value or "--" for value in small)]) + r" \\"


def _notes(sources: Sequence[tuple[str, str, str]], found: Sequence[Sequence[Line]]) -> list[str]:
    said = [
        rf"\textsuperscript{{{number}}}{text_tex(source)}{text_tex(under)}, {_address(url)}."
        for number, (source, url, under) in enumerate(sources, 1)
    ]
    verdicts = dict.fromkeys(line.said for lines in found for line in lines if line.kind == "verdict" and line.said)
    said += [f"Verdicts {text_tex(of)}." for of in verdicts]
    return [r"\par\vspace{2pt}", rf"\parbox{{\linewidth}}{{\footnotesize\sloppy {' '.join(said)}}}"] if said else []


def _address(url: str) -> str:
    """An address that may break at its slashes and dots: a column is narrower than most of them."""
    text = text_tex(url)
    for letter in "/.":
        text = text.replace(letter, rf"{letter}\allowbreak ")
    return rf"\texttt{{{text}}}"
