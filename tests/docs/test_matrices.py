"""Each row of the fault and hostile matrices of docs/faults.md names tests that exist, and an exit code that does."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
CODES = {"0", "1", "2", "3", "4", "5", "130"}


def rows(title):
    """The cells of each row of the table under a title."""
    section = TEXT.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]


@pytest.mark.parametrize(("title", "least"), [("Faults", 20), ("Hostile input", 25)])
def test_every_row_names_a_test_that_exists_and_an_exit_code(title, least):
    found = rows(title)
    assert len(found) >= least
    for case, sees, code, tests in found:
        assert case and sees and set(filter(None, code.split(", "))) <= CODES, case
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", tests)
        assert named, f"{case}: no test is named"
        for file, function in named:
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert function in defined, f"{file}::{function}"
