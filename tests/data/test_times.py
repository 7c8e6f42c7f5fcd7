"""When frames are shown, of containers that cannot say it rightly."""

from fractions import Fraction

import av
import numpy as np
import pytest

from stvsr_bench.data import facts, video
from stvsr_bench.errors import DataError

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=32x32:r=25:d=1")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


@pytest.mark.parametrize("flags", ["frag_keyframe+empty_moov", "+dash"])
@pytest.mark.parametrize("codec", ["aac", "libopus"])
def test_a_fragmented_mp4_of_a_constant_rate_is_of_a_constant_rate(tmp_path, ffmpeg, flags, codec):
    """What ffmpeg adds to the first frame is how far the sound's encoder looks ahead; the other times are right."""
    path, sound = tmp_path / "in.mp4", ("-f", "lavfi", "-i", "sine=d=1:r=48000", "-c:a", codec)
    ffmpeg(*PICTURE, *sound, *H264, "-bf", "0", "-movflags", flags, path)
    with av.open(str(path)) as container:
        stored = [packet.pts for packet in container.demux(video=0) if packet.size]
    assert stored[1] - stored[0] > 512 == stored[2] - stored[1]
    found = facts.of(path)
    assert found.rate == 25 and found.ticks[1:].tolist() == stored[1:]
    assert found.uneven() is None and found.flags() == ("matrix-assumed:bt601", "lossy-truth:h264/crf=23.0")
    assert len(video.Video(path).read(0, 25)) == 25


@pytest.mark.parametrize(("flags", "late"), [("frag_keyframe+empty_moov", 0.325), ("+faststart", 0.02)])
def test_a_first_frame_that_is_longer_for_another_reason_is_uneven(tmp_path, ffmpeg, flags, late):
    path = tmp_path / "in.mp4"
    chain = ("-vf", f"settb=1/12800,setpts='(N/25+gt(N,0)*{late})/TB'", "-fps_mode", "vfr", "-enc_time_base", "1/12800")
    ffmpeg(*PICTURE, *chain, *H264, "-bf", "0", "-movflags", flags, path)
    with pytest.raises(DataError, match=rf"frame 1 comes {0.04 + late:g}\d* s after the one before"):
        video.Video(path).read(0, 25)


def without_duration(path):
    """Matroska's default duration of a frame (0x23E383) made an element that says nothing."""
    data = path.read_bytes()
    at = data.index(b"\x23\xe3\x83")
    length = data[at + 3] & 0x7F
    path.write_bytes(data[:at] + b"\xec" + bytes([0x80 | (length + 2)]) + bytes(length + 2) + data[at + 4 + length :])


@pytest.mark.parametrize("rate", ["24000/1001", "30000/1001", "23.98", "144", "15"])
def test_the_rate_of_matroska_without_one_is_that_of_its_times(tmp_path, ffmpeg, rate):
    """ffmpeg's mean over the first frames is 30.30 for 29.97: no time but the first would be that of the rate."""
    path = tmp_path / "in.mkv"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=16x16:r={rate}", "-frames:v", "200", *H264, "-bf", "0", path)
    without_duration(path)
    found = facts.of(path)
    assert float(found.rate) == pytest.approx(float(Fraction(rate)), rel=2e-4)
    even = np.arange(200) / float(found.rate)
    assert np.abs(found.ticks * float(found.tick) - even).max() <= 0.00101


def test_the_rate_of_raw_dv_is_that_of_its_frames(tmp_path, ffmpeg):
    """Its header seems to say that of its clock, 60000."""
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=720x576:r=25:d=0.2", "-c:v", "dvvideo", tmp_path / "in.dv")
    with av.open(str(tmp_path / "in.dv")) as container:
        assert container.streams.video[0].average_rate == 60000
    found = facts.of(tmp_path / "in.dv")
    assert (found.rate, found.count, found.interlaced) == (25, 5, 5)
    with pytest.raises(DataError, match=r"in\.dv is interlaced .*--deinterlace"):
        video.Video(tmp_path / "in.dv").read(0, 5)


def test_an_animated_webp_is_named_as_one(tmp_path, ffmpeg):
    ffmpeg(*PICTURE, "-c:v", "libwebp_anim", tmp_path / "in.webp")
    with pytest.raises(DataError, match="is an animated WebP, which is not read; convert it"):
        facts.of(tmp_path / "in.webp")
