"""Frames that somebody else made get a row, unless something about them would make the number wrong."""

import json
import os
import shutil
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from stvsr_bench import plugins
from stvsr_bench.cli import call
from stvsr_bench.data.frames import read, write_png
from stvsr_bench.rows import store
from stvsr_bench.runner import execute as runner
from stvsr_bench.runner.plan import RunSpec, make


@pytest.fixture
def truth(tmp_path):
    """Two clips of 7 frames of noise that moves, 32x48."""
    root = tmp_path / "truth"  # a folder of this name must not make its neighbours low-resolution input
    for number in range(2):
        noise = np.random.default_rng(number).integers(0, 255, (32, 96, 3)).astype(np.uint8)
        for t in range(7):
            write_png(root / f"clip{number}" / f"im{t + 1}.png", np.ascontiguousarray(noise[:, t * 3 : t * 3 + 48]))
    return root


@pytest.fixture
def ours(tmp_path, truth):
    """Frames as blend+bicubic makes them, saved by a run, in the layout of anybody's results; and that run's rows."""
    spec = RunSpec(methods=("blend+bicubic",), datasets=(str(truth),), out=tmp_path / "run", save_frames="all")
    runner.execute(spec, make(spec))
    folder = tmp_path / "results"
    for number in range(2):
        (source,) = (tmp_path / "run" / "frames").glob(f"*/blend+bicubic/truth/all/clip{number}")
        for path in sorted(source.glob("*.png")):
            write_png(folder / f"clip{number}" / f"frame_{int(path.stem) + 1}.png", read([path])[0])
    return folder, {row.clip: row for row in store.read_rows(tmp_path / "run")}


def score(folder, truth, out, *more):
    return call(["score", str(folder), "--against", str(truth), "--out", str(out), "--name", "theirs", "-q", *more])


def moving(count, height, width, seed=0):
    """8-bit frames (S, H, W, 3) of a smooth pattern that moves 3 pixels a frame, and the same with noise on them."""
    random = np.random.default_rng(seed)
    ys, xs = np.mgrid[:height, :width]
    waves = [
        np.sin((xs - 3 * t) * 0.21 + ys * 0.13 + c) + np.sin((xs - 3 * t) * 0.07 - ys * 0.3)
        for t in range(count)
        for c in range(3)
    ]
    frames = np.stack(waves).reshape(count, 3, height, width).transpose(0, 2, 3, 1) * 55 + 128
    return frames.astype(np.uint8), np.clip(frames + random.normal(0, 6, frames.shape), 0, 255).astype(np.uint8)


def encoded(frames, path, codec="ffv1", pix_fmt="bgr0"):
    """The frames as a video, lossless by ffv1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(25), width=frames.shape[2], height=frames.shape[1])
        stream.pix_fmt = pix_fmt
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def saved(frames, folder, first=0):
    for index, frame in enumerate(frames, start=first):
        write_png(folder / f"{index:05d}.png", frame)


def psnr_y(first, second):
    """PSNR of the luma of each frame, worked out here."""
    luma = np.array([65.481, 128.553, 24.966]) / 255
    error = np.square((first.astype(np.float64) - second.astype(np.float64)) @ luma).mean((1, 2))
    return 10 * np.log10(255**2 / error)


def test_saved_frames_of_a_method_score_as_the_method_did(ours, truth, tmp_path):
    folder, rows = ours
    assert score(folder, truth, tmp_path / "scored") == 0
    for row in store.read_rows(tmp_path / "scored"):
        assert row.method == "theirs" and "external" in row.flags
        assert row.values["psnr_y"] == pytest.approx(rows[row.clip].values["psnr_y"], abs=1e-9)


def test_the_table_carries_the_badge(ours, truth, tmp_path, capsys):
    score(ours[0], truth, tmp_path / "scored")
    assert "external" in capsys.readouterr().out


def test_missing_frames_are_named_and_not_averaged_away(ours, truth, tmp_path, capsys):
    folder, _ = ours
    (folder / "clip1" / "frame_3.png").unlink()
    assert score(folder, truth, tmp_path / "scored") == 3
    assert "1 of 7 frames is missing: frame_3.png" in capsys.readouterr().err
    assert {row.clip for row in store.read_rows(tmp_path / "scored")} == {"clip0"}


def test_a_result_that_was_coded_with_loss_says_so_and_how_its_colours_were_read(tmp_path, capsys):
    true, made = moving(9, 48, 64)
    encoded(true, tmp_path / "gt" / "city.mkv")
    encoded(made, tmp_path / "out" / "city.mkv", "mpeg4", "yuv420p")
    assert score(tmp_path / "out", tmp_path / "gt", tmp_path / "scored") == 0
    (row,) = store.read_rows(tmp_path / "scored")
    assert "lossy-input:mpeg4" in row.flags and not any(flag.startswith("lossy-truth") for flag in row.flags)
    assert row.how["colours"] == "bt601 assumed by size, limited range, not stated"
    assert "1 of 1 row: videos handed in were coded with loss (mpeg4)" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_a_whole_result_of_a_long_video_is_cut_where_the_truth_is(tmp_path, kind):
    true, made = moving(40, 24, 32)
    encoded(true, tmp_path / "gt" / "city.mkv")
    if kind == "video":
        encoded(made, tmp_path / "out" / "city.mkv")
    else:
        saved(made, tmp_path / "out" / "city", first=1)
    assert score(tmp_path / "out", tmp_path / "gt", tmp_path / "scored") == 0
    first, second = sorted(store.read_rows(tmp_path / "scored"), key=lambda row: row.clip)
    right = psnr_y(true, made)
    assert first.values["psnr_y"] == pytest.approx(right[:31], abs=1e-6)
    # 0, 2, ..., 38 of the whole video are its input: 39 cannot be interpolated, and 31 was
    assert second.values["psnr_y"] == pytest.approx(right[31:39], abs=1e-6)
    assert second.given == [False, True] * 4 and first.given == [True, False] * 15 + [True]
    assert "whole-video:0" in first.flags and "whole-video:31" in second.flags and "unscored:1" in second.flags


@pytest.mark.parametrize("count", [30, 41])
def test_a_whole_result_of_another_length_is_refused_in_numbers(tmp_path, capsys, count):
    true, made = moving(41, 24, 32)
    encoded(true[:40], tmp_path / "gt" / "city.mkv")
    encoded(made[:count], tmp_path / "out" / "city.mkv")
    assert score(tmp_path / "out", tmp_path / "gt", tmp_path / "scored") == 3
    assert f"city.mkv has {count} frames, the truth of city-000000 has 40" in capsys.readouterr().err


def test_more_frames_than_the_truth_are_refused_alike_in_a_folder_and_a_video(tmp_path, capsys):
    true, made = moving(8, 24, 32)
    saved(true[:7], tmp_path / "gt" / "city")
    saved(made, tmp_path / "folder" / "city")
    encoded(made, tmp_path / "video" / "city.mkv")
    for kind, name in (("folder", "city"), ("video", "city.mkv")):
        assert score(tmp_path / kind, tmp_path / "gt", tmp_path / kind / "scored") == 3
        assert f"{name} has 8 frames, the truth of city has 7" in capsys.readouterr().err


@pytest.mark.parametrize("size", [(27, 38), (24, 36)])
def test_frames_of_the_truths_own_size_are_cut_as_the_truth_is(tmp_path, size):
    true, made = moving(7, 27, 38)
    saved(true, tmp_path / "gt" / "city")
    saved(np.ascontiguousarray(made[:, : size[0], : size[1]]), tmp_path / "out" / "city")
    assert score(tmp_path / "out", tmp_path / "gt", tmp_path / "scored") == 0
    (row,) = store.read_rows(tmp_path / "scored")
    assert row.values["psnr_y"] == pytest.approx(psnr_y(true[:, :24, :36], made[:, :24, :36]), abs=1e-6)


def test_files_are_rounded_and_a_protocol_of_unrounded_numbers_is_told_so(tmp_path):
    true, made = moving(9, 24, 32)
    saved(true, tmp_path / "gt" / "city")
    saved(made, tmp_path / "out" / "city")
    score(tmp_path / "out", tmp_path / "gt", tmp_path / "scored", "--protocol", "suite-1,videoinr-2022")
    flags = {row.protocol: row.flags for row in store.read_rows(tmp_path / "scored")}
    assert "rounded-files" in flags["videoinr-2022"] and "rounded-files" not in flags["suite-1"]


def test_what_was_passed_over_is_said(tmp_path, caplog):
    true, made = moving(7, 24, 32)
    saved(true, tmp_path / "gt" / "city")
    saved(made, tmp_path / "out" / "city")
    for name in ("00000.npy", "00001.npy", "._00000.png", "Thumbs.db"):
        (tmp_path / "out" / "city" / name).write_bytes(b"x")
    assert score(tmp_path / "out", tmp_path / "gt", tmp_path / "scored") == 0
    assert "city: 00000.npy, 00001.npy passed over, no picture" in caplog.text


def test_frames_that_are_one_off_are_refused(truth, tmp_path, capsys):
    shifted = tmp_path / "shifted"
    for t in range(7):
        path = truth / "clip0" / f"im{min(t + 2, 7)}.png"
        noisy = np.clip(read([path])[0].astype(int) + np.random.default_rng(t).integers(-9, 9, (32, 48, 3)), 0, 255)
        write_png(shifted / "clip0" / f"{t:05d}.png", noisy.astype(np.uint8))
    assert score(shifted, truth, tmp_path / "scored", "--clips", "clip0") == 3
    assert "fit the truth better when moved by 1" in capsys.readouterr().err


def test_given_frames_that_were_copied_from_the_truth_are_flagged(ours, truth, tmp_path):
    folder, _ = ours
    for t in (0, 2, 4, 6):
        write_png(folder / "clip0" / f"frame_{t + 1}.png", read([truth / "clip0" / f"im{t + 1}.png"])[0])
    score(folder, truth, tmp_path / "scored")
    flags = {row.clip: row.flags for row in store.read_rows(tmp_path / "scored")}
    assert "given-copied:4" in flags["clip0"] and not any("copied" in flag for flag in flags["clip1"])


def test_repeated_frames_have_one_flag_for_one_finding(tmp_path):
    frames, _ = moving(7, 32, 48)
    saved(frames, tmp_path / "truth" / "a")
    saved(frames[[0, 0, 2, 2, 4, 4, 6]], tmp_path / "results" / "a")
    assert score(tmp_path / "results", tmp_path / "truth", tmp_path / "scored", "--metrics", "time") == 0
    (row,) = store.read_rows(tmp_path / "scored")
    assert "held:3" in row.flags and not any(flag.startswith("frozen") for flag in row.flags)
    assert row.values["time_contrast"][1::2] == [0, 0, 0]
    assert row.values["time_error"][1::2] == pytest.approx([-0.5] * 3, abs=0.01)


def test_frames_of_another_size_are_refused_in_numbers(truth, tmp_path, capsys):
    for t in range(7):
        write_png(tmp_path / "small" / "clip0" / f"{t}.png", np.zeros((8, 12, 3), np.uint8))
    assert score(tmp_path / "small", truth, tmp_path / "scored", "--clips", "clip0") == 3
    assert "frames are 12x8, the truth is 48x32" in capsys.readouterr().err


def test_a_file_in_place_of_a_folder_is_said(truth, tmp_path, capsys):
    encoded(moving(7, 24, 32)[0], tmp_path / "clip0.mkv")
    assert score(tmp_path / "clip0.mkv", truth, tmp_path / "scored") == 2
    assert (
        "clip0.mkv is one file, but the data set has 2 clips; write stvsr-bench score FOLDER" in capsys.readouterr().err
    )


@pytest.mark.parametrize("place", ["nowhere", "truth"])
def test_a_folder_that_holds_nothing_of_the_split_is_said(place, truth, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    folder = tmp_path / "nowhere" if place == "nowhere" else empty
    assert score(folder, truth, tmp_path / "scored") == 2
    said = capsys.readouterr().err
    assert "not a folder" in said or "clip0/00000.png" in said


@pytest.mark.fault("B", "a folder of results without rights to read, or two videos of one clip", "that clip fails", "3")
def test_results_that_cannot_be_read_fail_their_clip_alone(ours, truth, tmp_path, capsys, monkeypatch):
    folder = ours[0]
    locked = str(folder / "clip1")
    scandir = os.scandir

    def refusing(path):
        if str(path) == locked:
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refusing)
        assert score(folder, truth, tmp_path / "scored") == 3
    assert f"{locked} cannot be read: Permission denied" in capsys.readouterr().err
    assert [row.clip for row in store.read_rows(tmp_path / "scored")] == ["clip0"]
    shutil.rmtree(locked)
    for suffix in ("mkv", "avi"):
        encoded(moving(7, 24, 32)[0], folder / f"clip1.{suffix}")
    assert score(folder, truth, tmp_path / "two") == 3
    assert "have the same name clip1" in capsys.readouterr().err
    assert [row.clip for row in store.read_rows(tmp_path / "two")] == ["clip0"]


def test_frames_beside_the_truth_and_unlike_it_are_a_line_each(tmp_path, capsys):
    for seed, name in enumerate(("beside", "noise")):
        frames_SHWC, restored_SHWC = moving(7, 64, 96, seed)
        saved(frames_SHWC, tmp_path / "set" / name)
        made = np.roll(restored_SHWC, 2, axis=1)  # the pattern moves to the side: a shift that way is one in time too
        if name == "noise":
            made = np.random.default_rng(0).integers(0, 256, made.shape, dtype=np.uint8)
        saved(made, tmp_path / "results" / name)
    assert score(tmp_path / "results", tmp_path / "set", tmp_path / "scored") == 0
    said = capsys.readouterr().err
    assert "beside: the frames lie +0,+2 pixels right and below of the truth" in said
    assert "noise: the frames have next to nothing in common with the truth (correlation " in said
    flags = {row.clip: row.flags for row in store.read_rows(tmp_path / "scored")}
    assert "shifted:+0,+2" in flags["beside"] and any(flag.startswith("unlike-truth:") for flag in flags["noise"])


def test_a_data_set_s_own_reader_may_have_a_find_of_its_own(ours, truth, tmp_path, monkeypatch):
    folder = tmp_path / "plugins" / "datasets" / "mine"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text('title = "mine"\nreader = "reader:Mine"\nsplits = ["test"]\n')
    (folder / "reader.py").write_text(
        "from stvsr_bench.data import frames\n"
        "from stvsr_bench.schema import Clip\n"
        "class Mine:\n"
        "    def __init__(self, card, root, lists):\n"
        "        self.card, self.root = card, root\n"
        "    def find(self, name):\n"
        "        return sorted((self.root / name).iterdir())\n"
        "    def names(self, split):\n"
        "        return ['clip0', 'clip1']\n"
        "    def read(self, split, name):\n"
        "        return Clip('mine', split, name, frames.from_bytes(frames.read(self.find(name))))\n"
    )
    monkeypatch.setenv("STVSR_BENCH_PATH", str(tmp_path / "plugins"))
    assert score(ours[0], "mine", tmp_path / "out", "--root", str(truth)) == 0
    assert [row.clip for row in store.read_rows(tmp_path / "out")] == ["clip0", "clip1"]


def test_json_is_one_document(ours, truth, tmp_path, capsys):
    assert score(ours[0], truth, tmp_path / "scored", "--json") == 0
    assert json.loads(capsys.readouterr().out)["written"] == 2


def test_scoring_does_not_depend_on_plug_ins(monkeypatch, ours, truth, tmp_path):
    monkeypatch.setitem(plugins._included, "methods", {})
    score(ours[0], truth, tmp_path / "a")
    first = [replace(row, seconds={}, env="") for row in store.read_rows(tmp_path / "a")]
    score(ours[0], truth, tmp_path / "b")
    assert first == [replace(row, seconds={}, env="") for row in store.read_rows(tmp_path / "b")]


def test_one_result_alone_is_that_of_the_only_clip_or_video(tmp_path):
    hr_SHWC, noisy_SHWC = moving(40, 24, 32)
    encoded(hr_SHWC, tmp_path / "truth.mkv")
    encoded(noisy_SHWC, tmp_path / "ours.MKV")
    for i, frame_HWC in enumerate(noisy_SHWC):
        write_png(tmp_path / "frames" / f"{i:05d}.png", frame_HWC)
    assert score(tmp_path / "ours.MKV", tmp_path / "truth.mkv", tmp_path / "a") == 0
    assert score(tmp_path / "frames", tmp_path / "truth.mkv", tmp_path / "b") == 0
    video = {row.clip: row.values["psnr_y"] for row in store.read_rows(tmp_path / "a")}
    assert sorted(video) == ["truth-000000", "truth-000031"]
    assert {row.clip: row.values["psnr_y"] for row in store.read_rows(tmp_path / "b")} == video
    error = np.square((noisy_SHWC[:31] / 255.0 - hr_SHWC[:31] / 255.0) @ [65.481, 128.553, 24.966]).mean((1, 2))
    assert np.allclose(video["truth-000000"], 10 * np.log10(255**2 / error), atol=1e-3)


def test_results_that_are_no_clip_s_are_named(tmp_path, truth, ours, capsys):
    folder, _ = ours
    (folder / "clip0").rename(folder / "clip_0")
    (folder / "notes.txt").touch()
    (folder / "clip1.mp4").touch()
    assert score(folder, truth, tmp_path / "scored") == 3
    said = capsys.readouterr().err
    assert "results: 1 not used: named like no clip of the truth: clip_0\n" in said
    assert "results: 1 not used: of a kind that is not read (.txt): notes.txt\n" in said
    assert (
        "results: 1 not used: videos beside a folder of frames of the same clip; the frames are measured: clip1.mp4"
        in said
    )


@pytest.mark.parametrize("which", ["all", "worst:1"])
def test_frames_are_kept_for_the_report_and_jobs_move_no_row(ours, truth, tmp_path, which):
    folder, _ = ours
    assert score(folder, truth, tmp_path / "one") == 0
    assert score(folder, truth, tmp_path / "two", "--jobs", "2", "--save-frames", which) == 0
    one, two = ({row.clip: row for row in store.read_rows(tmp_path / run)} for run in ("one", "two"))
    assert {clip: row.values for clip, row in one.items()} == {clip: row.values for clip, row in two.items()}
    assert not (tmp_path / "one" / "frames").exists()
    means = {clip: sum(row.values["psnr_y"]) for clip, row in one.items()}
    wanted = set(means) if which == "all" else {min(means, key=means.get)}
    kept = {path.name: path for path in (tmp_path / "two" / "frames").glob("*/theirs*/truth/all/*")}
    assert set(kept) == wanted
    for clip, saved in kept.items():
        handed = [read([folder / clip / f"frame_{t + 1}.png"])[0] for t in range(7)]
        assert np.array_equal(np.stack(handed), read(sorted(saved.glob("*.png"))))
    assert score(folder, truth, tmp_path / "three", "--save-frames", "some") == 2
