"""What is said of a video without its truth, on clips where the right number is known."""

import numpy as np
import pytest
from scipy.ndimage import convolve

from stvsr_bench import metrics
from stvsr_bench.cli import call
from stvsr_bench.errors import USAGE, ClipError
from stvsr_bench.metrics import frozen, golden_frames, no_truth, temporal


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


def sharp(frame):
    """Variance of the Laplacian of luma, by scipy."""
    luma = np.moveaxis(frame.astype(float), 0, -1) @ [65.481, 128.553, 24.966] / 255 + 16
    return convolve(luma, [[0, 1, 0], [1, -4, 1], [0, 1, 0]], mode="mirror").var()


def test_sharpness_is_the_mean_variance_of_the_laplacian_and_its_drift_that_of_the_longest_shot(panning):
    softer = [(128 + (frame.astype(float) - 128) * (1 - t / 20)).astype(np.uint8) for t, frame in enumerate(panning)]
    frames = [*panning[:4], *softer[:8]]
    each = [sharp(frame) for frame in frames]
    found = report(frames, cuts=(4,))
    assert found.sharpness == pytest.approx(np.mean(each), rel=1e-9)
    assert found.sharpness_drift == pytest.approx(np.mean(each[-2:]) / np.mean(each[4:6]) - 1, rel=1e-9)
    assert found.sharpness_alternation == pytest.approx(np.mean(each[5::2]) / np.mean(each[4::2]) - 1, rel=1e-9)
    few = [report(panning[:count]) for count in (2, 3, 4)]
    assert [found.sharpness_drift is None for found in few] == [True, False, False]
    assert [found.sharpness_alternation is None for found in few] == [True, True, False]
    flat = report(np.full((6, 3, 64, 96), 100, np.uint8))
    assert flat.sharpness == 0 and flat.sharpness_drift is None and flat.sharpness_alternation is None


@pytest.mark.parametrize(("share", "frozen"), [(0.25, 1), (0.26, 0)])
def test_a_frame_is_frozen_up_to_a_thousandth_of_the_range(share, frozen):
    # a thousandth of 256 levels is 0.256
    pair = np.full((2, 3, 50, 100), 100, np.uint8)
    pair[1, :, :, : round(100 * share)] += 1
    assert report(pair).frozen == frozen


def test_nothing_is_compared_across_a_cut():
    dark, bright = (np.full((4, 3, 64, 96), level, np.uint8) for level in (100, 200))
    both = np.concatenate([dark, bright])
    cut, uncut = report(both, cuts=(0, 4)), report(both)
    assert (cut.cuts, uncut.cuts) == (1, 0), "before the first frame there is no cut"
    # second differences of 100, 100, 200 and of 100, 200, 200; half of each, over six in all
    assert cut.flicker == 0 and uncut.flicker == pytest.approx(2 * 50 * 219 / 255 / 6)
    again = report(dark, cuts=(2,))
    assert (again.frozen, again.exact_repeats) == (2, 2)
    assert report(dark[:2], cuts=(1,)).ewarp_dis_medium is None and report(dark[:2]).flicker is None


@pytest.mark.parametrize(("order", "loops"), [("aba", 0), ("abca", 1), ("ababab", 2), ("aaaaa", 0), ("abcdabcd", 4)])
def test_a_frame_is_shown_again_from_three_frames_on_with_another_between(panning, order, loops):
    assert report([panning[2 * "abcd".index(letter)] for letter in order]).looping == loops


def test_the_share_that_a_warping_error_left_out_is_that_of_its_pairs(panning):
    masked, jumping = [], panning[[0, 8, 11]]  # far enough that flows there and back do not meet everywhere
    for both in (jumping[:2], jumping[1:]):
        pair = temporal.pair_of(both, both)
        temporal.of_pair("ewarp_dis_medium", pair)
        masked.append(pair.masked["ewarp_dis_medium"])
    found = report(jumping)
    assert found.ewarp_masked == pytest.approx(np.mean(masked)) and masked[0] != masked[1]
    said = no_truth.lines("city", found, {"codec": "h264", "note": ""})
    assert said[:3] == [
        "city: 3 frames of 96x64, 0 cuts",
        "  codec: h264",
        "  frozen frames 0, exact repeats 0, frames shown again 0",
    ]
    assert f"{found.ewarp_dis_medium:.4f} (ewarp_dis_medium, x1000; {100 * np.mean(masked):.1f} % of" in said[4]
    assert said[-1] == f"    longest shot, last third against first: {100 * found.sharpness_drift:+.1f} %"
    bare = no_truth.lines("city", report(panning[:2, :, :40, :40]), {})
    assert not any("flicker" in line or "warping" in line for line in bare) and bare[-1].startswith("  not measured: ")


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
