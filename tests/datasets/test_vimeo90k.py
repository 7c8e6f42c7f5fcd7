import hashlib
import time
from dataclasses import replace

import numpy as np
import pytest

from stvsr_bench import datasets
from stvsr_bench.data.frames import to_bytes, write_png
from stvsr_bench.errors import DataError, NotRunnableError, UnknownNameError
from stvsr_bench.schema import SplitList

BLACK_SLOW = ["00014/0030", "00014/0043", "00048/0137"]
ZSM_SLOW = ["00014/0001", "00050/0002"]
STDAN_SLOW = sorted([*ZSM_SLOW, *BLACK_SLOW])


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("VIMEO90K_ROOT", raising=False)


def sha256(entries, end):
    return SplitList(sha256=hashlib.sha256(("\n".join(entries) + end).encode()).hexdigest())


@pytest.fixture
def small_lists(monkeypatch):
    """The data set as if its published slow lists were these few clips."""
    real = datasets.card("vimeo90k")
    known = {"zsm": {"slow": sha256(ZSM_SLOW, "")}, "stdan": {"slow": sha256(STDAN_SLOW, "\n\n")}}
    monkeypatch.setattr(datasets, "card", lambda name: replace(real, lists=known))


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "vimeo_septuplet"
    random = np.random.default_rng(0)
    drawn = {}
    for name in STDAN_SLOW:
        drawn[name] = random.integers(0, 256, (7, 16, 28, 3), dtype=np.uint8)
        for i, frame_HWC in enumerate(drawn[name], start=1):
            write_png(root / "sequences" / name / f"im{i}.png", frame_HWC)
    return root, drawn


def test_the_official_layout_is_read_frame_by_frame(tree, small_lists):
    root, drawn = tree
    (root / "slow_testset.txt").write_text("\n".join(ZSM_SLOW))
    clips = datasets.clips("vimeo90k", "slow", root=root)
    assert clips.names == ZSM_SLOW
    clip = clips[1]
    assert np.array_equal(to_bytes(clip.hr_SCHW), drawn["00050/0002"])
    assert (clip.dataset, clip.split, clip.name, clip.flags) == ("vimeo90k", "slow", "00050/0002", ())


@pytest.mark.parametrize("by", ["zsm", "stdan"])
@pytest.mark.parametrize("there", ["zsm", "stdan"])
def test_one_authors_list_gives_the_others(tree, small_lists, by, there):
    root, _ = tree
    entries = {"zsm": ZSM_SLOW, "stdan": STDAN_SLOW}
    (root / "sep_slow_testlist.txt").write_text("\n".join(entries[there]) + "\n\n")
    clips = datasets.clips("vimeo90k", "slow", root=root, lists=by)
    assert clips.names == entries[by]
    flags = {clip.name: clip.flags for clip in clips}
    assert all(flags[name] == (("black",) if name in BLACK_SLOW else ()) for name in clips.names)


def test_an_unknown_list_is_used_and_named(tree, small_lists, caplog):
    root, _ = tree
    (root / "meta_info").mkdir()
    (root / "meta_info" / "slow.txt").write_text("00014/0001\n")
    clips = datasets.clips("vimeo90k", "slow", root=root)
    assert clips.names == ["00014/0001"]
    assert "is not zsm's list; rows carry the flag list-" in caplog.text
    assert clips[0].flags[0].startswith("list-")
    datasets.clips("vimeo90k", "slow", root=root)
    assert caplog.text.count("rows carry the flag list-") == 1  # not each time that the data set is opened


def test_a_list_of_an_author_who_was_not_asked_for_is_flagged_as_an_unknown_one_is(tree, monkeypatch):
    root, _ = tree
    real = datasets.card("vimeo90k")
    third = ["00014/0001", "00014/0030"]
    known = {"zsm": {"slow": sha256(ZSM_SLOW, "")}, "third": {"slow": sha256(third, "\n")}}
    monkeypatch.setattr(datasets, "card", lambda name: replace(real, lists=known))
    (root / "slow_testset.txt").write_text("\n".join(third) + "\n")
    flag = f"list-{hashlib.sha256(chr(10).join(third).encode()).hexdigest()[:8]}"
    of = {by: datasets.clips("vimeo90k", "slow", root=root, lists=by) for by in ("zsm", "third")}
    assert of["zsm"].names == of["third"].names == third
    assert of["zsm"][0].flags == (flag,) and of["third"][0].flags == ()


def test_the_root_may_be_above_or_the_sequences_themselves(tree, small_lists):
    root, _ = tree
    (root / "slow_testset.txt").write_text("\n".join(ZSM_SLOW))
    for given in (root.parent, root, root / "sequences"):
        assert datasets.clips("vimeo90k", "slow", root=given).names == ZSM_SLOW


def test_the_environment_names_the_root_and_the_cache_holds_lists(tree, small_lists, tmp_path, monkeypatch):
    root, _ = tree
    lists = tmp_path / "home" / "lists" / "vimeo90k"
    lists.mkdir(parents=True)
    (lists / "slow_testset.txt").write_text("\n".join(ZSM_SLOW))
    monkeypatch.setenv("VIMEO90K_ROOT", str(root))
    assert datasets.clips("vimeo90k", "slow").names == ZSM_SLOW


def test_what_is_missing_is_one_sentence_that_says_what_would_work(tree, small_lists, tmp_path):
    root, _ = tree
    with pytest.raises(NotRunnableError, match=r"--root, or VIMEO90K_ROOT in the environment"):
        datasets.clips("vimeo90k", "slow")
    with pytest.raises(NotRunnableError, match=r"there is no .*nowhere"):
        datasets.clips("vimeo90k", "slow", root=tmp_path / "nowhere")
    with pytest.raises(NotRunnableError, match=r"run stvsr-bench data prepare vimeo90k --lists"):
        datasets.clips("vimeo90k", "fast", root=root)
    with pytest.raises(UnknownNameError, match="Did you mean 'fast'"):
        datasets.clips("vimeo90k", "fats", root=root)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has no folder 'sequences'"):
        datasets.clips("vimeo90k", "slow", root=tmp_path / "empty")


def test_a_missing_frame_and_a_broken_one_are_named(tree, small_lists):
    root, _ = tree
    (root / "slow_testset.txt").write_text("\n".join(ZSM_SLOW))
    clips = datasets.clips("vimeo90k", "slow", root=root)
    (root / "sequences/00014/0001/im3.png").unlink()
    with pytest.raises(DataError, match=r"00014/0001/im3\.png is missing"):
        clips.read("00014/0001")
    (root / "sequences/00050/0002/im7.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"im7\.png is empty"):
        clips.read("00050/0002")


def test_a_full_test_set_is_listed_in_well_under_two_seconds(tmp_path):
    names = [f"{i // 82 + 1:05d}/{i % 82 + 1:04d}" for i in range(7824)]
    (tmp_path / "sequences").mkdir()
    (tmp_path / "sep_testlist.txt").write_text("\n".join(names) + "\n")
    start = time.process_time()
    clips = datasets.clips("vimeo90k", "test", root=tmp_path)
    assert len(clips) == 7824
    assert time.process_time() - start < 2


def test_the_published_counts_and_hashes_are_on_the_card():
    lists = datasets.card("vimeo90k").lists
    counts = {(by, split): lists[by][split].count for by in lists for split in lists[by]}
    assert counts == {
        ("zsm", "fast"): 1225, ("zsm", "medium"): 4977, ("zsm", "slow"): 1613,
        ("stdan", "fast"): 1225, ("stdan", "medium"): 4983, ("stdan", "slow"): 1616,
    }  # fmt: skip
    module = datasets._module(datasets.plugins.find("datasets", "vimeo90k"), "reader")
    for split, black in module.BLACK.items():
        assert len(black) == counts["stdan", split] - counts["zsm", split]
