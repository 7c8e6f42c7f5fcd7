"""What is brought of a data set, decided from its card alone; the network is not used."""

import zipfile
from pathlib import Path

import pytest

from stvsr_bench.acquire import prepare
from stvsr_bench.data.readers import list_folder
from stvsr_bench.errors import CardError, DataError, NotRunnableError, UnknownNameError, UsageError
from stvsr_bench.schema import DatasetCard, Download, Source, SplitList

ONE = Download(url="https://example.org/sets/clips.zip?raw=1", sha256="a" * 64, notes="15 GB")
TWO = Download(url="https://example.org/train.zip", notes="82 GB")
LISTS = {
    "zsm": {"fast": SplitList(url="https://example.org/fast.txt", sha256="b" * 64, count=3)},
    "stdan": {"fast": SplitList(url="https://example.org/f2.txt", count=4, by="STDAN"), "slow": SplitList(count=2)},
}


def card(**facts):
    return DatasetCard("toy", "Toy", "folders", ["fast"], source="the web", root_env="TOY_ROOT", notes="a\n b", **facts)


def test_the_only_download_need_not_be_named(tmp_path):
    wanted = prepare.wanted_download(card(downloads={"test": ONE}), tmp_path).wanted
    assert (wanted.url, wanted.path, wanted.sha256) == (ONE.url, tmp_path / "clips.zip", "a" * 64)
    both = card(downloads={"test": ONE, "train": TWO})
    assert prepare.wanted_download(both, tmp_path, "train").wanted.path == tmp_path / "train.zip"


LINE = "100644 blob " + "c" * 40 + "    1234\tinputs/G/city/Frame 01.png\n"


def test_a_folder_whose_files_have_hashes_is_what_is_meant_without_a_word(tmp_path, monkeypatch):
    monkeypatch.delenv("STVSR_BENCH_MIRROR", raising=False)
    (tmp_path / "files.txt").write_text(LINE)
    folder = Source(repo="me/set", commit="d" * 40, path="inputs/G", listing="files.txt")
    three = card(downloads={"test": ONE, "git": Download(source=folder, strip="inputs/G/"), "train": TWO})
    (file,) = prepare.wanted_download(three, tmp_path / "root", folder=tmp_path).files
    assert file.url == f"https://raw.githubusercontent.com/me/set/{'d' * 40}/inputs/G/city/Frame%2001.png"
    assert (file.path, file.blob, file.size) == (tmp_path / "root" / "city" / "Frame 01.png", "c" * 40, 1234)
    monkeypatch.setenv("STVSR_BENCH_MIRROR", "http://127.0.0.1:1/m/")
    (file,) = prepare.wanted_download(three, tmp_path / "root", folder=tmp_path).files
    assert file.url.startswith("http://127.0.0.1:1/m/me/set/")


@pytest.mark.parametrize(
    "text", ["", "nonsense\n", LINE.replace("city", ".."), LINE.replace("inputs", "/etc"), LINE + "x"]
)
def test_a_listing_that_leads_elsewhere_is_refused(tmp_path, text):
    (tmp_path / "files.txt").write_text(text)
    source = Source(repo="me/set", commit="d" * 40, path="inputs/G", listing="files.txt")
    with pytest.raises(CardError):
        prepare.wanted_download(card(downloads={"git": Download(source=source)}), tmp_path, folder=tmp_path)


@pytest.mark.fault("B6", "a data set at a plain http address without a hash", "asked by https", "4")
def test_an_address_without_a_hash_is_asked_by_https(tmp_path):
    plain = Download(url="http://example.org/clips.zip")
    assert prepare.wanted_download(card(downloads={"a": plain}), tmp_path).wanted.url == "https://example.org/clips.zip"
    known = Download(url="http://example.org/clips.zip", sha256="a" * 64)
    assert prepare.wanted_download(card(downloads={"a": known}), tmp_path).wanted.url == "http://example.org/clips.zip"


@pytest.mark.parametrize(
    ("facts", "which", "error", "sentence"),
    [
        ({}, "", NotRunnableError, r"cannot be brought by a program: a b \(source: the web\)"),
        ({"downloads": {"test": ONE}}, "tets", UnknownNameError, "Did you mean 'test'"),
        (
            {"downloads": {"test": ONE, "train": TWO}},
            "",
            UsageError,
            r"--which test \(15 GB\); --which train \(82 GB\)$",
        ),
        ({"downloads": {"test": ONE, "train": TWO}, "lists": LISTS}, "", UsageError, "; --lists gets the lists$"),
        ({"downloads": {"test": ONE}}, "", UsageError, r"Give --root FOLDER \(or set TOY_ROOT\)"),
    ],
)
def test_what_cannot_be_brought_is_one_sentence(facts, which, error, sentence):
    with pytest.raises(error, match=sentence):
        prepare.wanted_download(card(**facts), None, which)


def test_lists_go_into_the_root_or_into_the_cache_where_readers_look(tmp_path):
    in_root = prepare.published_lists(card(lists=LISTS), tmp_path)
    assert [(each.wanted.path, each.count, each.by) for each in in_root] == [
        (tmp_path / "fast_testset.txt", 3, "zsm"),
        (tmp_path / "fast_testset.txt", 4, "STDAN"),
    ]
    for root in (None, tmp_path / "none"):
        assert prepare.published_lists(card(lists=LISTS), root)[0].wanted.path.parent == list_folder("toy")
    with pytest.raises(NotRunnableError, match="no lists that can be downloaded"):
        prepare.published_lists(card(lists={"stdan": {"slow": SplitList(count=2)}}), tmp_path)


@pytest.mark.parametrize("keep", [True, False])
def test_an_archive_is_unpacked_beside_itself_and_kept_only_if_wanted(tmp_path, keep):
    with zipfile.ZipFile(tmp_path / "clips.zip", "w") as archive:
        archive.writestr("vimeo/readme.txt", "clips")
    seen = []
    brought = prepare.unpacked(tmp_path / "clips.zip", keep, lambda done, total: seen.append((done, total)))
    assert brought == [tmp_path / "vimeo"]
    assert (tmp_path / "vimeo" / "readme.txt").read_text() == "clips"
    assert (tmp_path / "clips.zip").exists() is keep
    assert seen == [(5, 5)]


def test_what_is_no_archive_is_left_as_it_is_and_a_broken_one_is_not_deleted(tmp_path):
    for name in ("clips.mp4", "clips.zip"):
        (tmp_path / name).write_bytes(b"frames")
    assert prepare.unpacked(tmp_path / "clips.mp4", keep=False) == [Path(tmp_path / "clips.mp4")]
    with pytest.raises(DataError, match="is damaged"):
        prepare.unpacked(tmp_path / "clips.zip", keep=False)
    assert (tmp_path / "clips.zip").exists()
