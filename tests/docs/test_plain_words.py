"""The check of words finds what it is made for, passes good text, and the repository passes it."""

import importlib.util
import sys
from pathlib import Path

import pytest

# by its place: this folder is no package
_spec = importlib.util.spec_from_file_location("plain_words", Path(__file__).with_name("plain_words.py"))
assert _spec is not None and _spec.loader is not None
plain_words = sys.modules["plain_words"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain_words)


def words(text):
    return [one.words for one in plain_words.found("page.md", plain_words.prose(text))]


def test_what_users_read_is_in_plain_words():
    wrong = [f"{one.place}: {one.words!r}: write {one.instead}" for one in plain_words.findings()]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Run folder; an existing one is gone on with.", ["gone on"]),
        ("A run that was interrupted goes\non with the same command.", ["goes on"]),
        ("`make baselines` brings RIFE out of packages.", ["brings"]),
        ("Frames made from nothing.", ["made from nothing"]),
        ("two clips a split, 30 frames a second, 52.73 s a clip", ["clips a split", "frames a second", "s a clip"]),
        ("The folder is no folder, the text is no TOML.", ["is no folder", "is no TOML"]),
        ("better, and 16 times dearer", ["dearer"]),
        ("A spread above that is marked and said.", ["and said"]),
        ("13 of 13 checks hold", ["hold"]),
        ("Beside it stands the exponent.", ["stands"]),
        ("an internal error: ours", ["internal error: ours"]),
        ("| a | Whose list? |", ["Whose"]),
        ("a process of its own", ["of its own"]),
        ("converted, for that is lossless", [", for that is"]),
    ],
)
def test_bad_text_is_found(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "There is no tone mapping, and the suite is no longer slow.",
        "`holds` and `goes on` are code.",
        "Two clips per split, 30 frames per second; it makes a clip, and makes a frame.",
        "[a link](brings.md#it-goes-on) <!-- whose -->",
        "The truth stands still.",
        "* a list of clips\n* a split of them",
        "```sh\nstvsr-bench run # brings\n```",
    ],
)
def test_good_text_passes(text):
    assert words(text) == []


def test_the_line_of_a_word_is_given():
    (one,) = plain_words.found("page.md", plain_words.prose("# Title\n\n```sh\nrun\n```\n\nIt\ngoes on.\n"))
    assert one.place == "page.md:8" and "continue" in one.instead


CODE = '''
"""It goes on."""
raise DataError(f"{path} holds no {kind}")  # it goes on
help = "brings " + 'it whose'
def verb():
    """Bring it."""
class Card:
    """Brings it."""
'''


@pytest.mark.parametrize(("docstrings", "expected"), [(False, 2), (True, 3)])
def test_texts_of_code_are_read_without_comments(docstrings, expected):
    texts = [text for _, text in plain_words.texts(CODE, docstrings)]
    assert texts.count("# holds no #") == 1 and {"brings ", "it whose"} <= set(texts)
    assert ("Bring it." in texts) == docstrings
    assert not any(text in ("It goes on.", "Brings it.") for text in texts) and len(texts) == expected + 1


def test_of_a_changelog_the_newest_part_is_read():
    text = "# Changelog\n\n## 2.0\n\n### Added\n- new\n\n### Changed\n- middle\n\n## 1.0\n- old\n"
    assert "- new" in plain_words.newest(text) and "- middle" not in plain_words.newest(text)
    assert plain_words.newest("# C\n\n## 2.0\n- new\n\n## 1.0\n- old\n").endswith("- new\n")


def test_a_place_can_be_allowed_with_a_reason(monkeypatch):
    monkeypatch.setitem(plain_words.ALLOWED, ("page.md", "whose"), "a person")
    assert words("The author whose code it is.") == []
    assert all(plain_words.ALLOWED.values())
