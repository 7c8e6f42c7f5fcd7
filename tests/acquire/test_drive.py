"""Google Drive by gdown, imitated: what it may give instead of a file, and what is then left."""

import hashlib
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from stvsr_bench import installing
from stvsr_bench.acquire import drive
from stvsr_bench.errors import DataError, NotRunnableError
from stvsr_bench.schema import Source

FILE = Source(drive="1aIbbQYTL2H4F_Uxt2YDY8lxFhfwRPHG4", name="net.pth")
FOLDER = Source(drive_folder="1PjXClB-S8pyB6y1UWJQnZK7fela5Lcu1", name="net.pth")
CONTENT = b"PK\3\4" + bytes(1000)


@pytest.fixture
def gdown(monkeypatch):
    """A stand-in for gdown: `content` is what comes, or an error that is raised."""
    made = ModuleType("gdown")
    made.asked, made.content = [], CONTENT

    def download(id, output, **options):
        made.asked.append(id)
        assert options["use_cookies"] is False
        if isinstance(made.content, BaseException):
            raise made.content
        if made.content is not None:
            Path(output).write_bytes(made.content)

    made.download = download
    made.download_folder = lambda id, **options: [SimpleNamespace(id="A" * 20, path="weights/net.pth")]
    monkeypatch.setitem(sys.modules, "gdown", made)
    monkeypatch.delenv("STVSR_BENCH_OFFLINE", raising=False)
    return made


def test_a_file_comes_by_its_id_or_by_its_name_in_a_folder(gdown, tmp_path):
    for number, source in enumerate((FILE, FOLDER)):
        path = tmp_path / str(number) / "net.pth"
        assert drive.bring_from_drive(source, path).read_bytes() == CONTENT
        assert [entry.name for entry in path.parent.iterdir()] == ["net.pth"]
    assert gdown.asked == [FILE.drive, "A" * 20]


@pytest.mark.fault("B6", "Google Drive sends a quota page, nothing or an error", "one sentence; nothing is left", "4")
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b"\xef\xbb\xbf<!DOCTYPE html><title>Quota exceeded</title>",
            "gave a web page, not the file. Drive limits",
        ),
        (None, "gdown wrote nothing"),
        (b"", "gdown wrote nothing"),
        (RuntimeError("Cannot retrieve\nthe public link"), "does not come: RuntimeError: Cannot retrieve the public"),
        (SystemExit(1), "does not come: SystemExit"),
        (OSError("Connection broken"), "does not come: OSError: Connection broken"),
    ],
)
def test_what_is_no_file_is_one_sentence(gdown, tmp_path, content, sentence):
    gdown.content = content
    with pytest.raises(DataError, match=sentence) as caught:
        drive.bring_from_drive(FILE, tmp_path / "net.pth")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "net.pth").exists()


def test_another_file_than_that_of_a_known_hash_is_refused(gdown, tmp_path):
    with pytest.raises(DataError, match="is not the published file: its SHA-256 is"):
        drive.bring_from_drive(FILE, tmp_path / "net.pth", "0" * 64)
    assert not (tmp_path / "net.pth").exists()
    known = hashlib.sha256(CONTENT).hexdigest()
    drive.bring_from_drive(FILE, tmp_path / "net.pth", known)
    drive.bring_from_drive(FILE, tmp_path / "net.pth", known)
    assert len(gdown.asked) == 2, "a file that is there and right is not asked for again"


def test_a_folder_without_the_file_says_what_it_has(gdown, tmp_path):
    gdown.download_folder = lambda id, **options: [SimpleNamespace(id="A" * 20, path="other.pth")]
    with pytest.raises(DataError, match=r"there is no such file; the folder has other\.pth"):
        drive.bring_from_drive(FOLDER, tmp_path / "net.pth")


def test_without_gdown_offline_or_with_a_resource_key_one_sentence_says_what_to_do(gdown, tmp_path, monkeypatch):
    with pytest.raises(NotRunnableError, match="open it in a browser"):
        drive.bring_from_drive(Source(drive="B" * 20, resource_key="0-r6"), tmp_path / "net.pth")
    monkeypatch.setitem(sys.modules, "gdown", None)
    with pytest.raises(NotRunnableError, match=re.escape(f"run {installing.extra('drive')}")):
        drive.bring_from_drive(FILE, tmp_path / "net.pth")
    monkeypatch.setenv("STVSR_BENCH_OFFLINE", "1")
    with pytest.raises(NotRunnableError, match="STVSR_BENCH_OFFLINE is set, so Google Drive file"):
        drive.bring_from_drive(FILE, tmp_path / "net.pth")
    assert gdown.asked == []
