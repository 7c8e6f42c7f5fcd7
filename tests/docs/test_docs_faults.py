"""docs/faults.md says what the tests try: its tables are made from their marks."""

import importlib.util
from pathlib import Path

import pytest

# by its place: this folder is no package
_spec = importlib.util.spec_from_file_location("docs_faults", Path(__file__).with_name("faults.py"))
assert _spec is not None and _spec.loader is not None
faults = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(faults)

TEST = 'import pytest\n\n\n@pytest.mark.fault({})\n@pytest.mark.slow\ndef test_one():\n    """It."""\n'


def written(tmp_path, words):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(TEST.format(words))
    return tmp_path


def test_the_page_is_what_the_tests_say():
    text = faults.PAGE.read_text(encoding="utf-8")
    assert text == faults.page(text, faults.tables(faults.faults())), "run: python tests/docs/faults.py"


def test_every_table_has_rows():
    found = faults.faults()
    assert {one.finding[0] for one in found} == set(faults.PARTS) and len(found) > 80


def test_a_mark_becomes_a_row_and_equal_words_share_one(tmp_path):
    (found,) = faults.faults(written(tmp_path, '"B5", "a name", "one \\\\x1b", "2, 4"'))
    other = faults.Fault("B5", "a name", "one \\x1b", "2, 4", "tests/test_b.py::test_two")
    row = "| B5 | a name | one \\x1b | 2, 4 | `tests/test_it.py::test_one`, `tests/test_b.py::test_two` |"
    assert row in faults.tables([found, other]).splitlines()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ('"B5", "a name"', "three or four"),
        ('"B5", "a name", 3', "plain texts"),
        ('"G5", "a name", "seen"', "begins with A to F"),
        ('"B5", "a name", "seen", "9"', "exit codes"),
        ('"B5", "a | b", "seen"', "one cell"),
    ],
)
def test_a_mark_of_another_form_names_its_test(words, says, tmp_path):
    with pytest.raises(ValueError, match=f"test_it.py::test_one: .*{says}"):
        faults.faults(written(tmp_path, words))
