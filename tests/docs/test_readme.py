"""The README is one screen, and its figures of real data are those that were measured and those that were published."""

import importlib.util
import re
from pathlib import Path

# by its place: this folder is no package
_spec = importlib.util.spec_from_file_location("docs_readme", Path(__file__).with_name("readme.py"))
assert _spec is not None and _spec.loader is not None
readme = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(readme)

TEXT = readme.PAGE.read_text(encoding="utf-8")


def test_the_vid4_figures_are_those_of_the_report():
    assert readme.page(TEXT) == TEXT, "run: python tests/docs/readme.py"
    assert readme.basicvsr() in TEXT and readme.table() in TEXT


def test_every_measured_value_is_of_all_four_clips():
    measured = [line for line in readme.lines() if line["kind"] == "measured"]
    assert {line["n"] for line in measured} == {"4"}
    assert {line["metric"] for line in measured} == {"psnr_y", "ssim_y"}


def test_the_readme_is_short():
    text = re.sub(r"^\|.*\n|^!.*\n", "", TEXT, flags=re.MULTILINE)
    assert len(text.split()) < 450 and len(TEXT.splitlines()) < 90


def test_all_that_it_links_to_is_there():
    for link in re.findall(r"\]\(([^)#]+)", TEXT):
        assert (readme.ROOT / link).exists(), link


def test_the_number_of_methods_is_that_of_the_folder():
    methods = {card.parent.name for card in (readme.ROOT / "methods").glob("*/card.toml")}
    said = int(re.search(r"Zooming Slow-Mo,\s+TMNet and (\d+) others", TEXT)[1])
    assert said == len(methods - {"stdan", "zsm", "tmnet"})
