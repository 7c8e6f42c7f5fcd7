"""Which frame a file is, and which ones are missing, in the names that the user gave."""

import pytest

from stvsr_bench.errors import ClipError, DataError
from stvsr_bench.runner.external.numbering import Numbered


def chosen(folder, names, total=7, wanted=None):
    """The names of the pictures taken for frames 0 to total - 1, out of empty files of the given names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    indices = range(total if wanted is None else wanted)
    return [path.name for path in Numbered(folder).chosen(indices, indices, total, "city")]


@pytest.mark.parametrize(
    "pattern",
    [
        "{:05d}.png",
        "im{}.PNG",
        "clip_02_frame_{}.bmp",
        "frame{}_x4.png",
        "im{}_sr_4x.tif",
        "{:04d}_2026-11-27.jpg",
        "hr_{0}_{0:03d}.png",
        "5.{}.png",
    ],
)
@pytest.mark.parametrize("first", [0, 1, 8, 1001])
def test_frames_count_from_any_number_at_any_place_of_the_name(tmp_path, pattern, first):
    names = [pattern.format(first + i) for i in range(7)]
    assert chosen(tmp_path / "city", reversed(names)) == names


def test_the_quality_in_a_name_is_no_frame_number(tmp_path):
    names = ["001_28.41.png", "002_27.93.png", "003_31.07.png", "004_30.11.png"]
    assert chosen(tmp_path, names, total=4) == names


def test_every_fourth_frame_of_a_film_is_in_order_as_in_a_data_set(tmp_path):
    names = [f"{4 * i:04d}.png" for i in range(7)]
    assert chosen(tmp_path, names) == names


@pytest.mark.fault(
    "B",
    "results with files of a Mac, a PC or a network drive beside them",
    "these are passed over",
    "0",
)
def test_files_of_a_mac_a_pc_and_a_network_drive_are_nobody_s_frames(tmp_path):
    names = [f"{i:05d}.png" for i in range(7)]
    junk = [*(f"._{name}" for name in names), ".DS_Store", "Thumbs.db", "desktop.ini"]
    (tmp_path / "@eaDir").mkdir()
    assert chosen(tmp_path, [*names, *junk]) == names
    assert Numbered(tmp_path).passed_over == []


def test_a_picture_that_is_a_folder_or_a_dangling_link_is_missing(tmp_path):
    (tmp_path / "2.png").mkdir()
    (tmp_path / "4.png").symlink_to("nowhere.png")
    with pytest.raises(ClipError, match=r"2 of 7 frames are missing: 2\.png, 4\.png$"):
        chosen(tmp_path, ["0.png", "1.png", "3.png", "5.png", "6.png"])


@pytest.mark.fault(
    "B",
    "results with frames moved, exchanged, doubled or missing, or red and blue exchanged",
    "the clip fails and the frames are named",
    "3",
)
@pytest.mark.parametrize(
    ("there", "sentence"),
    [
        ([0, 1, 2, 4, 5, 6], r"1 of 7 frames is missing: 003\.png$"),
        ([1001, 1002, 1004, 1005, 1006, 1007], r"1 of 7 frames is missing: 1003\.png$"),
        ([0, 1, 2, 3, 4, 5], r"1 of 7 frames is missing: 006\.png$"),
        ([1, 2, 3, 4, 5, 6], r"go from 001\.png to 006\.png, .* the first \(000\.png\) .* the last \(007\.png\)$"),
        ([2, 3, 4, 5, 6, 7], r"go from 002\.png to 007\.png, .* the first \(001\.png\) .* the last \(008\.png\)$"),
        ([1, 2, 4, 5, 6], r"2 of 7 .*: 003\.png and 1 at an end: .* \(000\.png\) .* \(007\.png\)$"),
        ([3, 4, 5, 6], r"3 of 7 .* \(000\.png, 001\.png, 002\.png\) .* \(007\.png, 008\.png, 009\.png\)$"),
        ([0, 2, 4, 6], r"3 of 7 frames are missing: 001\.png, 003\.png, 005\.png$"),
        ([0, 1, 2, 3, 4, 5, 9], r"1 of 7 frames is missing: 006\.png$"),
    ],
)
def test_missing_frames_are_named_as_their_files_would_be(tmp_path, there, sentence):
    with pytest.raises(ClipError, match=sentence):
        chosen(tmp_path, [f"{i:03d}.png" for i in there])


def test_frames_that_the_protocol_does_not_restore_may_be_left_out(tmp_path):
    names = [f"{i}.png" for i in range(7)]
    assert chosen(tmp_path, names, total=8, wanted=7) == names
    assert chosen(tmp_path, ["7.png"], total=8, wanted=7) == names


def test_more_frames_than_the_truth_are_refused_with_both_counts(tmp_path):
    with pytest.raises(ClipError, match="city has 8 frames, the truth of city has 7"):
        chosen(tmp_path / "city", [f"{i}.png" for i in range(8)])


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["1.png", "2.png", "2.bmp"], r"2\.bmp and 2\.png both have the number 2"),
        (["im1.png", "im01.png"], r"im01\.png and im1\.png both have the number 1"),
        (["1.png", "mean.png"], r"mean\.png has no number in its name"),
        (["1_3.png", "2_1.png", "3_2.png"], "have 2 numbers that may count the frames"),
        (["frames.npy"], r"has no pictures \(.*\); it has frames\.npy$"),
        ([], r"has no pictures \(\.png, .*\)$"),
    ],
)
def test_what_is_unclear_is_refused_in_one_sentence(tmp_path, names, sentence):
    with pytest.raises(DataError, match=sentence):
        chosen(tmp_path, names)
