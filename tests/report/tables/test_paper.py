"""A paper's table: published lines with their source, ours under them, the verdict of the ledger, nothing ranked."""

import csv
import io

import pytest

from stvsr_bench.report.build import build
from stvsr_bench.report.published.verdicts import ledger
from stvsr_bench.report.tables import paper
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import tidy
from stvsr_bench.schema import PaperTable

VID4 = ("calendar", "city", "foliage", "walk")
PAPER = PaperTable("A table", ("vid4/test",), "zsm-2020")


@pytest.fixture
def made(row, published, one):
    """Blocks of a table: Zooming Slow-Mo measured at 26.30 dB, a method of ours, and published lines."""

    def make(of=PAPER, lines=None, **changes):
        rows = [
            row(method, weights, "vid4", "test", clip, [psnr] * 7, protocol="zsm-2020", **changes)
            for method, weights, psnr in (("zsm", "authors", 26.30), ("blend+bicubic", "", 22.5))
            for clip in VID4
        ]
        frame = tidy(rows)
        lines = lines or [one("26.31", psnr_rgb="24.10"), one("26.43", method="tmnet", printed="TMNet")]
        return [of], build(frame, [], Options()), ledger(frame, published(*lines), {})

    return make


def test_ours_stand_under_the_published_line_of_their_method_with_the_verdict_of_the_ledger(made):
    papers, tables, entries = made()
    text = paper.paper_md(papers, tables, entries, "A suite")
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [of[1] for of in cells] == ["published", "verdict", "measured", "published", "measured"]
    assert cells[1][4] == "of zsm@authors"
    assert [of[2] for of in cells[:4]] == ["26.31", f"-0.01 {entries[0].verdict}", "26.30", "26.43"]
    assert cells[4][0] == "blend+bicubic" and cells[4][2] == "22.50"
    assert "[a paper](https://example.org)" in lines[0]


def test_a_value_of_another_protocol_stands_there_only_where_it_is_asked_for_and_gets_no_verdict(made, one):
    other = [one("26.31", protocol="stdan-2023"), one("26.40", protocol="zsm-2020")]
    text = paper.paper_md(*made(lines=other), "t")
    assert "26.40" in text and "26.31" not in text
    papers, tables, entries = made(PaperTable("t", ("vid4/test",), "zsm-2020", published_under=("stdan-2023",)), other)
    text = paper.paper_md(papers, tables, entries, "t")
    assert "26.31 / 26.40" in text and "](https://example.org), under stdan-2023" in text
    found = list(csv.DictReader(io.StringIO(paper.paper_csv(papers, tables, entries))))
    verdicts = {of["value"]: (of["verdict"], of["delta"]) for of in found if of["kind"] == "published"}
    assert verdicts["26.31"] == ("other protocol", "")
    assert float(verdicts["26.4"][1]) == pytest.approx(-0.10)


def test_methods_sources_scales_and_clips_leave_lines_out(made, one):
    lines = [
        *(one("26.31"), one("25.11", clip="city"), one("24.11", scale="6", protocol="zsm-2020")),
        *(one("26.43", method="tmnet", printed="TMNet"), one("26.99", source="a blog")),
    ]
    of = PaperTable("t", ("vid4/test",), "zsm-2020", methods=("zsm",), sources=("a pap",))
    text = paper.paper_md(*made(of, lines), "t")
    assert "26.31" in text
    assert not any(value in text for value in ("25.11", "24.11", "26.43", "26.99"))


def test_columns_may_be_of_several_protocols_and_names_are_only_text(made, one):
    of = PaperTable("*t*", ("vid4/test", "vid4/test/videoinr-2022:time_scale=2"), "zsm-2020", metrics=("psnr_y",))
    text = paper.paper_md(*made(of, [one("26.31", printed="<b>|*", source="[x]")]), "t")
    assert "vid4 test videoinr-2022-x4-t2 PSNR-Y" in text and "## \\*t\\*" in text
    assert "&lt;b&gt;\\|\\*" in text and "[\\[x\\]](https" in text


def test_part_of_a_split_has_a_star(row, published, one):
    rows = [row("zsm", "authors", "vid4", "test", clip, [26.3] * 7, protocol="zsm-2020") for clip in VID4[:2]]
    rows += [row("blend+bicubic", "", "vid4", "test", clip, [22.5] * 7, protocol="zsm-2020") for clip in VID4]
    frame = tidy(rows)
    text = paper.paper_md([PAPER], build(frame, [], Options()), ledger(frame, published(one("26.31")), {}), "t")
    assert "26.30\\*" in text
    assert "part of the split" in text


def test_a_value_that_is_not_certain_is_left_out_and_has_no_difference(made, one):
    papers, tables, entries = made(lines=[one("26.31", status="user report")])
    text = paper.paper_md(papers, tables, entries, "t")
    assert "| left out |" in " ".join(text.split()) and "-0.01" not in text and "of zsm@authors" not in text
    (line, *_) = csv.DictReader(io.StringIO(paper.paper_csv(papers, tables, entries)))
    assert (line["verdict"], line["delta"]) == ("left out", "")
