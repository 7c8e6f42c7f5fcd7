"""The GitHub action's own steps, run in a shell as GitHub would: they pass, and stop what must be stopped."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from stvsr_bench.rows import store
from stvsr_bench.rows.lines import line_of

yaml = pytest.importorskip("yaml")
ACTION = yaml.safe_load((Path(__file__).parents[1] / "action.yml").read_text())


@pytest.fixture
def act(tmp_path):
    """Runs one step by name with these inputs; what GitHub sets for it is set."""
    shim = tmp_path / "bin" / "stvsr-bench"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m stvsr_bench "$@"\n')
    shim.chmod(0o755)
    given = {name: facts.get("default", "") for name, facts in ACTION["inputs"].items()}

    def step(name, **inputs):
        (found,) = [one for one in ACTION["runs"]["steps"] if one["name"] == name]
        values = {**given, **{key.replace("_", "-"): value for key, value in inputs.items()}}
        env = {key: values[text.split("inputs.")[1].split(" ")[0]] for key, text in found.get("env", {}).items()}
        path = f"{shim.parent}{os.pathsep}{os.environ['PATH']}"
        summary = str(tmp_path / "summary.md")
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]],
            cwd=tmp_path,
            env={**os.environ, **env, "PATH": path, "GITHUB_STEP_SUMMARY": summary, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    return step


def test_the_steps_measure_and_judge(act, tmp_path):
    measured = act("Measure", methods="blend+bicubic", run_options="--dataset mini --split slow --limit 1")
    assert measured.returncode == 0, measured.stderr
    accepted = act("Judge", baseline="baseline", gate_options="--update")
    assert accepted.returncode == 0, accepted.stderr
    assert act("Judge", baseline="baseline").returncode == 0
    assert "gate: passed" in (tmp_path / "summary.md").read_text()

    (row,) = store.read_rows(tmp_path / "baseline")
    better = {**row.values, "psnr_y": [value + 0.02 for value in row.values["psnr_y"]]}
    store.rows_file(tmp_path / "baseline").write_bytes(line_of(replace(row, values=better)) + b"\n")
    stopped = act("Judge", baseline="baseline", gate_options="--no-runtime")
    assert stopped.returncode == 5, stopped.stderr
    assert "regressed" in (tmp_path / "summary.md").read_text() and "<failure" in (tmp_path / "gate.xml").read_text()


def test_options_are_no_names_of_files_and_rows_of_an_earlier_job_are_not_kept(act, tmp_path):
    (tmp_path / "slow").touch()  # what a shell would make of [s]low
    old = tmp_path / "runs" / "gate" / "rows-main.jsonl"
    old.parent.mkdir(parents=True)
    old.write_text("of an earlier job")
    refused = act("Measure", methods="blend+bicubic", run_options="--dataset mini --split [s]low --limit 1")
    assert refused.returncode == 2 and "[s]low" in refused.stderr
    assert not old.exists()


def test_a_failed_clip_does_not_skip_the_verdict():
    (judge,) = [step for step in ACTION["runs"]["steps"] if step["name"] == "Judge"]
    assert judge["if"] == "success() || failure()"


def test_every_input_is_used_and_the_action_brings_the_program():
    used = json.dumps(ACTION["runs"])
    assert all(f"inputs.{name}" in used for name in ACTION["inputs"])
    assert "pip install" in ACTION["runs"]["steps"][0]["run"] and "inputs.install" in ACTION["runs"]["steps"][0]["if"]


@pytest.mark.parametrize(("asked", "judged"), [({}, False), ({"runtime": "true"}, True)], ids=["shared", "own machine"])
def test_seconds_are_judged_only_where_the_machine_is_ones_own(act, tmp_path, asked, judged):
    shim = tmp_path / "bin" / "stvsr-bench"
    shim.write_text('#!/bin/sh\necho "$@"\n')
    said = act("Judge", baseline="baseline", gate_options="--tolerance psnr_y=0.01", **asked).stdout
    assert ("--no-runtime" not in said) is judged and "--tolerance psnr_y=0.01" in said
