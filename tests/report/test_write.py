"""The report as a whole: files, golden numbers, figures, frames, spread, the command."""

import json
import os
import stat
from pathlib import Path

import pytest

from stvsr_bench import protocols
from stvsr_bench.cli import call
from stvsr_bench.report import formats
from stvsr_bench.report.build import build
from stvsr_bench.report.figures import breakdown
from stvsr_bench.report.frames import saved
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import by_position
from stvsr_bench.report.write import Output, load, saved_of, write
from stvsr_bench.rows.names import clip_folder, method_folder

RESTORING = protocols.restoring_key(protocols.get("suite-1"))

GOLDENS = Path(__file__).resolve().parent.parent / "goldens" / "report"
QUICK = Output(figures=False, scenes=0, page=False)


@pytest.mark.parametrize("name", ["table.md", "table.csv", "tex/main-suite-1.tex", "tex/apart-suite-1-mini.tex"])
def test_a_changed_number_or_layout_shows_in_the_golden_file(run, tmp_path, name):
    _, written = write(load([run]), tmp_path / "out", Options(), QUICK)
    found = (written.folder / name).read_text("utf-8")
    golden = GOLDENS / Path(name).name
    if os.environ.get("STVSR_BENCH_UPDATE_GOLDENS") == "1":
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text("utf-8")


def test_the_same_rows_give_the_same_bytes_figures_included(run, tmp_path):
    measured = load([run])
    for name in "ab":
        _, written = write(measured, tmp_path / name, Options(), Output(figures=False, scenes=0))
        written.figure("figure", breakdown.by_frame_position(by_position(measured.tidy, "psnr_y")))
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert {".pdf", ".png", ".html", ".tex"} <= {path.suffix for path in files}
    assert [
        path for path in files if (tmp_path / "a" / path).read_bytes() != (tmp_path / "b" / path).read_bytes()
    ] == []


def test_a_line_in_the_formats_is_a_file_of_the_report(run, tmp_path, monkeypatch):
    monkeypatch.setitem(formats.FORMATS, "mine", lambda of: {"mine.txt": f"{of.name}: {len(of.tables)}"})
    _, written = write(load([run]), tmp_path / "out", Options(), QUICK)
    assert written.files[-1] == written.folder / "mine.txt"
    assert (written.folder / "mine.txt").read_text() == "demo: 1"


def test_the_table_is_printed_and_said_where_it_is(run, tmp_path, capsys):
    assert call(["report", str(run), "-o", str(tmp_path / "out"), "--no-figures", "--no-page"]) == 0
    said = capsys.readouterr().out
    assert "untrained" in said
    assert str(tmp_path / "out") in said.replace("\n", "")


def test_json_is_one_document_with_the_full_values(run, tmp_path, capsys):
    argv = ["report", str(run), "-o", str(tmp_path / "out"), "--no-figures", "--no-page", "--json"]
    assert call(argv) == 0
    document = json.loads(capsys.readouterr().out)
    best = [
        n
        for n in document["numbers"]
        if (n["dataset"], n["split"], n["metric"], n["mark"]) == ("mini", "fast", "psnr_y", "best")
    ]
    assert {number["method"] for number in best} == {"stdan"}
    assert f"{best[0]['value']:.2f}" == best[0]["shown"]


def test_a_readme_holds_the_table_of_the_last_report_once(run, tmp_path, capsys):
    readme = tmp_path / "README.md"
    readme.write_text("# A\n<!-- table: made -->\nstale\n<!-- /table -->\nend\n")
    argv = ["report", str(run), "-o", str(tmp_path / "out"), "--no-figures", "--no-page", "--into", str(readme)]
    assert call(argv) == call(argv) == 0
    text = readme.read_text()
    assert text.count("**mini**, protocol `suite-1`") == 1
    assert "stale" not in text
    assert text.endswith("<!-- /table -->\nend\n")
    readme.write_text("<!-- efficiency -->\nold\n<!-- /efficiency -->\n")
    assert call(argv) == 0
    assert "| stdan         |         8.29 |  1234.5 |                812.3 |" in readme.read_text()
    assert "old" not in readme.read_text()
    readme.write_text("# A\n")
    assert call(argv) == 2
    assert "no place for the table" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["report", "nowhere"], 4, "no run at nowhere"),
        (["report", "RUN", "--metrics", "psnr"], 2, "unknown metric in these rows 'psnr'"),
        (["report", "RUN", "--style", "acm"], 2, "unknown style 'acm'"),
        (["report", "RUN", "-m", "stdam"], 2, "Did you mean 'stdan'?"),
        (["compare", "stdan", "rife", "RUN"], 2, "unknown method 'rife' in "),
    ],
)
def test_mistakes_are_one_sentence_with_the_documented_code(run, capsys, monkeypatch, tmp_path, argv, code, said):
    monkeypatch.chdir(tmp_path)
    assert call([str(run) if word == "RUN" else word for word in argv]) == code
    error = capsys.readouterr().err
    assert said in " ".join(error.split())
    assert "Traceback" not in error


def test_frames_are_found_under_the_names_that_a_run_gives_them(run, row):
    names = ("stdan:top_t=9", "dis+bicubic", "a/b c", "x" * 200, "..", "fp16 [tile64,8]")
    for name in names:
        place = clip_folder("mini", "fast", name)
        frames = run / "frames" / RESTORING
        for folder in ("_hr", method_folder(name, "mini")):
            (frames / folder / place).mkdir(parents=True)
        (found,) = saved([run], [row(name, "mini", "mini", "fast", name, [30.0] * 7)])
        assert found.folders[f"{name}@mini"] == frames / method_folder(name, "mini") / place


def test_frames_of_two_files_of_one_name_stand_under_their_labels(row, write, tmp_path):
    files = ("5f54" + "0" * 60, "a1b2" + "0" * 60)
    rows = [row("a", "best.pth", "d", "s", "1", [30.0] * 7, weights_sha256=of) for of in files]
    run = write(tmp_path / "r", rows)
    for name in ("_hr", *(f"a_best.pth-{of[:8]}" for of in files)):
        (run / "frames" / RESTORING / name / "d" / "s" / "1").mkdir(parents=True)
    measured = load([run])
    (found,) = saved_of(measured, build(measured.tidy, [], Options()))
    assert {label: folder.parts[-4] for label, folder in found.folders.items()} == {
        "a@best.pth#5f54": "a_best.pth-5f540000",
        "a@best.pth#a1b2": "a_best.pth-a1b20000",
    }


def test_reports_can_be_read_by_others(run, tmp_path):
    _, written = write(load([run]), tmp_path / "out", Options(), QUICK)
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((written.folder / "table.md").stat().st_mode) == 0o666 & ~mask


def test_a_profile_of_another_network_of_the_same_name_is_not_the_methods_cost(run):
    measured = load([run])
    large = [dict(profile, params=99) if profile["method"] == "stdan" else profile for profile in measured.profiles]
    (table,) = build(measured.tidy, large, Options())
    facts = {line.method: line.facts for line in table.lines}
    assert "gmacs" not in facts["stdan"]
    assert facts["stdan"]["params"] == 8.292843
    assert "gmacs" not in facts["blend+bicubic"], "0.0 says that nothing was counted"
    assert facts["blend+bicubic"]["runtime_ms"] == 3.1


def test_costs_stand_with_their_machine_and_setting(run, tmp_path):
    _, written = write(load([run]), tmp_path / "out", Options(), QUICK)
    text = (written.folder / "table.md").read_text("utf-8")
    assert "| stdan " in text.split("## Cost")[1]
    assert "4 frames of 112x64" in text
    assert "a processor (a test)" in text
    lines = (written.folder / "cost.csv").read_text("utf-8").splitlines()
    assert lines[0].startswith("method,weights,device,machine")
    assert len(lines) == 3
