"""A run folder from anybody: `verify` computes every row again, compares it whole, and runs nothing of the folder's."""

import dataclasses
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from stvsr_bench import plugins
from stvsr_bench.cli import call
from stvsr_bench.data.frames import write_png
from stvsr_bench.errors import DataError
from stvsr_bench.rows import store
from stvsr_bench.rows.lines import line_of, line_of_facts
from stvsr_bench.rows.merge import merge
from stvsr_bench.runner import execute as runner
from stvsr_bench.runner.plan import RunSpec, make
from stvsr_bench.schema import Row

TOY = """
import torch.nn.functional as F
CARD = {"title": "Toy", "net": "restore", "call": "function", "kind": "stvsr", "learned": False}

def restore(lr_BTChw):
    dense = lr_BTChw.repeat_interleave(2, dim=1)[:, :-1]
    return F.interpolate(dense.flatten(0, 1), scale_factor=4).unflatten(0, dense.shape[:2])
"""


@pytest.fixture
def spec(tmp_path, noise_clips):
    return RunSpec(
        methods=("blend+bicubic",),
        datasets=(str(noise_clips(2, 7, (32, 48))),),
        out=tmp_path / "run",
        save_frames="none",
        metrics=("psnr_rgb", "tdiff_psnr_y"),
    )


def execute(spec):
    assert runner.execute(spec, make(spec)).failures == []
    return store.read_rows(spec.out)


def forge(run, rows):
    """Rows as somebody who knows the format writes them: key and digest fit what they say."""
    for path in run.glob("rows-*.jsonl"):
        path.unlink()
    store.rows_file(run).write_bytes(b"".join(line_of(row) + b"\n" for row in rows))


def moved(values, by):
    return {name: [value + by for value in of] for name, of in values.items()}


# For each field of a row: another value, and what trips on it. "verify": the row no longer holds. "cover": nothing
# here makes such a row. "reader": no such row is read. "": what no one can compute again, or may be another day's.
FIELDS = {
    "key": (lambda row: "0" * 16, "reader"),
    "made": (lambda row: {**row.made, "code": "0" * 16}, "words"),
    "stamp": (lambda row: "0" * 16, ""),
    "method": (lambda row: "dis+bicubic", "cover"),
    "weights": (lambda row: "authors", "cover"),
    "dataset": (lambda row: "vid4", "cover"),
    "split": (lambda row: "slow", "verify"),
    "clip": (lambda row: "c9", "verify"),
    "protocol": (lambda row: "zsm-2020", "cover"),
    "protocol_key": (lambda row: "suite-1.1-0", "cover"),
    "restoring_key": (lambda row: "0" * 12, "verify"),
    "frames": (lambda row: [*row.frames[:-1], 17], "verify"),
    "given": (lambda row: [not one for one in row.given], "verify"),
    "values": (lambda row: {**row.values, "ssim_y": [value + 1e-4 for value in row.values["ssim_y"]]}, "verify"),
    "size": (lambda row: (32, 44), "verify"),
    "kind": (lambda row: "vfi", "verify"),
    "weights_sha256": (lambda row: "a" * 64, "cover"),
    "asked": (lambda row: "dis+bicubic", "cover"),
    "source": (lambda row: "a" * 12, "verify"),
    "truth": (lambda row: "0" * 16, "verify"),
    "input": (lambda row: "0" * 16, "verify"),
    "untrained": (lambda row: True, "verify"),
    "bit_exact": (lambda row: False, "verify"),
    "scalars": (lambda row: {"tdiff_psnr_y": row.scalars["tdiff_psnr_y"] + 1e-3}, "verify"),
    "params": (lambda row: 1, "verify"),
    "motion_px": (lambda row: 3.0, "verify"),
    "seconds": (lambda row: {"restore": 0.1}, ""),
    "flags": (lambda row: ["override"], "verify"),
    "how": (lambda row: {**row.how, "precision": "bf16"}, "verify"),
    "env": (lambda row: "0", ""),
    "suite": (lambda row: "9", ""),
    "schema_version": (lambda row: 9, "reader"),
}


def test_the_table_knows_every_field():
    assert FIELDS.keys() == {field.name for field in dataclasses.fields(Row)}


@pytest.mark.fault("A", "a forged row, with a digest that fits it", "`verify` says what does not hold", "5")
@pytest.mark.parametrize("field", FIELDS)
def test_a_forged_field_is_found(spec, capsys, field):
    change, trips = FIELDS[field]
    first, second = execute(spec)
    forged = replace(first, **{field: change(first)})
    if field != "key":
        forged = replace(forged, key=forged.own_key)
    forge(spec.out, [forged, second])
    code = call(["verify", str(spec.out)])
    out, err = capsys.readouterr()
    said = out + err
    assert code == {"reader": 4, "": 0, "words": 0}.get(trips, 5), said
    expected = {"verify": "differs: ", "cover": "not computed: ", "words": "not made as it was then: its code"}
    assert expected.get(trips, "") in said


@pytest.mark.parametrize("metric", ["psnr_y", "ssim_y", "mse_y", "psnr_rgb"])
def test_each_value_is_compared_not_only_its_psnr(spec, metric):
    first, second = execute(spec)
    values = {**first.values, metric: [first.values[metric][0] * 1.0001, *first.values[metric][1:]]}
    forge(spec.out, [replace(first, values=values), second])
    assert call(["verify", str(spec.out)]) == 5


def test_a_value_that_was_added_or_whose_metric_is_unknown_is_not_believed(spec, capsys):
    first, second = execute(spec)
    forge(spec.out, [replace(first, scalars={**first.scalars, "lovely": 1.0}), second])
    assert call(["verify", str(spec.out)]) == 5
    assert "unknown metric 'lovely'" in capsys.readouterr().out


def test_rows_of_all_commands_of_a_folder_are_computed_again(spec, capsys):
    execute(spec)
    rows = execute(replace(spec, methods=("dis+bicubic",), metrics=()))
    forge(spec.out, [replace(row, values=moved(row.values, 30)) if "blend" in row.method else row for row in rows])
    assert call(["verify", str(spec.out)]) == 5
    out = capsys.readouterr().out
    assert out.count("differs: blend+bicubic") == 2 and "the same: 2 of 4 rows" in out


def test_frames_that_score_was_given_are_counted_and_the_others_are_verified(spec, tmp_path, capsys):
    execute(spec)
    for clip in ("c0", "c1"):
        for t in range(7):
            grey = np.random.default_rng((int(clip[1]), t)).integers(0, 255, (32, 48, 3)).astype(np.uint8)
            write_png(tmp_path / "theirs" / clip / f"{t}.png", grey)
    score = ["score", str(tmp_path / "theirs"), "--against", spec.datasets[0], "-q", "-o"]
    assert call([*score, str(spec.out)]) == 0 and call([*score, str(tmp_path / "alone")]) == 0
    capsys.readouterr()
    assert call(["verify", str(spec.out)]) == 0
    out = capsys.readouterr().out
    assert "the same: 2 of 2 rows" in out and "not verifiable: 2 rows of frames that score was given" in out
    assert call(["verify", str(tmp_path / "alone")]) == 4
    assert call(["verify", str(spec.out), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (facts["verified"], facts["held"], facts["external"], facts["not_covered"]) == (2, 2, 2, [])


def test_code_of_the_folder_is_not_run_unless_it_is_given_again(spec, tmp_path, capsys):
    toy = tmp_path / "toy.py"
    toy.write_text(TOY)
    plugins.include(toy)
    execute(replace(spec, include=(toy,), methods=("toy", "blend+bicubic")))
    plugins.forget()
    toy.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n{TOY}")
    assert call(["verify", str(spec.out)]) == 5
    out = capsys.readouterr().out
    assert "the same: 2 of 2 rows" in out and "not computed: toy (2 rows): unknown method 'toy'" in out
    assert not (tmp_path / "ran").exists()
    assert call(["verify", str(spec.out), "--partial"]) == 0
    toy.write_text(TOY)
    assert call(["verify", str(spec.out), "--include", str(toy)]) == 0
    assert "the same: 4 of 4 rows" in capsys.readouterr().out
    toy.write_text(TOY.replace("scale_factor=4", "scale_factor=4, mode='bilinear'"))
    plugins.forget()
    assert call(["verify", str(spec.out), "--include", str(toy)]) == 5
    assert "not made as it was then: its code, of toy (2 rows)" in capsys.readouterr().out


@pytest.mark.fault("A", "a run folder of clips in a folder is verified where they lie elsewhere", "its rows hold", "0")
def test_clips_of_a_folder_that_were_named_from_where_the_command_was_run_are_found(
    spec, tmp_path, capsys, monkeypatch
):
    """`-d ./clips` on the cluster, and the run folder beside another copy of the clips at home."""
    monkeypatch.chdir(tmp_path)
    execute(replace(spec, datasets=("./clips",)))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    assert call(["verify", str(spec.out), "--root", str(tmp_path / "clips")]) == 0
    (tmp_path / "clips").rename(tmp_path / "home" / "clips")
    assert call(["verify", str(spec.out)]) == 0
    assert capsys.readouterr().out.count("the same: 2 of 2 rows") == 2


def test_data_that_lie_elsewhere_are_given_with_a_root(spec, tmp_path, capsys):
    card = tmp_path / "films"
    card.mkdir()
    (card / "card.toml").write_text('title = "Films"\nreader = "folders"\nsplits = ["all"]\nsource = "here"\n')
    plugins.include(card)
    execute(replace(spec, datasets=("films",), root=tmp_path / "clips", include=(card,)))
    (tmp_path / "clips").rename(tmp_path / "elsewhere")
    assert call(["verify", str(spec.out), "--include", str(card)]) == 5
    assert "there is no" in capsys.readouterr().out
    assert call(["verify", str(spec.out), "--include", str(card), "--root", str(tmp_path / "elsewhere")]) == 0


FILES = {
    "rows-main.jsonl": ("reader", lambda path: path.write_text(path.read_text().replace("blend", "blond"))),
    "env.json": ("verify", lambda path: path.write_text(path.read_text().replace("Linux", "Minix"))),
    "run.toml": ("verify", lambda path: path.write_text(path.read_text().replace("seed = 0", "seed = 1"))),
    "commands/0001.toml": ("verify", lambda path: path.write_text(path.read_text().replace("seed = 0", "seed = 1"))),
    "manifest.json": ("verify", lambda path: path.write_text(path.read_text().replace('"clips": 2', '"clips": 1'))),
    "failures.jsonl": ("reader", lambda path: path.write_text(path.read_text().replace("bicubic", "cubic"))),
    "profile.jsonl": ("reader", lambda path: path.write_text(path.read_text().replace("1000", "10"))),
    "restored": ("verify", lambda path: write_png(path, np.zeros((32, 48, 3), np.uint8))),
    "truth": ("verify", lambda path: write_png(path, np.zeros((32, 48, 3), np.uint8))),
}
# what no number is read from: the lock, what was superseded, and the input that a page shows
NOT_GUARDED = {".lock", "superseded.jsonl", "input"}


@pytest.mark.fault("A", "another file of a run folder that was edited", "`verify` or its reader names it", "4, 5")
@pytest.mark.parametrize("name", FILES)
def test_any_file_of_the_folder_that_was_edited_trips_verify_or_a_reader(spec, capsys, name):
    execute(replace(spec, save_frames="all"))
    with store.Appender(spec.out / "failures.jsonl") as file:
        file.line(line_of_facts({"key": "f" * 16, "method": "blend+bicubic", "error": "x"}))
    with store.Appender(spec.out / "profile.jsonl") as file:
        file.line(line_of_facts({"method": "blend+bicubic", "params": 1000}))
    names = {"restored": "frames/*/blend+bicubic/*/*/c0/00003.png", "truth": "frames/*/_hr/*/*/c0/00003.png"}
    (path,) = spec.out.glob(names.get(name, name))
    assert call(["verify", str(spec.out)]) == 0
    store.read_failures(spec.out), store.profiles(spec.out)
    before = path.read_bytes()
    trips, edit = FILES[name]
    edit(path)
    assert path.read_bytes() != before
    capsys.readouterr()
    if name in ("failures.jsonl", "profile.jsonl"):
        with pytest.raises(DataError, match="edited"):
            store.read_failures(spec.out), store.profiles(spec.out)
        return
    assert call(["verify", str(spec.out)]) == {"reader": 4, "verify": 5}[trips]
    said = capsys.readouterr()
    assert "edited" in said.err if trips == "reader" else "differs" in said.out


def test_the_table_knows_every_file_of_a_run(spec):
    execute(replace(spec, save_frames="all"))
    kinds = {"_hr": "truth", "_lr": "input", "blend+bicubic": "restored"}
    found = {path.relative_to(spec.out) for path in spec.out.rglob("*") if path.is_file()}
    names = {kinds[path.parts[2]] if path.parts[0] == "frames" else path.as_posix() for path in found}
    assert names | {"profile.jsonl", "superseded.jsonl"} == FILES.keys() | NOT_GUARDED


def test_a_share_is_a_share_of_the_clips(spec, capsys):
    execute(spec)
    assert call(["verify", str(spec.out), "--sample", "50%"]) == 0
    assert "the same: 1 of 1 row" in capsys.readouterr().out
    assert call(["verify", str(spec.out), "--sample", "0"]) == 2


def test_a_closed_pipe_takes_no_exit_code(spec):
    first, second = execute(spec)
    forge(spec.out, [replace(first, values=moved(first.values, 30)), second])
    code = f"import sys; from stvsr_bench.cli import main; sys.exit(main(['verify', {str(spec.out)!r}]))"
    command = f'{sys.executable} -c "{code}" | true; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 5 and done.stderr == ""


def test_a_folder_that_was_merged_of_shards_holds_too(spec, capsys):
    parts = [replace(spec, out=spec.out / str(n), shard=(n, 2)) for n in (1, 2)]
    for part in parts:
        execute(part)
    merged = spec.out / "merged"
    assert merge([part.out for part in parts], merged) == 2
    assert call(["verify", str(merged)]) == 0
    assert "the same: 2 of 2 rows" in capsys.readouterr().out


@pytest.mark.parametrize("cells", [["x"], {"x": 1}, {"a/b/c": 3}])
def test_a_manifest_of_anything_is_a_sentence(spec, capsys, cells):
    execute(spec)
    store.write_json(spec.out / "manifest.json", {**store.read_json(spec.out / "manifest.json"), "cells": cells})
    code, said = call(["verify", str(spec.out)]), capsys.readouterr().err
    assert code in (0, 5) or (code == 4 and "manifest.json" in said and "delete it, the rows are safe" in said)
    assert "internal error" not in said
