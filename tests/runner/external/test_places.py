"""Results are found under the names that people give them, and what is there twice is not chosen in silence."""

import time
import unicodedata
from types import SimpleNamespace

import pytest

from stvsr_bench import datasets
from stvsr_bench.data.listing import BESIDE, OTHER, SYSTEM
from stvsr_bench.errors import ClipError
from stvsr_bench.runner.external import Places, in_no_clip
from stvsr_bench.runner.external.places import NO_CLIP


@pytest.fixture
def places(tmp_path, noise_clips):
    """Places of results beside a data set of two clips, `c0` and `c1`."""
    root = noise_clips(2, 3, (12, 12))
    (tmp_path / "results").mkdir()

    def made(*files):
        for file in files:
            path = tmp_path / "results" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        clips = datasets.clips(str(root), "all")
        return Places(tmp_path / "results", "all", clips)

    return made


def found(places, clip):
    place = places.find(clip)
    return place and str(place.path.relative_to(places.folder))


@pytest.mark.parametrize(
    ("file", "clip", "place"),
    [
        ("c0/0.png", "c0", "c0"),
        ("c0/0.TIF", "c0", "c0"),
        ("all/c0/0.png", "c0", "all/c0"),
        ("c0.y4m", "c0", "c0.y4m"),
        ("c0.m4v", "c0", "c0.m4v"),
        ("c0.MKV", "c0", "c0.MKV"),
        ("all/c0.mp4", "c0", "all/c0.mp4"),
        ("00001/0266/im1.png", "00001/0266", "00001/0266"),
        ("00001_0266/im1.png", "00001/0266", "00001_0266"),
        ("00001_0266.mp4", "00001/0266", "00001_0266.mp4"),
        ("city.v2.mp4", "city.v2", "city.v2.mp4"),
        ("._c0.mp4", "c0", None),
        ("c0.txt", "c0", None),
        ("c00.mp4", "c0", None),
    ],
)
def test_results_are_found_by_the_name_of_their_clip(places, monkeypatch, file, clip, place):
    made = places(file)
    monkeypatch.setattr(made, "_stretch", lambda clip: None)  # only two of these clips are in the data set
    assert found(made, clip) == place
    assert made.has(clip) == (place is not None)


def test_an_accent_copied_from_a_mac_is_the_same_accent(places, monkeypatch):
    made = places(unicodedata.normalize("NFD", "café") + "/0.png")
    monkeypatch.setattr(made, "_stretch", lambda clip: None)
    assert made.find(unicodedata.normalize("NFC", "café")) is not None


def test_pictures_are_taken_before_a_video_and_that_is_said(places):
    made = places("c0/0.png", "c0.mp4", "c2/0.png", "notes.txt", "._c0.mp4")
    assert found(made, "c0") == "c0"
    assert {each.why: [path.name for path in each.paths] for each in in_no_clip([made])} == {
        f"{OTHER} (.txt)": ["notes.txt"],
        BESIDE: ["c0.mp4"],
        NO_CLIP: ["c2"],
        SYSTEM: ["._c0.mp4"],
    }


def test_a_folder_without_pictures_does_not_hide_the_video(places):
    assert found(places("c0/notes.txt", "c0.mp4"), "c0") == "c0.mp4"


def test_two_videos_of_one_clip_are_refused_by_name(places):
    made = places("c0.mp4", "c0.mkv")
    with pytest.raises(ClipError, match=r"c0\.mkv and .*c0\.mp4 have the same name c0"):
        made.find("c0")
    assert made.has("c0")


def test_pictures_of_all_clips_in_one_folder_are_told_from_none(places):
    assert places().missing("c0").endswith("it has none at all")
    said = places("c0_0.png", "c1_0.png").missing("c0")
    assert said.endswith("it has 2 pictures (c0_0.png, ...); put those of each clip in its folder")


def test_what_lies_there_instead_is_said(places):
    assert "c1.rm cannot be read as a video; convert it to one of .mp4, .mkv" in places("c1.rm").missing("c1")
    made = places("C0/0.png", "other.mp4", "readme.txt")
    assert made.missing("c0").endswith("results; it has C0, other.mp4")


def test_what_is_not_used_of_thousands_of_results_is_seen_at_once(tmp_path):
    names = [f"part{i % 3}/clip{i:04d}" for i in range(3000)]
    for name in [*names, "part1/other"]:
        path = tmp_path / f"{name}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    clips = SimpleNamespace(names=names, reader=None, split="all")
    start = time.perf_counter()
    (unused,) = in_no_clip([Places(tmp_path, "all", clips)])
    assert time.perf_counter() - start < 3  # 0.3 s; 20 s where each file is compared with each
    assert (unused.why, unused.paths) == (NO_CLIP, (tmp_path / "part1" / "other.mp4",))
