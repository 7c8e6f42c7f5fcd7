"""Locks and syncing on file systems that know neither; files that become whole under names that nobody foresees."""

import errno
import os
import threading
import time

import pytest

from stvsr_bench import notes
from stvsr_bench.data import atomic, locking
from stvsr_bench.rows import store


@pytest.fixture(autouse=True)
def said(monkeypatch):
    heard = []
    monkeypatch.setattr(notes, "_hear", [heard.append])
    monkeypatch.setattr(notes, "_said", set())
    return heard


def fails(number):
    def call(*_):
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.fault("E3", "a file system without locks (`flock`: ENOLCK, ENOSYS, ENOTSUP)", "one note; works", "0")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP])
def test_without_locks_a_run_works_and_says_so(tmp_path, said, monkeypatch, number):
    monkeypatch.setattr(locking.fcntl, "flock", fails(number))
    for _ in range(2):
        with store.locked(tmp_path / "run"):
            pass
    (sentence,) = said
    assert "has no locks" in sentence and "no two commands" in sentence


def test_what_is_no_lack_of_locks_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(locking.fcntl, "flock", fails(errno.EIO))
    with pytest.raises(OSError, match="Input/output"), locking.alone(tmp_path / "lock"):
        pass


def test_a_lock_file_that_somebody_copied_holds_nobody_off(tmp_path):
    (tmp_path / ".lock").write_text("process 1 on elsewhere\n")
    ours = f"process {os.getpid()} on "
    with store.locked(tmp_path), pytest.raises(locking.HeldError, match=ours), locking.alone(tmp_path / ".lock"):
        pass


@pytest.mark.fault("C7", "downloads of one file that begin and end at one moment", "one at a time", "0")
def test_a_lock_that_is_deleted_at_the_end_is_held_by_one_at_a_time(tmp_path):
    inside, most, entered = [], [], []

    def work():
        for _ in range(60):
            with locking.alone(tmp_path / "lock", patience_s=30, keep=False):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.pop()
                entered.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(entered) == 240 and max(most) == 1
    assert not (tmp_path / "lock").exists()


@pytest.mark.fault("E3", "a file system that cannot sync (`fsync`: EINVAL, ENOTSUP, ENOSYS)", "one note; works", "0")
@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_without_syncing_files_and_rows_are_written_and_it_is_said(tmp_path, said, monkeypatch, number):
    monkeypatch.setattr(os, "fsync", fails(number))
    with atomic.replacing(tmp_path / "a") as file:
        file.write(b"whole")
    with store.Appender(tmp_path / "rows-main.jsonl") as rows:
        rows.line(b"row")
    assert (tmp_path / "a").read_bytes() == b"whole" and (tmp_path / "rows-main.jsonl").read_bytes() == b"row\n"
    assert len(said) == 1 and "does not say when a file is on its disk" in said[0]


@pytest.mark.fault("B6", "a link where a file is written before it gets its name", "is not followed", "0")
def test_files_are_written_under_names_that_nobody_foresees(tmp_path):
    names = set()
    for _ in range(2):
        with atomic.moved_when_whole(tmp_path / "film.mp4", ".mp4") as part:
            assert part.suffix == ".mp4" and part.name.startswith(".film.mp4.")
            part.write_bytes(b"x")
            names.add(part.name)
    assert len(names) == 2 and [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    with pytest.raises(ValueError, match="no"), atomic.moved_when_whole(tmp_path / "film.mp4") as part:
        part.write_bytes(b"half")
        raise ValueError("no")
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_on_windows_a_lock_that_another_process_looks_at_stays(tmp_path, monkeypatch):
    def in_use(path, missing_ok=False):
        raise PermissionError(13, "The process cannot access the file")

    monkeypatch.setattr(locking, "fcntl", None)
    monkeypatch.setattr("pathlib.Path.unlink", in_use)
    with locking.alone(tmp_path / "lock", keep=False):
        pass
