import shutil

import numpy as np
import pytest

from stvsr_bench import datasets, plugins
from stvsr_bench.data import degrade
from stvsr_bench.data.frames import from_bytes, to_bytes, write_png
from stvsr_bench.errors import CardError, DataError, NotRunnableError, UnknownNameError, UsageError
from stvsr_bench.runner.plan import RunSpec, make

RANDOM = np.random.default_rng(0)


def draw(folder, names, width=32, height=16):
    frames_SHWC = RANDOM.integers(0, 256, (len(names), height, width, 3), dtype=np.uint8)
    for name, frame_HWC in zip(names, frames_SHWC, strict=True):
        write_png(folder / name, frame_HWC)
    return frames_SHWC


def numbered(count, form="{:04d}.png"):
    return [form.format(i) for i in range(count)]


@pytest.mark.parametrize("name", datasets.names())
def test_every_card_says_what_a_user_must_know(name):
    card = datasets.card(name)
    assert card.name == name
    assert card.title
    assert card.source
    assert card.licence
    assert card.layout
    assert card.convention
    assert set(card.default_splits) <= set(card.splits)
    assert set(card.contents) <= set(card.splits)
    for split in card.contents.values():
        assert not split.frames or len(split.frames) in split.clips


@pytest.mark.parametrize("name", [name for name in datasets.names() if datasets.card(name).root_env])
def test_every_data_set_without_its_root_is_not_runnable(name, monkeypatch):
    monkeypatch.delenv(datasets.card(name).root_env, raising=False)
    with pytest.raises(NotRunnableError, match=datasets.card(name).root_env):
        datasets.clips(name)


def test_any_folder_of_frame_folders_is_a_data_set(tmp_path):
    drawn = draw(tmp_path / "mine" / "walk", numbered(5))
    draw(tmp_path / "mine" / "run", numbered(3))
    clips = datasets.clips(str(tmp_path / "mine"))
    assert (clips.card.name, clips.split, clips.names) == ("mine", "all", ["run", "walk"])
    assert np.array_equal(to_bytes(clips[1].hr_SCHW), drawn)
    assert clips.card.source == str(tmp_path / "mine")


def test_a_path_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(NotRunnableError, match="there is no"):
        datasets.clips(str(tmp_path / "none"))
    with pytest.raises(UnknownNameError, match=r"unknown data set 'vid5'\. Did you mean 'vid4'"):
        datasets.clips("vid5")


def test_a_folder_named_without_its_path_says_how_it_is_meant(tmp_path, monkeypatch):
    draw(tmp_path / "mine" / "walk", numbered(3))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError, match=r"For the file or folder 'mine' in this directory, write \./mine"):
        datasets.clips("mine")
    assert datasets.clips("./mine").names == ["walk"]


@pytest.mark.parametrize("layout", ["GT/{}|LRx4/{}", "{}/hr|{}/lr", "HR/{}|LR/{}"])
def test_shipped_frames_are_found_beside_the_true_ones(tmp_path, layout):
    hr_place, lr_place = layout.split("|")
    hr_SHWC = draw(tmp_path / hr_place.format("city"), numbered(3))
    lr_SChw = degrade.imresize(from_bytes(hr_SHWC), 1 / 4)
    for i, frame in enumerate(to_bytes(np.asarray(lr_SChw, np.float32))):
        write_png(tmp_path / lr_place.format("city") / f"{i:04d}.png", frame)
    clips = datasets.clips("vid4", root=tmp_path)
    assert clips.names == ["city"]
    assert clips[0].lr_SChw.shape == (3, 3, 4, 8)
    assert np.array_equal(to_bytes(clips[0].hr_SCHW), hr_SHWC)


def test_low_resolution_frames_of_another_count_are_not_taken_for_the_clips(tmp_path):
    draw(tmp_path / "GT" / "city", numbered(3))
    draw(tmp_path / "LR" / "city", numbered(2), width=8, height=4)
    assert datasets.clips("vid4", root=tmp_path)[0].lr_SChw is None


def test_of_several_scales_that_are_shipped_x4_is_taken_and_else_the_smallest(tmp_path):
    draw(tmp_path / "GT" / "city", numbered(3))
    shipped = {
        scale: draw(tmp_path / f"BIx{scale}" / "city", numbered(3), 32 // scale, 16 // scale) for scale in (2, 4, 8)
    }
    assert np.array_equal(to_bytes(datasets.clips("vid4", root=tmp_path)[0].lr_SChw), shipped[4])
    shutil.rmtree(tmp_path / "BIx4")
    assert np.array_equal(to_bytes(datasets.clips("vid4", root=tmp_path)[0].lr_SChw), shipped[2])


def test_pictures_of_full_size_beside_the_true_ones_are_no_input(tmp_path):
    draw(tmp_path / "GT" / "city", numbered(3))
    draw(tmp_path / "BIx1" / "city", numbered(3))
    assert datasets.clips("vid4", root=tmp_path)[0].lr_SChw is None


def test_reds4_takes_its_four_clips_out_of_all_of_reds(tmp_path):
    for name in ("000", "001", "011", "015", "020"):
        draw(tmp_path / "train_sharp" / name, numbered(2, "{:08d}.png"))
    assert datasets.clips("reds4", root=tmp_path).names == ["000", "011", "015", "020"]
    draw(tmp_path / "other" / "001", numbered(2))
    with pytest.raises(DataError, match="has no clip 000, 011, 015, 020; found 001"):
        datasets.clips("reds4", root=tmp_path / "other")


def test_middlebury_and_ucf_triplets_are_in_time_order(tmp_path):
    names = ["frame10.png", "frame10i11.png", "frame11.png"]
    drawn = draw(tmp_path / "m" / "Walking", names)
    draw(tmp_path / "m" / "notes", ["a1.png", "a2.png"])
    clips = datasets.clips("middlebury", root=tmp_path / "m")
    assert clips.names == ["Walking"]
    assert np.array_equal(to_bytes(clips[0].hr_SCHW), drawn)
    drawn = draw(tmp_path / "u" / "17", ["frame_00.png", "frame_01_gt.png", "frame_02.png", "frame_01_ours.png"])
    assert np.array_equal(to_bytes(datasets.clips("ucf101", root=tmp_path / "u")[0].hr_SCHW), drawn[:3])


def test_x_test_reads_every_fourth_frame(tmp_path):
    drawn = draw(tmp_path / "test" / "Type1" / "TEST01", numbered(33), width=8, height=8)
    clips = datasets.clips("x4k", root=tmp_path)
    assert clips.names == ["Type1/TEST01"]
    assert np.array_equal(to_bytes(clips[0].hr_SCHW), drawn[::4])


def test_gopro_takes_the_sharp_frames_of_the_split(tmp_path):
    for split, clip in (("test", "GOPR0384"), ("train", "GOPR0372")):
        for kind in ("sharp", "blur"):
            draw(tmp_path / split / clip / kind, numbered(2))
    assert datasets.clips("gopro", root=tmp_path).names == ["GOPR0384"]
    assert datasets.clips("gopro", "train", root=tmp_path).names == ["GOPR0372"]


def test_gopro_all_test_is_every_frame_and_never_the_sparse_ones(tmp_path):
    draw(tmp_path / "all" / "test" / "GOPR0384", [f"{i:06d}.png" for i in range(1, 20)])
    draw(tmp_path / "all" / "train" / "GOPR0372", [f"{i:06d}.png" for i in range(1, 20)])
    clips = datasets.clips("gopro", "all-test", root=tmp_path / "all")
    assert clips.names == ["GOPR0384"] and len(clips[0].hr_SCHW) == 19
    for kind in ("sharp", "blur"):
        draw(tmp_path / "large" / "test" / "GOPR0384" / kind, numbered(2))
    with pytest.raises(NotRunnableError, match="the sharp frames of GOPRO_Large, which are the split test"):
        datasets.clips("gopro", "all-test", root=tmp_path / "large").names  # noqa: B018


@pytest.mark.parametrize("name", ["videoinr-2022", "videoinr-2022-centre", "videoinr-2022:scale=6:time_scale=12"])
def test_the_continuous_protocols_refuse_frames_that_are_not_consecutive(tmp_path, name):
    draw(tmp_path / "test" / "GOPR0384" / "sharp", numbered(2))
    spec = RunSpec(("blend+bicubic",), ("gopro",), ("test",), (name,), root=tmp_path, out=tmp_path / "run")
    with pytest.raises(UsageError, match="--split all-test") as caught:
        make(spec)
    assert "\n" not in str(caught.value)


def test_adobe240_shares_out_its_videos_by_list(tmp_path, caplog):
    for name in ("720p_240fps_1", "IMG_0001"):
        draw(tmp_path / name, numbered(2))
    assert datasets.clips("adobe240", root=tmp_path).names == ["720p_240fps_1", "IMG_0001"]
    assert "every video is taken as test" in caplog.text
    (tmp_path / "adobe240fps_folder_test.txt").write_text("IMG_0001\n")
    assert datasets.clips("adobe240", root=tmp_path).names == ["IMG_0001"]
    with pytest.raises(NotRunnableError, match="the split train needs"):
        datasets.clips("adobe240", "train", root=tmp_path)
    (tmp_path / "adobe240fps_folder_test.txt").write_text("other\n")
    with pytest.raises(DataError, match=r"no video in .* is on the list"):
        datasets.clips("adobe240", root=tmp_path)


def plant(tmp_path, monkeypatch, reader, code=""):
    folder = tmp_path / "plugins" / "datasets" / "mine"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(f'title = "mine"\nreader = "{reader}"\nsplits = ["test"]\n')
    if code:
        (folder / "reader.py").write_text(code)
    monkeypatch.setenv("STVSR_BENCH_PATH", str(tmp_path / "plugins"))


def test_a_data_set_outside_the_repository_brings_its_own_reader(tmp_path, monkeypatch):
    code = "from stvsr_bench.data.readers import Folders\n\nclass Mine(Folders):\n    only = ('b',)\n"
    plant(tmp_path, monkeypatch, "reader:Mine", code)
    for name in "ab":
        draw(tmp_path / "root" / name, numbered(2))
    assert "mine" in datasets.names()
    assert datasets.clips("mine", root=tmp_path / "root").names == ["b"]


@pytest.mark.parametrize(
    ("reader", "code", "sentence"),
    [
        ("folder", "", "unknown reader of data set mine 'folder'. Did you mean 'folders'"),
        ("reader:Mine", "", "card of mine: reader 'reader': there is no"),
        ("reader:Mine", "x = 1\n", "reader.py has no Mine"),
    ],
)
def test_a_card_with_a_wrong_reader_is_one_sentence(tmp_path, monkeypatch, reader, code, sentence):
    plant(tmp_path, monkeypatch, reader, code)
    monkeypatch.delitem(__import__("sys").modules, "stvsr_bench.datasets.mine.reader", raising=False)
    with pytest.raises((CardError, UnknownNameError), match=sentence):
        datasets.clips("mine", root=tmp_path)
    assert plugins.find("datasets", "mine").path.name == "mine"
