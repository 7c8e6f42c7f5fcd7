"""Kept frames: whole or not there, also where two workers keep the truth of one clip at the same moment."""

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


def save(folder):
    frames.save(folder, ("net", "mini"), CLIP, HR[..., ::4, ::4], (0, 1, 2), HR)


def test_a_worker_that_was_faster_is_no_failure(tmp_path, monkeypatch):
    rename = Path.rename

    def too_late(self, target):
        if not target.exists():  # the other one's folder appears between our look and our rename
            target.mkdir(parents=True)
            (target / "00000.png").write_bytes((self / "00000.png").read_bytes())
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", too_late)
    save(tmp_path)
    assert (tmp_path / "_hr/d/s/c/00000.png").is_file()
    assert not list(tmp_path.rglob("*.part"))


def test_a_folder_with_too_few_frames_is_written_anew(tmp_path):
    save(tmp_path)
    (tmp_path / "_hr/d/s/c/00001.png").unlink()
    save(tmp_path)
    assert frames.count(tmp_path / "_hr/d/s/c") == frames.count(tmp_path / "_lr/d/s/c") == 3
    kept = read_one(tmp_path / "_hr/d/s/c/00001.png")
    assert np.array_equal(kept, np.rint(HR[1].transpose(1, 2, 0) * 255))


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path):
    (tmp_path / method_folder("net", "mini")).write_text("a file where the folder should be")
    with pytest.raises(CannotWriteError, match="cannot keep frames in"):
        save(tmp_path)
    assert not list(tmp_path.rglob("*.part"))
