"""A metric that a clip cannot have is missing with its reason, and costs neither the other metrics nor the clip."""

from dataclasses import replace

import numpy as np
import pytest

from stvsr_bench import metrics
from stvsr_bench.errors import ClipError, NotRunnableError
from stvsr_bench.metrics import extras, ffmpeg

LUMA = np.array([65.481, 128.553, 24.966]) / 255


def clips(frames=7, size=(40, 48), seed=0):
    """(sr, hr), uint8: noise that changes from frame to frame, and the same with an error that grows with time."""
    random = np.random.default_rng(seed)
    hr_SCHW = random.integers(40, 200, (frames, 3, *size)).astype(np.uint8)
    error = random.normal(0, 1, hr_SCHW.shape) * (1 + np.arange(frames))[:, None, None, None]
    return np.clip(hr_SCHW + error.round(), 0, 255).astype(np.uint8), hr_SCHW


def tdiff_db(sr_SCHW, hr_SCHW):
    """PSNR of the luma differences of each pair, computed here from the definition."""
    sr, hr = (np.moveaxis(side.astype(np.float64), 1, -1) @ LUMA for side in (sr_SCHW, hr_SCHW))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255**2 / ((np.diff(sr, axis=0) - np.diff(hr, axis=0)) ** 2).mean((1, 2)))


@pytest.fixture
def failing(monkeypatch):
    """Lets an extra do something else: `failing("vmaf", function)`."""

    def put(name, function):
        monkeypatch.setitem(extras.EXTRAS, name, replace(extras.EXTRAS[name], function=function))

    return put


def raises(error):
    def function(sr_SCHW, hr_SCHW):
        raise error

    return function


def test_a_metric_that_wants_larger_frames_costs_no_other():
    sr, hr = clips()
    found = metrics.of_frames(sr, hr, ["psnr_y", "ms_ssim_y", "ssim_y"])
    alone = metrics.score_frames(sr, hr, ["psnr_y", "ssim_y"])
    assert {name: of.tolist() for name, of in found.values.items()} == {n: of.tolist() for n, of in alone.items()}
    assert found.missing["ms_ssim_y"].why == "MS-SSIM needs frames of at least 161x161 px, these are 40x48"
    told = metrics.told(found)
    assert told == {"left_out": "ms_ssim_y", "missing": f"ms_ssim_y: {found.missing['ms_ssim_y'].why}"}


def test_of_frames_smaller_than_the_window_the_error_is_left():
    sr, hr = clips(size=(8, 60))
    found = metrics.of_frames(sr, hr, metrics.CORE)
    assert set(found.values) == {"mse_y", "psnr_y", "mse_rgb", "psnr_rgb"} and set(found.missing) == {
        "ssim_y",
        "ssim_rgb",
    }


@pytest.mark.parametrize(
    ("error", "words", "lasting"),
    [
        (ValueError("axes don't match"), "it raised ValueError: axes don't match", False),
        (NotRunnableError("the program is gone"), "the program is gone", False),
        (ClipError("VMAF needs frames of at least 64x64 px"), "VMAF needs frames of at least 64x64 px", True),
    ],
)
def test_a_program_that_fails_costs_its_own_metric_and_may_be_asked_again(failing, error, words, lasting):
    sr, hr = clips()
    failing("vmaf", raises(error))
    found = metrics.of_frames(sr, hr, ["psnr_y", "vmaf"])
    assert list(found.values) == ["psnr_y"] and found.missing["vmaf"].why == words
    assert ("vmaf" in metrics.told(found).get("left_out", "")) is lasting


def test_ctrl_c_inside_a_package_is_no_missing_metric(failing):
    error = ValueError("the file cannot be closed")
    error.__context__ = KeyboardInterrupt()
    failing("vmaf", raises(error))
    with pytest.raises(ValueError, match="cannot be closed"):
        metrics.of_frames(*clips(), ["psnr_y", "vmaf"])


def test_values_that_are_no_numbers_or_too_few_are_not_taken(failing):
    sr, hr = clips()
    failing("vmaf", lambda sr, hr: np.array([1.0, 2.0, np.nan, 4.0, np.nan, 6.0, 7.0]))
    failing("xpsnr_y", lambda sr, hr: np.ones(6))
    found = metrics.of_frames(sr, hr, ["psnr_y", "vmaf", "xpsnr_y"])
    assert found.missing["vmaf"].why == "it gave no number for 2 of 7 frames, the first is 2"
    assert found.missing["xpsnr_y"].why == "it gave 6 numbers for 7 frames"
    assert metrics.told(found)["left_out"] == "vmaf"


def test_a_clip_of_which_nothing_can_be_measured_fails():
    sr, hr = clips()
    with pytest.raises(ClipError, match="a border of 20 px cannot be cropped from frames of 40x48"):
        metrics.of_frames(sr, hr, ["psnr_y", "ssim_y"], crop=20)
    broken = hr.astype(np.float32)
    broken[0, 0, 0, 0] = np.nan
    with pytest.raises(ClipError, match="not finite"):
        metrics.of_frames(broken, hr, ["psnr_y"])


def test_a_still_pair_that_is_exact_is_left_out_of_the_mean_and_counted():
    sr, hr = clips()
    sr[5:], hr[5:] = sr[4], hr[4]  # the last two pairs do not change, on both sides
    pairs = tdiff_db(sr, hr)
    assert np.isinf(pairs).tolist() == [False] * 4 + [True] * 2 and np.ptp(pairs[:4]) > 3
    found = metrics.of_clip(sr, hr, ["tdiff_psnr_y"], range(7), range(7))
    assert found.scalars == {"tdiff_psnr_y": pytest.approx(pairs[:4].mean(), abs=1e-9)}
    assert metrics.told(found) == {"infinite": "tdiff_psnr_y: 2 of 6 pairs"}
    kept = metrics.of_clip(sr, hr, ["tdiff_psnr_y"], range(7), range(7), keep_infinite=True)
    assert kept.scalars == {"tdiff_psnr_y": np.inf} and kept.infinite == found.infinite


def test_a_clip_without_any_error_has_no_finite_value():
    _, hr = clips()
    found = metrics.of_clip(hr, hr, ["tdiff_psnr_y", "tof_dis_medium"], range(7), range(7))
    assert found.scalars == {"tof_dis_medium": 0} and "is infinite" in found.missing["tdiff_psnr_y"].why
    kept = metrics.of_clip(hr, hr, ["tdiff_psnr_y"], range(7), range(7), keep_infinite=True)
    assert kept.scalars == {"tdiff_psnr_y": np.inf}


def test_one_clip_metric_that_means_nothing_here_costs_no_other(failing):
    sr, hr = clips()
    outside = np.full((6, 40, 48, 2), 1000, np.float32)  # every point leaves the picture
    names = ["warp_error_true_flow", "tdiff_psnr_y", "cvvdp_standard_fhd_30fps"]
    failing(names[2], raises(RuntimeError("out of memory")))
    found = metrics.of_clip(sr, hr, names, range(7), range(7), flow_FHW2=outside)
    assert list(found.scalars) == ["tdiff_psnr_y"]
    assert found.missing["warp_error_true_flow"].why.startswith("no point of the clip is visible")
    assert metrics.told(found)["left_out"] == "warp_error_true_flow"
    assert "cvvdp_standard_fhd_30fps: it raised RuntimeError: out of memory" in metrics.told(found)["missing"]


def test_a_clip_too_small_for_a_flow_has_its_differences():
    sr, hr = clips(size=(24, 24))
    found = metrics.of_clip(sr, hr, ["tdiff_psnr_y", "tof_dis_medium", "warp_error_true_flow"], range(7), range(7))
    assert list(found.scalars) == ["tdiff_psnr_y"]
    assert found.missing["tof_dis_medium"].why == "optical flow needs frames of at least 32x32 px, these are 24x24"


def test_frames_that_the_protocol_does_not_score_move_no_clip_metric():
    sr, hr = clips(9)
    sr[0] = sr[-1] = 0  # neither is scored
    flow = np.zeros((11, 40, 48, 2), np.float32)  # of a clip of 12 frames, of which 1..9 were restored
    flow[[0, 1, 9, 10]] = 1000  # of pairs outside the scored ones
    names = ["tdiff_psnr_y", "tof_dis_medium", "warp_error_true_flow"]
    found = metrics.of_clip(sr, hr, names, range(1, 10), range(2, 9), flow_FHW2=flow)
    alone = metrics.score_clip(sr[1:8], hr[1:8], names, flow_FHW2=flow[2:8])
    assert found.scalars == alone and not found.missing
    assert found.scalars["tdiff_psnr_y"] == pytest.approx(tdiff_db(sr[1:8], hr[1:8]).mean(), abs=1e-9)


@pytest.mark.parametrize("scored", [(4, 12), (0, 1, 2, 4), (3,), ()])
def test_scored_frames_that_are_no_neighbours_have_no_clip_metric(scored):
    sr, hr = clips(13)
    found = metrics.of_clip(sr, hr, ["tdiff_psnr_y", "tof_dis_medium"], range(13), scored)
    assert not found.scalars and found.missing.keys() == {"tdiff_psnr_y", "tof_dis_medium"}
    assert "compares neighbouring frames" in metrics.told(found)["missing"]


def test_ffmpeg_that_is_killed_or_hangs_is_the_machines_fault(tmp_path, monkeypatch):
    with pytest.raises(NotRunnableError, match="signal 9"):
        ffmpeg._run(["sh", "-c", "kill -9 $$"], tmp_path)
    with pytest.raises(ClipError, match="refused the frames: no"):
        ffmpeg._run(["sh", "-c", "echo no >&2; exit 1"], tmp_path)
    monkeypatch.setattr(ffmpeg, "_SECONDS", 0.1)
    with pytest.raises(NotRunnableError, match=r"not done after 0.1 s"):
        ffmpeg._run(["sleep", "5"], tmp_path)
