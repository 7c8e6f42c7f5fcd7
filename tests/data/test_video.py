import pickle

import av
import numpy as np
import pytest

from stvsr_bench.data import video
from stvsr_bench.data.found import VideoStretch
from stvsr_bench.errors import DataError


def write_video(path, frames_SHWC, codec="ffv1", pix_fmt="bgr0"):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = frames_SHWC.shape[1:3]
        stream.pix_fmt = pix_fmt
        for frame_HWC in frames_SHWC:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")))
        container.mux(stream.encode())


@pytest.fixture
def clip(tmp_path):
    frames_SHWC = np.random.default_rng(1).integers(0, 256, (9, 32, 48, 3), dtype=np.uint8)
    write_video(tmp_path / "clip.mkv", frames_SHWC)
    return tmp_path / "clip.mkv", frames_SHWC


def test_frames_of_a_lossless_video_are_read_to_the_byte_in_any_order(clip):
    path, frames_SHWC = clip
    read = video.Video(path)
    for start, stop in ((0, 3), (5, 9), (2, 4), (2, 4), (0, 9)):
        assert np.array_equal(read.read(start, stop), frames_SHWC[start:stop])
    assert read.count() == 9
    assert (read.info.width, read.info.height, read.info.fps) == (48, 32, 25.0)


@pytest.mark.fault("B", "a file that is no video", "one sentence", "4")
def test_a_file_that_is_no_video_is_one_sentence(tmp_path):
    (tmp_path / "page.mp4").write_text("<html>not found</html>" * 50)
    (tmp_path / "empty.mp4").write_bytes(b"")
    for name, sentence in (
        ("page.mp4", "is not a readable video"),
        ("empty.mp4", "is empty"),
        ("none.mp4", "No such file"),
    ):
        with pytest.raises(DataError, match=sentence) as caught:
            video.Video(tmp_path / name)
        assert name in str(caught.value)


@pytest.mark.fault("B", "a video of a codec that ffmpeg does not know", "one sentence", "4")
def test_a_video_of_an_unknown_codec_is_one_sentence(clip):
    path, _ = clip
    path.write_bytes(path.read_bytes().replace(b"V_FFV1", b"V_XYZ1"))
    with pytest.raises(DataError, match=r"clip\.mkv has video of a codec that is not known here; convert it"):
        video.Video(path)


@pytest.mark.fault("B", "a video that is cut off", "where it ends", "3")
def test_a_cut_off_video_says_where_it_ends(clip, tmp_path):
    path, frames_SHWC = clip
    (tmp_path / "cut.mkv").write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    cut = video.Video(tmp_path / "cut.mkv")
    assert np.array_equal(cut.read(0, 2), frames_SHWC[:2])
    with pytest.raises(DataError, match=r"cut\.mkv (ends after [1-8] frames|is damaged)"):
        cut.read(0, 9)


@pytest.mark.fault("B", "a video that changes its size", "the frame where it does", "3")
def test_a_video_that_changes_its_size_is_refused(tmp_path):
    """A recording of television: one stream after another in one file."""
    parts = []
    for number, size in enumerate(((48, 32), (48, 16))):
        part = tmp_path / f"{number}.ts"
        frames_SHWC = np.random.default_rng(1).integers(0, 256, (3, *size[::-1], 3), dtype=np.uint8)
        write_video(part, frames_SHWC, "mpeg2video", "yuv420p")
        parts.append(part.read_bytes())
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    read = video.Video(tmp_path / "both.ts")
    assert read.read(0, 2).shape == (2, 32, 48, 3)
    for act in (lambda: read.read(0, read.count()), lambda: list(video.decode(tmp_path / "both.ts"))):
        with pytest.raises(DataError, match=r"changes its size at frame [23], from 48x32 to 48x16"):
            act()


def test_a_session_reads_a_video_that_was_replaced_anew(clip):
    """As in a notebook: the open file would still give the frames of the one that is gone."""
    path, frames_SHWC = clip
    stretch = VideoStretch(path, 0, 9)
    assert np.array_equal(stretch.read(), frames_SHWC)
    other = path.with_name("other.mkv")
    write_video(other, 255 - frames_SHWC)
    other.replace(path)
    assert np.array_equal(stretch.read(), 255 - frames_SHWC)


def test_an_open_video_can_be_sent_to_a_worker(clip):
    path, frames_SHWC = clip
    read = video.Video(path)
    read.read(0, 4)
    assert np.array_equal(pickle.loads(pickle.dumps(read)).read(3, 6), frames_SHWC[3:6])


def test_a_sound_file_is_no_video(tmp_path):
    with av.open(str(tmp_path / "sound.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(DataError, match="has no video stream"):
        video.Video(tmp_path / "sound.mkv")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\n<!DOCTYPE html><html>not found</html>", "it is a web page or other text; download it again"),
        (bytes(4096), "its first 512 bytes are all 0"),
        (b"\0\0\0\x14ftypisom\0\0\2\0isom\0\0\0\0mdat" + bytes(range(256)), r"it has no index \(moov\)"),
    ],
)
def test_a_file_that_cannot_be_opened_says_what_is_seen_in_it(tmp_path, data, says):
    (tmp_path / "clip.mp4").write_bytes(data)
    with pytest.raises(DataError, match=says):
        video.Video(tmp_path / "clip.mp4")
