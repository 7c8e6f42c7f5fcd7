"""The tests that docs/faults.md names exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_matrices_name_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs" / "faults.md").read_text())
    assert len(named) > 25
    for file, function in named:
        text = (ROOT / file).read_text()
        assert not function or f"def {function}(" in text, f"{file}::{function}"
