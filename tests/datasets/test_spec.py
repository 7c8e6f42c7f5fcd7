"""Options after a data set's name: another data set, with a name, rows and caches of its own."""

import json
import tomllib

import cv2
import numpy as np
import pytest

from stvsr_bench import datasets, plugins, protocols
from stvsr_bench.cli import call
from stvsr_bench.datasets import listing
from stvsr_bench.datasets.spec import facts, parse, split_off
from stvsr_bench.errors import CardError, UnknownNameError, UsageError
from stvsr_bench.report.build import build
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import tidy
from stvsr_bench.rows import store
from stvsr_bench.runner.plan import RunSpec, make
from stvsr_bench.schema import DatasetCard, Job
from stvsr_bench.train.session import _clips

CARD = """
title = "Dots"
reader = "reader:Dots"
splits = ["all"]
[options]
step = 2
gain = 1.5
turned = false
light = "day"
[choices]
light = ["day", "night"]
[limits]
step = [1, 4]
gain = [0.5, 2]
"""
READER = """
import numpy as np
from stvsr_bench.data import cache
from stvsr_bench.schema import Clip, Contents

class Dots:
    def __init__(self, card, root=None, lists=""):
        self.card = card
    def names(self, split):
        return ["a"]
    def made_from(self, split, name):
        return []
    def contents(self, split):
        return Contents(clips=[1], frames_each=2 * self.card.options["step"] + 1)
    def read(self, split, name):
        cache.store(cache.clips(self.card.name) / "a.npz", a=np.zeros(1))
        frames = np.random.default_rng(0).random((2 * self.card.options["step"] + 1, 3, 32, 48), dtype=np.float32)
        return Clip(self.card.name, split, name, frames)
"""


@pytest.fixture
def dots(tmp_path, monkeypatch):
    folder = tmp_path / "plugins" / "datasets" / "dots"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(CARD)
    (folder / "reader.py").write_text(READER)
    monkeypatch.setenv("STVSR_BENCH_PATH", str(tmp_path / "plugins"))
    return folder


# -- grammar ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("dots", "dots"),
        ("dots:step=2", "dots"),
        ("dots:step=02:turned=no:light=day:gain=1.50", "dots"),
        ("dots:step=3", "dots:step=3"),
        ("dots:turned=1:step=3:gain=2", "dots:gain=2.0:step=3:turned=true"),
        ("dots:gain=2.0:turned=yes:step=3", "dots:gain=2.0:step=3:turned=true"),
        ("dots:light=night", "dots:light=night"),
    ],
)
def test_a_data_set_has_one_name_however_its_options_are_typed(dots, typed, name):
    card = datasets.card(typed)
    assert (card.name, card.plain_name) == (name, "dots")
    again = datasets.card(card.name)
    assert (again.name, again.options) == (card.name, card.options)


def test_the_reader_finds_the_values_in_its_card(dots):
    clips = datasets.clips("dots:step=4:turned=true")
    assert clips.card.options == clips.reader.card.options == {"step": 4, "gain": 1.5, "turned": True, "light": "day"}
    assert clips[0].dataset == "dots:step=4:turned=true"
    assert len(clips[0].hr_SCHW) == clips.contents.frames_each == 9
    assert datasets.clips("dots").contents.frames_each == 5
    stamps = {datasets.clips(name).stamp("a") for name in ("dots", "dots:step=4", "dots:step=3")}
    assert len(stamps) == 3 and "" not in stamps


def test_every_set_of_options_has_a_cache_of_its_own_in_a_folder_that_any_system_takes(dots, tmp_path, monkeypatch):
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path / "home"))
    for name in ("dots", "dots:step=4", "dots:light=night"):
        datasets.clips(name)[0]
    assert {path.name for path in (tmp_path / "home" / "clips").iterdir()} == {
        "dots", "dots_step_4", "dots_light_night",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "kind", "sentence"),
    [
        ("dots:stp=3", UnknownNameError, "unknown option of dots 'stp'. Did you mean 'step'? Known: gain, light, "),
        ("dots:step=5", UsageError, "dots: option step=5 is not possible; write a whole number from 1 to 4"),
        ("dots:step=0", UsageError, "write a whole number from 1 to 4"),
        ("dots:step=2.5", UsageError, "dots: option step=2.5 must be a whole number, e.g. step=2"),
        ("dots:step=1/2", UsageError, "dots: option step=1/2 must be a whole number, e.g. step=2"),
        ("dots:step=", UsageError, "must be a whole number"),
        ("dots:gain=nan", UsageError, "gain=nan"),
        ("dots:gain=inf", UsageError, "gain=inf"),
        ("dots:turned=maybe", UsageError, "must be true or false, e.g. turned=false"),
        ("dots:light=dusk", UsageError, "dots: option light=dusk is not possible; choose one of day, night"),
        ("dots:step=2:step=3", UsageError, "'dots:step=2:step=3' sets step twice; write it once"),
        ("dots:3", UsageError, "data set 'dots:3' cannot be read; write name[:option=value ...], e.g. mini:rate=4"),
        ("dots:step=2@all", UsageError, "cannot be read"),
        ("dost:step=2", UnknownNameError, "unknown data set 'dost'. Did you mean 'dots'?"),
        ("openclips:rate=2", UnknownNameError, "unknown option of openclips 'rate'. Known: none"),
        ("mini:rate=17", UsageError, "mini: option rate=17 is not possible; write a whole number from 1 to 16"),
        ("mini:rate=0", UsageError, "write a whole number from 1 to 16"),
    ],
)
def test_what_an_option_cannot_be_is_one_sentence(dots, typed, kind, sentence):
    with pytest.raises(kind) as raised:
        datasets.find(typed)
    assert sentence in str(raised.value)


@pytest.mark.parametrize("typed", ["dots:step=5", "mini:rate=17", "mini:rat=2"])
def test_every_verb_refuses_a_wrong_option_before_anything_is_decoded(dots, typed, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.Clips, "read", lambda self, name: pytest.fail("a clip was read"))
    out = str(tmp_path / "run")
    for argv in (
        ["run", "-m", "blend+bicubic", "-d", typed, "--out", out, "-q"],
        ["score", str(tmp_path), "--against", typed, "--out", out],
        ["data", "check", typed],
        ["data", "stats", typed],
        ["data", "prepare", typed],
        ["data", "pack", typed, "--out", str(tmp_path / "packed.lmdb")],
        ["inspect", "stdan@mini", "-d", typed],
        ["plan", "-m", "blend+bicubic", "-d", typed, "--out", out],
    ):
        code = call(argv)
        said = capsys.readouterr().err
        # plan lists what keeps a run from being possible
        assert (code, said.count("\n")) == (4 if argv[0] == "plan" else 2, 1), argv
        assert f"option {typed[5:]} is not possible" in said or "Did you mean 'rate'? Known: rate" in said
    assert not (tmp_path / "run").exists()


def test_a_wrong_value_with_a_slash_is_no_path_and_a_path_with_a_colon_is_one(dots, tmp_path):
    assert not datasets.is_path("dots:step=1/2")
    for path in ("none:step=1/2", "a:b/c", "./dots:step=2", "~", "."):
        assert datasets.is_path(path)
    folder = tmp_path / "dots:step=3"
    folder.mkdir()
    assert datasets.card(str(folder)).name == "dots:step=3"
    assert datasets.card(str(folder)).plain_name == "dots:step=3"


def test_a_split_may_follow_the_options_where_training_names_it(dots):
    assert split_off("mini") == ("mini", "")
    assert split_off("mini:train") == ("mini", "train")
    assert split_off("mini:rate=2") == ("mini:rate=2", "")
    assert split_off("mini:rate=2:slow") == ("mini:rate=2", "slow")
    assert parse("mini:rate=2") == ("mini", {"rate": "2"})
    clips = _clips("dots:step=3:all", None)
    assert (clips.card.name, clips.split) == ("dots:step=3", "all")
    assert _clips("mini:rate=2", None).split == "train"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("limits = { rat = [1, 2] }", "choices or limits of 'rat', which is not an option"),
        ("options = { 'ra te' = 1 }", "option 'ra te': a name is made of letters and _"),
        ("options = { light = 'day' }", "option 'light': a text needs choices"),
        ("options = { rate = 3 }\nlimits = { rate = [1, 2] }", "option 'rate': 3 is not what its own"),
        ("options = { rate = 3 }\nchoices = { rate = [1, 2] }", "option 'rate': 3 is not what its own"),
    ],
)
def test_a_card_whose_options_cannot_be_is_refused(tmp_path, line, sentence):
    fields = tomllib.loads(f"title = 'T'\nreader = 'folders'\nsplits = ['a']\n{line}")
    with pytest.raises(CardError, match="card of t") as raised:
        plugins.card_from(fields, plugins.Plugin("datasets", "t", tmp_path, "test"), DatasetCard)
    assert sentence in str(raised.value)


def test_the_stamp_of_a_data_set_without_options_says_nothing_of_options():
    assert not {"options", "choices", "limits", "sparse"} & facts(datasets.card("openclips")).keys()
    assert facts(datasets.card("mini:rate=4"))["options"] == {"rate": 4}


def test_lists_show_options_with_what_they_may_be(dots, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert {row["name"]: row["options"] for row in listing.summaries()}["mini"] == {"rate": 1}
    assert call(["data", "list"]) == 0
    said = capsys.readouterr().out
    assert "options:    rate=1 (1 to 16)\n" in said
    assert "options:    step=2 (1 to 4); gain=1.5 (0.5 to 2); turned=False; light=day (day, night)\n" in said
    assert call(["ls", "datasets"]) == 0
    assert "rate=1" in capsys.readouterr().out


# -- mini:rate=R --------------------------------------------------------------------------------------------------


def test_mini_at_a_rate_is_mini_with_true_frames_and_flow_in_between():
    split, name, rate = "medium", "0001", 3
    plain, dense = (datasets.clips(typed, split).read(name) for typed in ("mini", f"mini:rate={rate}"))
    assert dense.hr_SCHW.shape == (6 * rate + 1, 3, 256, 448)
    assert np.array_equal(dense.hr_SCHW[::rate], plain.hr_SCHW)
    assert dense.motion_px * rate == pytest.approx(plain.motion_px, rel=0.03)
    assert dense.flow_FHW2.shape == (6 * rate, 256, 448, 2)
    ys, xs = np.mgrid[0:256, 0:448].astype(np.float32)
    for i in (0, 7):  # from a frame of `mini` and from one in between, to the next dense one
        flow_HW2 = dense.flow_FHW2[i]
        here, following = (np.ascontiguousarray(dense.hr_SCHW[t].transpose(1, 2, 0)) for t in (i, i + 1))
        warped = cv2.remap(following, xs + flow_HW2[..., 0], ys + flow_HW2[..., 1], cv2.INTER_CUBIC)
        error, still = (np.abs(other - here).mean(axis=-1)[20:-20, 20:-20] for other in (warped, following))
        assert np.median(error) < 0.2 * np.median(still)
    kept = datasets.clips(f"mini:rate={rate}", split).read(name)  # from the cache
    assert np.array_equal(kept.hr_SCHW, dense.hr_SCHW) and np.array_equal(kept.flow_FHW2, dense.flow_FHW2)
    assert datasets.clips(f"mini:rate={rate}", split).contents.frames_each == len(dense.hr_SCHW)


# -- rows, frames and tables --------------------------------------------------------------------------------------


def test_a_check_of_a_copy_and_a_histogram_know_the_data_set_by_its_options(dots, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert call(["data", "check", "dots:step=4", "--json", "-q"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["dataset"], found["checked"]) == ("dots:step=4", {"all": 1})
    assert not [finding for finding in found["findings"] if "a complete copy has" in finding["what"]]
    assert call(["data", "stats", "dots:step=4", "-q"]) == 0
    assert not list(tmp_path.glob("*.png"))  # a file that nobody asked for
    assert call(["data", "stats", "-d", "dots:step=4", "-q", "--plot", "motion.png"]) == 0
    assert (tmp_path / "motion.png").is_file()


def test_rows_of_two_sets_of_options_share_no_key_no_column_and_no_frame(dots, tmp_path, capsys):
    out, again = tmp_path / "run", tmp_path / "again"
    argv = ["run", "-m", "blend+bicubic", "-d", "dots,dots:step=3,dots:step=2", "--save-frames", "all", "-q"]
    assert call([*argv, "--out", str(out)]) == 0
    rows = {row.dataset: row for row in store.read_rows(out)}
    assert sorted(rows) == ["dots", "dots:step=3"] and len(store.read_rows(out)) == 2
    for name, row in rows.items():
        assert row.key == Job("blend+bicubic", "", name, "all", "a", protocols.get("suite-1").key).key
    assert [len(rows[name].frames) for name in sorted(rows)] == [5, 7]
    assert {path.parts[-4] for path in (out / "frames").rglob("00000.png")} == {"dots", "dots_step_3"}
    table = build(tidy(rows.values()), [], Options())[0]
    assert [column.dataset for column in table.columns if column.metric == "psnr_y"][::3] == ["dots", "dots:step=3"]
    # asked for again nothing is measured, from run.toml all of it; every row is computed again and holds
    capsys.readouterr()
    assert call([*argv, "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == 0
    assert call(["run", "--from", str(out / "run.toml"), "--out", str(again), "-q"]) == 0
    assert {row.key for row in store.read_rows(again)} == {row.key for row in rows.values()}
    assert call(["gate", str(out), str(again), "--no-runtime"]) == 0
    assert call(["verify", str(out)]) == 0
    capsys.readouterr()
    assert call(["plan", "-m", "blend+bicubic", "-d", "dots:step=03", "--out", str(out), "--json"]) == 0
    (estimate,) = json.loads(capsys.readouterr().out)["methods"]
    assert (estimate["clips_left"], estimate["clips_done"]) == (0, 1)


def test_rows_of_mini_have_the_keys_that_they_had_before_there_were_options(tmp_path):
    found = {task.place: task.keys for task in make(RunSpec(("blend+bicubic",), ("mini",), out=tmp_path)).tasks}
    # of commit acd9314, by `stvsr-bench run --methods blend+bicubic --dataset mini`
    assert found["mini", "slow", "0000"] == ("2819c631bc99dfec",)
    assert found["mini", "fast", "0007"] == ("74db276fe7ab1a17",)
    again = make(RunSpec(("blend+bicubic",), ("mini:rate=1",), out=tmp_path)).tasks
    assert {task.place: task.keys for task in again} == found
