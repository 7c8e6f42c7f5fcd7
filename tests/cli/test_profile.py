"""`stvsr-bench profile` end to end, on tiny networks: rows, tables, plug-ins unknown to it, mistakes."""

import json
import textwrap

import pytest

from stvsr_bench.cli import call
from stvsr_bench.profiling import memory
from stvsr_bench.rows import store

NET = """
    import torch
    from torch import nn
    import torch.nn.functional as F

    CARD = {"title": "Toy", "kind": "stvsr", "net": "Toy", "learned": False, "multiple_of": 4,
              "options": {"top_t": 2, "width": 4}}

    class Toy(nn.Module):
        def __init__(self, top_t, width):
            super().__init__()
            self.width = width
            self.conv = nn.Conv2d(3, width, 3, padding=1)
            self.last = nn.Conv2d(width, 3, 1)
        def forward(self, lr, times=None):
            seen = self.last(self.conv(lr.flatten(0, 1)))
            big = F.interpolate(seen, scale_factor=4.0, mode="nearest").unflatten(0, lr.shape[:2])
            middle = (big[:, 1:] + big[:, :-1]) / 2
            return torch.cat([torch.stack([big[:, :-1], middle], 2).flatten(1, 2), big[:, -1:]], 1)
"""


@pytest.fixture
def toy(tmp_path):
    """A one-file method that nothing in the package knows."""
    path = tmp_path / "toy.py"
    path.write_text(textwrap.dedent(NET))
    return path


@pytest.fixture
def told_memory(monkeypatch):
    """Memory as if each input pixel took 1/64 MiB: no process is started."""

    def peak(load, work, device="cpu", limit_mib=0):
        height, width = work.args[1].size
        mib = height * width / 64
        return memory.Peak(mib, 100.0, fits=not limit_mib or mib <= limit_mib)

    monkeypatch.setattr(memory, "peak", peak)


def profiled(capsys, *argv):
    code = call(["profile", *argv, "--budget", "0.2", "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out)["rows"] if out else []


def test_an_unknown_plug_in_is_profiled_as_it_is_and_leaves_a_row(capsys, tmp_path, toy):
    run = tmp_path / "run"
    code, rows = profiled(
        capsys, "-m", "toy", "--include", str(toy), "--size", "8x12", "--frames", "3", "--out", str(run)
    )
    assert code == 0 and rows == store.profiles(run)
    (row,) = rows
    assert (row["kind"], row["method"], row["size"], row["frames"]) == ("profile", "toy", [8, 12], 3)
    assert row["params"] == 3 * 4 * 9 + 4 + 4 * 3 + 3 == row["params_trainable"]
    assert row["gmacs"] == pytest.approx(3 * 96 * (3 * 4 * 9 + 4 * 3) / 1e9)
    assert row["gmacs_frame"] == pytest.approx(row["gmacs"] / 5) and row["counters_agree"]
    assert row["runtime_ms"]["median"] > 0 and row["runtime_ms"]["n"] >= 1
    assert set(row["stages_ms"]) == {"conv", "last", "(rest)"}
    assert 0 <= row["peak_memory_mib"] < 200
    assert row["uncounted"] == {"add": 1, "div": 1}
    facts = row["machine_facts"]
    assert facts["cpu"] and facts["torch"] and facts["blas"] and facts["threads"] == row["threads"]


def test_counts_alone_are_those_of_the_whole_profile_and_nothing_is_timed(capsys, tmp_path, toy, told_memory):
    argv = ["-m", "toy", "--include", str(toy), "--size", "8x12", "--frames", "3"]
    _, (whole,) = profiled(capsys, *argv)
    code, (counted,) = profiled(capsys, *argv, "--counts-only", "--out", str(tmp_path / "run"))
    assert code == 0 and [counted] == store.profiles(tmp_path / "run")
    assert {name: whole[name] for name in counted} == counted
    assert whole.keys() - counted.keys() >= {"runtime_ms", "peak_memory_mib"} and counted["gmacs"] > 0
    assert call(["profile", *argv, "--counts-only", "-q"]) == 0
    said = capsys.readouterr().out
    assert "GMACs" in said and "fps" not in said and "ms per frame" not in said
    assert call(["profile", *argv, "--counts-only", "--top-t"]) == 2


def test_multiply_adds_of_the_paper_s_order_stand_beside_those_of_a_fast_engine(capsys, tmp_path):
    path = tmp_path / "toy.py"
    text = textwrap.dedent(NET).replace(
        '"width": 4}', '"width": 4, "engine": "fast"}, "choices": {"engine": ["plain", "fast"]}'
    )
    text = text.replace("def __init__(self, top_t, width):", "def __init__(self, top_t, width, engine):")
    path.write_text(text.replace("self.width = width", "width = width if engine == 'fast' else 2 * width"))
    argv = ["-m", "toy,toy:engine=plain", "--include", str(path), "--size", "8x12", "--frames", "3", "--counts-only"]
    code, (fast, plain) = profiled(capsys, *argv)
    assert code == 0
    by_hand = [3 * 96 * (3 * width * 9 + width * 3) / 1e9 for width in (4, 8)]  # two convolutions on three frames
    assert [fast["gmacs"], fast["gmacs_plain"], plain["gmacs"]] == pytest.approx([*by_hand, by_hand[1]])
    assert "gmacs_plain" not in plain and (fast["engine"], plain["engine"]) == ("fast", "plain")
    assert call(["profile", *argv, "-q"]) == 0
    assert "GMACs, fast engine" in capsys.readouterr().out


def test_top_t_makes_a_row_for_each_number_of_points_in_one_run(capsys, toy, told_memory):
    code, rows = profiled(capsys, "-m", "toy:width=8", "--include", str(toy), "--size", "8x8", "--top-t")
    assert code == 0
    assert [(row["kind"], row["top_t"]) for row in rows] == [("topt", t) for t in (1, 2, 4, 9)]
    assert [row["method"] for row in rows][:2] == ["toy:top_t=1:width=8", "toy:width=8"]
    assert len({row["machine"] for row in rows}) == 1


def test_a_sweep_fits_exponents_beside_the_theoretical_one(capsys, toy, told_memory):
    code, rows = profiled(capsys, "-m", "toy", "--include", str(toy), "--size", "64x64", "--sweep", "size")
    assert code == 0
    assert [row["size"] for row in rows] == [[32, 32], [48, 48], [64, 64], [80, 80], [96, 96]]
    assert all(row["kind"] == "sweep" and row["axis"] == "size" for row in rows)
    assert rows[0]["exponents"]["theory"] == pytest.approx(1, abs=1e-3)
    assert rows[0]["exponents"]["memory"] == pytest.approx(1, abs=5e-3)


def test_weights_are_not_needed_and_their_absence_is_said(capsys, tmp_path, told_memory):
    path = tmp_path / "learner.py"
    path.write_text(textwrap.dedent(NET).replace('"learned": False', '"learned": True'))
    code = call(["profile", "-m", "learner", "--include", str(path), "--size", "8x8",
                 "--frames", "2", "--budget", "0.1", "--json"])  # fmt: skip
    shown = capsys.readouterr()
    assert code == 0
    assert json.loads(shown.out)["rows"][0]["weights"] == "none"
    assert "no weights installed" in shown.err


def test_the_tables_name_machine_setting_and_what_was_not_counted(capsys, toy, told_memory):
    assert call(["profile", "-m", "toy", "--include", str(toy), "--size", "8x8", "--budget", "0.1", "-q"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for words in ("one multiply-add counts as one", "thread", "not counted: ", "trainable of", "conv", "GMACs"):
        assert words in shown


def test_a_frame_of_any_size_is_padded_as_a_run_does(capsys, toy, told_memory):
    argv = ["-m", "toy", "--include", str(toy), "--frames", "2", "--counts-only"]
    _, (odd,) = profiled(capsys, *argv, "--size", "6x9")
    _, (even,) = profiled(capsys, *argv, "--size", "8x12")
    assert (odd["size"], odd["size_out"], odd["pad"], even["pad"]) == ([6, 9], [24, 36], "zeros 3x2", "")
    assert odd["gmacs"] == even["gmacs"]
    assert call(["profile", *argv, "--size", "6x9", "-q"]) == 0
    assert "padded as a run does (zeros 3x2" in " ".join(capsys.readouterr().out.split())


def test_the_largest_frame_within_a_stated_budget_is_found(capsys, toy, told_memory):
    small = ["-m", "toy", "--include", str(toy), "--size", "8x16", "--frames", "2"]
    code, (row,) = profiled(capsys, *small, "--max-size", "--memory-budget", "100")
    assert code == 0
    assert row["max_size"] == [56, 112]  # 98 MiB; the next, 60x120, would take 112
    assert row["max_size_budget_mib"] == 100


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["-m", "zsm", "--size", "64"], "write height x width"),
        (["-m", "blend+bicubic", "--frames", "1"], "takes 2 to"),
        (["-m", "zsm", "--sweep", "time"], "write size or frames"),
        (["-m", "blend+bicubic", "--top-t"], "has no option top_t"),
        (["-m", "zms"], "Did you mean 'zsm'"),
        ([], "no method named"),
    ],
)
def test_a_mistake_is_one_sentence(capsys, argv, sentence):
    frames = [] if "--frames" in argv else ["--frames", "2"]
    assert call(["profile", *frames, *argv, "--budget", "0.1"]) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err and "Traceback" not in shown.err and not shown.out
