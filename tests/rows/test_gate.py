"""The gate stops what should be stopped, with the right exit code and words, and nothing else."""

import json
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from stvsr_bench.cli import call
from stvsr_bench.errors import NotRunnableError
from stvsr_bench.rows import gate, gate_text, store
from stvsr_bench.schema import Row

MACHINE = {"system": "Linux x86_64", "cpu": "one", "host": "a", "code_paths": {"torch": "AVX2"}}
OTHER = {**MACHINE, "code_paths": {"torch": "AVX512"}}


def row(clip, method="net@mini", psnr=30.0, **changes):
    base = Row(
        key=f"{method}-{clip}",
        method=method,
        weights="mini",
        dataset="mini",
        split="fast",
        clip=clip,
        protocol="suite-1",
        protocol_key="suite-1.1-0",
        restoring_key="0",
        frames=[0, 1],
        given=[True, False],
        values={"psnr_y": [psnr + 1, psnr - 1], "ssim_y": [0.9, 0.8]},
        size=(8, 8),
        params=1000,
        seconds={"restore": 1.0},
        env="e",
    )
    return replace(base, **changes)


def write(folder, rows, machine=MACHINE, torch="2.13", profiles=(), versions=None):
    with store.Appender(store.rows_file(folder)) as appender:
        for one in rows:
            appender.row(one)
    store.write_json(folder / "env.json", {"e": {"machine": machine, "versions": {"torch": torch, **(versions or {})}}})
    (folder / "profile.jsonl").write_text("".join(json.dumps(p) + "\n" for p in profiles))
    return folder


@pytest.fixture
def baseline(tmp_path):
    return write(tmp_path / "baseline", [row(f"{n}") for n in range(8)])


def judged(tmp_path, baseline, rows, **facts):
    return gate.judge(baseline, write(tmp_path / "run", rows, **facts))


def test_equal_rows_pass(tmp_path, baseline):
    judgement = judged(tmp_path, baseline, [row(f"{n}") for n in range(8)])
    assert judgement.passed and judgement.compared == 16 and judgement.moves == []


def test_a_drop_of_two_hundredths_of_a_decibel_is_stopped_with_exit_code_5(tmp_path, baseline, capsys):
    write(tmp_path / "run", [row(f"{n}", psnr=29.98 if n == 3 else 30.0) for n in range(8)])
    assert call(["gate", str(baseline), str(tmp_path / "run")]) == 5
    said = capsys.readouterr().out
    assert "regressed" in said and "mini/fast/3" in said and "-0.02" in said


A_LITTLE = 5e-6  # dB: less than code paths move a network, more than one machine does


@pytest.mark.parametrize(
    ("machine", "trips", "why"),
    [
        (MACHINE, True, "the same machine, versions and threads"),
        ({**MACHINE, "threads_variable": "7", "gpu_state": {"celsius": 80}, "host": "b"}, True, "the same machine"),
        (OTHER, False, "another machine or code path"),
        ({**MACHINE, "cpu_model": "25/17/1"}, False, "another machine or code path"),
        ({"cpu": "one", "cores": 2}, False, "not known well enough"),  # a row of an earlier suite
    ],
)
def test_a_network_may_differ_a_little_between_code_paths_and_not_on_one(tmp_path, baseline, machine, trips, why):
    run = [row(f"{n}", psnr=30 - A_LITTLE) for n in range(8)]
    judgement = judged(tmp_path, baseline, run, machine=machine)
    assert judgement.passed != trips
    (table,) = [line for line in gate_text.markdown(judgement).splitlines() if why in line]
    assert table.startswith("| net@mini | 8 | psnr_y")


def test_two_machines_that_only_an_old_suite_described_are_not_taken_for_one(tmp_path):
    before = write(tmp_path / "old", [row("0")], machine={"cpu": "AMD EPYC", "cores": 2})
    judgement = judged(tmp_path, before, [row("0", psnr=30 - A_LITTLE)], machine={"cpu": "AMD EPYC", "cores": 2})
    assert judgement.passed and "not known well enough" in gate_text.markdown(judgement)


def test_another_numba_is_another_code_path_for_networks_and_not_for_bit_exact_methods(tmp_path):
    rows = [row("0"), row("0", method="exact", bit_exact=True)]
    before = write(tmp_path / "old", rows, versions={"numba": "0.67"})
    moved = [row("0", psnr=30 - A_LITTLE), row("0", method="exact", bit_exact=True, psnr=30 - A_LITTLE)]
    judgement = gate.judge(before, write(tmp_path / "new", moved, versions={"numba": "0.68"}))
    assert {move.method for move in judgement.moves if move.bad} == {"exact"}
    assert "another numba (0.67 and 0.68)" in gate_text.markdown(judgement)


@pytest.mark.parametrize(("what", "value"), [("threads", "2"), ("device", "cuda")])
def test_other_threads_or_another_device_are_another_code_path(tmp_path, what, value):
    before = write(tmp_path / "old", [row("0", how={"threads": "1", "device": "cpu"})])
    run = [row("0", psnr=30 - A_LITTLE, how={"threads": "1", "device": "cpu", what: value})]
    judgement = judged(tmp_path, before, run)
    assert judgement.passed and f"other {what}" in gate_text.markdown(judgement)


def test_a_bit_exact_method_may_not_move_at_all_on_any_cpu(tmp_path):
    before = write(tmp_path / "old", [row("0", bit_exact=True)])
    same = judged(tmp_path, before, [row("0", bit_exact=True)], machine=OTHER)
    assert same.passed and "psnr_y 0, ssim_y 0" in gate_text.markdown(same)
    moved = row("0", bit_exact=True, values={"psnr_y": [31.0, 29.0], "ssim_y": [0.9, 0.8 - 1e-15]})
    judgement = gate.judge(before, write(tmp_path / "moved", [moved], machine=OTHER))
    assert [(move.what, move.bad) for move in judgement.moves] == [("ssim_y", True)]


def test_without_numba_ssim_is_summed_in_another_order_and_nothing_else_may_move(tmp_path):
    before = write(tmp_path / "old", [row("0", bit_exact=True)], versions={"numba": "0.68"})
    switched_off = {**OTHER, "code_paths": {"variables": {"STVSR_BENCH_NUMBA": "0"}}}
    a_bit = row("0", bit_exact=True, values={"psnr_y": [31.0, 29.0], "ssim_y": [0.9, 0.8 + 3e-15]})
    for name, facts in (("absent", {}), ("off", {"versions": {"numba": "0.68"}, "machine": switched_off})):
        judgement = gate.judge(before, write(tmp_path / name, [a_bit], **facts))
        assert judgement.passed and "one side without numba" in gate_text.markdown(judgement), name
    more = write(tmp_path / "more", [row("0", bit_exact=True, psnr=30 - 1e-12)])
    assert [move.what for move in gate.judge(before, more).moves] == ["psnr_y"]


@pytest.mark.parametrize("facts", [{}, {"e": 5}, {"e": {"machine": 5, "versions": None}}, {"e": {"machine": {}}}])
def test_facts_that_are_missing_or_damaged_identify_no_machine(tmp_path, baseline, facts):
    run = write(tmp_path / "run", [row(f"{n}", psnr=30 - A_LITTLE) for n in range(8)])
    store.write_json(run / "env.json", facts)
    judgement = gate.judge(baseline, run)
    assert judgement.passed and len(judgement.used) == 1


def test_a_bit_exact_method_is_not_held_to_bits_across_versions_or_off_x86(tmp_path):
    before = write(tmp_path / "old", [row("0", bit_exact=True)])
    arm = {**OTHER, "system": "Darwin arm64"}
    for name, facts in (("torch", {"torch": "2.14"}), ("arm", {"machine": arm})):
        run = write(tmp_path / name, [row("0", psnr=30 - A_LITTLE, bit_exact=True)], **facts)
        assert gate.judge(before, run).passed, name


def test_an_improvement_is_reported_and_passes(tmp_path, baseline):
    judgement = judged(tmp_path, baseline, [row(f"{n}", psnr=30.5) for n in range(8)])
    assert judgement.passed
    assert {move.verdict for move in judgement.moves} == {"improved"}


def test_an_upgrade_that_moves_the_last_bit_passes_and_is_said(tmp_path, baseline):
    def measured(mse):
        return [row(f"{n}", values={"psnr_y": [30.0, 29.0], "mse_y": [65.025, mse]}) for n in range(3)]

    before = write(tmp_path / "old", measured(81.86), torch="2.12")
    assert gate.judge(before, before).notes == []
    judgement = judged(tmp_path, before, measured(81.86000000000001), torch="2.13")
    assert judgement.passed and judgement.moves == []
    assert "output of net@mini is not bit-equal on 3 of 3 clips (torch 2.12 -> 2.13)" in judgement.notes


def test_a_change_of_parameters_is_stopped(tmp_path, baseline):
    judgement = judged(tmp_path, baseline, [row(f"{n}", params=1001) for n in range(8)])
    assert not judgement.passed
    assert judgement.moves[0].what == "parameters"


def test_a_change_of_multiply_adds_is_stopped(tmp_path):
    profile = {"kind": "profile", "method": "net", "size": [8, 8], "frames": 4, "precision": "fp32", "gmacs": 1.5}
    before = write(tmp_path / "b", [row("0")], profiles=[profile])
    judgement = judged(tmp_path, before, [row("0")], profiles=[{**profile, "gmacs": 1.6}])
    assert [move.what for move in judgement.moves] == ["gmacs"] and not judgement.passed


def test_a_profile_that_is_no_longer_measured_is_stopped(tmp_path):
    profile = {"kind": "profile", "method": "net", "size": [8, 8], "frames": 4, "precision": "fp32", "gmacs": 1.5}
    before = write(tmp_path / "b", [row("0")], profiles=[profile])
    judgement = judged(tmp_path, before, [row("0")])
    assert [(move.verdict, move.what) for move in judgement.moves] == [("missing", "profile")] and not judgement.passed


@pytest.mark.parametrize("rows", [[], [row("0", method="another")]])
def test_nothing_measured_is_a_failure(tmp_path, baseline, rows, capsys):
    write(tmp_path / "run", rows)
    assert call(["gate", str(baseline), str(tmp_path / "run")]) == 5
    assert "nothing was measured" in capsys.readouterr().out


def test_a_clip_that_is_no_longer_measured_is_stopped(tmp_path, baseline):
    judgement = judged(tmp_path, baseline, [row(f"{n}") for n in range(7)])
    assert not judgement.passed
    assert [(m.verdict, m.where) for m in judgement.moves] == [("missing", "mini/fast/7")]


def test_a_frame_that_becomes_infinite_is_stopped(tmp_path, baseline):
    rows = [
        row("0", values={"psnr_y": [float("inf"), 29.0], "ssim_y": [0.9, 0.8]}),
        *(row(f"{n}") for n in range(1, 8)),
    ]
    assert not judged(tmp_path, baseline, rows).passed


def test_a_slowdown_on_the_same_machine_is_stopped_and_noise_is_not(tmp_path, baseline):
    slower = [row(f"{n}", seconds={"restore": 1.5 + 0.01 * n}) for n in range(8)]
    judgement = judged(tmp_path, baseline, slower)
    assert [move.what for move in judgement.moves] == ["runtime"] and not judgement.passed
    noisy = [row(f"{n}", seconds={"restore": 1.0 + (-1) ** n * 0.3}) for n in range(8)]
    assert gate.judge(baseline, write(tmp_path / "noisy", noisy)).passed


def test_runtime_of_another_host_is_not_compared_and_that_is_said(tmp_path, baseline):
    slower = [row(f"{n}", seconds={"restore": 9.0}) for n in range(8)]
    judgement = judged(tmp_path, baseline, slower, machine={**MACHINE, "host": "b"})
    assert judgement.passed and "runtime not compared" in judgement.notes[0]


def test_update_makes_the_run_the_baseline(tmp_path, baseline):
    run = write(tmp_path / "run", [row(f"{n}", psnr=25.0) for n in range(3)])
    assert gate.update(baseline, run) == 3
    assert gate.judge(baseline, run).passed
    (run / "profile.jsonl").unlink()
    (baseline / "profile.jsonl").write_text('{"method": "of an older baseline"}\n')
    gate.update(baseline, run)
    assert gate.judge(baseline, run).passed, "what the run does not have must not stay in the baseline"
    empty = write(tmp_path / "empty", [])
    with pytest.raises(NotRunnableError, match="holds no row"):
        gate.update(baseline, empty)


def test_tolerances_of_the_user_replace_the_defaults(tmp_path, baseline):
    run = write(tmp_path / "run", [row(f"{n}", psnr=29.95) for n in range(8)])
    assert gate.judge(baseline, run, {"psnr_y": 0.1}).passed
    assert call(["gate", str(baseline), str(run), "--tolerance", "psnr_y=0.1"]) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("psnr_y=x", "metric=number"),
        ("psnr_y=nan", "metric=number"),
        ("psnr_y=inf", "metric=number"),
        ("psnr_y=-1", "metric=number"),
        ("psnr_y", "metric=number"),
        ("pnsr_y=0.01", "Did you mean 'psnr_y'"),
    ],
)
def test_a_tolerance_that_would_judge_nothing_is_refused(baseline, text, says, capsys):
    assert call(["gate", str(baseline), str(baseline), "--tolerance", text]) == 2
    assert says in capsys.readouterr().err


def test_junit_and_markdown_say_the_same(tmp_path, baseline):
    judgement = judged(tmp_path, baseline, [row(f"{n}", psnr=29.0) for n in range(8)])
    suite = ElementTree.fromstring(gate_text.junit(judgement))
    assert int(suite.get("failures")) == 8 == gate_text.markdown(judgement).count("| regressed |")


def test_hostile_names_stay_text_in_xml_and_markdown(tmp_path):
    before = write(tmp_path / "b", [row("<script>|\x1b[2J", method="</testcase>")])
    judgement = judged(tmp_path, before, [row("<script>|\x1b[2J", method="</testcase>", psnr=1.0)])
    assert "\x1b" not in gate_text.markdown(judgement) and "\\x1b[2J" in gate_text.markdown(judgement)
    assert ElementTree.fromstring(gate_text.junit(judgement)).findall("testcase")[1].get("classname") == "</testcase>"
    assert "\\|" in gate_text.markdown(judgement)


def test_the_pytest_fixture_fails_a_test_with_the_summary(tmp_path, baseline):
    write(tmp_path / "run", [row(f"{n}", psnr=29.0) for n in range(8)])
    test = tmp_path / "test_quality.py"
    test.write_text(
        "def test_same(stvsr_bench):\n    stvsr_bench.assert_no_regression('baseline', 'baseline')\n"
        "def test_drop(stvsr_bench):\n    stvsr_bench.assert_no_regression('baseline', 'run')\n"
    )
    listed = "from importlib.metadata import entry_points as e; print([p.name for p in e(group='pytest11')])"
    seen = subprocess.run([sys.executable, "-c", listed], cwd=tmp_path, capture_output=True, text=True, check=True)
    plugin = [] if "'stvsr_bench'" in seen.stdout else ["-p", "stvsr_bench.pytest_plugin"]  # older installs lack it
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        *plugin,
        "-p",
        "no:cacheprovider",
        str(test),
    ]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 failed, 1 passed" in done.stdout and "regressed" in done.stdout
