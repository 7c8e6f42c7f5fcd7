"""Writing to a run folder: each line on disk before the next, nothing half-written, later facts over earlier ones."""

import errno
import json
import os
import time
from dataclasses import replace

import pytest

from stvsr_bench.errors import DataError, NotRunnableError
from stvsr_bench.rows import store


def test_each_line_is_on_disk_before_the_next_is_begun(tmp_path, monkeypatch, row):
    path = store.rows_file(tmp_path)
    sizes = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: sizes.append(path.stat().st_size) or real(number))
    with store.Appender(path) as appender:
        for clip in "012":
            appender.row(row(clip))
    ends = [at + 1 for at, byte in enumerate(path.read_bytes()) if byte == ord("\n")]
    assert sizes == ends


class Failing:
    """A file that is the real one, but writes `part` bytes of the next line and then says so or fails."""

    def __init__(self, file, part, fails):
        self.file, self.part, self.fails = file, part, fails

    def write(self, text):
        self.file.write(text[: self.part])
        if self.fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self.part

    def __getattr__(self, name):
        return getattr(self.file, name)


@pytest.mark.parametrize("part", [0, 7, 20])
@pytest.mark.parametrize(("fails", "says"), [(True, "Input/output error"), (False, "No space left")])
def test_a_line_that_was_written_in_part_is_cut_off_and_said(tmp_path, part, fails, says):
    path = tmp_path / "x.jsonl"
    with store.Appender(path) as appender:
        appender.line(b'{"a":1}')
        appender._file = Failing(appender._file, part, fails)
        with pytest.raises(NotRunnableError, match=rf"cannot write {path}: {says}.*; the rows so far are safe"):
            appender.line(b'{"b":"0123456789abcdef"}')
        assert path.read_bytes() == b'{"a":1}\n'


def test_an_error_of_closing_is_said_unless_another_is_under_way(tmp_path, monkeypatch):
    class Closing:
        def close(self):
            raise OSError(errno.EIO, "closing")

    for error, wanted in ((None, "closing"), (KeyError("first"), "first")):
        appender = store.Appender(tmp_path / "x.jsonl")
        appender._file.close()
        appender._file = Closing()
        with pytest.raises((OSError, KeyError), match=wanted), appender:
            if error:
                raise error


def test_metrics_of_a_row_are_its_values_its_scalars_and_those_that_it_cannot_have(row):
    assert store.measured(row(scalars={"tof": 1.0})) == {"psnr_y", "ssim_y", "tof", ""}
    assert store.measured(row(how={"left_out": "epe,tof"})) == {"psnr_y", "ssim_y", "epe", "tof"}


def test_a_row_measured_again_moves_to_the_end_also_from_one_file_to_the_next(tmp_path, row):
    with store.Appender(store.rows_file(tmp_path, "a")) as appender:
        for one in (row("0"), row("1"), row("0", psnr=31.0), row("2", psnr=29.0)):
            appender.row(one)
    with store.Appender(store.rows_file(tmp_path, "b")) as appender:
        appender.row(row("2", psnr=33.0))
    found = [(one.clip, one.values["psnr_y"][0]) for one in store.read_rows(tmp_path)]
    assert found == [("1", 31.0), ("0", 32.0), ("2", 34.0)]


def test_rows_of_some_keys_are_read_and_no_others(tmp_path, row, write):
    rows = [row(clip) for clip in "012"]
    write(tmp_path, [*rows, replace(rows[0], params=3)])
    found = list(store.stream_rows(tmp_path, {rows[0].key, rows[2].key}))
    assert [(one.clip, one.params) for one in found] == [("0", 1000), ("2", 1000), ("0", 3)]
    assert list(store.stream_rows(tmp_path, set())) == []
    with pytest.raises(DataError, match=r"no run in .*none: the folder does not exist"):
        list(store.stream_rows(tmp_path / "none"))


def test_what_failed_is_listed_once_with_its_last_error_and_not_after_it_was_done(tmp_path, row, write):
    one, two = row("0"), row("1")
    with store.Appender(tmp_path / "failures.jsonl") as failures:
        for key, error in ((one.key, "a"), (two.key, "b"), (one.key, "c")):
            failures.line(json.dumps({"key": key, "error": error}).encode())
    assert [entry["error"] for entry in store.read_failures(tmp_path)] == ["c", "b"]
    write(tmp_path, [one])
    assert [entry["error"] for entry in store.read_failures(tmp_path)] == ["b"]


def test_json_is_written_for_people_in_one_order(tmp_path):
    store.write_json(tmp_path / "x.json", {"b": 1, "a": {"d": tmp_path, "c": [1]}})
    text = f'{{\n  "a": {{\n    "c": [\n      1\n    ],\n    "d": "{tmp_path}"\n  }},\n  "b": 1\n}}\n'
    assert (tmp_path / "x.json").read_text() == text
    assert store.read_json(tmp_path / "x.json") == json.loads(text) and store.read_json(tmp_path / "no.json") == {}


def test_a_folder_in_use_is_refused_at_once(tmp_path):
    """A command that waited for another one of hours would look like one that hangs."""
    began = time.monotonic()
    with (
        store.locked(tmp_path),
        pytest.raises(NotRunnableError, match=rf"in use by another stvsr-bench \(process {os.getpid()} on"),
        store.locked(tmp_path),
    ):
        pass
    assert time.monotonic() - began < 5
    with store.locked(tmp_path):
        pass  # free again


def test_profiles_are_the_lines_of_their_file(tmp_path):
    assert store.profiles(tmp_path) == []
    with store.Appender(tmp_path / "profile.jsonl") as file:
        for params in (1, 2):
            file.line(json.dumps({"method": "net", "params": params}).encode())
    assert [profile["params"] for profile in store.profiles(tmp_path)] == [1, 2]
