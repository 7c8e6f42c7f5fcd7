"""The tables of docs/faults.md, made from the tests: each test that is marked `fault` is a row of them.

`@pytest.mark.fault("B5", "what goes wrong", "what the user sees", "4")`: the letter is the table (`PARTS`), letter and
number are a finding of the audit of November 2026 where there is one, the last are the exit codes. Tests with the same
words share a row. `python tests/docs/faults.py` writes the page.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"
PARTS = {
    "A": "Wrong numbers",
    "B": "Hostile input",
    "C": "Data loss",
    "D": "Workers and methods that fail",
    "E": "This machine",
    "F": "Weights, downloads and packages",
}
BEGIN, END = "<!-- made from the tests: python tests/docs/faults.py -->", "<!-- end of what is made -->"
CODES = {"0", "1", "2", "3", "4", "5", "130"}
_FINDING = re.compile(r"[A-F]([0-9]{1,2})?")


@dataclass(frozen=True)
class Fault:
    """What one mark says, and the test that it stands on."""

    finding: str
    case: str
    seen: str
    codes: str
    test: str


def faults(root: Path = ROOT) -> list[Fault]:
    """Every mark of every test, in the order of files and lines. The tests are read and not imported.

    Raises:
        ValueError: a mark is not of the form above; the sentence names its test.
    """
    files = sorted((root / "tests").rglob("test_*.py"))
    return [fault for file in files for fault in _of_file(file, file.relative_to(root).as_posix())]


def _of_file(file: Path, name: str) -> Iterator[Fault]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        for mark in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
                yield _checked(mark, f"{name}::{node.name}")


def _checked(mark: ast.Call, test: str) -> Fault:
    words = [argument.value if isinstance(argument, ast.Constant) else None for argument in mark.args]
    texts = [word for word in words if isinstance(word, str)]
    if mark.keywords or len(texts) != len(words) or not 3 <= len(texts) <= 4:
        raise ValueError(
            f"{test}: a mark `fault` has three or four plain texts: finding, case, what is seen, exit codes"
        )
    finding, case, seen, codes = (*texts, "")[:4]
    if not _FINDING.fullmatch(finding) or not set(filter(None, codes.split(", "))) <= CODES or not (case and seen):
        raise ValueError(f"{test}: a mark `fault` begins with A to F, and ends with exit codes")
    if any("|" in word.replace("\\|", "") or "\n" in word for word in texts):
        raise ValueError(f"{test}: the words of a mark `fault` are one cell of a table")
    return Fault(finding, case, seen, codes, test)


def tables(found: list[Fault]) -> str:
    """The Markdown of all tables."""
    parts = []
    for letter, title in PARTS.items():
        rows: dict[tuple[str, str, str, str], list[str]] = {}
        for one in sorted((one for one in found if one.finding[0] == letter), key=lambda one: _number(one.finding)):
            known = one.finding if len(one.finding) > 1 else ""
            rows.setdefault((known, one.case, one.seen, one.codes), []).append(f"`{one.test}`")
        lines = ["| finding | case | what the user sees | exit | test |", "|---|---|---|---|---|"]
        lines += [
            f"| {' | '.join([*words, ', '.join(tests)])} |".replace("|  |", "| |") for words, tests in rows.items()
        ]
        parts.append("\n".join([f"## {title}", "", *lines, ""]))
    return "\n".join(parts)


def _number(finding: str) -> int:
    return int(finding[1:] or 99)  # what no audit numbered comes last


def page(text: str, made: str) -> str:
    """The page with its tables replaced."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE} has no place for tables: it needs the two comments '{BEGIN}' and '{END}'")
    return f"{before}{BEGIN}\n\n{made}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), tables(faults())), encoding="utf-8")
    sys.stdout.write(f"{PAGE}: {len(faults())} tests\n")
