"""What a profile says: which columns, which texts, what is remarked. No network is built."""

import subprocess
import sys

import pytest

from stvsr_bench.profiling import summary

TIMING = {"median": 200.0, "iqr": 30.0, "n": 7, "noisy": True, "frames_per_s": 35.0, "frame_ms": 28.6,
          "megapixel_ms": 250.0}  # fmt: skip


QUALITY = {"dataset": "mini", "protocol": "suite-1", "protocol_key": "suite-1.1-k", "weights": "w", "psnr_y": 30.0,
           "clips": 2}  # fmt: skip


def line(kind="profile", **facts):
    return {
        "kind": kind,
        "method": "toy",
        "weights": "",
        "device": "cpu",
        "precision": "fp32",
        "machine": "abc",
        "machine_facts": {"cpu": "a processor", "threads": 2, "torch": "2", "blas": "mkl"},
        "size": [8, 16],
        "frames": 3,
        "params": 1_234_567,
        "params_trainable": 1_234_567,
        "buffers": 0,
        "params_by_module": {"a": 1_000_000, "a.0": 1_000_000, "b": 234_567},
        "gmacs": 2.0,
        "gmacs_frame": 0.4,
        "gmacs_by_module": {"a": 1.9, "a.0": 1.9, "a.1": 0.01, "b": 0.1},
        "uncounted": {"relu": 2},
        "backend": "torch",
        **facts,
    }


def test_columns_are_those_that_the_kind_of_row_fills():
    assert summary.columns_of([line()]) == ["params (M)", "GMACs"]
    assert summary.columns_of([line(runtime_ms=TIMING)])[2:] == ["ms", "IQR", "fps", "MiB"]
    assert summary.columns_of([line(max_size=None)])[-1] == "max size"
    assert summary.columns_of([line("topt", quality=[QUALITY]), line("topt")])[-1] == "PSNR-Y mini@w"
    assert summary.columns_of([line("sweep")])[:3] == ["size", "frames", "GMACs"]
    assert summary.columns_of([line("sweep", engine="fast")])[2] == "GMACs as run"


def test_a_noisy_time_is_starred_and_remarked_once():
    rows = [line(runtime_ms=TIMING), line(runtime_ms=TIMING)]
    assert summary.cell(rows[0], "ms") == "200*"
    assert summary.remarks(rows) == ["noisy: toy, IQR 15 % of the median over 7 runs; raise --budget"]


def test_what_was_not_measured_is_a_dash_and_said():
    found = line(peak_memory_mib=None, memory_note="longer than 5 s", max_size=None, weights="mini")
    assert [summary.cell(found, name) for name in ("MiB", "max size", "PSNR-Y mini")] == ["-", "-", "-"]
    assert summary.remarks([found]) == ["toy@mini: memory not measured: longer than 5 s"]
    (said,) = summary.remarks([line(counters_agree=False)])
    assert "differ by more than 1 % on toy" in said


@pytest.mark.parametrize(("gmacs", "text"), [(0.123456, "0.123"), (99.96, "100"), (1234.56, "1234.6")])
def test_multiply_adds_keep_three_digits(gmacs, text):
    assert summary.cell(line(gmacs=gmacs), "GMACs") == text


def test_the_paper_s_order_is_the_column_of_multiply_adds_and_the_fast_engine_s_another():
    fast = line(engine="fast", gmacs=311.3, gmacs_plain=369.4)
    assert summary.columns_of([fast, line()]) == ["params (M)", "GMACs", "GMACs, fast engine"]
    assert [summary.cell(fast, name) for name in ("GMACs", "GMACs, fast engine")] == ["369.4", "311.3"]
    assert [summary.cell(line(engine="plain"), name) for name in ("GMACs", "GMACs, fast engine")] == ["2", "-"]
    assert summary.cell(line(engine="fast", gmacs=311.3), "GMACs") == "-"  # not counted, so not known
    assert summary.cell(line(gmacs=0.0), "GMACs") == "-"


def test_the_quality_of_each_data_set_stands_alone_with_its_clips_and_protocol():
    other = {**QUALITY, "dataset": "vid4", "protocol": "zsm-2020", "protocol_key": "zsm-2020.1-k", "psnr_y": None}
    found = line("topt", quality=[QUALITY, other])
    assert summary.columns_of([found])[-2:] == ["PSNR-Y mini@w", "PSNR-Y vid4, zsm-2020@w"]
    assert [summary.cell(found, name) for name in summary.columns_of([found])[-2:]] == ["30.00", "-"]
    assert summary.remarks([found]) == [
        "PSNR-Y mini@w: mean over the 2 clips that all of its T share, suite-1.1-k",
        "PSNR-Y vid4, zsm-2020@w: mean over the 2 clips that all of its T share, zsm-2020.1-k",
    ]


def test_small_modules_of_the_second_level_are_left_out():
    grid = summary.modules(line(stages_ms={"a": 5.0, "(rest)": 1.0}))
    assert [name for name, *_ in grid.lines] == ["a", "  a.0", "b", "(rest)"]
    assert grid.lines[0] == ("a", "1.000", "1.90", "5")
    assert "not counted: relu x2" in summary.totals(line())


def test_the_headline_names_the_card_on_a_gpu():
    facts = {**line()["machine_facts"], "gpu": "a card"}
    assert summary.headline([line(device="cuda:0", machine_facts=facts)])[0].startswith("a card, 2 threads")
    assert summary.headline([line(compile=True)])[1].startswith("device cpu, fp32, compile, ")


def test_exponents_have_a_line_per_method():
    fitted = {"time": 1.02, "memory": None, "theory": 1.0}
    grid = summary.exponents([line("sweep", axis="size", exponents=fitted)] * 2)
    assert grid.lines == (("toy", "1.02", "", "1.00"),)
    assert grid.title == "exponent against pixels of a frame"


def test_it_loads_no_torch():
    code = "import sys, stvsr_bench.profiling.summary; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
