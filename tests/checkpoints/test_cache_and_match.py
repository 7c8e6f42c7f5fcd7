"""Keeping checkpoints by their SHA-256, and telling whose they are."""

import json
import multiprocessing
from argparse import Namespace
from pathlib import Path

import pytest
import torch

from stvsr_bench import checkpoints
from stvsr_bench.checkpoints import Candidate, Dialect, cache
from stvsr_bench.errors import UsageError, WeightsError

STATE = {"head.weight": torch.ones(3, 4), "head.bias": torch.zeros(3)}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path / "home"))
    torch.save(STATE, tmp_path / "net.pth")
    return tmp_path / "net.pth"


def test_an_empty_cache_finds_nothing_and_makes_nothing(file: Path) -> None:
    assert checkpoints.find("mine", "authors") is None
    assert checkpoints.entries() == []
    assert not checkpoints.folder().exists()


def test_a_kept_file_is_found_under_its_hash(file: Path) -> None:
    entry = checkpoints.add(file, "mine", "authors")
    found = checkpoints.find("mine", "authors")
    assert found == entry.path == checkpoints.folder() / f"{checkpoints.sha256(file)}.pth"
    assert found.read_bytes() == file.read_bytes()
    assert checkpoints.find("mine", "other") is None
    assert checkpoints.find("other", "authors") is None


def test_the_same_name_again_replaces_only_by_the_word_and_another_name_stands_beside(file: Path) -> None:
    old = checkpoints.add(file, "mine", "authors")
    assert checkpoints.add(file, "mine", "authors") == old, "the same file replaces nothing"
    torch.save({"head.weight": torch.zeros(3, 4)}, file)
    with pytest.raises(UsageError, match=rf"is net\.pth \(SHA-256 {old.sha256[:12]}\.\.\.\) already; .*--replace"):
        checkpoints.add(file, "mine", "authors")
    assert checkpoints.entries() == [old]
    assert {path.suffix for path in checkpoints.folder().iterdir()} == {".pth", ".json", ".lock"}
    new = checkpoints.add(file, "mine", "authors", replace=True)
    checkpoints.add(file, "mine", "second")
    assert [(e.tag, e.sha256) for e in checkpoints.entries()] == [("authors", new.sha256), ("second", new.sha256)]


def test_a_name_that_another_process_takes_meanwhile_is_not_taken_from_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"head.weight": torch.zeros(3, 4)}, tmp_path / "other.pth")
    copy = cache.shutil.copyfileobj

    def late(*streams: object) -> None:
        monkeypatch.setattr(cache.shutil, "copyfileobj", copy)
        checkpoints.add(tmp_path / "other.pth", "mine", "own")
        copy(*streams)

    monkeypatch.setattr(cache.shutil, "copyfileobj", late)
    with pytest.raises(UsageError, match=r"mine@own is other\.pth"):
        checkpoints.add(file, "mine", "own")
    assert [entry.name for entry in checkpoints.entries()] == ["other.pth"]


def test_nothing_half_written_is_left_behind(file: Path) -> None:
    checkpoints.add(file, "mine", "authors")
    names = {path.name for path in checkpoints.folder().iterdir()}
    assert names - {"index.json.lock"} == {"index.json", f"{checkpoints.sha256(file)}.pth"}


def test_a_changed_or_deleted_file_is_seen(file: Path) -> None:
    entry = checkpoints.add(file, "mine", "authors")
    assert checkpoints.verify() == {entry: ""}
    entry.path.write_bytes(b"changed")
    assert "has changed" in checkpoints.verify()[entry]
    checkpoints.add(file, "mine", "authors")
    assert checkpoints.verify() == {entry: ""}, "adding it again mends it"
    entry.path.unlink()
    assert "is gone" in checkpoints.verify()[entry]
    assert checkpoints.find("mine", "authors") is None


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b'[{"method": "a"}]', b"\xff\xfe", b'{"files": {}}'])
def test_a_damaged_index_is_one_sentence(file: Path, content: bytes) -> None:
    checkpoints.add(file, "mine", "authors")
    (checkpoints.folder() / "index.json").write_bytes(content)
    with pytest.raises(WeightsError, match="is damaged; delete it and add your weights again"):
        checkpoints.find("mine", "authors")


def test_an_index_that_points_outside_the_cache_is_refused(file: Path) -> None:
    entry = {"method": "mine", "tag": "authors", "sha256": "../../../etc/passwd" + "a" * 45, "suffix": ""}
    checkpoints.folder().mkdir(parents=True)
    (checkpoints.folder() / "index.json").write_text(json.dumps([entry]))
    with pytest.raises(WeightsError, match="outside the cache"):
        checkpoints.find("mine", "authors")


def test_a_cache_that_cannot_be_written_is_one_sentence(file: Path) -> None:
    checkpoints.folder().parent.mkdir(parents=True)
    checkpoints.folder().write_text("a file where the folder should be")
    with pytest.raises(WeightsError, match=r"cannot be (written|read)"):
        checkpoints.add(file, "mine", "authors")


def _add(job: tuple[Path, str]) -> None:
    checkpoints.add(job[0], "mine", job[1])


def test_several_processes_add_at_once_and_nothing_is_lost(file: Path) -> None:
    tags = [f"tag{i}" for i in range(8)]
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.map(_add, [(file, tag) for tag in tags])
    assert [entry.tag for entry in checkpoints.entries()] == tags


OWN = {"head.weight": (3, 4), "head.bias": (3,)}
THEIRS = {"conv.w": (3, 4), "conv.b": (3,)}
MINE = Candidate("mine", (Dialect("authors", THEIRS), Dialect("own", OWN)))
OTHER = Candidate("other", (Dialect("own", {"head.weight": (3, 4), "tail.weight": (9, 9), "tail.bias": (9,)}),))


def test_the_exact_fit_comes_first_and_the_dialect_is_named() -> None:
    fits = checkpoints.identify(STATE, [OTHER, MINE])
    assert [(fit.method, fit.dialect, fit.exact) for fit in fits] == [("mine", "own", True), ("other", "own", False)]
    theirs = {"conv.w": torch.ones(3, 4), "conv.b": torch.ones(3)}
    assert [(fit.method, fit.dialect) for fit in checkpoints.identify(theirs, [OTHER, MINE])] == [("mine", "authors")]


def test_missing_unexpected_and_reshaped_keys_are_named() -> None:
    state = {"head.weight": torch.ones(4, 3), "extra": torch.ones(1)}
    fit = checkpoints.compare(state, OWN, "mine")
    assert (fit.missing, fit.unexpected) == (["head.bias"], ["extra"])
    assert fit.reshaped == ["head.weight: (4, 3) instead of (3, 4)"]
    assert not fit.exact
    assert fit.sentence() == (
        "mine (own names): 0 keys fit; 1 missing, 1 unexpected, 1 of another shape, e.g. head.bias"
    )


def test_a_stranger_fits_nothing() -> None:
    assert checkpoints.identify({"a": torch.ones(1)}, [MINE, OTHER]) == []


def test_a_renaming_that_refuses_the_state_does_not_stop_the_others() -> None:
    def strict(state: checkpoints.State) -> checkpoints.State:
        raise WeightsError("no key of mine")

    picky = Candidate("picky", (Dialect("authors", OWN, strict),))
    assert [fit.method for fit in checkpoints.identify(STATE, [picky, MINE])] == ["mine"]


def test_weights_stored_as_whole_numbers_are_not_taken_for_a_fit() -> None:
    state = STATE | {"head.weight": torch.ones(3, 4, dtype=torch.int8)}
    fit = checkpoints.identify(state, [MINE])[0]
    assert not fit.exact
    assert "'head.weight' is stored as torch.int8" in fit.sentence()


def test_a_trusted_pickle_is_kept_as_plain_tensors_that_need_no_trust(file: Path, tmp_path: Path) -> None:
    torch.save({"state_dict": STATE, "opt": Namespace(lr=1)}, file)
    state = checkpoints.load_state(file, trust_pickle=True)
    tied = {**state, "tied": state["head.bias"]}  # two names of one memory, which safetensors refuses
    entry = checkpoints.keep(file, tied, "mine", "own", trusted=True)
    assert (entry.suffix, entry.name) == (".safetensors", "net.safetensors")
    again = checkpoints.load_state(entry.path)
    assert set(again) == set(tied)
    assert checkpoints.fingerprint(again) == entry.fingerprint == checkpoints.fingerprint(tied)


def test_what_needed_no_trust_is_kept_as_it_is(file: Path) -> None:
    entry = checkpoints.keep(file, STATE, "mine", "own")
    assert entry.path.read_bytes() == file.read_bytes()
    assert entry.fingerprint == checkpoints.fingerprint(STATE)
