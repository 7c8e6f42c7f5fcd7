"""A leaderboard of three bundles: two labs agree, the third is forged, and `verify --sample` finds it."""

import json
import shutil
from dataclasses import replace

import pytest

from stvsr_bench.cli import call
from stvsr_bench.errors import GATE_TRIPPED, NOT_RUNNABLE, OK, USAGE
from stvsr_bench.report import write as writing
from stvsr_bench.rows import store
from stvsr_bench.rows.lines import line_of
from stvsr_bench.runner import execute as runner
from stvsr_bench.runner.plan import RunSpec, make


@pytest.fixture
def labs(tmp_path, noise_clips):
    """Three run folders: A and B measured one method on the same clips, C another and raised its PSNR by 1 dB."""
    clips = str(noise_clips(2, 3, (32, 48)))
    made = {}
    for lab, method in (("A", "blend+bicubic"), ("C", "dis+bicubic")):
        spec = RunSpec((method,), (clips,), out=tmp_path / lab, save_frames="none")
        assert not runner.execute(spec, make(spec)).failures
        made[lab] = spec.out
    shutil.copytree(made["A"], tmp_path / "B")
    rows = [
        replace(row, values={**row.values, "psnr_y": [value + 1 for value in row.values["psnr_y"]]})
        for row in store.read_rows(made["C"])
    ]
    store.rows_file(made["C"]).write_bytes(b"".join(line_of(row) + b"\n" for row in rows))
    for lab in "ABC":
        assert call(["bundle", str(tmp_path / lab), "-o", str(tmp_path / f"{lab}.zip"), "--as", f"Lab {lab}"]) == OK
    return tmp_path


def test_the_leaderboard_names_what_each_bundle_claims_and_verify_finds_the_forged_one(labs, capsys, monkeypatch):
    monkeypatch.setattr(writing.catalogue, "drawn", lambda source: [])
    files = [str(labs / f"{lab}.zip") for lab in "ABC"]
    capsys.readouterr()
    assert call(["bundle", "add", *files, "--out", str(labs / "board"), "--report", str(labs / "report")]) == OK
    said = capsys.readouterr().out
    assert all(f"claimed by Lab {lab}" in said for lab in "ABC") and "verify FILE" in said
    text = (labs / "report" / "table.md").read_text()
    assert "blend+bicubic: 2 of 2 rows claimed by Lab A (bundle" in text.replace("\\_", "_")
    assert "; 2 of 2 rows claimed by Lab B" in text and "dis+bicubic: 2 of 2 rows claimed by Lab C" in text
    assert "its digest is not a signature" in text
    assert "claimed by Lab C" in (labs / "report" / "index.html").read_text()
    lines = (labs / "report" / "provenance.csv").read_text().splitlines()
    assert len(lines) == 1 + 2 * 2 + 2 and sum("Lab C" in line for line in lines) == 2
    verdicts = {lab: call(["verify", str(labs / f"{lab}.zip"), "--sample", "1%"]) for lab in "ABC"}
    assert verdicts == {"A": OK, "B": OK, "C": GATE_TRIPPED}
    seen = capsys.readouterr()
    assert "differs: dis+bicubic" in seen.out and "claimed by Lab C" in seen.err
    # of the board itself, every row is computed again
    assert call(["verify", str(labs / "board"), "--json"]) == GATE_TRIPPED
    found = json.loads(capsys.readouterr().out)
    assert (found["verified"], found["held"]) == (4, 2)
    for text in ('{"bundles": 3}', '{"bundles": [{"keys": []}]}', '{"bundles": ["a"]}'):
        (labs / "board" / "bundles.json").write_text(text)
        assert call(["report", str(labs / "board"), "--out", str(labs / "again")]) == NOT_RUNNABLE
        assert "is not a list of bundles" in capsys.readouterr().err


def test_what_is_asked_wrongly_is_said_in_a_sentence(labs, tmp_path, capsys):
    board = ["--out", str(tmp_path / "x")]
    (tmp_path / "text.zip").write_text("no bundle")
    assert call(["bundle", "add", *board]) == USAGE
    assert call(["bundle", str(labs / "A"), str(labs / "B"), *board]) == USAGE
    assert call(["bundle", str(labs / "nowhere"), *board]) == NOT_RUNNABLE
    assert call(["bundle", "add", str(tmp_path / "text.zip"), *board]) == NOT_RUNNABLE
    assert call(["verify", str(tmp_path / "text.zip")]) == NOT_RUNNABLE
    said = capsys.readouterr().err
    assert said.count("error:") == 5 and "Traceback" not in said
