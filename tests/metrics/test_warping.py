"""Warping errors and tOF of the scripts that papers used: recorded values, and formulas by other means."""

from itertools import islice

import cv2
import numpy as np
import pytest

from stvsr_bench import metrics
from stvsr_bench.errors import ClipError
from stvsr_bench.metrics import ewarp, golden_frames, selftest_motion, temporal, tof
from stvsr_bench.metrics.pictures import halves, padded


def clip(frames=slice(None), height=96, width=112, seed=21, dy=0, dx=2):
    recipe = {"h": height, "w": width, "seed": seed, "dy": dy, "dx": dx}
    sides = zip(*golden_frames.clip(recipe)[frames], strict=True)
    return tuple(np.stack(side).transpose(0, 3, 1, 2) for side in sides)


def test_recorded_warping_errors_and_tofs_are_computed_again():
    checks = list(islice(selftest_motion.checks(), 3))  # the others are learned
    assert [check.name for check in checks if not check.passed] == []
    assert sum(check.count for check in checks) == 39


def test_sampling_is_torch_s_grid_sample_with_border_and_aligned_corners():
    import torch

    random = np.random.default_rng(1)
    picture, flow = random.random((20, 30, 3)), random.normal(0, 9, (20, 30, 2)).astype(np.float32)
    y, x = np.mgrid[:20, :30]
    grid = np.stack([2 * (x + flow[..., 0].astype(float)) / 29 - 1, 2 * (y + flow[..., 1].astype(float)) / 19 - 1], -1)
    wanted = torch.nn.functional.grid_sample(
        torch.from_numpy(picture).permute(2, 0, 1)[None],
        torch.from_numpy(grid)[None],
        padding_mode="border",
        align_corners=True,
    )[0].permute(1, 2, 0)
    np.testing.assert_allclose(ewarp.sampled(picture, flow), wanted.numpy(), atol=1e-12)


def test_halves_are_bilinear_without_antialiasing_and_padding_is_split():
    import torch

    frames = np.random.default_rng(2).random((1, 3, 21, 27))
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(frames[..., :20, :26]), scale_factor=0.5, mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(halves(frames), wanted.numpy(), atol=1e-14)
    wide = padded(halves(frames))  # 10x13 to 16x16: 3 above and 3 below, 1 left and 2 right
    assert wide.shape == (1, 3, 16, 16)
    np.testing.assert_array_equal(wide[..., 3:13, 1:14], halves(frames))
    np.testing.assert_array_equal(wide[..., 0, 1:14], wide[..., 3, 1:14])


def test_ewarp_follows_the_scored_video_and_lai_s_form_the_true_one():
    _, hr = clip(slice(3))
    still = np.repeat(hr[:1], 3, axis=0)
    values = metrics.score_clip(still, hr, ["ewarp_dis_medium", "ewarp_lai_dis_medium", "ewarp_lai_dis_medium_hr"])
    assert values["ewarp_dis_medium"] == 0  # a still video has no flow and no error: why the truth's own stands beside
    assert values["ewarp_lai_dis_medium"] > 5 * values["ewarp_lai_dis_medium_hr"]


def test_with_the_true_flow_a_panning_scene_has_no_error_but_rounding():
    hr = clip(slice(4), dx=0)[1]
    wide = golden_frames.natural(5, 96, 132).transpose(2, 0, 1)
    hr = np.stack([wide[:, :, 4 * t : 4 * t + 112] for t in range(4)])
    flow = np.zeros((3, 96, 112, 2), np.float32)
    flow[..., 0] = -4
    names = ["ewarp_true_flow", "ewarp_lai_true_flow", "ewarp_true_flow_hr"]
    values = metrics.score_clip(hr, hr, names, flow_FHW2=flow)
    assert values["ewarp_true_flow"] < 0.01 and values["ewarp_lai_true_flow"] == 0
    noisy = hr.copy()
    noisy[1::2] = np.clip(noisy[1::2].astype(int) + 8, 0, 255)
    worse = metrics.score_clip(noisy, hr, names, flow_FHW2=flow)
    assert worse["ewarp_lai_true_flow"] == pytest.approx((8 / 255) ** 2, rel=0.05)
    # three channels over points: EvalCrafter's is three times that, and a thousand times
    assert worse["ewarp_true_flow"] == pytest.approx(3000 * (8 / 255) ** 2, rel=0.05)
    assert worse["ewarp_true_flow_hr"] == values["ewarp_true_flow_hr"]


def test_a_row_says_which_share_a_warping_error_left_out():
    sr, hr = clip(slice(3))
    found = metrics.of_clip(sr, hr, ["ewarp_dis_medium", "tof_v3"], range(3), range(3))
    assert found.masked.keys() == {"ewarp_dis_medium"} and found.masked["ewarp_dis_medium"].endswith(" %")
    assert metrics.told(found)["masked"].startswith("ewarp_dis_medium: ")


def test_nothing_visible_is_no_perfect_score():
    sr, hr = clip(slice(2))
    pair = temporal.pair_of(sr, hr)
    forward = np.zeros((1, 96, 112, 2), np.float32)
    pair.hr.__dict__.update(dis=forward + 9, dis_back=forward)  # the way back does not meet the way there
    with pytest.raises(ClipError, match="no point of the clip is visible"):
        temporal.of_pair("ewarp_lai_dis_medium", pair)
    with pytest.raises(ClipError, match="ewarp halves frames and needs 64x64 px, these are 48x112"):
        metrics.score_clip(sr[:, :, :48], hr[:, :, :48], ["ewarp_dis_medium"])


@pytest.mark.parametrize(("side", "left"), [(448, 416), (256, 224), (720, 704), (176, 160), (48, 32)])
def test_tecogan_s_crop(side, left):
    kept = tof._crop(side)
    assert (kept.stop - kept.start, kept.start) == (left, (side - left) // 2)


def test_tecogan_s_tof_is_of_whole_grey_levels_a_crop_and_the_pairs_in_the_middle():
    sr, hr = clip()
    total = []
    for t in (2, 3):
        flows = []
        for frames in (sr, hr):
            grey = [cv2.cvtColor(frames[k].transpose(1, 2, 0).copy(), cv2.COLOR_RGB2GRAY) for k in (t, t + 1)]
            flows.append(cv2.calcOpticalFlowFarneback(*grey, None, 0.5, 3, 15, 3, 5, 1.2, 0)[16:80, 8:104])
        total.append(np.linalg.norm(flows[0] - flows[1], axis=-1).mean())
    ours = metrics.score_clip(sr, hr, ["tof_tecogan"])["tof_tecogan"]
    assert ours == pytest.approx(np.mean(total), rel=1e-5)
    with pytest.raises(ClipError, match="leaves nothing of a side of 47 px"):
        metrics.score_clip(sr[:, :, :47], hr[:, :, :47], ["tof_tecogan"])
