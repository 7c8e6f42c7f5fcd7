"""Metrics that a command asks for and that cannot be measured, or mean something only for some clips."""

import pytest

from stvsr_bench import metrics, notes
from stvsr_bench.errors import NotRunnableError, UnknownNameError, UsageError
from stvsr_bench.report.units import POOLED
from stvsr_bench.runner import asked, plan, score
from stvsr_bench.runner.plan import RunSpec


@pytest.mark.parametrize("planned", [plan.make, score.make], ids=["run", "score"])
def test_run_and_score_refuse_alike_what_no_clip_can_have(planned, tmp_path, monkeypatch):
    def spec(name):
        return RunSpec(methods=("blend+bicubic",), datasets=("mini",), out=tmp_path / "run", metrics=(name,))

    with pytest.raises(UnknownNameError, match=r"unknown metric 'tof_v4'\. Did you mean 'tof_v3'"):
        planned(spec("tof_v4"))
    monkeypatch.setattr(metrics, "missing", lambda name: "it is not here: run pip" if name == "cambi" else "")
    with pytest.raises(NotRunnableError, match="metric cambi: it is not here: run pip"):
        planned(spec("cambi"))


def test_a_mean_over_a_set_is_refused_with_the_metric_that_it_is_of():
    for name, pooled in POOLED.items():
        with pytest.raises(UsageError, match=f"measure --metrics {pooled.of}, then"):
            asked.check_metrics([name])
    with pytest.raises(UnknownNameError, match="unknown metric 'psnr_pooled'"):
        asked.check_metrics(["psnr_pooled"])


def test_a_model_for_high_frame_rates_says_what_rates_it_is_for(monkeypatch):
    said = []
    monkeypatch.setattr(notes, "once", said.append)
    monkeypatch.setattr(metrics, "missing", lambda name: "")
    asked.check_metrics(["vmaf_v1_3d0h", "psnr_y"])
    assert said == []
    asked.check_metrics([name for name in metrics.METRICS if "hfr" in name])
    assert len(said) == 4  # of 3d0h, 5d0h, 1d5h_2160 and 3d0h_2160
    assert said[0].startswith("vmaf_v1_hfr_3d0h is for clips of 50 to 60 frames per second")
    assert all(sentence.split("use ")[1].split(",")[0] in metrics.METRICS for sentence in said)
