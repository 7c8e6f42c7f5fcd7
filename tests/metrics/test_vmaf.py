"""VMAF: every model against the program called by hand, the sizes that it cannot do, and model files."""

import json
import subprocess

import numpy as np
import pytest

from stvsr_bench import metrics
from stvsr_bench.cli import call
from stvsr_bench.errors import USAGE, ClipError, NotRunnableError
from stvsr_bench.metrics import extras, ffmpeg, selftest_motion, vmaf

pytest.importorskip("imageio_ffmpeg")


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory):
    """A run of the program over y4m files, as anybody would type it; gives the pooled mean."""
    folder = tmp_path_factory.mktemp("vmaf")
    for side, frames in zip(("sr", "hr"), selftest_motion.pan(), strict=True):
        raw = np.ascontiguousarray(frames.transpose(0, 2, 3, 1)).tobytes()
        shape = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "640x320", "-r", "25", "-i", "-"]
        scale = "scale=out_color_matrix=bt601:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,format=yuv420p"
        command = [ffmpeg.binary(), "-loglevel", "error", *shape, "-vf", scale, f"{folder}/{side}.y4m"]
        subprocess.run(command, input=raw, check=True)

    def score(model):
        said = f"libvmaf=model={model}:log_fmt=json:log_path=log.json"
        files = ["-i", "sr.y4m", "-i", "hr.y4m"]
        command = [ffmpeg.binary(), "-loglevel", "error", *files, "-lavfi", said, "-f", "null", "-"]
        subprocess.run(command, cwd=folder, check=True)
        return json.loads((folder / "log.json").read_text())["pooled_metrics"]["vmaf"]["mean"]

    return score


@pytest.mark.parametrize("name", vmaf.MODELS)
def test_a_model_gives_what_the_program_prints(name, by_hand):
    ours = metrics.METRICS[name].function(*selftest_motion.pan()).mean()
    assert ours == pytest.approx(by_hand(f"version={vmaf.MODELS[name].name}"), abs=1e-5)


def test_the_recorded_scores_are_computed_again():
    check = selftest_motion._programs(selftest_motion.goldens())
    assert check.skipped or check.passed


@pytest.mark.parametrize(
    ("name", "least"),
    # tried by hand from both sides: below, libvmaf crashes
    [("vmaf_v1_3d0h", 160), ("vmaf_v1_hfr_5d0h", 266), ("vmaf_v1_3d0h_2160", 318), ("vmaf_v1_1d5h_2160", 160)],
)
def test_the_least_side_of_a_model(name, least):
    vmaf.MODELS[name].check((least, 400))
    for size in ((least - 1, 400), (400, least - 1)):
        with pytest.raises(ClipError, match=f"at least {least}x{least} px"):
            vmaf.MODELS[name].check(size)


def test_sizes_where_the_program_would_say_0_are_refused_before_it_starts(monkeypatch):
    monkeypatch.setattr(ffmpeg, "_run", lambda *_: pytest.fail("the program was started"))
    frames = np.zeros((2, 3, 200, 214), np.uint8)
    for name in ("vmaf_v1_3d0h", "cambi"):
        with pytest.raises(ClipError, match="a side of at least 216 px, these frames are 200x214"):
            metrics.METRICS[name].function(frames, frames)


def test_a_log_without_a_score_is_no_zero():
    with pytest.raises(ClipError, match="gave no score"):
        vmaf._of_log("vmaf_v1", json.dumps({"frames": [{"metrics": {"adm": 1.0}}]}), "vmaf")


def test_a_model_that_the_program_does_not_know_is_named():
    assert "does not know the model vmaf_v9" in vmaf.missing(vmaf.Model("vmaf_v9", ""))


def test_cambi_is_of_the_restored_frames_alone():
    sr, hr = selftest_motion.pan()
    steps = np.repeat(np.arange(0, 40), 16).astype(np.uint8)  # bands of one level
    banded = np.broadcast_to(steps + 60, hr.shape)
    assert metrics.METRICS["cambi"].function(banded, hr).min() > 1
    assert metrics.METRICS["cambi"].function(sr, banded).max() < 0.5


@pytest.fixture
def no_model(monkeypatch):
    monkeypatch.delenv(vmaf.VARIABLE, raising=False)
    monkeypatch.setenv(vmaf.VARIABLE, "")  # restored afterwards, whatever the option sets


def test_a_model_file_makes_a_metric_that_carries_its_digest(tmp_path, no_model, monkeypatch):
    monkeypatch.setattr(ffmpeg, "trial", lambda *_: "")
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"model_dict": {"feature_opts_dicts": [{"speed_prescale": 0.6}, {"cambi_max_val": 1}]}}))
    name = vmaf.chosen(path)
    assert vmaf.is_of_file(name) and name in metrics.METRICS and name in extras.EXTRAS
    assert metrics.missing(name) == "" and "mine.json" in metrics.made_by(name)
    with pytest.raises(ClipError, match=r"mine.json needs frames of at least 266x266"):
        metrics.METRICS[name].function(*np.zeros((2, 1, 3, 200, 300), np.uint8))
    path.write_text(path.read_text() + "\n")
    assert "another model file" in metrics.missing(name)
    monkeypatch.setenv(vmaf.VARIABLE, "")
    assert "add --vmaf-model FILE" in metrics.missing(name)
    with pytest.raises(NotRunnableError, match="not named here"):
        metrics.METRICS[name].function(*np.zeros((2, 1, 3, 300, 300), np.uint8))
    assert "vmaf_model_xyz" not in metrics.METRICS


def test_a_file_that_is_no_model_is_refused_by_the_command(tmp_path, no_model, capsys):
    path = tmp_path / "other.json"
    for text, said in (("[1]", "is not a VMAF model in JSON"), ('{"model_dict": {}}', "cannot load it")):
        path.write_text(text)
        assert call(["run", "--methods", "bicubic", "--vmaf-model", str(path), "--dry-run"]) == USAGE
        assert said in capsys.readouterr().err
