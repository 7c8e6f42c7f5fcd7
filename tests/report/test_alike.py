"""Infinite and flat frames: left out of all methods or of none; every right value here is worked out by plain numpy."""

import math

import numpy as np
import pytest

from stvsr_bench.cli import call
from stvsr_bench.report.alike import alike, notes
from stvsr_bench.report.build import build
from stvsr_bench.report.compare import compare_tidy, compared_md
from stvsr_bench.report.page.document import document
from stvsr_bench.report.published.verdicts import ledger
from stvsr_bench.report.select import choose
from stvsr_bench.report.tables.markdown import table_md
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import by_position, tidy
from stvsr_bench.rows.counting import flat_frames, mean_psnr

INF = math.inf
EXACT = [INF, INF, INF, 20.0, 21.0, 22.0, 23.0]  # restores black frames exactly
NEAR = [86.0, 87.0, 88.0, 24.0, 25.0, 26.0, 27.0]  # and this one nearly


def cells(tables, metric="psnr_y", frames="all"):
    return {
        line.method: cell
        for table in tables
        for line in table.lines
        for column, cell in zip(table.columns, line.cells, strict=True)
        if (column.metric, column.frames) == (metric, frames)
    }


def black(row, **changes):
    return [row("exact", "", "d", "s", "black", EXACT, **changes), row("near", "", "d", "s", "black", NEAR, **changes)]


def test_a_frame_that_is_infinite_for_one_method_is_left_out_for_all(row):
    tables = build(tidy(black(row)), [], Options(metrics=("psnr_y",)))
    wanted = {
        "all": [(21.5, 25.5), (3, 0), 3],
        "given": [(22.0, 26.0), (2, 0), 2],
        "between": [(21.0, 25.0), (1, 0), 1],
    }
    for frames, (means, infinite, left) in wanted.items():
        found = cells(tables, frames=frames)
        assert (found["exact"].value, found["near"].value) == pytest.approx(means)
        assert (found["exact"].n_inf, found["near"].n_inf) == infinite
        assert (found["exact"].n_left, found["near"].n_left) == (left, left)
        assert (found["exact"].n, found["near"].n) == (1, 1)
    (note,) = tables[0].left_out
    assert note == "PSNR-Y: 3 frames in 1 clip (black) left out for every method: infinite for exact"
    assert note in tables[0].notes and "3 frames in 1 clip" in table_md(tables[0])


def test_what_stands_in_the_table_decides_what_is_left_out(row):
    (table,) = build(tidy(black(row)), [], Options(metrics=("psnr_y",), methods=("near",)))
    assert cells([table])["near"].value == pytest.approx(np.mean(NEAR))
    assert table.left_out == ()


def test_ssim_and_other_clips_keep_their_frames(row):
    rows = [*black(row), *[row(name, "", "d", "s", "c", [30.0] * 7) for name in ("exact", "near")]]
    tables = build(tidy(rows), [], Options())
    near = rows[1]
    ssim = np.mean([np.mean(near.values["ssim_y"]), np.mean(rows[3].values["ssim_y"])])
    assert cells(tables, "ssim_y")["near"].value == pytest.approx(ssim, abs=1e-12)
    assert cells(tables)["near"].value == pytest.approx((25.5 + 30.0) / 2)


def test_protocols_that_keep_infinite_values_leave_nothing_out(row):
    rows = black(row, protocol="zsm-2020", flags=["flat:0,1,2"])
    tables = build(tidy(rows), [], Options(metrics=("psnr_y",)))
    found = cells(tables)
    assert math.isinf(found["exact"].value) and found["near"].value == pytest.approx(np.mean(NEAR))
    assert (found["exact"].n_left, found["near"].n_left, tables[0].left_out) == (
        0,
        0,
        ("PSNR-Y: 3 frames with an infinite value in black, kept",),
    )


def test_frames_whose_truth_is_flat_are_left_out_first_and_counted_apart(row):
    # frame 4 is flat and nobody restores it exactly; of 0 to 2 two are flat, by the flag of one row alone
    rows = [row("exact", "", "d", "s", "black", EXACT), row("near", "", "d", "s", "black", NEAR, flags=["flat:0,1,4"])]
    (table,) = build(tidy(rows), [], Options())
    found = cells([table])
    assert (found["exact"].value, found["near"].value) == pytest.approx((np.mean([20, 22, 23]), np.mean([24, 26, 27])))
    assert (found["exact"].n_inf, found["near"].n_left) == (1, 4)
    assert table.left_out == (
        "PSNR-Y: 3 frames in 1 clip (black) left out for every method: the truth is flat there",
        "PSNR-Y: 1 frame in 1 clip (black) left out for every method: infinite for exact",
    )
    assert not any(note.startswith("flat:") for note in table.notes)
    assert cells([table], "ssim_y")["near"].n_left == 0


def test_a_flat_frame_that_the_protocol_does_not_score_is_not_counted(row):
    (table,) = build(tidy([row("a", "", "d", "s", "c", [20.0] * 7, flags=["flat:2,40"])]), [], Options())
    assert "1 frame in 1 clip" in table.left_out[0]
    assert flat_frames([row("a", "", "d", "s", "c", [20.0] * 7, flags=["flat:2,40", "leak:3"])]) == {
        ("d", "s", "c"): frozenset({2, 40})
    }


def test_a_clip_metric_that_is_infinite_for_one_method_leaves_its_clip_out_for_all(row):
    name = "tdiff_psnr_y"
    values = {"blend": (31.0, INF, 33.0), "dis": (51.0, 57.0, 54.0)}
    rows = [
        row(method, "", "d", "s", str(clip), [30.0] * 7, scalars={name: value})
        for method, of in values.items()
        for clip, value in enumerate(of)
    ]
    tables = build(tidy(rows), [], Options(metrics=(name,)))
    found = cells(tables, name)
    assert {key: cell.value for key, cell in found.items()} == pytest.approx({"blend": 32.0, "dis": 52.5})
    assert {key: (cell.n, cell.clips, cell.n_left) for key, cell in found.items()} == {
        "blend": (2, 3, 1),
        "dis": (2, 3, 1),
    }
    assert found["dis"].half == pytest.approx(12.7062 * np.std([51, 54], ddof=1) / np.sqrt(2), abs=1e-3)
    (note,) = tables[0].left_out
    assert note == "PSNR Y of frame differences: 1 clip (1) left out for every method: infinite for blend"
    compared = compare_tidy(tidy(rows), "blend", "dis", [name])
    (part,) = [part for part in compared.parts if part.where == "d s"]
    assert (part.result.difference.mean, part.result.difference.n, part.result.difference.n_inf) == (-20.5, 2, 1)
    assert (part.result.wins, part.result.ties, part.result.losses) == (1, 0, 2)
    kept = [row("a", "", "d", "s", "1", [30.0] * 7, scalars={name: INF}, protocol="zsm-2020")]
    assert math.isinf(cells(build(tidy(kept), [], Options(metrics=(name,))), name)["a"].value)


def test_every_reader_leaves_the_same_frames_out(row, one, published):
    # Vid4 under the suite's protocol, so that the ledger has a line for it
    rows = [row(name, "authors", "vid4", "test", "city", psnr) for name, psnr in (("zsm", EXACT), ("stdan", NEAR))]
    table = tidy(rows)
    (made,) = build(table, [], Options(metrics=("psnr_y",)))
    assert cells([made])["stdan"].value == pytest.approx(25.5)
    page = document([made], alike(choose(table, Options())), [], {})["protocols"][0]
    assert [line["cells"][0]["text"] for line in page["lines"]] == ["25.50", "21.50"]
    (of,) = [
        entry.measured for entry in ledger(alike(table), published(one("36.81", method="stdan", protocol="suite-1")))
    ]
    assert of[0].value == pytest.approx(25.5)
    found = compare_tidy(table, "stdan", "zsm", ["psnr_y"])
    assert [part.result.difference.mean for part in found.parts] == pytest.approx([4.0, 4.0, 4.0])
    curve = by_position(alike(table), "psnr_y")
    assert sorted(set(curve["position"])) == [3, 4, 5, 6]
    assert mean_psnr(rows) == pytest.approx([21.5, 25.5])


def test_doing_it_twice_changes_nothing(row):
    once = alike(tidy(black(row)))
    again = alike(once)
    for name in ("psnr_y", "psnr_y.given", "psnr_y.between", "psnr_y#left"):
        assert list(once[name]) == list(again[name])


def test_compare_leaves_out_for_both_what_is_infinite_for_one(row):
    found = compare_tidy(tidy(black(row)), "exact", "near", ["psnr_y"])
    results = {part.frames: part.result for part in found.parts if part.where == "d s"}
    assert {name: of.difference.mean for name, of in results.items()} == {"all": -4.0, "given": -4.0, "between": -4.0}
    assert {of.difference.n_inf for of in results.values()} == {0}
    said = "PSNR-Y: 3 frames in 1 clip (black) left out for every method: infinite for exact"
    assert said in found.notes and "3 frames in 1 clip" in compared_md(found)


def test_two_methods_that_are_exact_on_different_frames_have_no_difference(row):
    rows = [row("a", "", "d", "s", "1", [INF] * 4 + [30.0] * 3), row("b", "", "d", "s", "1", [20.0] * 4 + [INF] * 3)]
    rows += [row(name, "", "d", "s", "2", [psnr] * 7) for name, psnr in (("a", 31.0), ("b", 30.0))]
    result = compare_tidy(tidy(rows), "a", "b", ["psnr_y"]).parts[0].result
    assert (result.difference.mean, result.difference.n, result.wins, result.ties, result.losses) == (1.0, 1, 1, 0, 0)
    found = cells(build(tidy(rows), [], Options(metrics=("psnr_y",))))
    assert {name: (cell.value, cell.n, cell.clips) for name, cell in found.items()} == {
        "a": (31.0, 1, 2),
        "b": (30.0, 1, 2),
    }


def test_a_method_on_other_data_takes_no_frame_from_the_others(row):
    rows = [row(name, "", "d", "s", "black", NEAR, truth="t") for name in ("near", "too")]
    rows.append(row("exact", "", "d", "s", "black", EXACT, truth="x"))
    found = cells(build(tidy(rows), [], Options(metrics=("psnr_y",))))
    assert found["near"].value == pytest.approx(np.mean(NEAR))
    assert found["exact"].value == pytest.approx(np.mean(EXACT[3:]))


def test_the_terminal_says_what_was_left_out(row, write, tmp_path, capsys):
    run = write(tmp_path / "r", black(row))
    assert call(["report", str(run), "-o", str(tmp_path / "o"), "--no-figures", "--no-page"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "PSNR-Y: 3 frames in 1 clip (black) left out for every method: infinite for exact" in said


def test_notes_list_few_names(row):
    rows = [row("a", "", "d", "s", f"{clip}", EXACT) for clip in range(7)]
    (said,) = notes(tidy(rows), ("psnr_y",))
    assert "21 frames in 7 clips (0, 1, 2, 3, 4 and 2 more)" in said
