"""Metrics against the numbers that the authors' own functions gave on deterministic frames."""

import json
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from stvsr_bench import metrics
from stvsr_bench.metrics import color, kernels

GOLDENS = Path(__file__).parents[1] / "goldens"
sys.path.insert(0, str(GOLDENS))
import goldens_frames  # noqa: E402

RECORDED = json.loads((GOLDENS / "goldens_metrics.json").read_text())
PAIRS = {entry["recipe"]["name"]: entry for entry in RECORDED["frames"]}
CLIPS = {entry["recipe"]["name"]: entry for entry in RECORDED["clips"]}
NAMES = {"psnr_y": "psnr_y", "ssim_y": "ssim_y", "psnr_rgb": "psnr", "ssim_rgb": "ssim"}


@pytest.fixture(params=["numba", "plain"])
def engine(request, monkeypatch):
    if request.param == "numba":
        pytest.importorskip("numba")
    else:
        monkeypatch.setattr(kernels, "available", lambda: False)
    return request.param


def frames_of(*frames_HWC):
    return np.stack(frames_HWC).transpose(0, 3, 1, 2)


@cache
def pair(name):
    """(sr, hr) of a recorded pair, (H, W, C), made once."""
    return goldens_frames.pair(PAIRS[name]["recipe"])


def tolerance(metric, value):
    if metric.startswith("ssim"):
        return 1e-10
    return 1e-8 if value > 100 else 1e-9


def assert_value(metric, measured, recorded):
    wanted = float(recorded)
    if np.isinf(wanted):
        assert np.isinf(measured) and measured > 0
    else:
        assert measured == pytest.approx(wanted, abs=tolerance(metric, wanted), rel=0)


@pytest.mark.parametrize("name", PAIRS)
def test_each_recorded_pair_gives_the_recorded_values(name, engine):
    recorded = PAIRS[name]
    sr_HWC, hr_HWC = pair(name)
    assert goldens_frames.sha(sr_HWC) == recorded["sha_out"]
    assert goldens_frames.sha(hr_HWC) == recorded["sha_gt"]
    scores = metrics.score_frames(frames_of(sr_HWC), frames_of(hr_HWC), list(NAMES))
    for ours, theirs in NAMES.items():
        assert_value(ours, scores[ours][0], recorded["float64"][theirs])
    assert_value("ssim_y", scores["ssim_y"][0], recorded["exact"]["ssim_y_longdouble"])


@pytest.mark.parametrize("name", CLIPS)
def test_each_recorded_clip_gives_the_recorded_values_frame_by_frame(name, engine):
    recorded = CLIPS[name]
    pairs = goldens_frames.clip(recorded["recipe"])
    sr_SCHW, hr_SCHW = (frames_of(*side) for side in zip(*pairs, strict=True))
    scores = metrics.score_frames(sr_SCHW, hr_SCHW, list(NAMES))
    for ours, theirs in NAMES.items():
        np.testing.assert_allclose(
            scores[ours], recorded["float64"][theirs], rtol=0, atol=1e-10 if "ssim" in ours else 1e-9
        )
        assert scores[ours].mean() == pytest.approx(recorded["float64_clip_mean"][theirs], abs=1e-9)
    variants = recorded["variants"]
    pooled = 10 * np.log10(255**2 / metrics.mse_y(sr_SCHW, hr_SCHW).mean())
    assert pooled == pytest.approx(variants["psnr_y_from_pooled_mse"], abs=1e-6)


@pytest.mark.parametrize("name", [name for name, entry in PAIRS.items() if entry["exact"]["mse_y_num"] != "0"])
def test_mse_is_the_exact_rational_number(name):
    recorded = PAIRS[name]["exact"]
    sr_SCHW, hr_SCHW = (frames_of(side) for side in pair(name))
    exact_y = int(recorded["mse_y_num"]) / int(recorded["mse_y_den"])
    assert metrics.mse_y(sr_SCHW, hr_SCHW)[0] == pytest.approx(exact_y, rel=1e-15)
    exact_rgb = int(recorded["mse_rgb_num"]) / int(recorded["mse_rgb_den"])
    assert metrics.mse_rgb(sr_SCHW, hr_SCHW)[0] == pytest.approx(exact_rgb, rel=1e-15)


def test_rounding_to_8_bits_equals_the_recorded_table(engine):
    table = RECORDED["tensor2img"]
    values = np.frombuffer(bytes.fromhex("".join(table["float32_hex"])), dtype="<f4")
    assert color.levels(values).tolist() == table["uint8"]


def test_luma_equals_the_recorded_table():
    table = RECORDED["ycbcr"]
    rgb_CHW = np.array(table["rgb"], np.uint8).T.reshape(3, 1, -1)
    luma = color.in_levels(rgb_CHW, color.STUDIO_Y)[0]
    np.testing.assert_allclose(luma, table["y_float64_255"], rtol=0, atol=1e-12)
    assert color.in_levels(rgb_CHW, color.STUDIO_Y_ROUNDED)[0].tolist() == table["y_uint8"]


@pytest.mark.parametrize("name", [name for name, entry in PAIRS.items() if min(entry["recipe"]["h"], 99) >= 19])
def test_named_variants_equal_what_the_published_code_gives_when_misused(name, engine):
    recorded = PAIRS[name]
    sr_SCHW, hr_SCHW = (frames_of(side) for side in pair(name))
    scores = metrics.score_frames(
        sr_SCHW, hr_SCHW, ["psnr_y_crop4", "ssim_y_crop4", "psnr_y_rounded", "ssim_y_rounded"]
    )
    for variant, wanted in (("crop4", recorded["official_pipeline_crop4"]), ("rounded", recorded["y_rounded_uint8"])):
        psnr = float(wanted["psnr_y"])
        if psnr < 50:  # above it the published code's float32 truth shows
            assert scores[f"psnr_y_{variant}"][0] == pytest.approx(psnr, abs=1e-4)
        assert scores[f"ssim_y_{variant}"][0] == pytest.approx(wanted["ssim_y"], abs=2e-6)


@pytest.mark.parametrize(
    "name,wanted", [("vimeo_blur", 0.9901414), ("vimeo_noise", 0.9700880), ("vimeo_shift", 0.8835704)]
)
def test_ms_ssim_equals_pytorch_msssim_to_its_float32_window(name, wanted):
    sr_SCHW, hr_SCHW = (frames_of(side) for side in pair(name))
    assert metrics.score_frames(sr_SCHW, hr_SCHW, ["ms_ssim_y"])["ms_ssim_y"][0] == pytest.approx(wanted, abs=3e-6)
