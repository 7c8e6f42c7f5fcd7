"""The gate stops what should be stopped, with the right exit code and words, and nothing else."""

import json
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from stvsr_bench.cli import call
from stvsr_bench.errors import DataError, UsageError
from stvsr_bench.rows import gate, gate_text, store

MACHINE = {"system": "Linux x86_64", "cpu": "one", "host": "a", "code_paths": {"torch": "AVX2"}}  # of conftest.py
OTHER = {**MACHINE, "code_paths": {"torch": "AVX512"}}


@pytest.fixture
def baseline(tmp_path, row, write):
    return write(tmp_path / "baseline", [row(f"{n}") for n in range(8)])


@pytest.fixture
def judged(tmp_path, write):
    return lambda baseline, rows, **facts: gate.judge(baseline, write(tmp_path / "run", rows, **facts))


def test_equal_rows_pass(baseline, row, judged):
    judgement = judged(baseline, [row(f"{n}") for n in range(8)])
    assert judgement.passed and judgement.compared == 16 and judgement.moves == []


def test_a_drop_of_two_hundredths_of_a_decibel_is_stopped_with_exit_code_5(tmp_path, baseline, capsys, row, write):
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
def test_a_network_may_differ_a_little_between_code_paths_and_not_on_one(baseline, machine, trips, why, row, judged):
    run = [row(f"{n}", psnr=30 - A_LITTLE) for n in range(8)]
    judgement = judged(baseline, run, machine=machine)
    assert judgement.passed != trips
    (table,) = [line for line in gate_text.markdown(judgement).splitlines() if why in line]
    assert table.startswith("| net@mini | 8 | psnr_y")


def test_two_machines_that_only_an_old_suite_described_are_not_taken_for_one(tmp_path, row, write, judged):
    before = write(tmp_path / "old", [row("0")], machine={"cpu": "AMD EPYC", "cores": 2})
    judgement = judged(before, [row("0", psnr=30 - A_LITTLE)], machine={"cpu": "AMD EPYC", "cores": 2})
    assert judgement.passed and "not known well enough" in gate_text.markdown(judgement)


def test_another_numba_is_another_code_path_for_networks_and_not_for_bit_exact_methods(tmp_path, row, write):
    rows = [row("0"), row("0", method="exact", bit_exact=True)]
    before = write(tmp_path / "old", rows, versions={"numba": "0.67"})
    moved = [row("0", psnr=30 - A_LITTLE), row("0", method="exact", bit_exact=True, psnr=30 - A_LITTLE)]
    judgement = gate.judge(before, write(tmp_path / "new", moved, versions={"numba": "0.68"}))
    assert {move.method for move in judgement.moves if move.bad} == {"exact"}
    assert "another numba (0.67 and 0.68)" in gate_text.markdown(judgement)


@pytest.mark.parametrize(("what", "value"), [("threads", "2"), ("device", "cuda")])
def test_other_threads_or_another_device_are_another_code_path(tmp_path, what, value, row, write, judged):
    before = write(tmp_path / "old", [row("0", how={"threads": "1", "device": "cpu"})])
    run = [row("0", psnr=30 - A_LITTLE, how={"threads": "1", "device": "cpu", what: value})]
    judgement = judged(before, run)
    assert judgement.passed and f"other {what}" in gate_text.markdown(judgement)


def test_a_bit_exact_method_may_not_move_at_all_on_any_cpu(tmp_path, row, write, judged):
    before = write(tmp_path / "old", [row("0", bit_exact=True)])
    same = judged(before, [row("0", bit_exact=True)], machine=OTHER)
    assert same.passed and "psnr_y 0, ssim_y 0" in gate_text.markdown(same)
    moved = row("0", bit_exact=True, values={"psnr_y": [31.0, 29.0], "ssim_y": [0.9, 0.8 - 1e-15]})
    judgement = gate.judge(before, write(tmp_path / "moved", [moved], machine=OTHER))
    assert [(move.what, move.bad) for move in judgement.moves] == [("ssim_y", True)]


def test_without_numba_ssim_is_summed_in_another_order_and_nothing_else_may_move(tmp_path, row, write):
    before = write(tmp_path / "old", [row("0", bit_exact=True)], versions={"numba": "0.68"})
    switched_off = {**OTHER, "code_paths": {"variables": {"STVSR_BENCH_NUMBA": "0"}}}
    a_bit = row("0", bit_exact=True, values={"psnr_y": [31.0, 29.0], "ssim_y": [0.9, 0.8 + 3e-15]})
    for name, facts in (("absent", {}), ("off", {"versions": {"numba": "0.68"}, "machine": switched_off})):
        judgement = gate.judge(before, write(tmp_path / name, [a_bit], **facts))
        assert judgement.passed and "one side without numba" in gate_text.markdown(judgement), name
    more = write(tmp_path / "more", [row("0", bit_exact=True, psnr=30 - 1e-12)])
    assert [move.what for move in gate.judge(before, more).moves] == ["psnr_y"]


@pytest.mark.parametrize("facts", [{}, {"e": {"machine": 5, "versions": None}}, {"e": {"machine": {}}}])
def test_facts_that_are_missing_or_damaged_identify_no_machine(tmp_path, baseline, facts, row, write):
    run = write(tmp_path / "run", [row(f"{n}", psnr=30 - A_LITTLE) for n in range(8)])
    store.write_json(run / "env.json", facts)
    judgement = gate.judge(baseline, run)
    assert judgement.passed and len(judgement.used) == 1


def test_facts_of_another_kind_are_named(tmp_path, baseline, row, write):
    run = write(tmp_path / "run", [row("0")])
    store.write_json(run / "env.json", {"e": 5})
    with pytest.raises(DataError, match=r"env\.json has something other than facts; delete it, the rows are safe"):
        gate.judge(baseline, run)


def test_a_bit_exact_method_is_not_held_to_bits_across_versions_or_off_x86(tmp_path, row, write):
    before = write(tmp_path / "old", [row("0", bit_exact=True)])
    arm = {**OTHER, "system": "Darwin arm64"}
    for name, facts in (("torch", {"torch": "2.14"}), ("arm", {"machine": arm})):
        run = write(tmp_path / name, [row("0", psnr=30 - A_LITTLE, bit_exact=True)], **facts)
        assert gate.judge(before, run).moves == gate.judge(run, before).moves == [], name


def test_an_improvement_is_reported_and_passes(baseline, row, judged):
    judgement = judged(baseline, [row(f"{n}", psnr=30.5) for n in range(8)])
    assert judgement.passed
    assert {move.verdict for move in judgement.moves} == {"improved"}


def test_an_upgrade_that_moves_the_last_bit_passes_and_is_said(tmp_path, baseline, row, write, judged):
    def measured(mse):
        return [row(f"{n}", values={"psnr_y": [30.0, 29.0], "mse_y": [65.025, mse]}) for n in range(3)]

    before = write(tmp_path / "old", measured(81.86), torch="2.12")
    assert gate.judge(before, before).notes == []
    judgement = judged(before, measured(81.86000000000001), torch="2.13")
    assert judgement.passed and judgement.moves == []
    assert "output of net@mini is not bit-equal on 3 of 3 clips (torch 2.12 -> 2.13)" in judgement.notes


def test_a_change_of_parameters_is_stopped(baseline, row, judged):
    judgement = judged(baseline, [row(f"{n}", params=1001) for n in range(8)])
    assert not judgement.passed
    assert judgement.moves[0].what == "parameters"


def test_a_change_of_multiply_adds_is_stopped(tmp_path, row, write, judged):
    profile = {"kind": "profile", "method": "net", "size": [8, 8], "frames": 4, "precision": "fp32", "gmacs": 1.5}
    before = write(tmp_path / "b", [row("0")], profiles=[profile])
    judgement = judged(before, [row("0")], profiles=[{**profile, "gmacs": 1.6}])
    assert [move.what for move in judgement.moves] == ["gmacs"] and not judgement.passed


def test_a_profile_that_is_no_longer_measured_is_stopped(tmp_path, row, write, judged):
    profile = {"kind": "profile", "method": "net", "size": [8, 8], "frames": 4, "precision": "fp32", "gmacs": 1.5}
    before = write(tmp_path / "b", [row("0")], profiles=[profile])
    judgement = judged(before, [row("0")])
    assert [(move.verdict, move.what) for move in judgement.moves] == [("missing", "profile")] and not judgement.passed


@pytest.mark.parametrize("methods", [[], ["another"]])
def test_nothing_measured_is_a_failure(tmp_path, baseline, methods, capsys, row, write):
    write(tmp_path / "run", [row("0", method=method) for method in methods])
    assert call(["gate", str(baseline), str(tmp_path / "run")]) == 5
    assert "nothing was measured" in capsys.readouterr().out


def test_a_clip_that_is_no_longer_measured_is_stopped(baseline, row, judged):
    judgement = judged(baseline, [row(f"{n}") for n in range(7)])
    assert not judgement.passed
    assert [(m.verdict, m.where) for m in judgement.moves] == [("missing", "mini/fast/7")]


def test_a_frame_that_becomes_infinite_is_stopped(baseline, row, judged):
    rows = [
        row("0", values={"psnr_y": [float("inf"), 29.0], "ssim_y": [0.9, 0.8]}),
        *(row(f"{n}") for n in range(1, 8)),
    ]
    assert not judged(baseline, rows).passed


def test_a_slowdown_on_the_same_machine_is_stopped_and_noise_is_not(tmp_path, baseline, row, write, judged):
    slower = [row(f"{n}", seconds={"restore": 1.5 + 0.01 * n}) for n in range(8)]
    judgement = judged(baseline, slower)
    assert [move.what for move in judgement.moves] == ["runtime"] and not judgement.passed
    noisy = [row(f"{n}", seconds={"restore": 1.0 + (-1) ** n * 0.3}) for n in range(8)]
    assert gate.judge(baseline, write(tmp_path / "noisy", noisy)).passed


def test_runtime_is_left_out_where_that_is_asked_for(tmp_path, baseline, row, write):
    slower = write(tmp_path / "run", [row(f"{n}", seconds={"restore": 2.0}) for n in range(8)])
    assert call(["gate", str(baseline), str(slower), "--no-runtime"]) == 0
    assert call(["gate", str(baseline), str(slower)]) == 5


def test_runtime_of_another_host_is_not_compared_and_that_is_said(baseline, row, judged):
    slower = [row(f"{n}", seconds={"restore": 9.0}) for n in range(8)]
    judgement = judged(baseline, slower, machine={**MACHINE, "host": "b"})
    assert judgement.passed and "runtime not compared" in judgement.notes[0]


def test_tolerances_of_the_user_replace_the_defaults(tmp_path, baseline, row, write):
    run = write(tmp_path / "run", [row(f"{n}", psnr=29.95) for n in range(8)])
    assert gate.judge(baseline, run, {"psnr_y": 0.1}).passed
    assert call(["gate", str(baseline), str(run), "--tolerance", "psnr_y=0.1"]) == 0


@pytest.mark.fault("B", "a tolerance that would judge nothing", "one sentence", "2")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("psnr_y=x", "metric=number"),
        ("psnr_y=nan", "metric=number"),
        ("psnr_y=inf", "metric=number"),
        ("psnr_y=-1", "metric=number"),
        ("psnr_y", "metric=number"),
        ("pnsr_y=0.01", "Did you mean 'psnr_y'"),
        ("psnr_y=0.1,lpips_alex=0.1", "no row of the baseline has it"),
    ],
)
def test_a_tolerance_that_would_judge_nothing_is_refused(baseline, text, says, capsys):
    assert call(["gate", str(baseline), str(baseline), "--tolerance", text]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [{"pnsr_y": 0.1}, {"psnr_y": "0.1"}, {"psnr_y": float("nan")}, {"psnr_y": -1},
                                   {"psnr_y": True}, {"psnr_y": float("inf")}, {"lpips_alex": 0.1}])  # fmt: skip
def test_a_tolerance_of_a_program_is_checked_like_one_of_the_command_line(baseline, wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        gate.judge(baseline, baseline, wrong)


def test_junit_and_markdown_say_the_same(baseline, row, judged):
    judgement = judged(baseline, [row(f"{n}", psnr=29.0) for n in range(8)])
    suite = ElementTree.fromstring(gate_text.junit(judgement))
    assert int(suite.get("failures")) == 8 == gate_text.markdown(judgement).count("| regressed |")
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
    assert int(suite.get("tests")) == 9 == len(suite.findall("testcase"))


def test_an_empty_baseline_is_a_failure_in_every_format(tmp_path, write, row, capsys):
    """Nothing is missing and nothing moved; nothing was compared either."""
    nothing, run, xml = write(tmp_path / "b", []), write(tmp_path / "run", [row("0")]), tmp_path / "gate.xml"
    assert call(["gate", str(nothing), str(run), "--junit", str(xml)]) == 5
    assert "**failed**" in capsys.readouterr().out
    suite = ElementTree.parse(xml).getroot()
    assert suite.get("failures") == "1" == str(len(suite.findall("testcase/failure")))
    assert call(["gate", str(nothing), str(run), "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["passed"] is False
    assert call(["gate", str(nothing), str(run), "--tolerance", "psnr_y=1"]) == 5, "not the tolerance is wrong"


def test_rows_without_any_metric_that_has_a_tolerance_are_a_failure(tmp_path, write, row):
    other = write(tmp_path / "b", [row("0", values={"vmaf": [50.0, 60.0]})])
    judgement = gate.judge(other, other)
    assert not judgement.passed and judgement.moves == []
    assert "nothing was measured: the baseline and the run share no metric that has a tolerance" in judgement.notes
    assert gate.judge(other, other, {"vmaf": 0.0}).passed


def test_of_many_moves_the_bad_ones_are_shown(judged, baseline, row):
    rows = [row(f"{n}", psnr=29.0 if n == 7 else 31.0) for n in range(8)]
    judgement = judged(baseline, rows)
    said = gate_text.markdown(judgement, limit=3)
    assert said.count("| regressed |") == 1 and said.count("| improved |") == 2 and "... and 5 more." in said
    assert "16 values compared, 1 worse or changed, 8 moved in all." in said
    assert "... and" not in gate_text.markdown(judgement, limit=8)


@pytest.mark.fault("B5", "`gate --markdown`, `--junit`: names with HTML, ANSI codes, no letters", "text", "0, 5")
def test_hostile_names_stay_text_in_xml_and_markdown(tmp_path, row, write, judged):
    before = write(tmp_path / "b", [row("<script>|\x1b[2J", method="</testcase>")])
    judgement = judged(before, [row("<script>|\x1b[2J", method="</testcase>", psnr=1.0)])
    assert "\x1b" not in gate_text.markdown(judgement) and r"\\x1b\[2J" in gate_text.markdown(judgement)
    assert ElementTree.fromstring(gate_text.junit(judgement)).findall("testcase")[1].get("classname") == "</testcase>"
    assert "\\|" in gate_text.markdown(judgement)


def test_a_line_end_or_half_a_character_in_a_name_breaks_neither_table_nor_xml(judged, tmp_path, write, row):
    names = {"clip": "a\nb\uffff", "method": "net\n| forged |\ufffe"}
    before = write(tmp_path / "b", [row(**names)])
    judgement = judged(before, [row(**names, psnr=1.0)])
    lines = gate_text.markdown(judgement).splitlines()
    assert len([line for line in lines if line.startswith("| regressed | net")]) == 1
    assert not any(line.startswith("| forged") for line in lines)
    case = ElementTree.fromstring(gate_text.junit(judgement)).findall("testcase")[1]
    assert case.get("classname") == r"net\x0a| forged |\ufffe"


def test_the_pytest_fixture_fails_a_test_with_the_summary(tmp_path, baseline, row, write):
    write(tmp_path / "run", [row(f"{n}", psnr=29.0) for n in range(8)])
    write(tmp_path / "slow", [row(f"{n}", seconds={"restore": 9.0}) for n in range(8)])
    test = tmp_path / "test_quality.py"
    test.write_text(
        "def test_same(stvsr_bench):\n    stvsr_bench.assert_no_regression('baseline', 'baseline')\n"
        "def test_drop(stvsr_bench):\n    stvsr_bench.assert_no_regression('baseline', 'run')\n"
        "def test_wrong(stvsr_bench):\n    stvsr_bench.assert_no_regression('baseline', 'run', {'pnsr_y': 1})\n"
        "def test_slow(stvsr_bench):\n    stvsr_bench.assert_no_regression('baseline', 'slow', runtime=False)\n"
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
    assert "2 failed, 2 passed" in done.stdout and "regressed" in done.stdout
    assert "error: unknown metric 'pnsr_y'. Did you mean 'psnr_y'?" in done.stdout and "Traceback" not in done.stdout
