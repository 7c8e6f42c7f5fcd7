"""Kept frames: whole or not there, also where two workers keep the truth of one clip at the same moment."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stvsr_bench.data.frames import read_one
from stvsr_bench.errors import CannotWriteError
from stvsr_bench.rows import frames
from stvsr_bench.rows.names import method_folder
from stvsr_bench.schema import Clip

HR = np.linspace(0, 1, 3 * 3 * 8 * 8, dtype=np.float32).reshape(3, 3, 8, 8)
CLIP = Clip("d", "s", "c", HR)


def place(run):
    return frames.Place(run, "0a", "net", "mini", "b" * 64, ("d", "s", "c"))


def save(run):
    frames.save(place(run), CLIP, HR[..., ::4, ::4], (0, 1, 2), HR)


def test_a_worker_that_was_faster_is_no_failure(tmp_path, monkeypatch):
    rename = Path.rename

    def too_late(self, target):
        if not target.exists():  # the other one's folder appears between our look and our rename
            target.mkdir(parents=True)
            (target / "00000.png").write_bytes((self / "00000.png").read_bytes())
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", too_late)
    save(tmp_path)
    assert (tmp_path / "frames/0a/_hr/d/s/c/00000.png").is_file()
    assert not list(tmp_path.rglob("*.part"))


def test_a_folder_with_too_few_frames_is_written_anew(tmp_path):
    save(tmp_path)
    (tmp_path / "frames/0a/_hr/d/s/c/00001.png").unlink()
    save(tmp_path)
    assert frames.count(tmp_path / "frames/0a/_hr/d/s/c") == frames.count(tmp_path / "frames/0a/_lr/d/s/c") == 3
    kept = read_one(tmp_path / "frames/0a/_hr/d/s/c/00001.png")
    assert np.array_equal(kept, np.rint(HR[1].transpose(1, 2, 0) * 255))


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path):
    (tmp_path / "frames" / "0a").mkdir(parents=True)
    (tmp_path / "frames" / "0a" / method_folder("net", "mini", "b" * 64)).write_text("a file, not a folder")
    with pytest.raises(CannotWriteError, match="cannot keep frames in"):
        save(tmp_path)
    assert not list(tmp_path.rglob("*.part"))


def test_frames_of_another_protocol_or_other_weights_lie_elsewhere(tmp_path):
    one = place(tmp_path)
    others = [replace(one, restoring_key="1"), replace(one, contents="c" * 64), replace(one, weights="own")]
    assert len({one.folder, *(other.folder for other in others)}) == 4
    assert one.beside("_hr") != others[0].beside("_hr") and one.beside("_hr") == others[1].beside("_hr")


def test_saved_frames_are_read_back_only_where_all_of_them_are_there(tmp_path):
    save(tmp_path)
    one = place(tmp_path)
    assert np.array_equal(frames.load(one, (0, 1, 2), (8, 8)), np.rint(HR * 255).astype(np.float32) / 255)
    for wanted, size in (((0, 1), (8, 8)), ((0, 1, 3), (8, 8)), ((0, 1, 2), (8, 12))):
        assert frames.load(one, wanted, size) is None
    (one.folder / "00001.png").write_bytes(b"no picture")
    assert frames.load(one, (0, 1, 2), (8, 8)) is None
    frames.forget(one)
    assert not one.folder.exists() and one.beside("_hr").exists()
    frames.forget(one, truth=True)
    assert not one.beside("_hr").exists() and not one.beside("_lr").exists()
