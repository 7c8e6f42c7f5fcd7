"""Everything that is known to be published: the docs page is current, and a line for each printed line of the lists."""

import csv
import json
from pathlib import Path

import pytest

from stvsr_bench.cli import call
from stvsr_bench.errors import OK, USAGE
from stvsr_bench.report.published.listing import lines, published_md, tab
from stvsr_bench.report.published.values import read_published

ROOT = Path(__file__).parents[3]
LISTS = [ROOT / "stvsr_bench" / "report" / "published" / name for name in ("published.csv", "left_out.csv")]


def printed():
    """The lines of both lists that have a value, read by another reader."""
    names = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
    return [row for path in LISTS for row in csv.DictReader(path.open()) if any(row[name] for name in names)]


def test_the_docs_page_is_current():
    page = (ROOT / "docs" / "published.md").read_text(encoding="utf-8")
    assert page.rstrip() == published_md(read_published()).rstrip(), (
        "stvsr-bench published --markdown > docs/published.md"
    )


def test_every_printed_line_of_the_lists_is_one_line_of_the_page_with_its_source():
    known = printed()
    assert len(lines(read_published())) == len(known)
    page = (ROOT / "docs" / "published.md").read_text(encoding="utf-8")
    table = [line for line in page.splitlines() if line.startswith("|") and "](http" in line]
    for row in known:
        values = [value for value in (row["psnr_y"], row["ssim_y"], row["psnr_rgb"], row["ssim_rgb"]) if value]
        assert any(f"]({row['source_url']})" in line and all(f" {v} " in line for v in values) for line in table), row


def test_the_tab_says_the_same_and_counts_contradictions(published, one):
    found = published(one("26.31"), one("26.50", source="another"), one("30.1", method="tmnet", ssim_y="0.9"))
    made = tab(found)
    assert [of["values"][:2] for of in made["lines"]] == [["26.31", ""], ["26.50", ""], ["30.1", "0.9"]]
    assert [of["apart"] for of in made["lines"]] == [[0], [0], []]
    assert made["sources"] == [("a paper", "https://example.org"), ("another", "https://example.org")]


def test_the_verb_filters_by_scale_and_time_and_shows_contradictions_side_by_side(capsys):
    assert call(["published", "--dataset", "gopro", "--scale", "6", "--time-scale", "12", "--json"]) == OK
    found = json.loads(capsys.readouterr().out)
    wanted = [
        row for row in printed() if (row["dataset"], float(row["scale"] or 0), row["time_scale"]) == ("gopro", 6, "12")
    ]
    assert {of["value"] for of in found} == {
        float(row[name]) for row in wanted for name in ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb") if row[name]
    }
    assert call(["published", "zsm", "--contradictions", "--json"]) == OK
    found = json.loads(capsys.readouterr().out)
    assert len(found) > 1 and {of["method"] for of in found} == {"zsm"} and len({of["value"] for of in found}) > 1
    assert call(["published", "--contradictions", "--dataset", "gopro", "--scale", "12"]) == OK
    assert "no two of these published values" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--scale", "5"], ["--scale", "x"], ["--time-scale", "3", "-d", "gopro"]])
def test_a_scale_that_nobody_printed_names_those_that_are(wrong, capsys):
    assert call(["published", *wrong]) == USAGE
    assert "error:" in capsys.readouterr().err
