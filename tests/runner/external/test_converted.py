"""Results made from frames that the ffmpeg program took out of the true video, against that same program's frames."""

import numpy as np
import pytest

from stvsr_bench.cli import call
from stvsr_bench.data import colours
from stvsr_bench.data.frames import write_png
from stvsr_bench.rows import store

HEIGHT, WIDTH, COUNT = 48, 64, 7
H264 = ("-c:v", "libx264", "-crf", "1", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


@pytest.fixture
def truth(tmp_path, ffmpeg):
    """A video that is stored upside down, and its frames as the program writes them."""
    size = ("-f", "lavfi", "-i", f"testsrc2=s={WIDTH}x{HEIGHT}:r=25:d={COUNT / 25}")
    ffmpeg(*size, *H264, tmp_path / "plain.mp4")
    ffmpeg("-display_rotation", "180", "-i", tmp_path / "plain.mp4", "-c", "copy", tmp_path / "clip.mp4")
    raw = ffmpeg("-i", tmp_path / "clip.mp4", "-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
    return np.frombuffer(raw, np.uint8).reshape(COUNT, HEIGHT, WIDTH, 3)


def scored(tmp_path, frames_SHWC):
    for i, frame in enumerate(frames_SHWC):
        write_png(tmp_path / "frames" / "clip" / f"{i:05d}.png", np.ascontiguousarray(frame))
    argv = ["score", str(tmp_path / "frames"), "--against", str(tmp_path / "clip.mp4"), "-o", str(tmp_path / "rows")]
    assert call([*argv, "-q"]) == 0
    (row,) = store.read_rows(tmp_path / "rows")
    return np.array([float(value) for value in row.values["psnr_y"]]), row.flags


def psnr_y(first_SHWC, second_SHWC):
    luma = np.array([65.481, 128.553, 24.966]) / 255
    error = ((first_SHWC.astype(np.float64) @ luma - second_SHWC.astype(np.float64) @ luma) ** 2).mean((1, 2))
    return 10 * np.log10(255**2 / error)


def test_frames_that_were_taken_out_of_the_true_video_are_equal_to_it(tmp_path, truth):
    found, flags = scored(tmp_path, truth)
    assert np.isposinf(found).all() and "truth-as-ffmpeg" in flags


def test_frames_between_are_compared_in_the_conversion_of_the_input_frames(tmp_path, truth):
    made = truth.copy()
    noise = np.random.default_rng(0).integers(-6, 7, made[1::2].shape)
    made[1::2] = np.clip(made[1::2].astype(int) + noise, 0, 255)
    found, flags = scored(tmp_path, made)
    assert found[1::2] == pytest.approx(psnr_y(truth[1::2], made[1::2]), abs=1e-3) and "truth-as-ffmpeg" in flags


def test_one_other_value_is_no_evidence(tmp_path, truth):
    """Frames that are only near are compared with the exact conversion, as all are."""
    made = truth.copy()
    made[2, 5, 5, 1] ^= 1
    found, flags = scored(tmp_path, made)
    assert np.isfinite(found).all() and not any("ffmpeg" in flag for flag in flags)


def test_of_restored_frames_one_is_converted_once_more_and_not_the_whole_video(tmp_path, truth, monkeypatch):
    converted, usual = [], colours.usual_rgb
    monkeypatch.setattr(colours, "usual_rgb", lambda frame: converted.append(0) or usual(frame))
    noise = np.random.default_rng(0).integers(-6, 7, truth.shape)
    found, flags = scored(tmp_path, np.clip(truth.astype(int) + noise, 0, 255).astype(np.uint8))
    assert np.isfinite(found).all() and "truth-as-ffmpeg" not in flags and len(converted) == 1
