"""The mean over windows: the continuous tables' Average and Center, in every reader of the same rows."""

import csv
import io
import math
from functools import partial

import cv2
import numpy as np
import pytest

from stvsr_bench import metrics, protocols
from stvsr_bench.data.windows import windows_of
from stvsr_bench.report.alike import alike
from stvsr_bench.report.build import build
from stvsr_bench.report.compare import compare_tidy
from stvsr_bench.report.published.verdicts import ledger
from stvsr_bench.report.tables.csvjson import tables_csv
from stvsr_bench.report.tables.marks import half_interval, tied
from stvsr_bench.report.tables.table import Options, display
from stvsr_bench.report.tidy import tidy
from stvsr_bench.report.units import POOLED, Units

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


def temporal_rows(make, lengths, means_by_method, name="tof_v3", fewer=1):
    """Rows of clips of so many frames whose tOF is the mean over drawn pairs, and all those pairs by method."""
    rows, pairs = [], {}
    dice = np.random.default_rng(8)
    for method, shift in means_by_method.items():
        pairs[method] = {clip: dice.uniform(0.5, 3.0, count - fewer) + shift for clip, count in lengths.items()}
        for clip, count in lengths.items():
            scalars = {name: float(np.mean(pairs[method][clip]))}
            frames = list(range(count))
            rows.append(make(method, "", "vid4", "test", clip, [30.0] * count, frames=frames,
                             given=[index % 2 == 0 for index in frames], scalars=scalars))  # fmt: skip
    return rows, pairs


@pytest.mark.parametrize(("name", "fewer"), [("tof_v3", 1), ("tof_bfstvsr", 1), ("tof_tecogan", 5)])
@pytest.mark.parametrize("protocol", ["suite-1", "rstt-2022", "videoinr-2022"])
def test_a_pooled_tof_is_the_mean_over_all_pairs_of_all_clips_under_any_protocol(row, name, fewer, protocol):
    lengths = {"x/a": 9, "x/b": 41, "y/c": 17, "y/d": 33}
    make = partial(row, protocol=protocol)
    rows, pairs = temporal_rows(make, lengths, {"zsm": 0.0, "tmnet": 0.3}, name, fewer)
    pooled = {method: float(np.concatenate(list(of.values())).mean()) for method, of in pairs.items()}
    names = (name, f"{name}_pooled")
    (table,) = build(tidy(rows), [], Options(metrics=names))
    found = {(line.method, of.metric): cell.value for line in table.lines
             for cell, of in zip(line.cells, table.columns, strict=True)}  # fmt: skip
    for method, of in pairs.items():
        assert found[method, names[1]] == pytest.approx(pooled[method], abs=1e-12)
        if protocol == "suite-1":
            assert found[method, name] == pytest.approx(np.mean([clip.mean() for clip in of.values()]), abs=1e-12)
        assert abs(found[method, name] - found[method, names[1]]) > 1e-4  # else the test tells nothing apart
    parts = compare_tidy(tidy(rows), "tmnet", "zsm", [names[1]]).parts
    (part,) = [of for of in parts if of.frames == "all" and "motion" not in of.where]
    assert part.result.difference.mean == pytest.approx(pooled["zsm"] - pooled["tmnet"], abs=1e-12)  # a gain


def test_a_clip_without_a_pair_has_no_share_in_a_pooled_tof_and_titles_tell_both_apart(row):
    rows, pairs = temporal_rows(row, {"a": 9, "b": 17}, {"zsm": 0.0})
    rows += [row("zsm", "", "vid4", "test", "c", [30.0], frames=[0], given=[True])]  # no neighbour, no tOF
    (table,) = build(tidy(rows), [], Options(metrics=("tof_v3_pooled",)))
    assert table.lines[0].cells[0].value == pytest.approx(np.concatenate(list(pairs["zsm"].values())).mean(), abs=1e-12)
    of_clips, of_pairs = display("tof_v3"), display("tof_v3_pooled")
    assert of_pairs.title == "tOF as V3, over all pairs of all clips" != of_clips.title
    assert (of_pairs.unit, of_pairs.better, of_pairs.decimals) == (of_clips.unit, of_clips.better, of_clips.decimals)


@pytest.mark.parametrize("pooled", POOLED.values(), ids=POOLED)
def test_the_pairs_of_a_pooled_tof_are_those_that_its_metric_compares(pooled, monkeypatch):
    seen, flow = [], cv2.calcOpticalFlowFarneback
    monkeypatch.setattr(cv2, "calcOpticalFlowFarneback", lambda *args: (seen.append(1), flow(*args))[1])
    hr = np.random.default_rng(0).random((8, 3, 64, 64)).astype(np.float32)
    metrics.score_clip(hr[:, :, ::-1].copy(), hr, [pooled.of])
    assert len(seen) == 2 * (8 - pooled.fewer)  # of both sides
