"""The manifest: a history of commands, what all of them measured, and labels of data sets named by a path."""

import json
from dataclasses import asdict

import pytest

from stvsr_bench.rows import manifest
from stvsr_bench.schema import Manifest


def command(number, **changes):
    """The manifest of a command that measured one method on one cell."""
    name = f"m{number}"
    fields = {
        "run": "r", "argv": ["run", name], "started": f"2026-11-0{number}", "env": f"e{number}",
        "protocols": {f"p{number}": {"key": "k"}}, "cells": {f"b{number}/all/k": {"clips": 1}, f"a{number}/all/k": {}},
        "datasets": {f"d{number}": "0"}, "methods": {name: {"sha256": "s", "code": "c", "card": "x"}},
        "metrics": {"psnr_y": "dB"},
    }  # fmt: skip
    return Manifest(**{**fields, **changes})


def test_each_command_has_an_entry_and_the_lists_are_those_of_all(tmp_path):
    assert manifest.read(tmp_path) == {}
    assert [manifest.write(tmp_path, command(number)) for number in (1, 2, 3)] == [1, 2, 3]
    found = manifest.read(tmp_path)
    last = asdict(command(3))
    assert {name: found[name] for name in ("run", "argv", "started", "env", "metrics")} == {
        name: last[name] for name in ("run", "argv", "started", "env", "metrics")
    }
    for name, of in (("protocols", "p"), ("datasets", "d"), ("methods", "m")):
        assert sorted(found[name]) == [f"{of}{number}" for number in (1, 2, 3)]
    assert len(found["cells"]) == 6
    assert found["history"] == [
        {
            "argv": ["run", f"m{number}"], "started": f"2026-11-0{number}", "env": f"e{number}",
            "methods": {f"m{number}": {"sha256": "s", "code": "c"}},
            "cells": [f"a{number}/all/k", f"b{number}/all/k"],
        }
        for number in (1, 2, 3)
    ]  # fmt: skip


def test_what_is_measured_again_has_the_later_facts(tmp_path):
    manifest.write(tmp_path, command(1))
    manifest.write(tmp_path, command(1, methods={"m1": {"sha256": "t", "code": "c"}}))
    assert manifest.read(tmp_path)["methods"]["m1"]["sha256"] == "t"


@pytest.mark.parametrize("history", [None, {}, "x"])
def test_a_manifest_without_a_history_begins_one(tmp_path, history):
    (tmp_path / "manifest.json").write_text(
        json.dumps({"methods": {"old": {}}} | ({"history": history} if history is not None else {}))
    )
    assert manifest.write(tmp_path, command(1)) == 1
    assert sorted(manifest.read(tmp_path)["methods"]) == ["m1", "old"]


def test_a_place_is_twelve_digits_of_the_whole_path_and_no_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    places = {manifest.place_of(name) for name in ("data", str(tmp_path / "data"), "./x/../data", "~/data")}
    assert len(places) == 1 and len(places.pop()) == 12
    assert manifest.place_of("data") != manifest.place_of("x/data")


def test_two_folders_of_one_name_have_two_labels_in_one_command_and_in_two(tmp_path):
    first, second, third = (str(tmp_path / part / "GT") for part in "abc")
    told = [f"GT#{manifest.place_of(path)[:4]}" for path in (first, second, third)]
    found = manifest.labels(tmp_path, [first, second, third, first])
    assert found == {first: "GT", second: told[1], third: told[2]}
    # whichever comes first has the plain name, whatever the order of their digests
    assert manifest.labels(tmp_path, [second, first])[second] == "GT"
    assert manifest.labels(tmp_path, [second, first])[first] == f"GT#{manifest.place_of(first)[:4]}"
    manifest.write(tmp_path, command(1, datasets={"GT": manifest.place_of(first)}))
    assert manifest.labels(tmp_path, [second, first]) == {second: told[1], first: "GT"}


def test_of_merged_manifests_the_later_one_counts_and_no_entry_is_lost(tmp_path):
    runs = [tmp_path / name for name in "ab"]
    for number, run in enumerate(runs, start=1):
        run.mkdir()
        manifest.write(run, command(number))
    found = manifest.merged("both", runs)
    assert found["run"] == "both" and found["started"] == "2026-11-02" and found["argv"] == ["run", "m2"]
    assert sorted(found["methods"]) == ["m1", "m2"]
    assert [entry["started"] for entry in found["history"]] == ["2026-11-01", "2026-11-02"]
    assert manifest.merged("none", []) == {"run": "none"}


def test_runs_are_listed_by_name_once_each_with_their_rows_and_methods(tmp_path, row, write):
    for name, clips in (("b", "012"), ("a", "0")):
        write(tmp_path / name, [row(clip) for clip in clips])
        manifest.write(
            tmp_path / name, command(1, methods={"z": {"sha256": "", "code": ""}, "y": {"sha256": "", "code": ""}})
        )
    (tmp_path / "latest").symlink_to("b", target_is_directory=True)
    (tmp_path / "no run").mkdir()
    assert manifest.summaries(tmp_path) == [
        {"name": "a", "rows": 1, "methods": ["y", "z"]}, {"name": "b", "rows": 3, "methods": ["y", "z"]},
    ]  # fmt: skip
