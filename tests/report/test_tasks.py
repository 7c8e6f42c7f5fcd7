"""x4/t2 and x6/t12 never share a column, a mean or a verdict, in any reader of rows."""

import csv
import io
import json
import re

import numpy as np
import pytest

from stvsr_bench import protocols
from stvsr_bench.cli import call
from stvsr_bench.report.alike import alike
from stvsr_bench.report.build import build
from stvsr_bench.report.compare import compare_tidy, compared_md
from stvsr_bench.report.figures.ablation import ablation
from stvsr_bench.report.page.document import document
from stvsr_bench.report.published.text import ledger_md
from stvsr_bench.report.published.verdicts import best_protocols, ledger
from stvsr_bench.report.spreading import write_spread
from stvsr_bench.report.tables.csvjson import tables_csv
from stvsr_bench.report.tables.latex import caption_of, files
from stvsr_bench.report.tables.markdown import into, table_md
from stvsr_bench.report.tables.spread import by_task
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import tidy
from stvsr_bench.report.write import load, source_of
from stvsr_bench.rows import gate
from stvsr_bench.rows.gate_costs import task_of

OTHER = "suite-1:scale=6:time_scale=12"
NAME = protocols.get(OTHER).name
CLIPS = [f"{number}" for number in range(8)]


@pytest.fixture
def rows(row):
    """Two methods on the same clips at x4/t2 (30 and 31 dB) and x6/t12 (20 and 25 dB)."""

    def at(method, protocol, psnr, clips=CLIPS, **changes):
        every = protocols.get(protocol).time_scale
        frames = list(range(7 if every == 2 else every + 1))
        given = [index % every == 0 for index in frames]
        at = {"protocol": protocol, "frames": frames, "given": given, **changes}
        return [row(method, "", "mini", "slow", clip, [psnr] * len(frames), **at) for clip in clips]

    at.both = lambda: [
        *at("a", "suite-1", 30.0),
        *at("b", "suite-1", 31.0),
        *at("a", OTHER, 20.0),
        *at("b", OTHER, 25.0),
    ]
    return at


def test_tables_have_one_task_and_their_titles_say_which(rows):
    tables = build(tidy(rows.both()), [], Options())
    means = {table.protocol: {line.method: line.cells[0].value for line in table.lines} for table in tables}
    assert means == {"suite-1": {"a": 30.0, "b": 31.0}, NAME: {"a": 20.0, "b": 25.0}}
    assert {len({column.clips for column in table.columns}) for table in tables} == {1}
    lines = [line for line in csv.DictReader(io.StringIO(tables_csv(tables))) if line["metric"] == "psnr_y"]
    assert {(line["protocol"], line["method"], float(line["value"])) for line in lines} == {
        ("suite-1", "a", 30.0), ("suite-1", "b", 31.0), (NAME, "a", 20.0), (NAME, "b", 25.0)}  # fmt: skip
    usual, other = sorted(tables, key=lambda table: table.protocol)
    assert f"## Protocol `{NAME}`: x6 in space, x12 in time\n" in table_md(other)
    assert "## Protocol `suite-1`\n" in table_md(usual)
    assert "x6 in space, x12 in time" in caption_of(other, False) and "in space" not in caption_of(usual, False)
    readme = into("<!-- table -->\n<!-- /table -->\n", tables)
    assert re.search(rf"protocol `{NAME}` \(.*\), x6 in space, x12 in time", readme)
    assert all("/" not in name.removeprefix("tex/") for name in files(build_of_fraction(rows), "plain"))


def build_of_fraction(rows):
    return build(tidy(rows("a", "suite-1:scale=5/2", 30.0)), [], Options())


def test_titles_in_words():
    said = {name: protocols.words(name) for name in ("suite-1", "videoinr-2022", "basicvsr-2021", "suite-1:scale=1",
                                                     "suite-1-x5_2-t4", "nobody-2030")}  # fmt: skip
    assert said == {
        "suite-1": "",
        "videoinr-2022": "x4 in space, x8 in time",
        "basicvsr-2021": "x4 in space, no frames between",
        "suite-1:scale=1": "frames keep their size, x2 in time",
        "suite-1-x5_2-t4": "x5/2 in space, x4 in time",
        "nobody-2030": "",
    }
    assert protocols.family("suite-1-x5_2-t4") == protocols.family("suite-1:time_scale=3") == "suite-1"
    assert {protocols.family(name) for name in protocols.PROTOCOLS} == set(protocols.PROTOCOLS)


def test_the_terminal_says_the_task(rows, write, tmp_path, capsys, unsaved):
    run = write(tmp_path / "run", rows.both())
    assert call(["report", str(run), "-o", str(tmp_path / "out"), "--no-figures", "--no-page"]) == 0
    assert f"protocol {NAME} ({protocols.get(OTHER).key}), x6 in space, x12 in time" in " ".join(
        capsys.readouterr().out.split()
    )
    assert call(["compare", "b", "a", str(run), "-o", str(tmp_path / "cmp")]) == 0
    assert f"protocol {NAME}, x6 in space, x12 in time" in " ".join(capsys.readouterr().out.split())
    assert [path.parent for path in unsaved] == [tmp_path / "cmp"] * 2


def test_a_comparison_has_parts_of_one_task(rows):
    found = compare_tidy(tidy(rows.both()), "b", "a", ["psnr_y"])
    said = {
        (part.protocol, part.frames): part.result.difference.mean for part in found.parts if part.where == "mini slow"
    }
    assert said == pytest.approx({(name, frames): gain for name, gain in (("suite-1", 1.0), (NAME, 5.0))
                                  for frames in ("all", "given", "between")})  # fmt: skip
    assert {part.result.difference.n for part in found.parts} == {len(CLIPS)}
    assert f"## Protocol `{NAME}`, x6 in space, x12 in time" in compared_md(found)


def test_the_page_keeps_tasks_apart_and_shows_frames_of_one_only(rows):
    table = tidy(rows.both())
    of = document(build(table, [], Options()), alike(table), [], {})
    assert [(one["name"], one["task"]) for one in of["protocols"]] == [
        ("suite-1", ""),
        (NAME, "x6 in space, x12 in time"),
    ]
    for one, values in zip(of["protocols"], ({30.0, 31.0}, {20.0, 25.0}), strict=True):
        assert {line["cells"][0]["value"] for line in one["lines"]} == values
        (split,) = one["splits"]
        assert len(split["clips"]) == len(CLIPS)


def test_the_spread_of_a_method_is_of_one_task(rows, write, tmp_path, unsaved):
    more = [*rows.both(), *rows("a", "zsm-2020", 29.0), *rows("a", "zsm-2020:scale=6:time_scale=12", 19.5)]
    tasks = {
        task: {one.protocol for one in of} for task, of in by_task([one for one in more if one.method == "a"]).items()
    }
    assert tasks == {(4, 2): {"suite-1", "zsm-2020"}, (6, 12): {NAME, "zsm-2020-x6-t12"}}
    text = write_spread(load([write(tmp_path / "run", more)]), tmp_path / "out", Options(methods=("a",)))
    widths = re.findall(r"## (.*), PSNR\n(?:.|\n)*?Highest minus lowest: ([\d.]+) dB", text)
    assert widths == [("mini slow", "1.00"), ("mini slow, x6 in space, x12 in time", "0.50")]
    assert {path.name for path in unsaved} == {
        "spread-mini-slow", "spread-mini-slow-x6-t12"}  # fmt: skip


def test_protocols_without_a_clip_in_common_have_no_spread_and_no_figure(rows, write, tmp_path, unsaved):
    apart = [*rows("a", "suite-1", 30.0, clips="1"), *rows("a", "zsm-2020", 29.0, clips="2")]
    text = write_spread(load([write(tmp_path / "run", apart)]), tmp_path / "out", Options())
    assert "No clip was measured under all of these protocols" in text
    assert unsaved == []


def test_an_ablation_is_of_the_task_of_its_table(rows):
    def option(value, protocol, psnr):
        return rows(f"stdan:top_t={value}", protocol, psnr)

    table = tidy(
        [*option(1, "suite-1", 30.0), *option(2, "suite-1", 31.0), *option(1, OTHER, 20.0), *option(2, OTHER, 25.0)]
    )
    drawn = {}
    for one in build(table, [], Options()):
        (figure,) = ablation(source_of(Nothing, one, alike(table)).tidy).values()
        (line,) = figure.axes[0].get_lines()
        drawn[one.protocol] = list(line.get_ydata())
    assert drawn == {"suite-1": [30.0, 31.0], NAME: [20.0, 25.0]}


class Nothing:
    """A run without profiles."""

    profiles = ()


VID4 = ("calendar", "city", "foliage", "walk")


@pytest.fixture
def vid4_of(row):
    def make(psnr, protocol):
        every = protocols.get(protocol).time_scale
        frames = list(range(every + 1))
        at = {"protocol": protocol, "frames": frames, "given": [index % every == 0 for index in frames]}
        return [row("zsm", "authors", "vid4", "test", clip, [psnr] * len(frames), **at) for clip in VID4]

    return make


def test_the_ledger_holds_a_value_against_its_own_task_alone(vid4_of, one, published):
    rows = [*vid4_of(26.31, "zsm-2020"), *vid4_of(20.11, "zsm-2020:scale=6:time_scale=12")]
    lines = [
        one("26.31"),
        one("20.50", scale="6.0", time_scale="12", protocol="zsm-2020-x6-t12"),
        one("30.00", scale="2.5"),
    ]
    usual, other, fraction = ledger(tidy(rows), published(*lines))
    assert [(of.protocol, of.value) for of in usual.measured] == [("zsm-2020", pytest.approx(26.31))]
    assert [(of.protocol, of.value) for of in other.measured] == [("zsm-2020-x6-t12", pytest.approx(20.11))]
    assert fraction.published.scale == "5/2" and fraction.measured == (), "x2.5 is not x2"
    nearest = {of.task: (of.protocol, of.distance, of.n) for of in best_protocols([usual, other, fraction])}
    assert nearest == {"": ("zsm-2020", pytest.approx(0.0), 1),
                       "x6 t12": ("zsm-2020-x6-t12", pytest.approx(0.39), 1)}  # fmt: skip
    assert "vid4 test x6 t12" in ledger_md([usual, other, fraction])


def test_costs_stand_beside_quality_of_the_same_task_only(rows):
    profile = {"kind": "profile", "method": "a", "weights": "", "device": "cpu", "machine": "m", "threads": 1,
               "precision": "fp32", "params": 0, "size": [64, 112], "frames": 4, "gmacs": 7.0}  # fmt: skip
    there = {**profile, "scale": "6", "time_scale": 12, "gmacs": 9.0}

    def gmacs(*profiles):
        tables = build(tidy(rows.both()), list(profiles), Options())
        return {table.protocol: table.lines[0].facts.get("gmacs") for table in tables}, tables

    assert gmacs(profile, there)[0] == {"suite-1": 7.0, NAME: 9.0}
    found, tables = gmacs(profile)
    assert found == {"suite-1": 7.0, NAME: None}
    (said,) = [note for note in tables[1].notes if note.startswith("cost of")]
    assert said == "cost of a: profiled at another scale or time scale only, which is other work"
    assert not [note for note in tables[0].notes if note.startswith("cost of")]
    assert task_of({"size": [64, 112], "size_out": [64, 112]}) == (1, 2), "of a network that only interpolates"
    assert task_of({**profile, "scale": "5/2"}) == ("5/2", 2)


def test_the_gate_tests_the_runtime_of_one_task_at_a_time(rows, write, tmp_path):
    def run(name, usual, other):
        of = [
            *rows("a", "suite-1", 30.0, seconds={"restore": usual}),
            *rows("a", OTHER, 20.0, seconds={"restore": other}),
        ]
        folder = write(tmp_path / name, of)
        (folder / "profile.jsonl").unlink()
        machine = {"cpu": "one", "host": "a", "code_paths": {"torch": "AVX2"}}
        (folder / "env.json").write_text(json.dumps({"e": {"machine": machine, "versions": {"torch": "2"}}}))
        return folder

    before = run("before", 1.0, 10.0)
    found = gate.judge(before, run("after", 1.0, 20.0))
    assert [(move.what, move.where) for move in found.moves] == [("runtime", "8 clips (x6 in space, x12 in time)")]
    (move,) = found.moves
    assert (move.before, move.after.split(" (")[0]) == ("10 s", "20 s")
    assert gate.judge(before, before).passed


def test_the_gate_compares_rows_of_one_task(rows, write, tmp_path):
    before = write(tmp_path / "before", rows.both())
    swapped = [
        *rows("a", "suite-1", 20.0),
        *rows("b", "suite-1", 31.0),
        *rows("a", OTHER, 30.0),
        *rows("b", OTHER, 25.0),
    ]
    found = gate.judge(before, write(tmp_path / "after", swapped))
    # the mean over both tasks is what it was
    assert np.mean([row.values["psnr_y"][0] for row in swapped]) == np.mean(
        [row.values["psnr_y"][0] for row in rows.both()]
    )
    assert {(move.verdict, move.method) for move in found.moves if move.what == "psnr_y"} == {
        ("regressed", "a"), ("improved", "a")}  # fmt: skip
