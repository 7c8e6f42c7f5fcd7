"""Frames that somebody else made get a row, unless something about them would make the number wrong."""

import json
from dataclasses import replace

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
    assert "1 of 7 frames are missing: 2" in capsys.readouterr().err
    assert {row.clip for row in store.read_rows(tmp_path / "scored")} == {"clip0"}


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


def test_frames_of_another_size_are_refused_in_numbers(truth, tmp_path, capsys):
    for t in range(7):
        write_png(tmp_path / "small" / "clip0" / f"{t}.png", np.zeros((8, 12, 3), np.uint8))
    assert score(tmp_path / "small", truth, tmp_path / "scored", "--clips", "clip0") == 3
    assert "frames are 12x8, the truth is 48x32" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["nowhere", "truth"])
def test_a_folder_that_holds_nothing_of_the_split_is_said(place, truth, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    folder = tmp_path / "nowhere" if place == "nowhere" else empty
    assert score(folder, truth, tmp_path / "scored") == 2
    said = capsys.readouterr().err
    assert "no folder" in said or "clip0/00000.png" in said


def test_json_is_one_document(ours, truth, tmp_path, capsys):
    assert score(ours[0], truth, tmp_path / "scored", "--json") == 0
    assert json.loads(capsys.readouterr().out)["written"] == 2


def test_scoring_does_not_depend_on_plug_ins(monkeypatch, ours, truth, tmp_path):
    monkeypatch.setitem(plugins._included, "methods", {})
    score(ours[0], truth, tmp_path / "a")
    first = [replace(row, seconds={}, env="") for row in store.read_rows(tmp_path / "a")]
    score(ours[0], truth, tmp_path / "b")
    assert first == [replace(row, seconds={}, env="") for row in store.read_rows(tmp_path / "b")]
