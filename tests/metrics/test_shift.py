"""Shifts of a clip in the picture and in time, on clips that were shifted by known amounts."""

import numpy as np
import pytest

from stvsr_bench import metrics
from stvsr_bench.errors import ClipError
from stvsr_bench.metrics import golden_frames, shift


@pytest.fixture(scope="module")
def wide():
    return golden_frames.natural(6, 80, 120).transpose(2, 0, 1)


def scores(sr, hr):
    return metrics.score_clip(sr, hr, list(shift.SHIFT))


@pytest.mark.parametrize(("right", "down"), [(2, -3), (0, 1), (0, 0)])
def test_a_shift_of_whole_pixels_is_found_and_undone(wide, right, down):
    hr = np.stack([wide[:, 8:72, 8 + t : 104 + t] for t in (0, 2)])
    # sr shows at x what the truth shows at x + right: it must be moved right by that
    sr = np.stack([wide[:, 8 + down : 72 + down, 8 + right + t : 104 + right + t] for t in (0, 2)])
    found = scores(sr, hr)
    assert (found["shift3q_right"], found["shift3q_down"]) == (right, down)
    assert found["psnr_y_shift3q"] == np.inf
    if (right, down) != (0, 0):
        assert found["psnr_y_shift0"] < 35


def test_half_a_pixel_is_found_against_a_picture_drawn_at_half_pixels(wide):
    """The truth is a smooth wave, so that its shift by half a pixel is known without any interpolation."""
    y, x = np.mgrid[:64, :96].astype(float)

    def wave(x):
        return np.rint(128 + 60 * np.sin(x / 5) * np.cos(y / 7)).astype(np.uint8)

    hr, sr = (np.broadcast_to(wave(at), (2, 3, 64, 96)).copy() for at in (x, x + 0.5))
    found = scores(sr, hr)
    assert (found["shift3q_right"], found["shift3q_down"]) == (0.5, 0)
    assert found["psnr_y_shift3q"] > found["psnr_y_shift0"] + 10


def test_unshifted_is_psnr_y_with_a_crop_of_four(wide):
    hr = wide[None, :, :64, :96].repeat(2, axis=0)
    sr = np.clip(hr.astype(int) + np.random.default_rng(0).integers(-9, 9, hr.shape), 0, 255).astype(np.uint8)
    cropped = metrics.score_frames(sr, hr, ["psnr_y"], crop=4)["psnr_y"]
    found = scores(sr, hr)
    assert found["psnr_y_shift0"] == pytest.approx(cropped.mean(), abs=1e-9)
    # between pixels noise is averaged, so the best shift of a noisy clip need not be none: why it is no score
    assert found["psnr_y_shift3q"] >= found["psnr_y_shift0"]


@pytest.mark.parametrize("late", [-2, 1, 0])
def test_a_lag_in_whole_frames_is_found(wide, late):
    clip = np.stack([wide[:, :64, 3 * t : 3 * t + 80] for t in range(10)])
    found = scores(clip[2 - late : 8 - late], clip[2:8])
    assert (found["lag2"], found["psnr_y_lag2"]) == (late, np.inf)


def test_a_small_frame_is_a_sentence(wide):
    tiny = wide[None, :, :40, :15].repeat(2, axis=0)
    with pytest.raises(ClipError, match="at least"):
        metrics.score_clip(tiny, tiny, ["shift3q_right"])
