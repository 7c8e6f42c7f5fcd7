import av
import numpy as np
import pytest

from stvsr_bench.data import sources
from stvsr_bench.errors import DataError


def test_frames_are_in_the_order_of_their_numbers(tmp_path, draw):
    drawn = draw(tmp_path / "clip", ["hr_8.png", "hr_9.png", "hr_10.png", "hr_11.png"])
    assert [path.name for path in sources.in_order(tmp_path / "clip")][2] == "hr_10.png"
    assert np.array_equal(sources.find(tmp_path)["clip"].source().read(), drawn)


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
    with pytest.raises(DataError, match="holds no pictures"):
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
    assert list(sources.find(tmp_path)) == (names or [tmp_path.name])


def test_a_folder_of_nothing_and_no_folder_are_one_sentence(tmp_path):
    with pytest.raises(DataError, match="holds no clips"):
        sources.find(tmp_path)
    with pytest.raises(DataError, match="is no folder"):
        sources.find(tmp_path / "none")


def test_a_link_in_a_circle_ends(tmp_path, draw):
    draw(tmp_path / "a" / "clip", ["1.png", "2.png"])
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert "a/clip" in sources.find(tmp_path)


def test_a_long_video_is_cut_into_clips_and_a_short_one_is_one(tmp_path):
    frames_SHWC = np.random.default_rng(1).integers(0, 256, (40, 16, 24, 3), dtype=np.uint8)
    for name, count in (("short.mkv", 20), ("long.mkv", 40)):
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream("ffv1", rate=25)
            stream.height, stream.width, stream.pix_fmt = 16, 24, "bgr0"
            for frame_HWC in frames_SHWC[:count]:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")))
            container.mux(stream.encode())
    found = sources.find(tmp_path)
    assert list(found) == ["long-000000", "long-000031", "short"]
    assert np.array_equal(found["long-000031"].source().read(), frames_SHWC[31:40])
    assert list(sources.find(tmp_path / "short.mkv")) == ["short"]
