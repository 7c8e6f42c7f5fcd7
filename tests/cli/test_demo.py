"""The first command of a newcomer: it measures, writes the table, and says what is left out and why."""

import pytest

from stvsr_bench import datasets, methods
from stvsr_bench.cli import call
from stvsr_bench.errors import OK, NotRunnableError, WeightsError
from stvsr_bench.inspection import demo


@pytest.fixture
def lacking(monkeypatch):
    """A machine without baselines' weights, trained networks and the real clips; one small network, two splits."""
    resolve, clips = methods.resolve, datasets.clips

    def no_weights(spec):
        if spec in ("rife+span", "bicubic+blend"):
            raise WeightsError(f"{spec}: its weights are not here")
        return resolve(spec)

    def no_real_clips(name, *args, **options):
        if name == "openclips":
            raise NotRunnableError("openclips is not installed")
        return clips(name, *args, **options)

    monkeypatch.setattr(methods, "resolve", no_weights)
    monkeypatch.setattr(datasets, "clips", no_real_clips)
    monkeypatch.setattr(demo, "BASELINES", ("blend+bicubic", "rife+span"))
    monkeypatch.setattr(demo, "NETWORKS", ())
    monkeypatch.setattr(demo, "PLANE", ("blend+bicubic",))
    monkeypatch.setattr(demo, "PLANE_SCALES", (2, 4))
    monkeypatch.setattr(demo, "PLANE_TIMES", (2, 4))


def test_it_measures_what_is_here_and_says_what_is_left_out(lacking, tmp_path, capsys):
    folders = [str(tmp_path / "run"), str(tmp_path / "report")]
    assert call(["demo", "--limit", "1", "--out", folders[0], "--report", folders[1], "--quiet"]) == OK
    said = capsys.readouterr().err
    assert "rife+span is left out: rife+span: its weights are not here" in said
    assert "openclips is left out" in said
    table = (tmp_path / "report" / "table.md").read_text()
    assert "blend+bicubic" in table and "rife" not in table and "openclips" not in table
    assert all(f"mini {split} holds 8 clips, 1 was measured" in table for split in ("slow", "medium", "fast"))
    plane = (tmp_path / "report-plane" / "plane.csv").read_text().splitlines()
    assert sum("psnr_y" in line and ",all," in line for line in plane) == 4
    assert list((tmp_path / "report-plane" / "figures").glob("plane-*.png"))
    rows = (tmp_path / "run").glob("rows-*.jsonl")
    assert sum(len(part.read_text().splitlines()) for part in rows) == 3
