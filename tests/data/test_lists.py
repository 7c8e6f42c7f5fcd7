import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stvsr_bench.data import lists
from stvsr_bench.errors import DataError
from stvsr_bench.schema import SplitList

ENTRIES = ["00001/0266", "00001/0267", "00002/0001"]


def known(entries=ENTRIES, end="\n"):
    return {"them": SplitList(sha256=hashlib.sha256(("\n".join(entries) + end).encode()).hexdigest())}


@pytest.mark.parametrize(
    "text",
    [
        "00001/0266\n00001/0267\n00002/0001",
        "00001/0266\n00001/0267\n00002/0001\n\n\n",
        "\ufeff00001/0266\r\n\r\n00001/0267\r\n00002/0001\r\n",
        "00001/0266 7 (256,448,3)\n00001/0267 7 (256,448,3)\n00002/0001 7 (256,448,3)\n",
        "00002/0001\n00001/0267\n00001/0266\n",
        "00001/0266 00001/0267 00002/0001\n",
        "00001/0266, 00001/0267,00002/0001",
        "# the clips\n00001/0266\t00001/0267\n00002/0001 (256,448,3)\n",
        "sequences/00001/0266\nsequences/00001/0267\nsequences/00002/0001\n",
        "/data/vimeo/sequences/00001/0266\n./00001/0267\n00002/0001/\n",
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_a_list_is_recognised_whatever_its_blank_lines_and_order(tmp_path, text, end):
    (tmp_path / "fast.txt").write_text(text, newline="")
    found = lists.read(tmp_path / "fast.txt", known(end=end))
    assert found.by == {"them"}
    assert sorted(found.entries) == ENTRIES
    assert found.sha256 == lists.digest(ENTRIES)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_list_of_powershell_or_notepad_is_recognised(tmp_path, encoding):
    (tmp_path / "fast.txt").write_bytes("\r\n".join(ENTRIES).encode(encoding))
    assert lists.read(tmp_path / "fast.txt", known()).by == {"them"}


def test_one_entry_more_or_less_is_another_list():
    assert lists.identify(ENTRIES, known()) == {"them"}
    assert not lists.identify(ENTRIES[:2], known())
    assert not lists.identify([*ENTRIES, "00003/0001"], known())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a/b\n../../etc/passwd\n", r"fast\.txt, line 2: '../../etc/passwd' is not a relative path"),
        ("/etc/passwd", "is not a relative path"),
        ("C:/windows", "is not a relative path"),
        ("a\\b", "is not a relative path of a clip; write / in place of"),
        ("a//b", "is not a relative path"),
        ("a/\x1b[31mred", "is not a relative path"),
        ("a" * 301, "is not a relative path"),
        (
            "00001/0266 good\n",
            "line 1: '00001/0266 good' is not an entry: what follows '00001/0266' does not look like a clip",
        ),
        ("00001/0266 00001/0266", "line 1: 00001/0266 is already on line 1"),
        ("a\n\nb\na\n", "line 4: a is already on line 1"),
        ("\n \n", "names no clip"),
        ("  <html>", "is a web page, not a list"),
    ],
)
def test_a_bad_list_is_one_sentence_with_its_line(tmp_path, text, sentence):
    (tmp_path / "fast.txt").write_text(text)
    with pytest.raises(DataError, match=sentence) as caught:
        lists.read(tmp_path / "fast.txt", {})
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_list_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fast.txt")
    with pytest.raises(DataError, match=r"fast\.txt is a pipe, not a list"):
        lists.read(tmp_path / "fast.txt", {})


def test_a_list_that_is_no_text_is_one_sentence(tmp_path):
    (tmp_path / "fast.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match="cannot be read as a list"):
        lists.read(tmp_path / "fast.txt", {})
    with pytest.raises(DataError, match="No such file"):
        lists.read(tmp_path / "none.txt", {})


@given(st.text())
def test_any_text_is_entries_inside_the_root_or_a_sentence(text):
    try:
        entries = lists.parse(text, "list")
    except DataError as error:
        assert str(error).startswith("list")
        return
    assert len(set(entries)) == len(entries) > 0
    assert not any(entry.startswith("/") or ".." in entry.split("/") for entry in entries)


@given(st.lists(st.from_regex(r"[0-9]{5}/[0-9]{4}", fullmatch=True), min_size=1, unique=True), st.data())
def test_names_survive_being_written_with_blank_lines(entries, data):
    text = "".join(entry + data.draw(st.sampled_from(["\n", "\r\n", "\n\n", " \n"])) for entry in entries)
    assert lists.parse(text, "list") == entries


@pytest.mark.parametrize(
    "text",
    [
        "00001/0266;\n00002/0001;\n",
        '"00001/0266"\n"00002/0001"\n',
        "00001/0266,7\n00002/0001,7\n",
        '"00001/0266";7\r\n"00002/0001";7\r\n',
        "00001/0266,,\n00002/0001,,\n",
        "00001/0266\t7\n00002/0001\t7\n",
    ],
)
def test_a_list_that_a_spreadsheet_saved_is_the_same_list(tmp_path, text):
    (tmp_path / "fast.csv").write_bytes(text.encode("utf-8-sig"))
    assert lists.read(tmp_path / "fast.csv", {}).entries == ["00001/0266", "00002/0001"]
