"""Time, multiply-adds and memory beside quality: from one stated setting, or a dash with its reason."""

from dataclasses import replace

import numpy as np
import pytest

from stvsr_bench.report.build import build
from stvsr_bench.report.tables.beside import most_frequent
from stvsr_bench.report.tables.cost import costs, costs_csv, costs_md
from stvsr_bench.report.tables.csvjson import records
from stvsr_bench.report.tables.markdown import table_md
from stvsr_bench.report.tables.notes import Coverage
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import tidy


def profile(method, ms=100.0, **changes):
    fields = {
        "kind": "profile",
        "method": method,
        "weights": "",
        "device": "cpu",
        "machine": "m1",
        "machine_facts": {"cpu": "a processor"},
        "threads": 2,
        "precision": "fp32",
        "size": [64, 112],
        "frames": 4,
        "params": 0,
        "gmacs": 10.0,
        "engine": "",
        "peak_memory_mib": 500.0,
        "runtime_ms": {"median": 7 * ms, "frame_ms": ms, "iqr": 1.0, "n": 5},
    }
    return {**fields, **changes}


def made(row, names, profiles, options=None):
    rows = [row(name, "", "d", "s", "1", [30.0] * 7) for name in names]
    (table,) = build(tidy(rows), profiles, options or Options(metrics=("psnr_y",)))
    return {line.method: line.facts for line in table.lines}, table


def test_profiles_of_another_size_device_thread_count_or_machine_are_a_dash_with_a_note(row):
    other = {"size": [128, 224], "device": "cuda", "threads": 1, "machine": "m2", "channels_last": True, "frames": 2}
    for name, value in other.items():
        of = [profile("a", 20.0), profile("b", 30.0), profile("c", 244.4, **{name: value})]
        facts, table = made(row, "abc", of)
        assert [facts[key].get("runtime_ms") for key in "abc"] == [20.0, 30.0, None], name
        assert [facts[key].get("memory_mib") for key in "abc"] == [500.0, 500.0, None], name
        # multiply-adds are the same on every machine, but not of another input
        assert facts["c"].get("gmacs") == (None if name in ("size", "frames") else 10.0)
        assert any(note.startswith("Runtime of c was measured in another setting: ") for note in table.notes), name
        assert "Runtime, Memory: 4 frames of 112x64, cpu, 2 threads, a processor (m1)" in table.notes


def test_of_two_profiles_of_one_setting_the_later_counts_everywhere(row):
    of = [profile("a", 1000.0), profile("a", 100.0)]
    facts, _ = made(row, "a", of)
    assert facts["a"]["runtime_ms"] == 100.0
    assert [one["runtime_ms"] for one in costs(of)] == [100.0]


def test_a_profile_of_other_code_than_the_rows_is_a_dash_with_a_note(row):
    """A network edited to be faster: its old time must not stand beside its new quality."""
    rows = [replace(row(name, "", "d", "s", "1", [30.0] * 7), made={"code": "new"}) for name in "abc"]
    of = [profile("a", 10.0, code="new"), profile("b", 20.0, code="old"), profile("c", 30.0)]
    (table,) = build(tidy(rows), of, Options(metrics=("psnr_y",)))
    assert [line.facts.get("runtime_ms") for line in table.lines] == [10.0, None, 30.0]
    assert "cost of b: profiled with other code than that of the rows; profile again" in table.notes
    (table,) = build(tidy(rows), [*of, profile("b", 15.0, code="new")], Options(metrics=("psnr_y",)))
    assert table.lines[1].facts["runtime_ms"] == 15.0


def test_a_later_profile_in_another_setting_does_not_replace_the_shared_one(row):
    of = [profile("a", 10.0), profile("b", 20.0), profile("a", 99.0, size=[16, 16])]
    facts, _ = made(row, "ab", of)
    assert [facts[key]["runtime_ms"] for key in "ab"] == [10.0, 20.0]


def test_precision_and_compiling_are_those_of_the_row(row):
    of = [profile("a", 10.0), profile("a", 4.0, precision="bf16"), profile("a", 3.0, precision="bf16", compile=True)]
    facts, _ = made(row, ["a", "a [bf16]", "a [bf16,compile]", "a [tile64-16]"], of)
    assert {name: of.get("runtime_ms") for name, of in facts.items()} == {
        "a": 10.0,
        "a [bf16]": 4.0,
        "a [bf16,compile]": 3.0,
        "a [tile64-16]": None,
    }
    facts, _ = made(row, ["a"], of[1:])
    assert "runtime_ms" not in facts["a"]


def test_a_network_of_other_parameters_is_not_the_same_even_with_the_same_tag(row):
    facts, _ = made(row, ["a"], [profile("a", params=5)])
    assert "gmacs" not in facts["a"]
    rows = [row("a", "w", "d", "s", "1", [30.0] * 7, params=None)]
    (table,) = build(tidy(rows), [profile("a", weights="w", params=2_000_000)], Options())
    assert table.lines[0].facts["params"] == 2.0


def test_multiply_adds_are_of_the_paper_s_order_and_the_fast_engine_s_are_another_column(row):
    of = [profile("a", engine="fast", gmacs=311.3, gmacs_plain=369.4), profile("b", engine="plain", gmacs=5.0)]
    of += [profile("c", gmacs=0.0), profile("d", engine="fast", gmacs=479.6)]
    facts, table = made(row, "abcd", of, Options(metrics=("psnr_y",), facts=("gmacs", "gmacs_fast")))
    assert [facts[name].get("gmacs") for name in "abcd"] == [369.4, 5.0, None, None]
    assert [facts[name].get("gmacs_fast") for name in "abcd"] == [311.3, None, None, 479.6]
    assert table.facts == ("gmacs", "gmacs_fast")
    assert any(note.startswith("GMACs of d: only the fast engine was counted") for note in table.notes)
    assert made(row, "a", of)[1].facts.count("gmacs_fast") == 0  # only where it is asked for
    said = costs_md(of)
    assert "GMACs, fast engine" in said and "369.4" in said and "311.3" in said
    assert "GMACs, fast engine" not in costs_md(of[1:3])
    assert ",369.4,311.3," in costs_csv(of)


def test_costs_in_two_layouts_are_two_lines_of_the_cost_table():
    of = [profile("a", 10.0), profile("a", 8.0, channels_last=True), profile("a", 5.0, compile=True)]
    assert [one["runtime_ms"] for one in costs(of)] == [10.0, 8.0, 5.0]
    assert "cpu, fp32, channels\\_last, 2 threads" in costs_md(of) and "cpu, fp32, compile, 2 threads" in costs_md(of)


def test_the_setting_of_most_methods_is_taken():
    assert most_frequent({"a": ["x"], "b": ["y"], "c": ["y"]}) == "y"
    assert most_frequent({"a": ["x", "x"], "b": ["y"]}) == "x"  # as many methods, more measurements
    assert most_frequent({"a": ["x"], "b": ["y"]}) == "y"  # the last
    assert most_frequent({"a": []}) is None


# -- seconds: from the rows ---------------------------------------------------------------------------------------


def timed(row, method, dataset, seconds, **changes):
    return [
        row(method, "", dataset, "s", f"{clip}", [30.0] * 7, seconds={"restore": value}, **changes)
        for clip, value in enumerate(seconds)
    ]


def test_seconds_are_of_the_clips_of_one_data_set(row):
    small, large = {"size": (128, 160)}, {"size": (256, 448)}
    rows = [*timed(row, "a", "d", [0.6, 0.7, 9.0], **small), *timed(row, "a", "e", [2.4, 2.5, 2.9], **large)]
    (table,) = build(tidy(rows), [], Options(metrics=("psnr_y",)))
    (line,) = table.lines
    assert (line.facts["seconds:d"], line.facts["seconds:e"]) == (0.7, 2.5)  # medians: one slow clip moves nothing
    assert [table.fact(name).label for name in table.facts[1:]] == ["Time, d (s/clip)", "Time, e (s/clip)"]
    assert table.of_dataset("d").facts == ("params", "seconds:d")
    assert table.of_dataset("d").fact("seconds:d").label == "Time (s/clip)"
    assert {of["dataset"]: of["seconds"] for of in records([table])} == {"d": 0.7, "e": 2.5}
    first, second = table_md(table).split("### ")[1:]
    assert "0.70" in first and "2.50" not in first and "2.50" in second and "0.70" not in second
    assert "Time, d: median of clips of 160x128" in table.notes


@pytest.mark.parametrize(
    "other",
    [{"size": (64, 64)}, {"how": {"device": "cuda"}}, {"how": {"device": "", "threads": "1"}}, {"env": "elsewhere"}],
)
def test_seconds_of_another_setting_are_a_dash_with_a_note(row, other):
    rows = [*timed(row, "a", "d", [1.0]), *timed(row, "b", "d", [2.0]), *timed(row, "c", "d", [9.0], **other)]
    (table,) = build(tidy(rows), [], Options(metrics=("psnr_y",)))
    assert [line.facts.get("seconds:d") for line in table.lines] == [1.0, 2.0, None]
    assert "Time, d: c was timed in another setting or on another machine" in table.notes


def test_a_run_that_was_resumed_elsewhere_gives_the_seconds_of_one_setting(row):
    rows = timed(row, "a", "d", [1.0, 1.2, 1.4])
    rows += [*timed(row, "b", "d", [2.0, 2.2]), *timed(row, "b", "d", [0.1] * 5, how={"device": "cuda"})[2:]]
    (table,) = build(tidy(rows), [], Options(metrics=("psnr_y",)))
    facts = {line.method: line.facts["seconds:d"] for line in table.lines}
    assert facts == {"a": 1.2, "b": pytest.approx(np.median([2.0, 2.2]))}


def test_environments_of_one_host_are_one_setting(row):
    rows = [*timed(row, "a", "d", [1.0], env="e1"), *timed(row, "b", "d", [2.0], env="e2")]
    for machines, wanted in (
        ({"e1": "m", "e2": "m"}, {1.0, 2.0}),
        ({"e1": "m", "e2": "n"}, {None, 2.0}),
        ({}, {None, 2.0}),
    ):
        (table,) = build(tidy(rows), [], Options(metrics=("psnr_y",)), Coverage(machines=machines))
        assert {line.facts.get("seconds:d") for line in table.lines} == wanted
