"""The first command of a newcomer: it measures, writes the table, and says what is left out and why."""

import pytest

from stvsr_bench import datasets, methods
from stvsr_bench.cli import call
from stvsr_bench.errors import OK, NotRunnableError, WeightsError
from stvsr_bench.report.figures import catalogue
from stvsr_bench.runner import suites

SUITE = """
methods = ["blend+bicubic", "rife+span"]
datasets = ["mini", "openclips"]
limit = 2
[suite]
title = "Two baselines"
[[parts]]
[[parts]]
folder = "plane"
methods = ["blend+bicubic"]
datasets = ["mini"]
splits = ["medium"]
protocols = ["suite-1:scale=2:time_scale=2", "suite-1"]
[[parts]]
folder = "plane"
methods = ["blend+bicubic"]
datasets = ["mini:rate=2"]
splits = ["medium"]
protocols = ["suite-1:scale=2:time_scale=4", "suite-1:scale=4:time_scale=4"]
"""


@pytest.fixture
def lacking(tmp_path, monkeypatch):
    """A machine without RIFE's weights and the real clips, and a smaller suite of the demonstration's form."""
    resolve, find = methods.resolve, datasets.find

    def no_weights(spec):
        if spec == "rife":
            raise WeightsError("rife: its weights are not here")
        return resolve(spec)

    def no_real_clips(name, *args, **options):
        if name == "openclips":
            raise NotRunnableError("openclips is not installed")
        return find(name, *args, **options)

    monkeypatch.setattr(methods, "resolve", no_weights)
    monkeypatch.setattr(datasets, "find", no_real_clips)
    (tmp_path / "suites" / "default").mkdir(parents=True)
    (tmp_path / "suites" / "default" / "suite.toml").write_text(SUITE)
    monkeypatch.setattr(suites, "_home", lambda: tmp_path / "suites")
    drawn = catalogue.drawn  # all but the plane's figures take most of the time
    monkeypatch.setattr(catalogue, "drawn", lambda source: drawn(source) if source.planes else [])


def test_it_measures_what_is_here_and_says_what_is_left_out(lacking, tmp_path, capsys):
    folders = [str(tmp_path / "run"), str(tmp_path / "report")]
    assert call(["demo", "--limit", "1", "--out", folders[0], "--report", folders[1], "--quiet"]) == OK
    said = capsys.readouterr().err
    assert "rife is left out: rife: its weights are not here" in said
    assert "openclips is left out: openclips is not installed" in said
    page = tmp_path / "report" / "index.html"
    assert page.is_file() and f"table.md, page: {page}" in said
    table = (tmp_path / "report" / "table.md").read_text()
    assert "blend+bicubic" in table and "rife" not in table and "openclips" not in table
    assert all(f"mini {split} has 8 clips, 1 was measured" in table for split in ("slow", "medium", "fast"))
    plane = (tmp_path / "report-plane" / "plane.csv").read_text().splitlines()
    assert sum("psnr_y" in line and ",all," in line for line in plane) == 4
    assert list((tmp_path / "report-plane" / "figures").glob("plane-*.png"))
    rows = (tmp_path / "run").glob("rows-*.jsonl")
    assert sum(len(part.read_text().splitlines()) for part in rows) == 3
