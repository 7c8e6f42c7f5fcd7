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
    two = [replace(one, contents=f"{'a' * 64}+{second * 64}") for second in "bc"]
    assert two[0].folder != two[1].folder
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


def test_where_the_frames_of_a_row_lie(tmp_path, row):
    of = {"restoring_key": "0a", "made": {"code": "0"}, "weights": "best.pth"}
    kept = tmp_path / "frames/0a/net_mini_best.pth/mini/fast/0"
    assert frames.place_of(tmp_path, row(**of)).folder == kept
    told = {**of, "weights": "best.pth#5f54", "weights_sha256": "5f54" + "0" * 60}
    place = frames.place_of(tmp_path, row(**told))
    assert place.folder.parts[-4] == "net_mini_best.pth-5f540000", "what a report adds to a name is no part of it"
    older = frames.place_of(tmp_path, row(**{**told, "made": {}}))
    assert older == frames.Place(tmp_path, "", "net@mini", "best.pth#5f54", "", ("mini", "fast", "0"))


def test_each_frame_is_kept_under_its_number_in_the_clip_with_its_truth_and_input(tmp_path):
    lr_SChw = HR[::-1, :, ::4, ::4]
    frames.save(place(tmp_path), CLIP, lr_SChw, (0, 2), HR[[1, 2]])
    one = place(tmp_path)
    for folder, kept in (
        (one.folder, HR[[1, 2]]),
        (one.beside("_hr"), HR[[0, 2]]),
        (one.beside("_lr"), lr_SChw[[0, 2]]),
    ):
        assert sorted(path.name for path in folder.iterdir()) == ["00000.png", "00002.png"]
        for name, frame in zip(("00000.png", "00002.png"), kept, strict=True):
            assert np.array_equal(read_one(folder / name), np.rint(frame.transpose(1, 2, 0) * 255))


def test_truth_that_is_there_whole_is_not_written_again(tmp_path):
    save(tmp_path)
    one = place(tmp_path)
    before = {path: path.stat().st_ino for path in one.beside("_hr").iterdir()}
    frames.save(replace(one, method="other"), CLIP, HR[..., ::4, ::4], (0, 1, 2), HR)
    assert {path: path.stat().st_ino for path in one.beside("_hr").iterdir()} == before
