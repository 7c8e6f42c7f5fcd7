"""What lies in a data set and is no frame of it is named: also where the data set has fixed files, lists or clips."""

import shutil

import numpy as np
import pytest

from stvsr_bench import datasets
from stvsr_bench.cli import call
from stvsr_bench.data.frames import write_png
from stvsr_bench.data.listing import NO_CLIPS, NO_FRAMES, OTHER, SYSTEM


def draw(folder, names):
    for number, name in enumerate(names):
        write_png(folder / name, np.full((16, 16, 3), 10 * number, np.uint8))


def unused(clips):
    return {each.why: sorted(str(path.relative_to(clips.where)) for path in each.paths) for each in clips.unused}


def test_other_methods_results_beside_the_frames_of_a_data_set(tmp_path):
    draw(tmp_path / "17", ["frame_00.png", "frame_01_gt.png", "frame_02.png", "frame_01_ours.png"])
    draw(tmp_path / "more", ["a1.png", "a2.png"])
    (tmp_path / "17" / "flow.flo").write_bytes(b"x")
    clips = datasets.clips("ucf101", root=tmp_path)
    assert clips.names == ["17"]
    assert unused(clips) == {
        NO_FRAMES: ["17/frame_01_ours.png"], NO_CLIPS: ["more"], f"{OTHER} (.flo)": ["17/flow.flo"],
    }  # fmt: skip


def test_clips_that_a_data_set_does_not_have(tmp_path):
    for name in ("000", "001", "011", "015", "020"):
        draw(tmp_path / "train_sharp" / name, ["0.png", "1.png"])
    assert unused(datasets.clips("reds4", root=tmp_path)) == {NO_CLIPS: ["train_sharp/001"]}


def test_files_beside_the_seven_frames_of_a_clip_on_a_list(tmp_path, monkeypatch):
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path / "home"))
    septuplet = [f"im{i}.png" for i in range(1, 8)]
    for name in ("00001/0001", "00001/0002"):
        draw(tmp_path / "sequences" / name, septuplet)
    (tmp_path / "slow_testset.txt").write_text("00001/0001\n")
    draw(tmp_path / "sequences/00001/0001", ["im8.png"])
    draw(tmp_path / "sequences/00001/0002", ["im9.png"])  # of a clip of another list
    (tmp_path / "sequences/00001/0001/Thumbs.db").write_bytes(b"x")
    clips = datasets.clips("vimeo90k", "slow", root=tmp_path)
    assert unused(clips) == {
        NO_FRAMES: ["sequences/00001/0001/im8.png"], SYSTEM: ["sequences/00001/0001/Thumbs.db"],
    }  # fmt: skip
    shutil.rmtree(tmp_path / "sequences/00001/0001")  # its clip fails when it is read
    assert unused(datasets.clips("vimeo90k", "slow", root=tmp_path)) == {}


def test_lists_of_videos_and_every_frame_too(tmp_path):
    draw(tmp_path / "a" / "IMG_0001", ["0.png", "1.png"])
    (tmp_path / "a" / "readme.doc").write_bytes(b"x")
    assert unused(datasets.clips("adobe240", root=tmp_path / "a")) == {f"{OTHER} (.doc)": ["readme.doc"]}
    draw(tmp_path / "g" / "test" / "GOPR0384", ["000001.png", "000002.png"])
    (tmp_path / "g" / "test" / "times.csv").write_bytes(b"x")
    assert unused(datasets.clips("gopro", "all-test", root=tmp_path / "g")) == {f"{OTHER} (.csv)": ["test/times.csv"]}


@pytest.mark.parametrize("verb", ["stats", "pack"])
def test_stats_and_pack_say_so_too(tmp_path, capsys, verb):
    draw(tmp_path / "set" / "city", ["0.png", "1.png", "2.png"])
    (tmp_path / "set" / "city" / "depth.exr").write_bytes(b"x")
    more = ["--out", str(tmp_path / "packed.lmdb")] if verb == "pack" else []
    call(["data", verb, str(tmp_path / "set"), "-q", *more])
    assert "1 not used: of a kind that is not read (.exr): city/depth.exr" in capsys.readouterr().err
