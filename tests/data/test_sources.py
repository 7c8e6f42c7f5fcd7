import os
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from stvsr_bench.data import sources
from stvsr_bench.data.listing import BESIDE, DANGLING, EMPTY, LINKED, OTHER, POSTERS, SINGLE, SMALLER, SYSTEM, UNTRUE
from stvsr_bench.errors import DataError


def test_frames_are_in_the_order_of_their_numbers(tmp_path, draw):
    drawn = draw(tmp_path / "clip", ["hr_8.png", "hr_9.png", "hr_10.png", "hr_11.png"])
    assert [path.name for path in sources.in_order(tmp_path / "clip")][2] == "hr_10.png"
    assert np.array_equal(sources.look(tmp_path).clips["clip"].source().read(), drawn)


def test_a_gap_a_double_and_a_nameless_frame_are_named(tmp_path, draw):
    draw(tmp_path / "gap", ["im1.png", "im2.png", "im4.png"])
    with pytest.raises(DataError, match="gap: a frame is missing between the numbers 2 and 4"):
        sources.in_order(tmp_path / "gap")
    draw(tmp_path / "double", ["hr_01.png", "lr_01.png"])
    with pytest.raises(DataError, match=r"hr_01\.png and lr_01\.png both have the number 1"):
        sources.in_order(tmp_path / "double")
    draw(tmp_path / "letters", ["a.png", "b.png"])
    with pytest.raises(DataError, match=r"a\.png has no number in its name"):
        sources.in_order(tmp_path / "letters")
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="contains no pictures"):
        sources.in_order(tmp_path / "none")


def test_even_steps_are_no_gap(tmp_path, draw):
    draw(tmp_path / "clip", ["0000.png", "0004.png", "0008.png"])
    assert len(sources.in_order(tmp_path / "clip")) == 3


@pytest.mark.parametrize(
    ("layout", "names"),
    [
        (["walk", "city"], ["city", "walk"]),
        (["GT/walk", "BIx4/walk", "GT/city", "BIx4/city"], ["city", "walk"]),
        (["walk/hr", "walk/lr", "city/hr"], ["city", "walk"]),
        (["00001/0002", "00001/0010", "00002/0001"], ["00001/0002", "00001/0010", "00002/0001"]),
        (["clip10", "clip9"], ["clip9", "clip10"]),
        (["."], None),
        ([".hidden/walk", "walk"], ["walk"]),
    ],
)
def test_clips_are_found_in_the_usual_layouts(tmp_path, draw, layout, names):
    for folder in layout:
        draw(tmp_path / folder, ["1.png", "2.png", "3.png"])
    assert list(sources.look(tmp_path).clips) == (names or [tmp_path.name])


def test_a_folder_of_nothing_and_no_folder_are_one_sentence(tmp_path):
    with pytest.raises(DataError, match="contains no clips"):
        sources.look(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        sources.look(tmp_path / "none")


def test_a_link_in_a_circle_ends(tmp_path, draw):
    draw(tmp_path / "a" / "clip", ["1.png", "2.png"])
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert "a/clip" in sources.look(tmp_path).clips


def test_a_long_video_is_cut_into_clips_and_a_short_one_is_one(tmp_path):
    frames_SHWC = np.random.default_rng(1).integers(0, 256, (40, 16, 24, 3), dtype=np.uint8)
    for name, count in (("short.mkv", 20), ("long.mkv", 40)):
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream("ffv1", rate=25)
            stream.height, stream.width, stream.pix_fmt = 16, 24, "bgr0"
            for frame_HWC in frames_SHWC[:count]:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")))
            container.mux(stream.encode())
    found = sources.look(tmp_path).clips
    assert list(found) == ["long-000000", "long-000031", "short"]
    assert np.array_equal(found["long-000031"].source().read(), frames_SHWC[31:40])
    assert list(sources.look(tmp_path / "short.mkv").clips) == ["short"]


# -- every file is used, fails, or is named ------------------------------------------------------------------------

FRAMES = ["0.png", "1.png", "2.png"]


def film(path, count=5, seed=0):
    """A small video without loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames_SHWC = np.random.default_rng(seed).integers(0, 256, (count, 16, 24, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 16, 24, "bgr0"
        for frame_HWC in frames_SHWC:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")))
        container.mux(stream.encode())
    return frames_SHWC


def unused(root):
    """Why each file is not used, as paths from the root."""
    return {each.why: sorted(str(path.relative_to(root)) for path in each.paths) for each in sources.look(root).unused}


def test_what_systems_and_network_drives_put_there_is_named_and_never_a_clip(tmp_path, draw):
    draw(tmp_path / "city", FRAMES)
    draw(tmp_path / "city/@eaDir/0.png", ["SYNOPHOTO_1.png", "SYNOPHOTO_2.png"])
    draw(tmp_path / "__MACOSX/city", ["._0.png", "._1.png"])
    draw(tmp_path / ".Trash/city", FRAMES)
    for name in ("city/._0.png", "city/.DS_Store", "Thumbs.db", "city/desktop.ini"):
        (tmp_path / name).write_bytes(b"x")
    assert list(sources.look(tmp_path).clips) == ["city"]
    assert len(sources.look(tmp_path).clips["city"].source().paths) == 3
    assert unused(tmp_path) == {
        SYSTEM: [".Trash", "Thumbs.db", "__MACOSX", "city/.DS_Store", "city/._0.png", "city/@eaDir", "city/desktop.ini"]
    }


def test_other_kinds_single_pictures_and_empty_folders_are_named_with_a_count(tmp_path, draw):
    draw(tmp_path / "city", FRAMES)
    draw(tmp_path / "poster", ["1.png"])
    (tmp_path / "empty").mkdir()
    for name in ("a.exr", "b.EXR", "notes.txt", "README"):
        (tmp_path / name).write_bytes(b"x")
    assert unused(tmp_path) == {
        f"{OTHER} (.exr)": ["a.exr", "b.EXR"],
        f"{OTHER} (.txt)": ["notes.txt"],
        f"{OTHER} (no suffix)": ["README"],
        SINGLE: ["poster/1.png"],
        EMPTY: ["empty"],
    }
    (exr,) = (each for each in sources.look(tmp_path).unused if "exr" in each.why)
    assert exr.sentence(tmp_path) == "2 not used: of a kind that is not read (.exr): a.exr, b.EXR"
    assert exr.sentence(tmp_path, 1) == "2 not used: of a kind that is not read (.exr): a.exr and 1 more"


def test_tiff_and_webp_frames_are_clips(tmp_path, draw):
    drawn = draw(tmp_path / "clip", FRAMES)
    for name, more in (("t/{}.tif", []), ("W/{}.WebP", [cv2.IMWRITE_WEBP_QUALITY, 101])):
        for i, frame_HWC in enumerate(drawn):
            path = tmp_path / name.format(i)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(cv2.imencode(path.suffix.lower(), frame_HWC[..., ::-1], more)[1].tobytes())
    found = sources.look(tmp_path).clips
    assert list(found) == ["W", "clip", "t"]
    assert all(np.array_equal(clip.source().read(), drawn) for clip in found.values())


def test_two_videos_of_one_name_are_a_clip_that_fails_and_names_both(tmp_path):
    film(tmp_path / "city.mkv")
    film(tmp_path / "city.MKV")
    film(tmp_path / "walk.mkv")
    found = sources.look(tmp_path).clips
    assert list(found) == ["city", "walk"]
    with pytest.raises(DataError, match=r"city\.MKV and .*city\.mkv are both clip 'city'; keep one"):
        found["city"].source()
    assert len(found["walk"].source().read()) == 5


def test_two_folders_of_one_name_are_a_clip_that_fails(tmp_path, draw):
    for folder in ("city/GT", "city/hr", "walk/GT"):
        draw(tmp_path / folder, FRAMES)
    found = sources.look(tmp_path).clips
    assert list(found) == ["city", "walk"]
    with pytest.raises(DataError, match="are both clip 'city'"):
        found["city"].source()


@pytest.mark.parametrize("video", ["city.mkv", "city/city.mkv", "city/preview.mkv"])
def test_a_video_beside_its_frames_is_named_and_the_frames_are_measured(tmp_path, draw, video):
    drawn = draw(tmp_path / "city", FRAMES)
    film(tmp_path / video)
    found = sources.look(tmp_path).clips
    assert list(found) == ["city"] and np.array_equal(found["city"].source().read(), drawn)
    assert unused(tmp_path) == {BESIDE: [video]}


def test_pictures_that_are_named_as_videos_are_no_clip(tmp_path, draw):
    film(tmp_path / "a1.mkv")
    film(tmp_path / "a2.mkv")
    draw(tmp_path, ["a1.png", "a2.png"])
    assert list(sources.look(tmp_path).clips) == ["a1", "a2"]
    assert unused(tmp_path) == {POSTERS: ["a1.png", "a2.png"]}


@pytest.mark.parametrize(
    ("large", "small", "why"),
    [
        ("HR/city", "LR/city", UNTRUE),
        ("city/hr", "city/lr", UNTRUE),
        ("GT/city", "BIx4/city", UNTRUE),
        ("city_HR", "city_LR", SMALLER),
        ("city", "city_lr_x4", SMALLER),
        ("city", "LRx4/city", SMALLER),
        ("HR_frames/city", "LR_frames/city", SMALLER),
        ("full/HR_x4", "full/LR_x4", SMALLER),
        ("HR_x2", "LR_x4", SMALLER),
    ],
)
def test_of_a_pair_of_resolutions_the_large_one_is_the_clip(tmp_path, draw, large, small, why):
    drawn = draw(tmp_path / large, FRAMES)
    draw(tmp_path / small, FRAMES, width=8, height=4)
    (clip,) = sources.look(tmp_path).clips.values()
    assert np.array_equal(clip.source().read(), drawn)
    assert unused(tmp_path) == {why: [small]}


def test_low_resolution_alone_and_names_that_look_so_are_clips(tmp_path, draw):
    for folder in ("LR/city", "low", "walk_hr", "world", "lrn"):
        draw(tmp_path / folder, FRAMES)
    assert list(sources.look(tmp_path).clips) == ["LR/city", "low", "lrn", "walk_hr", "world"]
    assert unused(tmp_path) == {}


def test_a_link_that_leads_nowhere_is_a_clip_that_fails(tmp_path, draw):
    draw(tmp_path / "city", FRAMES)
    draw(tmp_path / "walk", FRAMES[:2])
    (tmp_path / "walk/2.png").symlink_to("../gone.png")
    (tmp_path / "all").mkdir()
    for name in FRAMES:
        (tmp_path / "all" / name).symlink_to(f"../.git/annex/objects/{name}")
    (tmp_path / "film.mkv").symlink_to("gone.mkv")
    (tmp_path / "folder").symlink_to("gone", target_is_directory=True)
    (tmp_path / "notes.txt").symlink_to("gone.txt")
    found = sources.look(tmp_path).clips
    assert list(found) == ["all", "city", "film", "folder", "walk"]
    for name, sentence in (("walk", "gone.png"), ("all", "git annex get"), ("film", "gone.mkv"), ("folder", "gone")):
        with pytest.raises(DataError, match=f"is a link to .*, which is not there.*{sentence}|{sentence}"):
            found[name].source().read()
    assert unused(tmp_path) == {DANGLING: ["notes.txt"]}


@pytest.mark.fault("B", "a link to another clip of the same data set", "named; the clip counts once in the mean")
def test_a_link_to_another_clip_is_named_and_one_to_elsewhere_is_a_clip(tmp_path, draw):
    root = tmp_path / "set"
    draw(tmp_path / "disk/walk", FRAMES)
    draw(tmp_path / "disk/zoo", FRAMES, seed=1)
    draw(root / "day/city", FRAMES)
    film(root / "film.mkv")
    (root / "again.mkv").symlink_to("film.mkv")
    (root / "city").symlink_to("day/city")
    (root / "disk").symlink_to(tmp_path / "disk")
    (root / "walk").symlink_to(tmp_path / "disk/walk")
    assert list(sources.look(root).clips) == ["day/city", "disk/walk", "disk/zoo", "film"]
    assert unused(root) == {LINKED: ["again.mkv", "city", "walk"]}


def test_true_frames_may_be_links_to_a_folder_beside(tmp_path, draw):
    draw(tmp_path / "all/city", FRAMES)
    draw(tmp_path / "GT/walk", FRAMES, seed=1)
    (tmp_path / "GT/city").symlink_to("../all/city")
    assert list(sources.look(tmp_path).clips) == ["city", "walk"]


@pytest.mark.fault("B", "a link in a circle, a pipe, a socket or a device among frames and videos", "that clip fails")
def test_what_is_no_file_is_a_clip_that_fails_and_nobody_waits_for_it(tmp_path, draw):
    for name in ("circle", "pipe", "zeros"):
        draw(tmp_path / name, FRAMES[:2])
    (tmp_path / "circle/2.png").symlink_to("2.png")
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "zeros/2.png").symlink_to("/dev/zero")
    (tmp_path / "endless.mkv").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe/2.png")
    os.mkfifo(tmp_path / "waits.mp4")
    found = sources.look(tmp_path).clips
    assert list(found) == ["circle", "endless", "pipe", "round", "waits", "zeros"]
    for name, sentence in (
        ("circle", "is a link to 2.png, which leads back to itself"),
        ("round", "which leads back to itself"),
        ("pipe", "is a pipe, not a file"),
        ("waits", "is a pipe, not a file"),
        ("zeros", "is a device, not a file"),
        ("endless", "is a device, not a file"),
    ):
        with pytest.raises(DataError, match=sentence):
            found[name].source().read()


def test_a_folder_without_rights_is_a_clip_that_fails(tmp_path, draw, monkeypatch):
    draw(tmp_path / "city", FRAMES)
    draw(tmp_path / "locked", FRAMES)
    scandir = os.scandir

    def refusing(folder):
        if str(folder).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    found = sources.look(tmp_path).clips
    assert list(found) == ["city", "locked"]
    with pytest.raises(DataError, match="locked cannot be read: Permission denied"):
        found["locked"].source()


@pytest.mark.fault(
    "B", "low resolution beside the true frames without rights to read", "the clip is measured without it"
)
def test_a_neighbour_without_rights_has_no_pictures(tmp_path, draw, monkeypatch):
    draw(tmp_path / "LR", FRAMES)
    assert sources.has_pictures(tmp_path / "LR")

    def refusing(folder, *more, **named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refusing)
    monkeypatch.setattr(Path, "iterdir", refusing)
    assert not sources.has_pictures(tmp_path / "LR")


def test_a_damaged_video_is_a_clip_that_fails(tmp_path):
    film(tmp_path / "good.mkv")
    (tmp_path / "bad.mp4").write_bytes(b"no video at all")
    (tmp_path / "none.avi").touch()
    found = sources.look(tmp_path).clips
    assert list(found) == ["bad", "good", "none"]
    for name in ("bad", "none"):
        with pytest.raises(DataError, match=name):
            found[name].source().read()


def test_names_of_clips_that_are_no_utf8_are_written_out(tmp_path, draw):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    drawn = draw(tmp_path / "walk", FRAMES)
    for name in FRAMES:
        (folder / name).write_bytes((tmp_path / "walk" / name).read_bytes())
    found = sources.look(tmp_path).clips
    assert list(found) == [r"caf\xe9", "walk"]
    assert np.array_equal(found[r"caf\xe9"].source().read(), drawn)


def test_a_root_without_clips_says_what_is_there(tmp_path):
    (tmp_path / "a.exr").touch()
    with pytest.raises(
        DataError, match=r"nor videos\. There are: 1 not used: of a kind that is not read \(\.exr\): a\.exr"
    ):
        sources.look(tmp_path)


def test_finding_clips_takes_time_in_proportion_to_their_number(tmp_path):
    times = {}
    for count in (1000, 8000):
        root = tmp_path / str(count)
        for n in range(count):
            clip = root / f"clip{n:05d}"
            clip.mkdir(parents=True)
            for name in ("0.png", "1.png"):
                (clip / name).touch()
        start = time.process_time()
        assert len(sources.look(root).clips) == count
        times[count] = time.process_time() - start
    assert times[8000] < 24 * times[1000], "8 times as many clips; in proportion to their square it would be 64"
