"""A repeated command shows no number that the present code, weights, data and settings would not give."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from stvsr_bench import environment, plugins, protocols
from stvsr_bench.cli import call
from stvsr_bench.data.frames import read_one, write_png
from stvsr_bench.rows import frames, manifest, store
from stvsr_bench.runner import execute as runner
from stvsr_bench.runner.evaluate import score_again
from stvsr_bench.runner.measure import Wanted
from stvsr_bench.runner.plan import RunSpec, make
from stvsr_bench.schema import Clip, Settings

CODE = """
import random
import torch, torch.nn.functional as F
from .part import GAIN

class Net(torch.nn.Module):
    def __init__(self, bias=0.0):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(1))
        self.bias = bias

    def forward(self, lr_BTChw, times=None):
        dense = lr_BTChw.repeat_interleave(2, dim=1)[:, :-1] * self.gain * GAIN + self.bias + random.random() / 100
        return F.interpolate(dense.flatten(0, 1), scale_factor=4).unflatten(0, dense.shape[:2])
"""
CARD = """
title = "Net"
kind = "stvsr"
net = "model:Net"
licence = "CC0-1.0"
[options]
bias = 0.0
"""


def folder_method(place, gain=1.0):
    """A method in a folder, with a module beside its network's."""
    place.mkdir(exist_ok=True)
    (place / "model.py").write_text(CODE)
    (place / "part.py").write_text(f"GAIN = {gain}\n")
    (place / "card.toml").write_text(CARD)
    return place


def weights(path, gain):
    path.parent.mkdir(exist_ok=True)
    save_file({"gain": np.array([gain], np.float32)}, path)
    return path


@pytest.fixture
def spec(tmp_path, noise_clips):
    place = folder_method(tmp_path / "net")
    plugins.include(place)
    file = weights(tmp_path / "w" / "best.safetensors", 0.9)
    return RunSpec(
        methods=(f"net@{file}",),
        datasets=(str(noise_clips(2, 7, (32, 48))),),
        out=tmp_path / "run",
        include=(place,),
        save_frames="none",
    )


def execute(spec):
    result = runner.execute(spec, make(spec))
    assert result.failures == []
    return result


def values(run):
    return {(row.method, row.weights, row.clip): row.values["psnr_y"] for row in store.read_rows(run)}


def fresh(spec):
    """What a folder that is new would show."""
    out = spec.out.parent / "fresh"
    shutil.rmtree(out, ignore_errors=True)
    execute(replace(spec, out=out))
    return values(out)


def edit_method(spec):
    (spec.include[0] / "model.py").write_text(CODE.replace("/ 100", "/ 10"))


def edit_neighbour(spec):
    (spec.include[0] / "part.py").write_text("GAIN = 0.5\n")


def edit_card(spec):
    (spec.include[0] / "card.toml").write_text(CARD.replace("bias = 0.0", "bias = 0.1"))


def edit_weights(spec):
    weights(spec.out.parent / "w" / "best.safetensors", 0.7)


def edit_truth(spec):
    for path in (spec.out.parent / "clips").rglob("*.png"):
        write_png(path, 255 - read_one(path))


def edit_truth_keeping_sizes_and_times(spec):
    """As `rsync -t` or an unpacked archive leaves files: only what the file system says of the inode is new."""
    for path in (spec.out.parent / "clips").rglob("*.png"):
        about, size = path.stat(), path.stat().st_size
        write_png(path, 255 - read_one(path))
        with path.open("ab") as file:
            file.write(b"\0" * max(0, size - path.stat().st_size))
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def other_card(spec):
    return replace(spec, settings=Settings(channels_last=True))


# what changes between two equal commands, what a run says of it, and how many of two rows it measures again
CHANGES = {
    "method file": (edit_method, "net: its code changed since 2 rows were measured; measuring them again"),
    "method folder": (edit_neighbour, "net: its code changed since 2 rows were measured; measuring them again"),
    "card": (edit_card, "net: its card changed since 2 rows were measured; measuring them again"),
    "weights bytes": (edit_weights, "net: its weights changed since 2 rows were measured; measuring them again"),
    "truth bytes": (edit_truth, "clips/all/c0: the frames of the clip changed since 1 row was measured; measuring it"),
}
ASKED = {
    "seed": (lambda spec: replace(spec, seed=1), "net: the seed changed since 2 rows"),
    "threads": (lambda spec: replace(spec, threads=2), "net: the number of threads changed since 2 rows"),
    "layout": (other_card, "net: the memory layout changed since 2 rows"),
}
ROOMS = {
    "nn block": ("nn", "net: the suite's restoring code changed since 2 rows"),
    "restoring code": ("restore", "net: the suite's restoring code changed since 2 rows"),
    "scoring code": ("metrics", "net: the suite's scoring code changed since 2 rows were measured; scoring them again"),
    "protocols": ("protocols", "net: the suite's scoring code changed since 2 rows were measured; scoring them again"),
}


@pytest.mark.fault(
    "A",
    "code, card, weights or data changed between two equal commands",
    "what changed, for how many rows; they are measured again",
    "0",
)
@pytest.mark.parametrize("what", CHANGES)
def test_whatever_changed_on_disk_is_measured_again_and_said(spec, what):
    change, said = CHANGES[what]
    execute(spec)
    before = values(spec.out)
    change(spec)
    plan = make(spec)
    assert any(sentence.startswith(said) for sentence in plan.found.changes), plan.found.changes
    assert execute(spec).written == 2
    now = values(spec.out)
    assert now == fresh(spec) and all(now[place] != before[place] for place in now)
    assert len((spec.out / "superseded.jsonl").read_text().splitlines()) == 2
    assert make(spec).tasks == [] and make(spec).found.changes == []


@pytest.mark.parametrize("what", ASKED)
def test_settings_that_may_move_a_number_are_measured_again_where_they_are_no_part_of_the_name(spec, what):
    change, said = ASKED[what]
    execute(spec)
    other = change(spec)
    assert [s for s in make(other).found.changes if s.startswith(said)]
    assert execute(other).written == 2
    assert values(other.out) == fresh(other) and len(store.read_rows(other.out)) == 2
    assert execute(spec).written == 2, "and back"


HUNGRY = """
import torch.nn.functional as F
CARD = {"title": "Hungry", "kind": "stvsr", "call": "function", "net": "restore", "learned": False,
        "multiple_of": 4, "tiles": {"safe": True, "least": 12, "overlap": 4}}

def restore(lr):
    if lr.shape[-1] > 24:
        raise MemoryError
    dense = lr.repeat_interleave(2, dim=1)[:, :-1]
    return F.interpolate(dense.flatten(0, 1), scale_factor=4).unflatten(0, dense.shape[:2])
"""


def test_a_row_that_fell_back_never_has_the_plain_name_and_is_done_all_the_same(spec, noise_clips):
    file = spec.out.parent / "hungry.py"
    file.write_text(HUNGRY)
    plugins.include(file)
    wide = replace(
        spec, methods=("hungry",), include=(file,), datasets=(str(noise_clips(1, 7, (32, 144))),), clips=("c0",)
    )
    asked = replace(wide, settings=Settings(tile=22, tile_overlap=4), save_frames="all")
    execute(wide)
    (row,) = store.read_rows(spec.out)
    assert row.method.startswith("hungry [tile") and row.method.endswith(",fell back]")
    assert row.planned == "hungry" and row.how["fall_back"] == "out of memory" and "tile-unmeasured" not in row.flags
    assert make(wide).tasks == []
    execute(asked)
    assert {row.method for row in store.read_rows(spec.out)} == {row.method, "hungry [tile20-4]"}
    # 21 and 22 are one tile on the network's grid of 4 pixels: one row, not two of one name
    assert make(replace(asked, settings=Settings(tile=21, tile_overlap=3))).tasks == []


def test_options_and_precision_are_other_rows_and_both_stay(spec):
    execute(spec)
    option = replace(spec, methods=(spec.methods[0].replace("net@", "net:bias=0.2@"),))
    precise = replace(spec, settings=Settings(precision="tf32"))
    for other in (option, precise):
        assert execute(other).written == 2
    assert {row.method for row in store.read_rows(spec.out)} == {"net", "net:bias=0.2", "net [tf32]"}
    assert make(spec).tasks == []


@pytest.mark.fault(
    "A",
    "the suite changed between two equal commands",
    "the same; scored again where only scoring changed",
    "0",
)
@pytest.mark.parametrize("what", ROOMS)
def test_rows_of_another_version_of_the_suite_are_measured_again(spec, monkeypatch, what):
    room, said = ROOMS[what]
    execute(spec)
    code = environment.code
    monkeypatch.setattr(environment, "code", lambda place: code(place) + ("x" if place.stem == room else ""))
    environment.suite_code.cache_clear()
    try:
        assert [s for s in make(spec).found.changes if s.startswith(said)]
        assert execute(spec).written == 2
        assert make(spec).tasks == [] and len(store.read_rows(spec.out)) == 2
    finally:
        environment.suite_code.cache_clear()


def test_the_digest_of_the_suites_code_is_that_of_its_files(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "a.py").write_text("1")
    before = environment.code(tmp_path / "room")
    (tmp_path / "room" / "a.py").write_text("1  # a comment")
    assert environment.code(tmp_path / "room") != before


def test_another_library_is_another_maker(spec, monkeypatch):
    execute(spec)
    monkeypatch.setattr(environment, "libraries", lambda: "other")
    assert make(spec).found.changes[0].startswith("net: the version of a library changed since 2 rows")


def test_files_that_are_new_and_hold_the_same_frames_are_looked_at_once(spec):
    """A copy, a `touch`, another machine: the clip is decoded, its digest is the row's, nothing is measured."""
    execute(spec)
    for path in (spec.out.parent / "clips").rglob("*.png"):
        os.utime(path, ns=(0, 0))
    plan = make(spec)
    assert plan.tasks == [] and plan.found.changes == [] and len(plan.found.restamped) == 2
    execute(spec)
    assert make(spec).found.restamped == [] and len(store.read_rows(spec.out)) == 2


def test_files_with_old_sizes_and_times_and_other_frames_are_other_files(spec):
    execute(spec)
    edit_truth_keeping_sizes_and_times(spec)
    plan = make(spec)
    assert [task.clip for task in plan.tasks] == ["c0", "c1"] and "frames of the clip changed" in plan.found.changes[0]


def test_nothing_is_decoded_to_resume(spec, monkeypatch):
    execute(spec)
    monkeypatch.setattr("stvsr_bench.data.readers.Folders.read", lambda *_: pytest.fail("a clip was decoded"))
    assert make(spec).tasks == []


def test_a_list_that_names_a_clip_otherwise_and_a_reader_that_names_no_files(spec, monkeypatch):
    """A reader that does not say which files it reads: the clip is read, and its digest compared."""
    monkeypatch.delattr("stvsr_bench.data.readers.Folders.made_from")
    execute(spec)
    assert {row.stamp for row in store.read_rows(spec.out)} == {""}
    assert make(spec).tasks == []
    edit_truth_keeping_sizes_and_times(spec)
    assert len(make(spec).tasks) == 2


def test_a_clip_that_is_gone_or_damaged_is_no_row_that_holds(spec):
    execute(spec)
    (spec.out.parent / "clips" / "c0" / "3.png").write_bytes(b"")
    plan = make(spec)
    assert [task.clip for task in plan.tasks] == ["c0"]
    assert "c0: a clip can no longer be read" in plan.found.changes[0]
    assert len(runner.execute(spec, plan).failures) == 1
    assert [row.clip for row in store.read_rows(spec.out)] == ["c1"]


@pytest.mark.fault("A", "two data sets, or two files of weights, of one name", "two data sets, two lines", "0")
def test_two_files_of_one_name_are_two_methods_and_one_file_trained_further_is_one(spec):
    other = weights(spec.out.parent / "v" / "best.safetensors", 0.8)
    execute(spec)
    execute(replace(spec, methods=(f"net@{other}",)))
    rows = store.read_rows(spec.out)
    assert {row.weights for row in rows} == {"best.safetensors"}
    assert len(rows) == 4 and len({row.weights_sha256 for row in rows}) == 2
    edit_weights(spec)
    execute(spec)
    rows = store.read_rows(spec.out)
    assert len(rows) == 4 and len({row.weights_sha256 for row in rows}) == 2


@pytest.mark.fault("A", "two data sets, or two files of weights, of one name", "two data sets, two lines", "0")
def test_two_folders_of_one_name_are_two_data_sets(spec):
    other = spec.out.parent / "other" / "clips"
    shutil.copytree(spec.out.parent / "clips", other)
    for path in other.rglob("*.png"):
        write_png(path, 255 - read_one(path))
    both = replace(spec, datasets=(*spec.datasets, str(other)))
    execute(both)
    labels = {row.dataset for row in store.read_rows(spec.out)}
    assert labels == {"clips", f"clips#{manifest.place_of(str(other))[:4]}"}
    # whichever is asked for first, and in whichever command: a folder keeps its name
    turned = replace(spec, datasets=both.datasets[::-1])
    assert make(turned).tasks == [] and make(replace(spec, datasets=(str(other),))).tasks == []
    assert len(store.read_rows(spec.out)) == 4


def test_another_root_is_other_data(spec):
    """A data set with a name, given with --root: the same frames elsewhere are the same, others are others."""
    card = spec.out.parent / "films"
    card.mkdir()
    (card / "card.toml").write_text('title = "Films"\nreader = "folders"\nsplits = ["all"]\nsource = "here"\n')
    plugins.include(card)
    first, moved = spec.out.parent / "clips", spec.out.parent / "moved"
    named = replace(spec, datasets=("films",), root=first, include=(*spec.include, card))
    execute(named)
    shutil.copytree(first, moved)
    assert make(replace(named, root=moved)).tasks == [], "the same frames from elsewhere"
    for path in moved.rglob("*.png"):
        write_png(path, 255 - read_one(path))
    assert len(make(replace(named, root=moved)).tasks) == 2 and make(named).tasks == []


def test_a_row_that_does_not_say_what_made_it_is_measured_again(spec):
    execute(spec)
    file = store.rows_file(spec.out)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for fields in lines:
        for name in ("made", "stamp", "truth", "input", "source", "digest"):
            del fields[name]
        fields["schema_version"] = 1
    file.write_text("".join(json.dumps(fields) + "\n" for fields in lines))
    assert all(row.incomplete for row in store.read_rows(spec.out))
    (said,) = make(spec).found.changes
    assert said == "net: 2 rows of an earlier version do not say what made them; measuring them again"
    assert execute(spec).written == 2 and not any(row.incomplete for row in store.read_rows(spec.out))


@pytest.mark.fault(
    "A",
    "changed code, and the run is interrupted after the first clip",
    "rows of the new code alone are left",
    "130",
)
def test_an_interrupted_run_leaves_no_old_row_beside_new_ones(spec):
    """Changed code, and a run that ends after the first clip: one row of the new code is left, not one of each."""
    execute(spec)
    edit_method(spec)
    plan = make(spec)

    class Stop(Exception):
        pass

    def stop(outcome):
        raise Stop

    with pytest.raises(Stop):
        runner.execute(spec, plan, stop)
    left = store.read_rows(spec.out)
    assert len(left) == 1 and len((spec.out / "superseded.jsonl").read_text().splitlines()) == 2
    assert execute(spec).written == 1
    assert values(spec.out) == fresh(spec)


def test_overwriting_moves_away_what_no_longer_holds_too(spec):
    execute(spec)
    edit_method(spec)
    one = replace(spec, overwrite=True, limit=1)
    assert execute(one).written == 1
    assert execute(spec).written == 1
    assert values(spec.out) == fresh(spec)


def test_frames_of_rows_that_no_longer_hold_are_taken_away(spec):
    saving = replace(spec, save_frames="all")
    execute(saving)
    place = next((spec.out / "frames").rglob("net_best*"))
    before = read_one(next(place.rglob("00003.png")))
    edit_neighbour(spec)
    execute(spec)
    assert not list(place.rglob("*.png")), "pictures of the old code beside numbers of the new"
    execute(saving)
    assert not np.array_equal(read_one(next(place.rglob("00003.png"))), before)


def test_a_metric_that_is_asked_for_later_is_added_and_the_first_one_stays(spec, monkeypatch):
    execute(replace(spec, metrics=("psnr_rgb",)))
    before = {row.clip: row.values for row in store.read_rows(spec.out)}
    other = replace(spec, metrics=("tdiff_psnr_y",))
    assert len(make(other).tasks) == 2 and make(other).found.changes == []
    execute(other)
    for row in store.read_rows(spec.out):
        assert row.values == before[row.clip] and "tdiff_psnr_y" in row.scalars
    for metrics in (("psnr_rgb",), ("tdiff_psnr_y",), ("psnr_rgb", "tdiff_psnr_y"), ()):
        assert make(replace(spec, metrics=metrics)).tasks == []
    assert not (spec.out / "superseded.jsonl").exists()


def test_saved_frames_give_a_metric_without_the_network(spec, monkeypatch):
    execute(replace(spec, save_frames="all"))
    asked = replace(spec, metrics=("psnr_rgb", "tdiff_psnr_y"))
    expected = fresh_rows(asked)
    monkeypatch.setattr("stvsr_bench.runner.engines.worker.from_identity", lambda *_, **__: pytest.fail("a network"))
    execute(asked)
    for row in store.read_rows(spec.out):
        assert row.values == expected[row.clip].values and row.scalars == expected[row.clip].scalars


def test_saved_frames_that_are_not_the_rows_are_not_scored(spec):
    execute(replace(spec, save_frames="all"))
    asked = replace(spec, metrics=("psnr_rgb",))
    expected = fresh_rows(asked)
    saved = list((spec.out / "frames").glob("*/net_best*/**/*.png"))
    assert len(saved) == 14
    for path in saved:
        write_png(path, 255 - read_one(path))
    execute(asked)
    assert {row.clip: row.values for row in store.read_rows(spec.out)} == {c: r.values for c, r in expected.items()}


def test_saved_frames_do_not_serve_a_protocol_that_does_not_round(spec, tmp_path, monkeypatch):
    place = frames.Place(tmp_path, "0", "net", "", "", ("d", "all", "c"))
    for name, serves in (("suite-1", True), ("videoinr-2022", False)):
        protocol = protocols.get(name)
        assert protocol.round_8bit == serves
        clip = Clip("d", "all", "c", np.zeros((9, 3, 32, 32), np.float32))
        frames.save(place, clip, clip.hr_SCHW[..., ::4, ::4], range(9), clip.hr_SCHW)
        monkeypatch.setattr("stvsr_bench.runner.evaluate.rescore", lambda *_: [])
        assert (score_again((), clip, Wanted((protocol,), save=place)) is not None) == serves


def fresh_rows(spec):
    out = spec.out.parent / "fresh"
    execute(replace(spec, out=out, save_frames="none"))
    return {row.clip: row for row in store.read_rows(out)}


def test_every_command_of_a_folder_is_on_record(spec):
    execute(spec)
    execute(replace(spec, metrics=("psnr_rgb",), seed=3))
    assert [path.name for path in sorted((spec.out / "commands").iterdir())] == ["0001.toml", "0002.toml"]
    assert (spec.out / "commands" / "0002.toml").read_bytes() == (spec.out / "run.toml").read_bytes()
    history = store.read_json(spec.out / "manifest.json")["history"]
    assert len(history) == 2 and all(entry["argv"] and entry["started"] and entry["methods"] for entry in history)


def test_the_command_line_says_what_changed_also_when_it_is_quiet(spec, capsys):
    argv = ["run", "-m", "toy", "--include", str(spec.out.parent / "toy.py"), "-d", spec.datasets[0]]
    argv += ["-o", str(spec.out), "--save-frames", "none", "-q"]
    source = "import torch.nn.functional as F\nCARD = {'title': 'Toy', 'kind': 'stvsr', 'call': 'function', "
    source += "'net': 'restore', 'learned': False}\ndef restore(lr):\n    d = lr.repeat_interleave(2, dim=1)[:, :-1]\n"
    source += "    return F.interpolate(d.flatten(0, 1), scale_factor=4, mode='MODE').unflatten(0, d.shape[:2])\n"
    (spec.out.parent / "toy.py").write_text(source.replace("MODE", "nearest"))
    assert call(argv) == 0
    assert "changed" not in capsys.readouterr().err
    (spec.out.parent / "toy.py").write_text(source.replace("MODE", "bicubic"))
    assert call([*argv, "--dry-run"]) == 0
    assert "toy: its code changed since 2 rows were measured; measuring them again" in capsys.readouterr().err
    assert call(argv) == 0
    said = capsys.readouterr()
    assert "toy: its code changed since 2 rows were measured; measuring them again" in said.err


def test_a_row_that_was_stamped_anew_is_counted_once(spec, monkeypatch):
    execute(spec)
    for path in (spec.out.parent / "clips").rglob("*.png"):
        os.utime(path, ns=(0, 0))
    execute(spec)  # a second line of each row, with the new stamp
    code = environment.code
    monkeypatch.setattr(environment, "code", lambda place: code(place) + ("x" if place.stem == "metrics" else ""))
    environment.suite_code.cache_clear()
    try:
        (said,) = make(spec).found.changes
        assert "since 2 rows were measured" in said
    finally:
        environment.suite_code.cache_clear()
