"""A paper's table for LaTeX: the numbers of `paper.md`, its sources as notes, and pdfLaTeX sets it in every style."""

import re

import pytest

from stvsr_bench.report.tables import paper
from stvsr_bench.report.tables.latex import STYLES, example
from stvsr_bench.report.tables.paper_tex import paper_tex
from tests.report.tables.test_latex import HOSTILE, compile_tex, needs_latex
from tests.report.tables.test_paper import PAPER, made  # noqa: F401 - a fixture


def cells(line):
    return [re.sub(r"\\textsuperscript\{\d+\}", "", cell).strip() for cell in line.removesuffix(r" \\").split("&")]


def test_latex_and_markdown_have_the_same_lines(made, one):  # noqa: F811
    lines = [one("26.31"), one("26.40", source="another"), one("26.43", method="tmnet", printed="TMNet")]
    papers, tables, entries = made(lines=lines)
    text = paper_tex(papers, tables, entries, "plain")
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    got = [cells(line)[:3] for line in body.splitlines() if "&" in line]
    markdown = [line for line in paper.paper_md(papers, tables, entries, "t").splitlines() if line.startswith("|")][2:]
    assert [[re.sub(r"\{\\scriptsize (.*)\}", r"\1", cell) for cell in line] for line in got] == [
        [cell.strip() for cell in line.strip("|").split("|")][:3] for line in markdown
    ]
    notes = text[text.index(r"\bottomrule") :]
    assert re.findall(r"\\textsuperscript\{(\d)\}(\w+)", notes) == [("1", "a"), ("2", "another")]  # a source once
    assert r"\textsuperscript{2}" in body and "of zsm@authors" in notes


def test_a_value_that_is_left_out_says_why_under_the_table(made, one):  # noqa: F811
    text = paper_tex(*made(lines=[one("26.31", status="user report")]), "plain")
    assert r"{\scriptsize left out}" in text and "left out: not confirmed: user report" in text


@pytest.mark.latex
@needs_latex
@pytest.mark.parametrize("style", STYLES)
def test_the_table_of_a_paper_compiles_and_fits(style, made, one, tmp_path):  # noqa: F811
    of = [
        one("26.31", printed=HOSTILE, source=HOSTILE),
        one(
            "26.40", source_url=f"https://example.org/a/long/address/{'0123456789abcdef' * 3}/table_1.png?a=b&c=%20#x_y"
        ),
    ]
    (tmp_path / "table.tex").write_text(paper_tex(*made(PAPER, of), style))
    assert "Overfull \\hbox" not in compile_tex(tmp_path, example(style, ["table"]))
