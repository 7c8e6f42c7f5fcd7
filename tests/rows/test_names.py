"""Names on disk: one path component each, and two names never one folder."""

from pathlib import Path

import pytest

from stvsr_bench.rows.names import clip_folder, frames_folder, method_folder, path_component


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("stdan@mini", "stdan_mini"),
        ("stdan:top_t=1, x[2]@own", "stdan_top_t_1__x_2__own"),
        ("00001/0266", "00001_0266"),
        ("café", "café"),
        ("", "_"),
    ],
)
def test_usual_names_are_read_again_in_their_folder(name, part):
    assert path_component(name) == part


@pytest.mark.parametrize(
    ("one", "other"),
    [("a*b", "a?b"), ("a", "a."), ("x" * 120, "x" * 121), ("x" * 130, "x" * 131), ("a\tb", "a\nb"), (".a", "a")],
)
def test_names_that_differ_only_in_what_no_folder_may_hold_are_two_folders(one, other):
    parts = {path_component(name) for name in (one, other)}
    assert len(parts) == 2
    assert all(1 <= len(part.encode()) <= 120 and not set(part) & set('\\*?"<>|/:\t\n') for part in parts)


def test_a_name_as_long_as_a_folder_may_be_stays_as_it_is_and_a_longer_one_ends_in_a_digest():
    assert path_component("x" * 120) == "x" * 120
    longer = path_component("x" * 121)
    assert longer[:101] == "x" * 100 + "-" and len(longer) == 109


def test_long_names_of_letters_of_many_bytes_keep_their_digest():
    parts = [path_component("名" * 200 + end) for end in "ab"]
    assert parts[0] != parts[1] and all(len(part.encode()) <= 120 for part in parts)


def test_checkpoints_of_one_name_have_folders_of_their_own():
    assert method_folder("stdan", "") == "stdan"
    assert method_folder("stdan", "best.pth") == "stdan_best.pth"
    one, two = "12345678" + "0" * 56, "abcdefab" + "0" * 56
    assert method_folder("stdan", "best.pth", one) == "stdan_best.pth-12345678"
    # two networks: the digest of both, for the first may be the same
    pairs = [method_folder("rife+span", "own", f"{one}+{last}") for last in (one, two)]
    assert len(set(pairs)) == 2
    assert all(len(pair) == len("rife+span_own-12345678") and not pair.endswith("12345678") for pair in pairs)


def test_frames_lie_under_their_protocol_method_data_set_split_and_clip():
    folder = frames_folder(Path("run"), "0a", "net_mini") / clip_folder("vid4", "all", "walk/1")
    assert folder == Path("run/frames/0a/net_mini/vid4/all/walk_1")
