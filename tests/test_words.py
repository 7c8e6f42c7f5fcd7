"""Several names in one text, and text files as any system saves them."""

import os

import pytest

from stvsr_bench import words
from stvsr_bench.errors import UsageError, spelled
from stvsr_bench.methods.cards import card_of_file


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mini,vid4", ["mini", "vid4"]),
        ("mini vid4, mini", ["mini", "vid4"]),
        ("", []),
        (" , ,", []),
        ("'my clips',mini", ["my clips", "mini"]),
        ('mini, "a,b c"', ["mini", "a,b c"]),
        ("bob's,alice's", ["bob's", "alice's"]),
        ("it's one", ["it's", "one"]),
    ],
)
def test_names_are_separated_by_commas_or_spaces_and_quotes_keep_them_together(text, expected):
    assert list(words.several(text)) == expected


@pytest.mark.parametrize("name", ["my clips", "a,b", "a, b", "a+b @c", "'quoted'", "tab\there", "@at", "x" * 200])
def test_a_path_that_exists_is_one_path_whatever_it_contains(tmp_path, name):
    path = tmp_path / name
    path.mkdir()
    (tmp_path / "other one").mkdir()
    assert words.several(str(path), words.is_path) == (str(path),)
    both = f"{path},{tmp_path / 'other one'} mini"
    assert words.several(both, words.is_path) == (str(path), str(tmp_path / "other one"), "mini")


@pytest.mark.parametrize("name", [" my clips", "my clips ", " my", "a, "])
def test_a_path_alone_keeps_the_spaces_at_its_ends(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    assert words.several(name, words.is_path) == (name,)
    assert words.several(" mini, other ", words.is_path) == ("mini", "other")


def test_a_path_that_cannot_be_is_none(tmp_path):
    for text in ("", "\0", "x" * 5000, "~nobody-of-that-name/x"):
        assert not words.is_path(text)


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


@pytest.mark.parametrize(("encoding", "mark"), [*((name, b"") for name in ENCODINGS), ("utf-16-le", b"\xff\xfe")])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_list_is_read_as_any_system_saves_it(tmp_path, encoding, end, mark):
    file = tmp_path / "list of mine.txt"
    file.write_bytes(mark + end.join(["# comment", "", "city", "walk, foliage", "café", ""]).encode(encoding))
    assert words.several(f"@{file}") == ("city", "walk", "foliage", "café")
    assert words.lines(f"@{file}") == ("city", "walk, foliage", "café")
    assert words.several(f"first,@{file} last") == ("first", "city", "walk", "foliage", "café", "last")


def test_a_list_that_is_not_there_or_no_text_is_one_sentence(tmp_path):
    with pytest.raises(UsageError, match=r"list @none\.txt: cannot be read: No such file"):
        words.several("@none.txt")
    (tmp_path / "l.txt").write_bytes(b"caf\xe9")
    with pytest.raises(UsageError, match="cannot be read"):
        words.several(f"@{tmp_path / 'l.txt'}")


def test_toml_from_windows_is_toml(tmp_path):
    for encoding in ("utf-8-sig", "utf-16"):
        (tmp_path / "x.toml").write_bytes('a = 1\r\n[b]\r\nc = "d"\r\n'.encode(encoding))
        assert words.read_toml(tmp_path / "x.toml") == {"a": 1, "b": {"c": "d"}}


def test_a_one_file_method_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "mine.py").write_bytes(b"\xef\xbb\xbfCARD = {'net': 'f', 'kind': 'sr'}\r\n")
    assert card_of_file(tmp_path / "mine.py") == {"net": "f", "kind": "sr"}


def test_a_name_that_is_no_utf8_can_be_shown_compared_and_stored():
    path = os.fsdecode(b"/data/caf\xe9/my clip")
    assert spelled(path) == r"/data/caf\xe9/my clip"
    assert spelled("café") == "café"
    assert words.stored(path) == "file:///data/caf%E9/my%20clip"
    assert words.unstored(words.stored(path)) == path
    assert words.unstored(words.stored("/data/my clip")) == "/data/my clip"
    assert words.composed("cafe\N{COMBINING ACUTE ACCENT}") == "café"


def test_a_list_of_no_names_is_not_taken_for_all(tmp_path):
    for data, says in (
        (b"", "it names nothing"),
        (b"# none\n\n", "it names nothing"),
        (b"caf\xe9\n", "neither UTF-8 nor"),
    ):
        (tmp_path / "names.txt").write_bytes(data)
        with pytest.raises(UsageError, match=says):
            words.several(f"@{tmp_path / 'names.txt'}")
