"""Prose is wrapped at 120 characters, so that a change shows in a diff as the words that changed."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WIDTH = 120
GENERATED = re.compile(r"<!-- (\w+).*?<!-- /\1 -->|```.*?```", re.DOTALL)  # by `report --into`; commands are not prose


def pages():
    # asked of git, not of the folder: a virtual environment holds other people's pages
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split() if not name.startswith(("reports/", "tests/")) and "LICENSE" not in name]


@pytest.mark.parametrize("page", pages())
def test_prose_is_wrapped(page):
    text = GENERATED.sub("", (ROOT / page).read_text(encoding="utf-8"))
    long = [line for line in text.splitlines() if len(line) > WIDTH and not line.lstrip().startswith("|")]
    assert [line for line in long if " " in line.strip()] == []  # one word, such as a URL, cannot be wrapped
