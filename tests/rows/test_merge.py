"""Merging loses nothing: of rows, metrics, profiles, failures, environments, frames; and disagreement is no mean."""

import json
import math
import tracemalloc
from dataclasses import replace

import pytest

from stvsr_bench.errors import DataError
from stvsr_bench.rows import store
from stvsr_bench.rows.merge import merge
from stvsr_bench.schema import Row

ROW = Row(
    key="",
    method="net",
    weights="mini",
    dataset="mini",
    split="fast",
    clip="c",
    protocol="suite-1",
    protocol_key="suite-1.1-0",
    restoring_key="0",
    frames=[0, 1, 2],
    given=[True, False, True],
    values={"psnr_y": [30.0, math.inf, 31.0], "ssim_y": [0.9, 1.0, 0.8]},
    size=(32, 48),
    scalars={"tof": 0.5},
    env="e",
)
ROW = replace(ROW, key=ROW.own_key)
OTHER = replace(ROW, clip="d")
OTHER = replace(OTHER, key=OTHER.own_key)


def run(folder, *rows, env="e"):
    """A run folder with these rows and one line in each file beside them."""
    folder.mkdir()
    with store.Appender(store.rows_file(folder)) as appender:
        for row in rows:
            appender.row(row)
    for name in ("failures.jsonl", "profile.jsonl"):
        (folder / name).write_text(json.dumps({"key": folder.name, "of": name}) + "\n")
    (folder / "env.json").write_text(json.dumps({env: {"machine": {"host": folder.name}}}))
    (folder / "manifest.json").write_text(json.dumps({"run": folder.name, "methods": {folder.name: {}}}))
    (folder / "run.toml").write_text(f"methods = ['{folder.name}']\n")
    place = folder / "frames" / "0" / "net@mini" / "mini" / "fast" / folder.name
    place.mkdir(parents=True)
    (place / "00000.png").write_bytes(folder.name.encode())
    return folder


def everything(folder):
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return found - {".lock"}


@pytest.mark.fault("C", "`merge` into a folder that holds a run", "all that it held stays", "0")
def test_a_merged_folder_holds_all_that_its_parts_held_and_what_it_held_before(tmp_path):
    out = run(tmp_path / "out", ROW, env="o")
    other = run(tmp_path / "other", OTHER, env="x")
    assert merge([other], out) == 2
    assert {row.clip for row in store.read_rows(out)} == {"c", "d"}
    for name in ("failures.jsonl", "profile.jsonl"):
        assert [line["key"] for line in store.read_jsonl(out / name)] == ["out", "other"]
    assert store.read_json(out / "env.json").keys() == {"o", "x"}
    assert store.read_json(out / "manifest.json")["methods"].keys() == {"out", "other"}
    assert (out / "run.toml").read_text() == "methods = ['out']\n"
    assert {f"frames/0/net@mini/mini/fast/{name}/00000.png" for name in ("out", "other")} <= everything(out)


def test_a_run_that_is_merged_into_itself_stays_as_it_was(tmp_path):
    out = run(tmp_path / "out", ROW)
    (tmp_path / "latest").symlink_to("out", target_is_directory=True)
    before = {name: (out / name).read_bytes() for name in everything(out) if not name.startswith("rows-")}
    assert merge([out, tmp_path / "latest"], out) == 1
    assert {name: json.loads((out / name).read_text()) for name in before if name.endswith(".json")} == {
        name: json.loads(text) for name, text in before.items() if name.endswith(".json")
    }
    assert len(store.read_jsonl(out / "profile.jsonl")) == 1


def test_metrics_that_only_one_part_has_are_joined(tmp_path):
    one = run(tmp_path / "one", replace(ROW, values={"psnr_y": ROW.values["psnr_y"]}, scalars={}))
    two = run(tmp_path / "two", ROW)
    merge([one, two], tmp_path / "out")
    (row,) = store.read_rows(tmp_path / "out")
    assert row.values == ROW.values and row.scalars == ROW.scalars


@pytest.mark.fault(
    "C",
    "shards that disagree, or a damaged one, in `merge`",
    "what differs is named; nothing is written",
    "4",
)
@pytest.mark.parametrize(
    "change",
    [
        {"truth": "f" * 16},
        {"input": "f" * 16},
        {"given": [True, True, True]},
        {"frames": [1, 2, 3]},
        {"values": {**ROW.values, "ssim_y": [0.9, 1.0, 0.7]}},
        {"values": {**ROW.values, "psnr_y": [30.0, 90.0, 31.0]}},
        {"values": {**ROW.values, "psnr_y": [math.inf, 30.0, 31.0]}},
        {"scalars": {"tof": 0.6}},
        {"params": 12},
    ],
)
def test_parts_that_disagree_are_refused_and_nothing_is_written(tmp_path, change):
    known = replace(ROW, truth="0" * 16, input="0" * 16)
    one, two = run(tmp_path / "one", known), run(tmp_path / "two", replace(known, **change))
    with pytest.raises(DataError, match="two: net on c has other values than the other row of it"):
        merge([one, two], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_two_machines_may_differ_by_is_no_disagreement(tmp_path):
    near = {**ROW.values, "psnr_y": [30.0 + 1e-5, math.inf, 31.0]}
    one, two = run(tmp_path / "one", ROW), run(tmp_path / "two", replace(ROW, values=near))
    merge([one, two], tmp_path / "out")
    assert store.read_rows(tmp_path / "out")[0].values == ROW.values


@pytest.mark.fault(
    "C",
    "shards that disagree, or a damaged one, in `merge`",
    "what differs is named; nothing is written",
    "4",
)
def test_a_damaged_part_leaves_no_half_made_folder(tmp_path):
    one, two = run(tmp_path / "one", ROW), run(tmp_path / "two", OTHER)
    (two / "env.json").write_text("[1")
    with pytest.raises(DataError, match=r"env\.json"):
        merge([one, two], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.fault("E", "10,000 and 100,000 rows in `merge`", "rows are read one by one: memory does not follow", "0")
def test_merging_needs_little_memory_beside_what_it_writes(tmp_path):
    long = replace(ROW, values={f"m{n}": [0.1 + n, 0.2, 0.3] for n in range(60)})
    shards = []
    for shard in range(2):
        rows = (replace(long, clip=f"{shard}-{n}") for n in range(400))
        shards.append(run(tmp_path / str(shard), *(replace(row, key=row.own_key) for row in rows)))
    size = sum(store.rows_file(shard).stat().st_size for shard in shards)
    tracemalloc.start()
    try:
        assert merge(shards, tmp_path / "out") == 800
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size / 3


def test_a_refused_merge_leaves_what_was_in_its_folder(tmp_path):
    one, two = run(tmp_path / "one", ROW), run(tmp_path / "two", replace(ROW, params=12))
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="other values"):
        merge([one, two], out)
    assert everything(out) == {"notes.txt"}
