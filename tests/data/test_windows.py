"""Windows against what the published scripts' own functions gave (goldens), and the rules of suite-1."""

import json
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from stvsr_bench import protocols
from stvsr_bench.data.windows import distinct, given_frames, index_windows, leaks, scored_frames, select, windows_of
from stvsr_bench.errors import ClipError

GOLDENS = json.loads((Path(__file__).parents[1] / "goldens" / "goldens_metrics.json").read_text())
CASES = {case["len_gt"]: case for case in GOLDENS["index_windows"]}
SCRIPTS = {"STDAN": "stdan-2023", "ZSM": "zsm-2020", "TMNet_single": "tmnet-2021"}
VID4 = {"calendar": 41, "city": 34, "foliage": 49, "walk": 47}


@pytest.mark.parametrize("length", CASES)
@pytest.mark.parametrize(("script", "name"), SCRIPTS.items())
def test_windows_are_those_of_the_published_script(length, script, name):
    windows = index_windows(length, protocols.get(name))
    assert [[list(w.given), list(w.wanted)] for w in windows] == CASES[length][script]
    assert len(scored_frames(windows)) == CASES[length][f"{script}_frames_scored"]


@pytest.mark.parametrize(("name", "total"), [("zsm-2020", 160), ("stdan-2023", 171), ("tmnet-2021", 171)])
def test_vid4_is_scored_on_as_many_frames_as_the_paper_scores(name, total):
    protocol = protocols.get(name)
    assert sum(len(scored_frames(index_windows(n, protocol))) for n in VID4.values()) == total


def test_the_last_window_of_city_is_given_held_out_frames():
    assert leaks(index_windows(34, protocols.get("stdan-2023")), 2) == [27, 29, 31, 33]
    assert leaks(index_windows(41, protocols.get("stdan-2023")), 2) == []


@pytest.mark.parametrize("length", range(3, 60))
def test_suite_1_scores_every_frame_between_given_ones_once_and_leaks_none(length):
    windows = index_windows(length, protocols.get("suite-1"))
    last_given = (length - 1) // 2 * 2
    assert scored_frames(windows) == list(range(last_given + 1))
    assert leaks(windows, 2) == []
    assert given_frames(windows, protocols.get("suite-1")) == set(range(0, last_given + 1, 2))
    assert distinct(windows) == windows


@pytest.mark.parametrize(("name", "length"), [("suite-1", 2), ("zsm-2020", 6), ("videoinr-2022", 8)])
def test_a_clip_shorter_than_a_window_is_refused_in_one_sentence(name, length):
    with pytest.raises(ClipError, match=f"the clip has {length} frames"):
        index_windows(length, protocols.get(name))


@pytest.mark.parametrize(("time_scale", "needed"), [(2, 3), (3, 4), (8, 9)])
def test_a_clip_of_one_given_frame_is_told_how_many_it_needs(time_scale, needed):
    protocol = protocols.get(f"suite-1:time_scale={time_scale}")
    assert index_windows(needed, protocol)[0].given == (0, needed - 1)
    with pytest.raises(ClipError, match=f"the clip has {needed - 1} frames; at least {needed} are needed, two of them"):
        index_windows(needed - 1, protocol)


def test_the_windows_of_a_clip_stay_as_they_were_made():
    windows = windows_of(7, protocols.get("suite-1"))
    for made, name in ((windows, "frames"), (windows.passes[0], "given")):
        with pytest.raises(FrozenInstanceError):
            setattr(made, name, ())


def test_a_frame_scored_twice_counts_as_what_its_first_window_made_of_it():
    stdan = protocols.get("stdan-2023")
    # 7 is given in the second window, 1, 3, 5 were made in the first
    assert given_frames(index_windows(8, stdan), stdan) == {0, 2, 4, 6, 7}


def test_the_continuous_task_scores_the_centre_or_all_but_the_last():
    average, centre = protocols.get("videoinr-2022"), protocols.get("videoinr-2022-centre")
    windows = index_windows(9, average)
    assert windows[0].given == (0, 8)
    frames, given = scored_frames(windows), given_frames(windows, average)
    assert select(frames, average, given) == list(range(8))
    assert select(frames, centre, given) == [0, 4]


def plain_samples(frames, step):
    """Samples of the continuous task as its loaders make them: step + 1 frames, one after the other."""
    start = 0
    while start + step < frames:
        yield list(range(start, start + step + 1))
        start += step


@pytest.mark.parametrize("length", [9, 16, 17, 30, 41])
@pytest.mark.parametrize(("name", "step", "of_sample"), [
    ("videoinr-2022", 8, range(8)),
    ("videoinr-2022-centre", 8, (0, 4)),
    ("videoinr-2022:time_scale=2", 2, range(2)),
    ("videoinr-2022:scale=6:time_scale=12", 12, range(12)),
])  # fmt: skip
def test_the_continuous_task_scores_a_shared_frame_as_the_first_of_the_later_sample(length, name, step, of_sample):
    protocol = protocols.get(name)
    if length <= step:
        pytest.skip("no sample")
    samples = list(plain_samples(length, step))
    windows = windows_of(length, protocol, (2, 2))
    assert windows.scored(protocol) == [sample[i] for sample in samples for i in of_sample]
    assert [list(window.given) for window in windows.passes] == [[sample[0], sample[-1]] for sample in samples]
    # who makes a scored frame: the sample that it is scored in, never the one that it ends
    maker = {index: position for position, kept in enumerate(windows.kept) for index in kept}
    assert [maker[sample[i]] for sample in samples for i in of_sample] == [
        position for position in range(len(samples)) for _ in of_sample
    ]


def test_the_published_numbers_of_samples_follow_from_the_lengths_of_the_clips():
    gopro = [100 * 11] * 9 + [134 * 11, 77 * 11]  # GOPRO_Large_all: eleven frames for each one of GOPRO_Large
    assert sum(gopro) == 1111 * 11
    for lengths, name, wanted in (
        (gopro, "videoinr-2022", 1522),
        (VID4.values(), "videoinr-2022:time_scale=2", 83),
    ):
        protocol = protocols.get(name)
        assert sum(len(index_windows(length, protocol)) for length in lengths) == wanted


def test_windows_are_cut_and_filled_to_what_a_method_takes():
    suite = protocols.get("suite-1")
    cut = windows_of(7, suite, (2, 2))
    assert [window.given for window in cut.passes] == [(0, 2), (2, 4), (4, 6)] and cut.fitted == "cut to 2"
    assert [window.wanted for window in cut.passes] == [(0, 1, 2), (2, 3, 4), (4, 5, 6)]
    assert [sorted(kept) for kept in cut.kept] == [[0, 1, 2], [3, 4], [5, 6]]
    filled = windows_of(5, suite, (4, 4))
    assert [window.given for window in filled.passes] == [(0, 2, 4, 4)] and filled.fitted == "filled to 4"
    assert filled.passes[0].wanted == (0, 1, 2, 3, 4)
    both = windows_of(13, suite, (3, 3))
    assert [window.given for window in both.passes] == [(0, 2, 4), (4, 6, 6), (6, 8, 10), (10, 12, 12)]
    assert both.fitted == "cut to 3, filled to 3"
    alone = windows_of(5, protocols.get("basicvsr-2021"), (1, 2))
    assert [window.given for window in alone.passes] == [(0, 1), (2, 3), (4,)]
    for windows in (cut, filled, both):  # what is scored does not depend on what a method takes
        length = windows.frames[-1] + 1
        whole = windows_of(length, suite)
        assert (windows.frames, windows.given) == (whole.frames, whole.given) and not whole.fitted
        assert sorted(index for kept in windows.kept for index in kept) == list(range(length))


@pytest.mark.parametrize("length", [1, 2, 7, 47])
def test_video_super_resolution_is_given_the_whole_clip_at_once(length):
    windows = windows_of(length, protocols.get("basicvsr-2021"))
    every = tuple(range(length))
    assert [(window.given, window.wanted) for window in windows.passes] == [(every, every)]
    assert windows.frames == every and windows.given == frozenset(every) and windows.left_out == 0


@pytest.mark.parametrize("length", [1, 2, 7, 8, 30])
def test_suite_1_without_frames_between_scores_every_frame(length):
    windows = windows_of(length, protocols.get("suite-1:time_scale=1"))
    assert windows.frames == tuple(range(length)) and windows.given == frozenset(range(length))
    assert max(len(window.given) for window in windows.passes) <= 7


def test_given_and_between_frames_are_selected_apart():
    from dataclasses import replace

    protocol = protocols.get("suite-1")
    windows = index_windows(7, protocol)
    frames, given = scored_frames(windows), given_frames(windows, protocol)
    assert select(frames, replace(protocol, frames="given"), given) == [0, 2, 4, 6]
    assert select(frames, replace(protocol, frames="between"), given) == [1, 3, 5]


@pytest.mark.parametrize("length", [7, 8, 13, 34, 41])
@pytest.mark.parametrize("name", ["suite-1", "zsm-2020", "stdan-2023", "tmnet-2021", "rstt-2022"])
def test_the_windows_of_a_clip_say_what_becomes_of_each_frame(name, length):
    protocol = protocols.get(name)
    windows = windows_of(length, protocol)
    first = {}  # by going through the passes as a script would
    for window in index_windows(length, protocol):
        for index in window.wanted:
            first.setdefault(index, index in window.given)
    assert dict(zip(windows.frames, windows.is_given, strict=True)) == dict(sorted(first.items()))
    assert windows.left_out == length - len(first)
    assert len(set(windows.passes)) == len(windows.passes)
    held_out = {index for window in windows.passes for index in window.given if index % 2}
    assert set(windows.leaked) == held_out
    assert windows.scored(protocol) == list(windows.frames)
