"""Published values as a tab of the page: closed at first, then filtered by what is chosen."""

import csv
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "stvsr_bench" / "report" / "published"
LISTS = [FOLDER / "published.csv", FOLDER / "left_out.csv"]


@pytest.mark.browser
def test_the_page_has_them_in_a_tab_with_filters(browser, run, tmp_path, opened, until, no_errors, written_page):
    page = written_page(run, tmp_path / "report")
    opened(browser, page)
    assert browser.execute_script("return document.querySelectorAll('#published tr').length") == 0, "closed at first"
    opened(browser, page, "pd=vid4&pt=2&pq=zooming")
    count = "return document.querySelectorAll('#published tbody tr').length"
    rows = [row for path in LISTS for row in csv.DictReader(path.open())]
    of_vid4 = [row for row in rows if row["dataset"] == "vid4" and row["time_scale"] == "2"]
    wanted = [row for row in of_vid4 if "zooming" in (row["printed"] + row["source"]).lower()]
    assert browser.execute_script(count) == len(wanted) > 3
    browser.execute_script("document.getElementById('published-apart').click()")
    assert until(browser, f"const n = ({count.replace('return ', '')}); return 0 < n && n < {len(wanted)}")
    no_errors(browser)
