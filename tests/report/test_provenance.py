"""A report answers a reader who doubts it: each format is read back, and each fact is found in it."""

import csv
import io
import json
import re

import pytest

from stvsr_bench import protocols
from stvsr_bench.cli import call
from stvsr_bench.report import described
from stvsr_bench.report.tables import flags
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import tidy
from stvsr_bench.report.write import Output, load
from stvsr_bench.report.write import write as write_report

SHA = "5f54" + "0123456789ab" * 5
COMMAND = ["run", "--methods", "stdan@mine,blend+bicubic", "--dataset", "my clips", "-o", "runs/a b"]
# what a reader asks, as each format must say it
FACTS = ("x4 in space, x2 in time", "a new window every 6", "one more window that ends at the last input frame",
         "rounded to 8 bits", "BT.601", "those called 'zsm'", "2 of 8 clips", "14 frames", SHA, "cpu fp32",
         "a processor", "numpy 9.9", "Python 3.99", "stvsr-bench run --methods stdan@mine,blend+bicubic --dataset "
         "'my clips' -o 'runs/a b'")  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    from tests.report.conftest import make_row, write_run

    how = {"how": {"device": "cpu", "precision": "fp32"}, "flags": ["list-7630c38e"]}
    rows = []
    for clip, level in (("a/1", 30.0), ("a/2", 33.0)):
        rows.append(make_row("stdan", "mine", "d", "s", clip, [level + 1] * 7, weights_sha256=SHA, **how))
        rows.append(make_row("blend+bicubic", "", "d", "s", clip, [level] * 7, **how))
    run = write_run(tmp_path_factory.mktemp("doubt") / "runs" / "doubt", rows)
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["cells"] = {f"d/s/{rows[0].protocol_key}": {"clips": 8}}
    manifest["history"] = [{"argv": ["/home/somebody/__main__.py", *COMMAND], "started": "2026-01-01", "env": "e"}]
    (run / "manifest.json").write_text(json.dumps(manifest))
    environment = json.loads((run / "env.json").read_text())
    environment["e"] |= {"python": "3.99", "suite": "0.1.0", "versions": {"numpy": "9.9"}}
    (run / "env.json").write_text(json.dumps(environment))
    measured = load([run])
    _, report = write_report(measured, run.parent / "report", Options(), Output(figures=False, scenes=0))
    return report.folder, rows


def plain(text):
    """The text without the marks of its format, on one line."""
    for mark in ("\\allowbreak ", "\\textsuperscript", "\\", "{", "}", "`"):
        text = text.replace(mark, "")
    return " ".join(text.replace("&#39;", "'").replace("u0027", "'").split())


@pytest.mark.parametrize("name", ["table.md", "tex/appendix.tex", "facts.csv", "table.json", "index.html"])
def test_every_format_answers_every_question(written, name):
    folder, _ = written
    text = plain((folder / name).read_text(encoding="utf-8"))
    assert [fact for fact in FACTS if plain(fact) not in text] == []
    assert "/home/somebody" not in text


def test_the_table_itself_has_the_first_digits_and_the_lists_note_in_words(written):
    folder, _ = written
    said = "The clip list is not a published one (hash 7630c38e): not comparable with papers; 2 clips"
    for name in ("table.md", "tex/appendix.tex", "index.html"):
        text = plain((folder / name).read_text(encoding="utf-8"))
        assert f"SHA-256 of weights, first 8 digits: stdan@mine {SHA[:8]}" in text
        assert said in text
    assert f"stdan@mine {SHA[:8]}" in (folder / "tex" / "main-suite-1.tex").read_text(encoding="utf-8")


def test_the_appendix_is_in_the_example_and_names_no_number(written):
    folder, _ = written
    assert "\\input{appendix}" in (folder / "tex" / "example.tex").read_text(encoding="utf-8")


def test_the_csv_has_one_line_per_method_and_clip_with_its_own_numbers(written):
    folder, rows = written
    lines = list(csv.DictReader(io.StringIO((folder / "clips.csv").read_text(encoding="utf-8"))))
    assert {line["key"] for line in lines} == {row.key for row in rows} and len(lines) == len(rows)
    for line in lines:
        (row,) = [row for row in rows if row.key == line["key"]]
        assert (line["method"], line["weights"], line["clip"]) == (row.method, row.weights, row.clip)
        assert float(line["psnr_y"]) == sum(row.values["psnr_y"]) / 7
        assert (line["n_frames"], line["weights_sha256"], line["height"]) == ("7", row.weights_sha256, "256")
    table = list(csv.DictReader(io.StringIO((folder / "table.csv").read_text(encoding="utf-8"))))
    assert {(line["clips_of_split"], line["frames_scored"]) for line in table} == {("8", "14")}
    assert {line["weights_sha256"] for line in table if line["method"] == "stdan"} == {SHA}


# -- protocols in words ---------------------------------------------------------------------------------------------


def test_two_protocols_that_differ_have_different_words():
    said = {name: described.sentence(described.words(of)) for name, of in protocols.PROTOCOLS.items()}
    fields = {}
    for name in protocols.PROTOCOLS:
        key = protocols.get(name).key.split("-")[-1]
        fields.setdefault(said[name], set()).add(key)
    assert all(len(keys) == 1 for keys in fields.values()) and len(fields) == len(said)


def test_a_member_of_a_family_is_described_by_its_own_fields():
    said = described.words(protocols.get("suite-1:scale=5/2:time_scale=4"))
    assert said["task"] == "x5/2 in space, x4 in time"
    assert said["windows"] == "13 frames, a new window every 12, every 4th frame given (4 per window)"


def test_a_protocol_of_another_version_is_described_by_what_its_run_wrote_down():
    from dataclasses import asdict, replace

    old = replace(protocols.get("zsm-2020"), version=9, crop=4)
    stated = json.loads(json.dumps({**asdict(old), "key": old.key}))
    assert "a border of 4 pixels" in described.of_key("zsm-2020", old.key, stated)["colour"]
    assert described.of_key("zsm-2020", "zsm-2020.8-00000000", stated) == {}
    assert described.of_key("unheard-of", "x", {}) == {}


# -- flags ------------------------------------------------------------------------------------------------------------


def test_every_flag_that_the_suite_can_write_has_a_sentence(row):
    known = ["black", "leak:1", "unscored:1", "scale-untrained", "rounded-files", "held:1", "frozen:1", "looping:1",
             "ignores-time:1", "whole-video:0", "tile-unsafe", "tile-unmeasured", "tile-below-least", "bits:10",
             "matrix-assumed:x", "lossy-truth:h264", "lossy-input:h264", "sar:4/3", "hdr:pq", "deinterlaced", "vfr",
             "track:2", "truth-as-ffmpeg", "changes:threads", "mirrored", "turned-180", "mirrored-turned-90-left",
             "list-1234abcd"]  # fmt: skip
    notes = flags.notes(tidy([row("a", "", "d", "s", "c", [30.0] * 7, flags=known)]))
    assert len(notes) == len(known) and not any("does not know" in note for note in notes)
    assert all(re.match("[A-Z]", note) and "1 clip" in note for note in notes)


# -- what was asked for and is not there ---------------------------------------------------------------------------


def test_a_group_of_a_method_that_was_not_measured_is_refused(run, tmp_path, capsys):
    assert call(["report", str(run), "--ours", "dis+bicubik", "--out", str(tmp_path / "o")]) == 2
    said = capsys.readouterr().err
    assert "unknown method 'dis+bicubik'" in said and "Did you mean 'dis+bicubic'?" in said


def test_a_cost_that_nobody_measured_is_said_with_what_measures_it(run, tmp_path, capsys):
    (run / "profile.jsonl").unlink()
    argv = ["report", str(run), "--columns", "gmacs", "--out", str(tmp_path / "o"), "--no-page", "--no-figures"]
    assert call(argv) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "GMACs: not measured for any of these methods. stvsr-bench profile METHOD" in said
