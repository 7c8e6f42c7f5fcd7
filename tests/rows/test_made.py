"""What changed between two rows, in words."""

import pytest

from stvsr_bench.rows.made import WORDS, changed, said

MADE = dict.fromkeys(WORDS, "0")


@pytest.mark.parametrize("name", WORDS)
def test_each_part_that_changed_is_named_alone(name):
    assert changed(MADE, MADE) == []
    assert changed(MADE, MADE | {name: "1"}) == changed(MADE | {name: "1"}, MADE) == [name]
    assert changed({key: "0" for key in MADE if key != name}, MADE) == [name], "not said is not equal"


def test_a_row_that_says_nothing_of_it_is_unknown():
    assert changed({}, MADE) == ["unknown"]
    assert changed(MADE, {}) == list(WORDS)


def test_the_words_are_joined_as_a_person_reads_them():
    assert said([]) == ""
    assert said(["code"]) == "its code"
    assert said(["code", "seed"]) == "its code and the seed"
    assert said(["code", "card", "layout"]) == "its code, its card and the memory layout"
    assert said(["unknown"]) == "unknown"
