"""Temporal metrics on clips whose motion is known."""

import numpy as np
import pytest

from stvsr_bench import metrics
from stvsr_bench.errors import ClipError, UnknownNameError
from stvsr_bench.metrics import temporal


def panning(frames=4, size=(64, 96), step=(1, 3), seed=0):
    """A smooth texture that moves by `step` (y, x) whole pixels a frame, and its exact flow."""
    random = np.random.default_rng(seed)
    height, width = size
    big = random.random((3, height + 40, width + 40))
    for axis in (1, 2):
        for _ in range(6):
            big = (big + np.roll(big, 1, axis) + np.roll(big, -1, axis)) / 3
    big = (big - big.min()) / (big.max() - big.min())
    clip = [big[:, 20 - t * step[0] :, 20 - t * step[1] :][:, :height, :width] for t in range(frames)]
    flow = np.broadcast_to(np.array(step[::-1], np.float32), (frames - 1, height, width, 2))
    return np.stack(clip).astype(np.float32), np.ascontiguousarray(flow)


def test_equal_clips_have_no_temporal_error():
    hr_SCHW, flow = panning(frames=7)
    scores = metrics.score_clip(hr_SCHW, hr_SCHW, list(temporal.TEMPORAL), flow_FHW2=flow)
    assert np.isinf(scores["tdiff_psnr_y"])
    assert all(value == 0 for name, value in scores.items() if name.startswith("tof"))
    assert scores["warp_error_dis_medium"] == scores["warp_error_dis_medium_hr"]
    assert scores["warp_error_true_flow"] == scores["warp_error_true_flow_hr"]
    assert all(scores[name] == scores[f"{name}_hr"] for name in scores if f"{name}_hr" in scores)


def test_along_the_true_flow_of_whole_pixels_nothing_changes():
    hr_SCHW, flow = panning()
    assert metrics.score_clip(hr_SCHW, hr_SCHW, ["warp_error_true_flow_hr"], flow_FHW2=flow) == {
        "warp_error_true_flow_hr": pytest.approx(0, abs=1e-6)
    }


def test_the_flow_points_from_a_frame_to_the_next():
    hr_SCHW, flow = panning()
    pictures = temporal.Pictures(hr_SCHW)
    for measured in (pictures.dis, pictures.farneback):
        assert np.median(np.abs(measured[:, 16:-16, 16:-16] - flow[:, 16:-16, 16:-16])) < 0.2
    assert np.median(np.abs(pictures.dis_back[:, 16:-16, 16:-16] + flow[:, 16:-16, 16:-16])) < 0.2


def test_flicker_is_seen_and_a_constant_offset_is_not():
    hr_SCHW, flow = panning()
    hr_SCHW = hr_SCHW * 0.5 + 0.25
    brighter = hr_SCHW + np.float32(20 / 255)
    flicker = hr_SCHW + np.float32(20 / 255) * (np.arange(4) % 2)[:, None, None, None].astype(np.float32)
    names = ["tdiff_psnr_y", "warp_error_dis_medium", "warp_error_dis_medium_hr", "warp_error_true_flow"]
    steady, flickering = (metrics.score_clip(sr, hr_SCHW, names, flow_FHW2=flow) for sr in (brighter, flicker))
    assert steady["tdiff_psnr_y"] > 50 and flickering["tdiff_psnr_y"] == pytest.approx(
        20 * np.log10(255 / (20 * 219 / 255)), abs=0.01
    )
    assert steady["warp_error_dis_medium"] == pytest.approx(steady["warp_error_dis_medium_hr"], rel=0.05)
    assert flickering["warp_error_true_flow"] == pytest.approx((20 * 219 / 255) ** 2, rel=0.05)


def test_a_clip_that_stands_still_has_the_motion_of_hr_as_its_flow_error():
    hr_SCHW, _ = panning(step=(0, 3))
    still = np.repeat(hr_SCHW[:1], 4, axis=0)
    scores = metrics.score_clip(still, hr_SCHW, ["tof_dis_medium"])
    assert scores["tof_dis_medium"] == pytest.approx(3, abs=0.3)


@pytest.mark.parametrize("flow", ["tof_dis_medium", "tof_farneback_0p5_3_15_3_5_1p2_0"])
def test_a_flow_error_along_both_axes_is_the_length_of_the_way(flow):
    hr_SCHW, _ = panning(size=(96, 128), step=(4, 3))
    still = np.repeat(hr_SCHW[:1], 4, axis=0)
    assert metrics.score_clip(still, hr_SCHW, [flow])[flow] == pytest.approx(5, abs=0.5)  # 3-4-5, and not 3 + 4


def test_differences_are_averaged_in_decibels_over_pairs_of_unequal_error():
    hr_SCHW = np.full((3, 3, 32, 32), 0.5, np.float32)
    sr_SCHW = hr_SCHW.copy()
    sr_SCHW[1] += np.float32(2 / 255)  # pair 1 errs by 2 levels of RGB, pair 2 by 2 - 12
    sr_SCHW[2] += np.float32(12 / 255)
    decibels = [20 * np.log10(255 / (levels * 219 / 255)) for levels in (2, 10)]
    score = metrics.score_clip(sr_SCHW, hr_SCHW, ["tdiff_psnr_y"])["tdiff_psnr_y"]
    assert score == pytest.approx(np.mean(decibels), abs=1e-6) and np.ptp(decibels) > 10


def test_an_exact_pair_is_left_out_of_the_mean_of_differences_unless_infinite_values_are_kept():
    hr_SCHW = np.full((3, 3, 32, 32), 0.5, np.float32)
    sr_SCHW = hr_SCHW.copy()
    sr_SCHW[1:] += np.float32(10 / 255)
    finite = 20 * np.log10(255 / (10 * 219 / 255))
    assert metrics.score_clip(sr_SCHW, hr_SCHW, ["tdiff_psnr_y"])["tdiff_psnr_y"] == pytest.approx(finite, abs=1e-6)
    kept = metrics.score_clip(sr_SCHW, hr_SCHW, ["tdiff_psnr_y"], keep_infinite=True)
    assert np.isinf(kept["tdiff_psnr_y"])


@pytest.mark.parametrize(
    ("length", "apart", "visible"),
    # |there + back|^2 < 0.01 (|there|^2 + |back|^2) + 0.5, Lai et al. 2018, in pixels
    [(0, 0.7, True), (0, 0.72, False), (4, 0.87, True), (4, 0.89, False), (30, 4.0, True), (30, 4.4, False)],
)
def test_points_are_visible_where_the_flows_there_and_back_agree_as_the_paper_has_it(length, apart, visible):
    hr = temporal.Pictures(np.zeros((2, 3, 64, 64), np.uint8))
    there = np.zeros((1, 64, 64, 2), np.float32)
    back = there.copy()
    there[..., 1], back[..., 1] = length, apart - length
    hr.__dict__.update(dis=there, dis_back=back)  # flows of known lengths in place of measured ones
    assert temporal.Pair(hr, hr).visible[0, 16, 16] == visible


@pytest.mark.parametrize(("step", "counts"), [(11, True), (12, False), (30, False)])
def test_a_point_is_hidden_where_hr_steps_by_more_than_ten_levels_along_its_true_flow(step, counts):
    hr_SCHW = np.full((2, 3, 40, 40), 100, np.uint8)
    hr_SCHW[1, :, :20] += step  # half of the points
    flow = np.zeros((1, 40, 40, 2), np.float32)
    error = metrics.score_clip(hr_SCHW, hr_SCHW, ["warp_error_true_flow_hr"], flow_FHW2=flow)
    wanted = (step * 219 / 255) ** 2 / 2 if counts else 0.0  # 11 levels of RGB are 9.4 of luma, 12 are 10.3
    assert error["warp_error_true_flow_hr"] == pytest.approx(wanted, abs=1e-3)


def test_what_needs_the_true_flow_is_left_out_without_it_and_refused_when_asked_alone():
    hr_SCHW, _ = panning()
    assert list(metrics.score_clip(hr_SCHW, hr_SCHW, ["tdiff_psnr_y", "warp_error_true_flow"])) == ["tdiff_psnr_y"]
    with pytest.raises(ClipError, match="needs the true flow"):
        metrics.METRICS["warp_error_true_flow"].function(hr_SCHW, hr_SCHW)


def test_hidden_points_do_not_count():
    hr_SCHW, flow = panning()
    hr_SCHW[:, :, 20:40, 30:60] = 0  # a square that stands still before the panning scene
    flow[:, 20:40, 30:60] = 0
    error = metrics.score_clip(hr_SCHW, hr_SCHW, ["warp_error_true_flow_hr"], flow_FHW2=flow)
    assert error["warp_error_true_flow_hr"] < 0.5


def test_mistakes_are_sentences():
    hr_SCHW, flow = panning()
    with pytest.raises(ClipError, match="at least two frames"):
        metrics.score_clip(hr_SCHW[:1], hr_SCHW[:1], ["tdiff_psnr_y"])
    with pytest.raises(ClipError, match="at least 32x32 px"):
        metrics.score_clip(hr_SCHW[..., :16], hr_SCHW[..., :16], ["tof_dis_medium"])
    with pytest.raises(ClipError, match="want 3 flows"):
        metrics.score_clip(hr_SCHW, hr_SCHW, ["warp_error_true_flow"], flow_FHW2=flow[:2])
    with pytest.raises(UnknownNameError, match="metric of whole clips 'tof'"):
        metrics.score_clip(hr_SCHW, hr_SCHW, ["tof"])
