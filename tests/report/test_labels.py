"""Labels: two networks, or two folders of frames, never share a line in anything that people read."""

import csv
import io
import json

import pytest

from stvsr_bench.cli import call
from stvsr_bench.errors import UsageError
from stvsr_bench.report.build import build
from stvsr_bench.report.compare import compare_tidy, method_key_of
from stvsr_bench.report.figures import breakdown
from stvsr_bench.report.labels import labels, method_label
from stvsr_bench.report.page.document import document
from stvsr_bench.report.tables.markdown import table_md
from stvsr_bench.report.tables.settings import notes as settings_notes
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import by_position, tidy
from stvsr_bench.report.write import Output, load
from stvsr_bench.report.write import write as write_report

FIRST, SECOND = "5f54" + "0" * 60, "a1b2" + "0" * 60
OLD = {"made": {}}


def named(rows):
    return [method_label(*label) for label in labels(rows)]


def test_a_tag_is_plain_while_it_is_one_file_and_has_four_digits_where_it_is_two(row):
    first = row("a", "best.pth", "d", "s", "1", [30.0] * 7, weights_sha256=FIRST)
    second = row("a", "best.pth", "d", "s", "1", [31.0] * 7, weights_sha256=SECOND)
    other = row("b", "best.pth", "d", "s", "1", [31.0] * 7, weights_sha256=SECOND)
    assert named([first, first, other]) == ["a@best.pth", "a@best.pth", "b@best.pth"]
    assert named([first, second, other]) == ["a@best.pth#5f54", "a@best.pth#a1b2", "b@best.pth"]


def test_as_many_digits_as_keep_them_apart(row):
    alike = "5f54c" + "0" * 59
    rows = [row("a", "w", "d", "s", "1", [30.0] * 7, weights_sha256=of) for of in (FIRST, alike)]
    assert named(rows) == ["a@w#5f540", "a@w#5f54c"]


def test_precisions_of_one_network_get_their_digits_together(row):
    rows = [row(name, "w", "d", "s", "1", [30.0] * 7, weights_sha256=of)
            for name, of in (("a", FIRST), ("a", SECOND), ("a [bf16]", FIRST))]  # fmt: skip
    assert named(rows) == ["a@w#5f54", "a@w#a1b2", "a [bf16]@w#5f54"]


def test_folders_of_frames_are_told_apart_by_the_method_s_name(row):
    rows = [row("results", "", "d", "s", "1", [30.0] * 7, source=of) for of in (FIRST, SECOND)]
    assert named(rows) == ["results#5f54", "results#a1b2"]
    assert named(rows[:1]) == ["results"]


def test_of_two_networks_after_each_other_the_one_with_a_file_gives_the_digits(row):
    rows = [row("dis+a", "w", "d", "s", "1", [30.0] * 7, weights_sha256=f"-+{of}") for of in (FIRST, SECOND)]
    assert named(rows) == ["dis+a@w#5f54", "dis+a@w#a1b2"]
    pairs = [row("c+a", "w", "d", "s", "1", [30.0] * 7, weights_sha256=f"{FIRST}+{of}") for of in (FIRST, SECOND)]
    first, second = named(pairs)  # both begin with the same file, so their digits are of the pair
    assert first != second and first.startswith("c+a@w#") and second.startswith("c+a@w#")


def test_older_rows_have_a_line_of_their_own_beside_newer_ones_only(row):
    new, old = row("a", "w", "d", "s", "1", [30.0] * 7), row("a", "w", "d", "s", "2", [20.0] * 7, **OLD)
    bare = row("b", "", "d", "s", "1", [30.0] * 7, **OLD)
    assert named([new, old, bare]) == ["a@w", "a@w (older rows)", "b (older rows)"]
    assert named([old, bare]) == ["a@w", "b"]
    (table,) = build(tidy([new, old]), [], Options(metrics=("psnr_y",)))
    assert {line.weights: line.cells[0].value for line in table.lines} == {"w": 30.0, "w (older rows)": 20.0}
    said = "identity incomplete: measured before rows said what made them"
    assert f"{said}: a@w (older rows)" in table.notes
    (table,) = build(tidy([old, bare]), [], Options(metrics=("psnr_y",)))
    assert [note for note in table.notes if "incomplete" in note] == [said]


def test_old_and_new_rows_of_one_key_are_both_read(row, write, tmp_path):
    of = ("a", "w", "d", "s", "1")
    runs = [write(tmp_path / "new", [row(*of, [30.0] * 7)]), write(tmp_path / "old", [row(*of, [20.0] * 7, **OLD)])]
    table = load(runs).tidy
    assert dict(zip(table["weights"], table["psnr_y"], strict=True)) == {"w": 30.0, "w (older rows)": 20.0}


def two_files(row, clips="123456"):
    """Two checkpoints of one name: the first has a clip more."""
    rows = [row("a", "best.pth", "d", "s", clip, [30.0] * 7, weights_sha256=FIRST) for clip in clips]
    return rows + [row("a", "best.pth", "d", "s", clip, [32.0] * 7, weights_sha256=SECOND) for clip in clips[1:]]


def test_two_checkpoints_of_one_name_are_two_lines_everywhere(row, write, tmp_path):
    rows = two_files(row)
    runs = [write(tmp_path / name, of) for name, of in (("one", rows[:6]), ("two", rows[6:]))]
    names = {"a@best.pth#5f54": (30.0, 6), "a@best.pth#a1b2": (32.0, 5)}
    measured = load(runs)
    tables, written = write_report(measured, tmp_path / "out", Options(metrics=("psnr_y",)), Output(figures=False))
    (table,) = tables
    assert {f"{line.method}@{line.weights}": (line.cells[0].value, line.cells[0].n) for line in table.lines} == names
    text = (written.folder / "table.md").read_text("utf-8")
    tex = (written.folder / "tex" / "main-suite-1.tex").read_text("utf-8")
    for name in names:
        assert name.replace("#", "\\#") in text and name.replace("#", "\\#") in tex
    records = csv.DictReader(io.StringIO((written.folder / "table.csv").read_text("utf-8")))
    found = {of["weights"]: (float(of["value"]), int(of["n"])) for of in records if of["frames"] == "all"}
    assert found == {name.removeprefix("a@"): value for name, value in names.items()}
    page = document(tables, measured.chosen(Options()), [], {})["protocols"][0]
    assert {of["label"]: (of["cells"][0]["value"], of["cells"][0]["n"]) for of in page["lines"]} == names
    curves = by_position(measured.chosen(Options()), "psnr_y")
    assert set(curves["weights"]) == {"best.pth#5f54", "best.pth#a1b2"}
    assert {breakdown.label(key) for key in zip(curves["method"], curves["weights"], strict=True)} == set(names)


def test_they_are_compared_with_each_other_and_a_name_that_means_both_is_asked_back(row, write, tmp_path, capsys):
    rows = two_files(row)
    found = compare_tidy(tidy(rows), "a@best.pth#5f54", "a@best.pth#a1b2", ["psnr_y"])
    assert (found.parts[0].result.difference.mean, found.parts[0].result.difference.n) == (-2.0, 5)
    with pytest.raises(UsageError, match=r"write one of a@best.pth#5f54, a@best.pth#a1b2"):
        method_key_of(tidy(rows), "a@best.pth")
    run = write(tmp_path / "r", rows)
    assert call(["compare", "a@best.pth#5f54", "a@best.pth#a1b2", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["first"] == "a@best.pth#5f54"


def test_both_are_chosen_by_the_tag_and_one_by_its_label(row):
    table = tidy(two_files(row))
    for chosen, count in ((("a@best.pth",), 2), (("a",), 2), (("a@best.pth#a1b2",), 1)):
        (made,) = build(table, [], Options(methods=chosen))
        assert len(made.lines) == count


def test_half_precision_is_held_against_the_plain_run_of_the_same_file(row):
    rows = [row(name, "w", "d", "s", "1", [psnr] * 7, weights_sha256=of)
            for name, of, psnr in (("a", FIRST, 30.0), ("a", SECOND, 20.0), ("a [bf16]", FIRST, 29.9))]  # fmt: skip
    (said,) = settings_notes(tidy(rows))
    assert said.startswith("a [bf16]: -0.100 dB")
    old = [row(name, "", "d", "s", "1", [psnr] * 7, **OLD) for name, psnr in (("b", 30.0), ("b [bf16]", 29.8))]
    assert settings_notes(tidy([*old, rows[0]]))[0].startswith("b [bf16] (older rows): -0.200 dB")


def test_the_badge_of_mini_weights_stays_with_digits(row):
    rows = [row("a", "mini", "d", "s", "1", [30.0] * 7, weights_sha256=of) for of in (FIRST, SECOND)]
    (table,) = build(tidy(rows), [], Options())
    assert [line.badges for line in table.lines] == [("mini",), ("mini",)]
    assert "a@mini\\#5f54 (mini)" in table_md(table)


def test_of_several_rows_of_one_label_on_one_clip_the_last_counts(row):
    rows = [row("a", "", "d", "s", "1", [psnr] * 7, key=f"{psnr}") for psnr in (20.0, 30.0)]
    table = tidy(rows)
    assert list(table["psnr_y"]) == [30.0]


# -- methods that were measured on other data --------------------------------------------------------------------------


def on(row, truths, psnr):
    """Rows of methods on two clips; `truths` are the digests of the truth of clip 2, by method."""
    rows = [row(name, "", "d", "s", "1", [psnr[name]] * 7, truth="t") for name in truths]
    return rows + [row(name, "", "d", "s", "2", [psnr[name]] * 7, truth=of) for name, of in truths.items()]


def test_a_method_of_another_truth_than_most_has_a_badge_and_no_mark_and_is_named(row):
    rows = on(row, {"a": "t", "b": "t", "c": "x"}, {"a": 30.0, "b": 29.0, "c": 40.0})
    (table,) = build(tidy(rows), [], Options(metrics=("psnr_y",)))
    lines = {line.method: line for line in table.lines}
    assert {name: line.badges for name, line in lines.items()} == {"a": (), "b": (), "c": ("other data",)}
    assert {name: line.cells[0].mark for name, line in lines.items()} == {"a": "best", "b": "second", "c": ""}
    (said,) = [note for note in table.notes if note.startswith("other data")]
    assert "1 clip (2) of c" in said and "d s" in said


def test_where_nobody_can_say_which_truth_is_meant_no_method_takes_a_mark(row):
    (table,) = build(tidy(on(row, {"a": "t", "b": "x"}, {"a": 30.0, "b": 29.0})), [], Options(metrics=("psnr_y",)))
    assert [(line.badges, line.cells[0].mark) for line in table.lines] == [(("other data",), "")] * 2


def test_clips_of_another_truth_are_not_common(row):
    rows = on(row, {"a": "t", "b": "t", "c": "x"}, {"a": 30.0, "b": 29.0, "c": 40.0})
    (table,) = build(tidy(rows), [], Options(metrics=("psnr_y",), common=True))
    assert table.columns[0].clips == 1
    found = compare_tidy(tidy(rows), "c", "a", ["psnr_y"])
    assert found.parts[0].result.difference.n == 1
    assert "1 clip left out: the two were measured against different true frames there" in found.notes
    # the two of the majority are compared on both clips, and so are two of one other truth
    assert compare_tidy(tidy(rows), "a", "b", ["psnr_y"]).parts[0].result.difference.n == 2
    with pytest.raises(
        UsageError, match=r"no clip in common .* 1 clip left out: the two were measured against different"
    ):
        compare_tidy(tidy([of for of in rows if of.clip == "2"]), "c", "a", ["psnr_y"])


def test_a_row_that_does_not_say_its_truth_is_of_any(row):
    (table,) = build(tidy(on(row, {"a": "t", "b": ""}, {"a": 30.0, "b": 29.0})), [], Options(metrics=("psnr_y",)))
    assert [line.badges for line in table.lines] == [(), ()]
