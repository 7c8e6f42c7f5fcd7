"""This repository's own gate: `make gate`, which CI runs against `reports/baseline`, would stop what it must."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from stvsr_bench.cli import call
from stvsr_bench.rows import store
from stvsr_bench.rows.lines import line_of

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / "reports" / "baseline"
GATED = ["blend+bicubic", "dis+bicubic", "stdan@mini", "zsm@mini", "tmnet@mini"]
PLANTED = ("stdan", "openclips", "fast")


@pytest.fixture
def run(tmp_path):
    """A run that measured what the baseline holds."""
    return Path(shutil.copytree(BASELINE, tmp_path / "run"))


def plant(run, **changes):
    """One row of stdan on the first clip of openclips/fast with these fields changed."""
    rows = store.read_rows(run)
    at = next(i for i, row in enumerate(rows) if (row.method, row.dataset, row.split) == PLANTED)
    rows[at] = replace(rows[at], **{name: change(getattr(rows[at], name)) for name, change in changes.items()})
    write(run, rows)


def write(run, rows):
    """Rows as a run writes them, each with the key that is its own."""
    lines = (line_of(replace(row, key=row.own_key)) + b"\n" for row in rows)
    store.rows_file(run).write_bytes(b"".join(lines))


def lowered(values):
    return {**values, "psnr_y": [value - 0.02 for value in values["psnr_y"]]}


def raised(values):
    return {**values, "psnr_y": [value + 0.02 for value in values["psnr_y"]]}


def judged(run, capsys):
    code = call(["gate", str(BASELINE), str(run), "--no-runtime"])
    return code, capsys.readouterr().out


def test_the_baseline_holds_every_gated_method_on_procedural_and_real_clips_and_is_small():
    rows = store.read_rows(BASELINE)
    assert {row.dataset for row in rows} == {"mini", "openclips"}
    measured = {(f"{row.method}@{row.weights}" if row.weights else row.method, row.dataset) for row in rows}
    assert measured == {(method, dataset) for method in GATED for dataset in ("mini", "openclips")}
    counted = {profile["method"] for profile in store.profiles(BASELINE)}
    assert counted == {method.partition("@")[0] for method in GATED}
    assert sum(path.stat().st_size for path in BASELINE.iterdir()) < 300_000


def test_ci_measures_the_methods_of_the_baseline_and_gates_them():
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^GATED := (.*)$", makefile, re.MULTILINE)[1].split(",") == GATED
    assert re.search(r"^gate: .*\n\t.* gate reports/baseline \$\(RUN\) ", makefile, re.MULTILINE)
    assert re.search(r"^baseline: .*\n\t.* gate reports/baseline \$\(RUN\) --update --yes$", makefile, re.MULTILINE)
    commands = (ROOT / ".ci" / "run").read_text().splitlines()
    assert "make gate" in commands
    assert any(
        command.startswith("make gate-everywhere SETTINGS=") and "all of these" in command for command in commands
    )


def test_the_weights_of_the_baseline_are_those_that_are_shipped():
    from stvsr_bench import methods

    shipped = {spec.partition("@")[0]: methods.resolve(spec).sha256 for spec in GATED if "@" in spec}
    rows = [row for row in store.read_rows(BASELINE) if row.weights]
    assert {row.method: row.weights_sha256 for row in rows} == shipped, "after new weights: make baseline"


def test_what_the_baseline_holds_passes(run, capsys):
    code, said = judged(run, capsys)
    assert code == 0 and "gate: passed" in said and "0 worse or changed" in said


def test_a_planted_drop_of_two_hundredths_of_a_decibel_is_stopped(run, capsys):
    plant(run, values=lowered)
    code, said = judged(run, capsys)
    assert code == 5
    assert re.search(r"\| regressed \| stdan \| openclips/fast/\S+ \| psnr_y \| [\d.]+ \| [\d.]+ \(-0.02\) \|", said)


def test_a_planted_parameter_is_stopped(run, capsys):
    plant(run, params=lambda count: count + 1)
    code, said = judged(run, capsys)
    assert code == 5 and re.search(r"\| changed \| stdan \| \S+ \| parameters \| \d+ \| \d+ \|", said)


def test_planted_weights_are_stopped(run, capsys):
    plant(run, weights_sha256=lambda sha256: "0" * 64)
    code, said = judged(run, capsys)  # one of six rows of the file: the others show that it was not replaced
    assert code == 5 and re.search(r"\| missing \| stdan@mini\\#\w{8} \| openclips/fast/\S+ \| row \|", said)
    others = [replace(row, weights_sha256="0" * 64) if row.method == "stdan" else row for row in store.read_rows(run)]
    write(run, others)
    code, said = judged(run, capsys)
    assert code == 5 and said.count("| changed | stdan | ") == 6 == said.count("| weights | ")


def test_planted_multiply_adds_are_stopped(run, capsys):
    profiles = [dict(p, gmacs=p["gmacs"] * 1.001) if p["method"] == "zsm" else p for p in store.profiles(run)]
    (run / "profile.jsonl").write_text("".join(json.dumps(p) + "\n" for p in profiles))
    code, said = judged(run, capsys)
    assert code == 5 and "| changed | zsm | 32x56, 4 frames | gmacs |" in said


def test_an_empty_run_is_stopped(run, capsys):
    store.rows_file(run).write_text("")
    code, said = judged(run, capsys)
    assert code == 5 and "nothing was measured" in said


def test_an_improvement_passes_and_is_reported(run, capsys):
    plant(run, values=raised)
    code, said = judged(run, capsys)
    assert code == 0 and re.search(r"\| improved \| stdan \| openclips/fast/\S+ \| psnr_y .*\(\+0.02\)", said)
