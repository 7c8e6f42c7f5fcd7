"""The main job on a small folder of clips: the same rows whatever happens on the way."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stvsr_bench import plugins
from stvsr_bench.cli import call
from stvsr_bench.data.frames import write_png
from stvsr_bench.errors import DataError, NotRunnableError, UnknownNameError, UsageError, WeightsError
from stvsr_bench.rows import store
from stvsr_bench.rows.merge import merge
from stvsr_bench.runner import execute as runner
from stvsr_bench.runner.forecast import forecast
from stvsr_bench.runner.plan import RunSpec, make
from stvsr_bench.runner.replay import load_spec, write_spec
from stvsr_bench.runner.verify import Asked, sort, verify
from stvsr_bench.schema import Settings

METHOD = '''
"""A method in one file."""
import torch, torch.nn.functional as F
CARD = {"title": "Toy", "net": "%(net)s", "call": "%(call)s", "kind": "stvsr", "learned": False, "licence": "CC0-1.0"}

def restore(lr_BTChw):
    mean = (lr_BTChw[:, :-1] + lr_BTChw[:, 1:]) / 2
    frames = [f for pair in zip(lr_BTChw[:, :-1].unbind(1), mean.unbind(1)) for f in pair] + [lr_BTChw[:, -1]]
    dense = torch.stack(frames, 1)
    %(bug)s
    return F.interpolate(dense.flatten(0, 1), scale_factor=4).unflatten(0, dense.shape[:2])

class Net(torch.nn.Module):
    def forward(self, lr_BTChw, times=None):
        return restore(lr_BTChw)
'''


def write_method(folder, name="toy", bug="", call="function"):
    path = folder / f"{name}.py"
    path.write_text(METHOD % {"bug": bug, "call": call, "net": "restore" if call == "function" else "Net"})
    return path


@pytest.fixture
def clips(tmp_path):
    """A folder of four clips of 7 frames, 32x48."""
    root = tmp_path / "clips"
    for number in range(4):
        noise = np.random.default_rng(number).integers(0, 255, (32, 96, 3)).astype(np.uint8)
        for t in range(7):
            write_png(root / f"clip{number}" / f"im{t + 1}.png", np.ascontiguousarray(noise[:, t * 2 : t * 2 + 48]))
    return root


@pytest.fixture
def spec(clips, tmp_path, monkeypatch):
    monkeypatch.setitem(plugins._included, "methods", {})
    path = write_method(tmp_path)
    plugins.include(path)
    return RunSpec(
        methods=("toy", "blend+bicubic"),
        datasets=(str(clips),),
        out=tmp_path / "run",
        include=(path,),
        save_frames="none",
        threads=1,
    )


def rows(run):
    """Rows without what may differ from run to run: seconds and environment."""
    return sorted((replace(row, seconds={}, env="") for row in store.read_rows(run)), key=lambda row: row.key)


def verified(run):
    return list(verify(run, sort(run, Asked())))


def execute(spec):
    return runner.execute(spec, make(spec))


def test_a_run_writes_one_row_a_method_and_clip(spec):
    result = execute(spec)
    assert (result.written, result.failures) == (8, [])
    assert {(row.method, row.clip) for row in rows(spec.out)} == {
        (method, f"clip{n}") for method in ("toy", "blend+bicubic") for n in range(4)
    }
    assert all(len(row.values["psnr_y"]) == 7 for row in rows(spec.out))


def test_a_repeated_run_measures_nothing_again_and_overwrite_does(spec):
    execute(spec)
    assert make(spec).tasks == []
    assert execute(spec).written == 0
    again = replace(spec, overwrite=True)
    assert execute(again).written == 8
    assert len(rows(spec.out)) == 8


def test_shards_together_are_the_whole(spec, tmp_path):
    execute(spec)
    for part in (1, 2, 3):
        execute(replace(spec, out=tmp_path / "shards", shard=(part, 3)))
    assert rows(tmp_path / "shards") == rows(spec.out)


@pytest.mark.fault(
    "D",
    "a method returns NaN, a wrong shape, a wrong count or nothing, or raises",
    "the clip fails with what was returned and what is wanted",
    "3",
)
@pytest.mark.parametrize(
    ("bug", "says"),
    [
        ("raise ValueError('boom')", "raised ValueError: boom"),
        ("return dense", "the protocol wants"),
        ("return F.interpolate(dense[0], scale_factor=4)[None] * float('nan')", "not finite"),
        ("return F.interpolate(dense[0, 1:], scale_factor=4)[None]", "the protocol wants"),
        ("return None", "returned NoneType"),
    ],
)
def test_a_method_that_fails_is_written_down_and_stops_no_other(spec, tmp_path, bug, says, monkeypatch):
    monkeypatch.setitem(plugins._included, "methods", {})
    path = write_method(tmp_path, "broken", bug)
    plugins.include(path)
    result = execute(replace(spec, methods=("broken", "blend+bicubic"), include=(path,)))
    assert len(result.failures) == 4
    assert says in result.failures[0].error
    assert {row.method for row in rows(spec.out)} == {"blend+bicubic"}
    assert len(store.read_failures(spec.out)) == 4


@pytest.mark.fault("D", "a worker dies", "its clip is tried again, then failed with the signal or exit code", "3")
def test_a_worker_that_dies_costs_only_its_clip(spec, tmp_path, monkeypatch):
    monkeypatch.setitem(plugins._included, "methods", {})
    path = write_method(tmp_path, "deadly", "import ctypes; ctypes.CDLL(None)._exit(7)")
    plugins.include(path)
    result = execute(
        replace(spec, methods=("deadly", "blend+bicubic"), include=(path,), jobs=2, clips=("clip0", "clip1"))
    )
    assert [("exit code 7" in o.error) for o in result.failures] == [True, True]
    assert {row.clip for row in rows(spec.out)} == {"clip0", "clip1"}


@pytest.mark.fault("A", "a frame that turns unreadable", "the clip fails and the file is named; the run goes on", "3")
def test_a_frame_that_turns_unreadable_is_a_failure_that_names_it(spec, clips):
    (clips / "clip2" / "im3.png").write_bytes(b"")
    result = execute(spec)
    assert {o.task.clip for o in result.failures} == {"clip2"}
    assert "im3.png is empty" in result.failures[0].error
    assert len(rows(spec.out)) == 6


def test_run_toml_replays_the_run(spec, tmp_path):
    execute(spec)
    again = load_spec(spec.out / "run.toml", tmp_path / "again").spec
    execute(again)
    assert rows(again.out) == rows(spec.out)


def test_a_run_toml_of_before_the_settings_had_their_name_is_still_read(spec, tmp_path):
    asked = replace(spec, settings=Settings(tile=32))
    write_spec(asked, 1)
    file = spec.out / "run.toml"
    file.write_text(file.read_text().replace("[settings]", "[how]"))
    assert load_spec(file, spec.out).spec.settings == Settings(tile=32)


def test_frames_of_the_worst_clips_are_kept_for_every_method(spec):
    execute(replace(spec, save_frames="worst:2"))
    found = {p.parent.relative_to(spec.out / "frames") for p in (spec.out / "frames").rglob("00000.png")}
    by_method = {}
    for place in found:
        by_method.setdefault(place.parts[1], set()).add(place.name)
    assert by_method.keys() == {"_hr", "_lr", "toy", "blend+bicubic"}
    assert len({frozenset(names) for names in by_method.values()}) == 1
    assert all(len(names) == 2 for names in by_method.values())
    worst = sorted((np.mean(r.values["psnr_y"]), r.clip) for r in rows(spec.out) if r.method == "blend+bicubic")[:2]
    assert by_method["toy"] == {clip for _, clip in worst}


def test_several_protocols_cost_one_pass_where_only_scoring_differs(spec):
    plan = make(replace(spec, protocols=("zsm-2020", "stdan-2023"), methods=("toy",)))
    assert {task.protocols for task in plan.tasks} == {("zsm-2020",), ("stdan-2023",)}  # padding differs
    twice = make(replace(spec, protocols=("suite-1", "suite-1"), methods=("toy",)))
    assert {task.protocols for task in twice.tasks} == {("suite-1",)}


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"methods": ("stdam",)}, UnknownNameError, "Did you mean 'stdan'"),
        ({"methods": ()}, UsageError, "no method named"),
        ({"methods": ("bicubic",)}, UsageError, r"blend\+bicubic"),
        ({"methods": ("blend+dis",)}, UsageError, "do not compose"),
        ({"methods": ("blend+bicubic@none",)}, WeightsError, "has no weights"),
        ({"methods": ("stdan@nowhere.pth",)}, WeightsError, "no such file"),
        ({"methods": ("stdan:top_t=99@none",)}, UsageError, "top_t"),
        ({"methods": ("stdan:topt=2@none",)}, UnknownNameError, "Did you mean 'top_t'"),
        ({"protocols": ("suite-2",)}, UnknownNameError, "Did you mean 'suite-1'"),
        ({"datasets": ("mimi",)}, UnknownNameError, "Did you mean 'mini'"),
        ({"datasets": ("mini",), "splits": ("fats",)}, UnknownNameError, "Did you mean 'fast'"),
        ({"clips": ("clip9",)}, UnknownNameError, "clip9"),
        ({"metrics": ("psnr",)}, UnknownNameError, "metric"),
        ({"shard": (3, 2)}, UsageError, "i/n"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_is_measured(spec, change, error, says):
    with pytest.raises(error, match=says):
        make(replace(spec, **change))
    assert not spec.out.exists()


@pytest.mark.fault("E", "folder that cannot be written", '"cannot write ..."', "4")
def test_the_failure_of_a_folder_that_cannot_be_written_is_one_sentence(spec, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(NotRunnableError, match="cannot write"):
        execute(replace(spec, out=blocked / "run"))


def test_a_run_says_where_its_numbers_come_from(spec):
    execute(spec)
    manifest = json.loads((spec.out / "manifest.json").read_text())
    row = rows(spec.out)[0]
    assert manifest["protocols"]["suite-1"]["key"] == row.protocol_key
    env = json.loads((spec.out / "env.json").read_text())
    (facts,) = env.values()
    assert facts["versions"]["torch"] and facts["machine"]["cpu"]
    assert os.sep not in row.env
    assert Path(spec.out.parent / "latest").resolve() == spec.out.resolve()


def test_the_manifest_holds_digests_of_code_cards_weights_and_lists(spec, tmp_path, monkeypatch):
    def digests(number):
        monkeypatch.setitem(plugins._included, "methods", {})
        path = write_method(
            tmp_path, "mine", f"number = {number}; return F.interpolate(dense[0], scale_factor=4)[None]"
        )
        plugins.include(path)
        out = tmp_path / f"run-{number}"
        execute(replace(spec, methods=("mine", "stdan@mini"), include=(path,), out=out, limit=1))
        (facts,) = json.loads((out / "env.json").read_text()).values()
        return json.loads((out / "manifest.json").read_text()), facts["code"]

    (first, suite), (second, same) = digests(1), digests(2)
    assert suite == same and len(suite) == 16
    assert first["methods"]["mine"]["code"] != second["methods"]["mine"]["code"]
    assert first["methods"]["stdan"] == second["methods"]["stdan"]
    assert len(first["methods"]["stdan"]["sha256"]) == 64 and first["methods"]["stdan"]["card"]
    assert all(cell["digest"] for cell in first["cells"].values())


def test_shards_in_folders_of_their_own_are_merged(spec, tmp_path):
    execute(spec)
    parts = [replace(spec, out=tmp_path / f"part{n}", shard=(n, 2)) for n in (1, 2)]
    for part in parts:
        execute(part)
    assert merge([part.out for part in parts], tmp_path / "merged") == 8
    assert rows(tmp_path / "merged") == rows(spec.out)


def test_shards_that_disagree_are_not_merged(spec, tmp_path):
    execute(spec)
    other = tmp_path / "other"
    with store.Appender(store.rows_file(other)) as appender:
        appender.row(replace(rows(spec.out)[0], values={"psnr_y": [1.0] * 7}))
    with pytest.raises(DataError, match="other values"):
        merge([spec.out, other], tmp_path / "merged")


@pytest.mark.fault("C", "`--out runs/latest`", "the run that it points to continues", "0")
def test_a_run_into_latest_goes_on_in_the_run_that_it_points_to(spec):
    execute(spec)
    again = execute(replace(spec, out=spec.out.parent / "latest"))
    assert again.written == 0 and again.done_before == 8
    assert (spec.out.parent / "latest").resolve() == spec.out.resolve()


@pytest.mark.fault(
    "D",
    "weights replaced after planning, or another file of that name on a worker",
    "the clip fails with a sentence",
    "3",
)
def test_rows_of_other_weights_than_planned_are_a_failure_and_are_not_kept(spec):
    plan = make(spec)

    def of_others(env):
        for outcome in runner._outcomes(spec, plan, env):
            yield replace(outcome, rows=tuple(replace(row, key="0" * 16) for row in outcome.rows))

    result = runner.write_outcomes(spec, plan, of_others)
    assert result.written == 0 and len(result.failures) == len(plan.tasks)
    assert "other weights or settings than planned" in result.failures[0].error
    assert rows(spec.out) == []


def test_frames_wanted_later_are_saved_for_rows_that_are_there(spec):
    execute(replace(spec, save_frames="none"))
    assert not (spec.out / "frames").exists()
    again = execute(replace(spec, save_frames="all"))
    assert again.written == 0
    saved = {path.parent.relative_to(spec.out / "frames") for path in (spec.out / "frames").rglob("00000.png")}
    assert len(saved) == 2 * 4 + 2 * 4  # two methods, the truth and the input, four clips each


@pytest.mark.fault("C", "killed while frames are written", "they are saved again, whole", "0")
def test_frames_that_a_kill_cut_short_are_saved_again(spec):
    execute(replace(spec, save_frames="all"))
    frames = sorted((spec.out / "frames").glob("*/toy/**/*.png"))
    before = {path: path.read_bytes() for path in frames}
    for path in frames[2:7]:
        path.unlink()
    execute(replace(spec, save_frames="all"))
    assert {path: path.read_bytes() for path in sorted((spec.out / "frames").glob("*/toy/**/*.png"))} == before


@pytest.mark.fault(
    "C",
    "disk full while frames are kept",
    '"cannot keep frames in ..."; the rows so far are safe',
    "4",
)
def test_a_disk_that_is_full_of_frames_ends_the_run_and_keeps_its_rows(spec, monkeypatch):
    def full(path, frame):
        raise DataError("No space left on device")

    execute(replace(spec, methods=("toy",), save_frames="none"))
    monkeypatch.setattr("stvsr_bench.rows.frames.write_png", full)
    with pytest.raises(NotRunnableError, match=r"cannot keep frames in .*No space left"):
        execute(replace(spec, save_frames="all"))
    assert len(rows(spec.out)) == 4
    assert not list((spec.out / "frames").rglob("*.part"))


def test_verify_computes_rows_again_and_sees_one_that_was_changed(spec):
    execute(spec)
    assert all(one.holds and one.change_db == 0 for one in verified(spec.out))
    row = rows(spec.out)[0]
    with store.Appender(store.rows_file(spec.out)) as appender:
        appender.row(replace(row, values={**row.values, "psnr_y": [v + 0.01 for v in row.values["psnr_y"]]}))
    (bad,) = [one for one in verified(spec.out) if not one.holds]
    assert bad.row.key == row.key and bad.change_db == pytest.approx(0.01)


def test_a_forecast_counts_what_is_left_and_uses_recorded_seconds(spec):
    execute(replace(spec, limit=1))
    found = forecast(spec)
    by_method = {e.method: e for e in found.estimates}
    assert by_method["toy"].clips_left == 3 and by_method["toy"].clips_done == 1
    assert found.problems == []
    assert found.hours(2) == pytest.approx(found.hours(1) / 2)


def test_a_forecast_names_everything_that_is_missing(spec):
    found = forecast(replace(spec, methods=("toy", "stdan@nowhere.pth", "tmnet@gone.pth")))
    assert len(found.problems) == 2 and len(found.estimates) == 1
    assert call(["plan", "--methods", "stdan@nowhere.pth", "--dataset", "mini"]) == 4


def test_true_flow_metrics_are_measured_where_the_flow_is_known_and_count_as_done_elsewhere(spec):
    flow = ("warp_error_true_flow",)
    mini = replace(spec, datasets=("mini",), splits=("slow",), limit=1, methods=("blend+bicubic",), metrics=flow)
    execute(mini)
    assert rows(mini.out)[0].scalars["warp_error_true_flow"] > 0
    folder = replace(spec, metrics=flow, methods=("blend+bicubic",), clips=("clip0",), out=spec.out.parent / "folder")
    execute(folder)
    assert rows(folder.out)[0].how["left_out"] == "warp_error_true_flow"
    assert make(folder).tasks == []


def test_a_metric_that_is_not_installed_is_said_before_the_run(spec):
    with pytest.raises(NotRunnableError, match="dists"):
        make(replace(spec, metrics=("dists",)))


SLOW_FIRST = """
import time, torch, torch.nn.functional as F
CARD = {"title": "Compiles", "net": "Net", "kind": "stvsr", "learned": False}

class Net(torch.nn.Module):
    compiled = False

    def forward(self, lr_BTChw, times=None):
        if not self.compiled:
            time.sleep(2)
            self.compiled = True
        dense = lr_BTChw.repeat_interleave(2, dim=1)[:, :-1]
        return F.interpolate(dense.flatten(0, 1), scale_factor=4).unflatten(0, dense.shape[:2])
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_first_call_that_compiles_is_in_no_seconds_and_in_no_time_limit(spec, tmp_path, jobs):
    path = tmp_path / "compiles.py"
    path.write_text(SLOW_FIRST)
    plugins.include(path)
    timed = replace(spec, methods=("compiles",), include=(path,), jobs=jobs, timeout_s=1.5 if jobs == 2 else 0)
    assert execute(replace(timed, out=spec.out / str(jobs), clips=("clip0", "clip1"))).failures == []
    assert all(row.seconds["restore"] < 1 for row in store.read_rows(spec.out / str(jobs)))
