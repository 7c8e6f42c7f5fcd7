"""What is said of a video without its truth, on clips where the right number is known."""

import numpy as np
import pytest

from stvsr_bench import metrics
from stvsr_bench.cli import call
from stvsr_bench.errors import USAGE, ClipError
from stvsr_bench.metrics import frozen, golden_frames, no_truth


@pytest.fixture(scope="module")
def panning():
    wide = golden_frames.natural(9, 64, 160).transpose(2, 0, 1)
    return np.stack([wide[:, :, 3 * t : 3 * t + 96] for t in range(12)])


def report(frames, cuts=()):
    return no_truth.report((frame, index in cuts) for index, frame in enumerate(frames))


def test_a_moving_clip_has_nothing_to_say(panning):
    found = report(panning)
    assert (found.frames, found.size, found.frozen, found.exact_repeats, found.looping) == (12, (64, 96), 0, 0, 0)
    pairs = [metrics.score_clip(p, p, ["ewarp_dis_medium"])["ewarp_dis_medium"] for p in (panning[:2], panning[1:3])]
    assert report(panning[:3]).ewarp_dis_medium == pytest.approx(np.mean(pairs))


def test_frozen_frames_are_those_near_the_last_that_moved(panning):
    held = panning.copy()
    held[4:7] = held[3]
    held[5, :, 0, 0] ^= 1  # frozen, yet no exact repeat, nor is the frame after it
    found = report(held)
    assert (found.frozen, found.exact_repeats) == (3, 1)


def test_ffmpeg_s_freezedetect_finds_the_same_frames(panning, tmp_path):
    import subprocess

    pytest.importorskip("imageio_ffmpeg")
    from stvsr_bench.metrics import ffmpeg

    held = panning.copy()
    held[4:9] = held[3]
    raw = np.ascontiguousarray(held.transpose(0, 2, 3, 1)).tobytes()
    shape = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "96x64", "-r", "10", "-i", "-"]
    command = [ffmpeg.binary(), "-hide_banner", *shape, "-vf", "freezedetect=n=0.001:d=0.2", "-f", "null", "-"]
    said = subprocess.run(command, input=raw, capture_output=True, check=True).stderr.decode()
    start, end = (float(said.split(f"freeze_{what}: ")[1].split()[0]) for what in ("start", "end"))
    assert (start, end) == (0.3, 0.9)
    assert report(held).frozen == round(10 * (end - start)) - 1  # it counts the frame that the others repeat


def test_a_loop_is_frames_shown_again_after_others(panning):
    again = np.concatenate([panning[:5], panning[:5]])
    assert report(again).looping == 5
    assert report(np.repeat(panning[:1], 8, axis=0)).looping == 0  # that is frozen


def test_flicker_is_the_second_difference_of_brightness(panning):
    flat = np.full((9, 3, 64, 96), 100, np.uint8)
    flat[1::2] += 10  # 8.6 levels of luma
    assert report(flat).flicker == pytest.approx(10 * 219 / 255, rel=1e-6)
    fading = np.stack([np.full((3, 64, 96), 100 + 5 * t, np.uint8) for t in range(9)])
    assert report(fading).flicker == pytest.approx(0, abs=1e-9)


def test_blurred_frames_between_sharp_ones_show_in_the_alternation_and_a_cut_ends_a_shot(panning):
    import cv2

    blurred = panning.copy()
    for frame in blurred[1::2]:
        for plane in frame:
            plane[:] = cv2.GaussianBlur(plane, (0, 0), 1)
    assert report(blurred).sharpness_alternation < -0.5
    assert abs(report(panning).sharpness_alternation) < 0.1
    two = np.concatenate([panning[:8], 255 - panning[:4]])
    found = report(two, cuts=(8,))
    assert found.cuts == 1 and found.sharpness_drift == report(panning[:8]).sharpness_drift


def test_frames_too_small_for_a_number_have_the_others_and_the_reason(panning):
    found = report(panning[:3, :, :40, :40])
    assert found.ewarp_dis_medium is None and "needs 64x64" in found.notes[0] and found.flicker is not None
    with pytest.raises(ClipError, match="no frame"):
        report([])


def test_score_without_a_truth_reports_each_folder_and_says_what_it_is_not(panning, tmp_path, capsys):
    from stvsr_bench.data.frames import write_png

    for name in ("one", "two"):
        (tmp_path / "out" / name).mkdir(parents=True)
        for t, frame in enumerate(panning[:4]):
            write_png(tmp_path / "out" / name / f"{t:03}.png", np.ascontiguousarray(frame.transpose(1, 2, 0)))
    assert call(["score", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "one: 4 frames of 96x64" in shown and "two: 4 frames" in shown and "--dataset NAME" in shown
    (tmp_path / "empty").mkdir()
    assert call(["score", str(tmp_path / "empty")]) == USAGE


def test_output_that_loops_where_the_truth_goes_on_is_flagged(panning):
    gaps = {1: (0, 2), 3: (2, 4), 5: (4, 6)}
    assert frozen.flags(panning[:7], panning[:7], range(7), gaps) == []
    looping = panning[:7].copy()
    looping[4:7] = looping[0:3]
    assert frozen.flags(looping, panning[:7], range(7), gaps) == ["looping:1"]  # of interpolated frames
    assert frozen.flags(looping, looping, range(7), gaps) == []  # the truth does so too
