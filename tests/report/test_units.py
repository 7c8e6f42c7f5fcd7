"""The mean over windows: the continuous tables' Average and Center, in every reader of the same rows."""

import csv
import io
import math

import numpy as np
import pytest

from stvsr_bench import protocols
from stvsr_bench.data.windows import windows_of
from stvsr_bench.report.alike import alike
from stvsr_bench.report.build import build
from stvsr_bench.report.compare import compare_tidy
from stvsr_bench.report.published.verdicts import ledger
from stvsr_bench.report.tables.csvjson import tables_csv
from stvsr_bench.report.tables.marks import half_interval, tied
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import tidy
from stvsr_bench.report.units import Units

# one window of a 240 fps video of 1280x720, linear blend, Pillow's bicubic down and MATLAB's up, Y: the worked example
WINDOW = [27.63, 26.12, 23.35, 21.08, 19.92, 19.68, 20.37, 23.13, 27.83]
NAMES = {"average": "videoinr-2022", "centre": "videoinr-2022-centre"}


def rows_of(make, protocol, dbs_by_clip, method="zsm"):
    """Rows of clips whose frames have these PSNR values: those that the protocol scores."""
    rows = []
    for clip, dbs in dbs_by_clip.items():
        windows = windows_of(len(dbs), protocols.get(protocol), (2, 2))
        frames = windows.scored(protocols.get(protocol))
        psnr = [dbs[i] for i in frames]
        given = [i in windows.given for i in frames]
        rows.append(make(method, "", "gopro", "all-test", clip, psnr, protocol=protocol, frames=frames, given=given))
    return rows


def means(rows):
    (table,) = build(tidy(rows), [], Options(metrics=("psnr_y",)))
    return {line.method: cell.value for line in table.lines for cell, of in zip(line.cells, table.columns, strict=True)
            if of.frames == "all"}  # fmt: skip


def test_the_worked_example_of_the_continuous_table(row):
    found = {name: means(rows_of(row, protocol, {"c": WINDOW}))["zsm"] for name, protocol in NAMES.items()}
    assert found["average"] == pytest.approx(22.66, abs=0.005)
    assert found["centre"] == pytest.approx(23.775, abs=1e-9)
    assert found["centre"] > found["average"]  # as in all published pairs


@pytest.mark.parametrize(("name", "of_window"), [("average", range(8)), ("centre", (0, 4))])
def test_a_clip_counts_as_often_as_it_has_windows_in_every_reader(row, one, published, name, of_window):
    dice = np.random.default_rng(3)
    lengths = {"a": 9, "b": 41, "c": 18, "d": 100}
    rows, wanted = [], {}
    for method, gain in (("zsm", 0.0), ("tmnet", 0.4)):
        dbs = {clip: list(np.round(dice.uniform(20, 30, n) + gain, 3)) for clip, n in lengths.items()}
        rows += rows_of(row, NAMES[name], dbs, method)
        windows = [np.mean([of[start + i] for i in of_window]) for of in dbs.values()
                   for start in range(0, len(of) - 8, 8)]  # fmt: skip
        wanted[method] = float(np.mean(windows))
        assert len(windows) == sum((n - 1) // 8 for n in lengths.values())
    assert means(rows) == pytest.approx(wanted, abs=1e-9)
    whole = tidy(rows)
    tables = build(whole, [], Options(metrics=("psnr_y",)))
    lines = csv.DictReader(io.StringIO(tables_csv(tables)))
    assert {of["method"]: float(of["value"]) for of in lines if of["frames"] == "all"} == pytest.approx(wanted)
    (part,) = [of for of in compare_tidy(whole, "tmnet", "zsm", ["psnr_y"]).parts
               if of.frames == "all" and "motion" not in of.where]  # fmt: skip
    assert part.result.difference.mean == pytest.approx(wanted["tmnet"] - wanted["zsm"], abs=1e-9)
    line = one(method="zsm", protocol=NAMES[name], dataset="gopro", split="all-test", time_scale="8", psnr_y="30.00")
    measured = [of.value for entry in ledger(alike(whole), published(line)) for of in entry.measured]
    assert measured == [pytest.approx(wanted["zsm"])]


def test_units_are_the_plain_clips_where_all_weigh_the_same():
    values = np.array([1.0, 4.0, 2.0, 7.0, 3.0, 9.0])
    even = Units(weights=(3.0,) * 6)
    np.testing.assert_allclose(even.of(values), values, rtol=0, atol=1e-12)
    assert half_interval(values, even) == pytest.approx(half_interval(values))


def test_the_interval_of_a_weighted_mean_is_that_of_the_ratio_estimator():
    values, weights = np.array([20.0, 24.0, 31.0, 22.0, 27.0]), np.array([5.0, 1.0, 12.0, 3.0, 4.0])
    units = Units(weights=tuple(weights))
    mean = (values * weights).sum() / weights.sum()
    # Cochran, Sampling Techniques: variance of a ratio of two sample means, by its residuals
    residuals = weights * (values - mean)
    error = math.sqrt((residuals**2).sum() / (len(values) - 1) / len(values)) / weights.mean()
    assert units.mean(values) == pytest.approx(mean)
    assert half_interval(values, units) == pytest.approx(2.7764451052 * error)


def test_what_has_no_value_weighs_nothing():
    units = Units(weights=(1.0, 100.0, 1.0))
    assert units.mean(np.array([1.0, np.nan, 3.0])) == 2.0
    assert math.isnan(units.mean(np.full(3, np.nan)))
    assert math.isinf(units.mean(np.array([1.0, np.inf, 3.0])))


def test_a_difference_is_tied_by_the_units_of_the_mean():
    second = np.full(6, 30.0)
    first = second + np.array([0.001, -1.0, -1.1, -0.9, -1.0, -1.1])
    assert not tied(first, second, 0.01)
    assert tied(first, second, 0.01, Units(weights=(10000.0, 1.0, 1.0, 1.0, 1.0, 1.0)))
