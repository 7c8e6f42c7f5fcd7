"""Containers that say that a border of the frames is not to be seen, against what the ffmpeg program shows."""

import struct

import numpy as np
import pytest

from stvsr_bench.cli import call
from stvsr_bench.data import cropping, facts, video

SEEN = "scale=flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact,format=rgb24"
TO_THE_FORMAT = ("moov", "trak", "mdia", "minf", "stbl", "stsd", "avc1")
BEFORE_BOXES = {"stsd": 16, "avc1": 86}


def with_clean_aperture(data, width, height, right=0, down=0):
    """An mp4 whose picture is a part of its frames, this size, moved from their middle so many pixels."""
    made, (start, end), opened = bytearray(data), (0, len(data)), []
    for kind in TO_THE_FORMAT:
        at = start
        while made[at + 4 : at + 8] != kind.encode():
            at += int.from_bytes(made[at : at + 4], "big")
        opened.append(at)
        start, end = at + BEFORE_BOXES.get(kind, 8), at + int.from_bytes(made[at : at + 4], "big")
    box = struct.pack(">I4s8i", 40, b"clap", width, 1, height, 1, right, 1, down, 1)
    made[end:end] = box
    for at in opened:
        made[at : at + 4] = (int.from_bytes(made[at : at + 4], "big") + len(box)).to_bytes(4, "big")
    return bytes(made)


@pytest.fixture
def bordered(tmp_path, ffmpeg):
    """A video of 64x48 in 4:4:4 (no chroma is shared over an edge), of which 48x40 or less are to be seen."""

    def make(suffix, turn, *aperture):
        plain, clap, path = (tmp_path / name for name in ("plain.mp4", "clap.mp4", f"in.{suffix}"))
        source = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=0.4")
        ffmpeg(*source, "-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv444p", plain)
        clap.write_bytes(with_clean_aperture(plain.read_bytes(), *aperture))
        ffmpeg("-display_rotation", turn, "-i", clap, "-c", "copy", path)
        return path

    return make


@pytest.mark.parametrize(("suffix", "turn"), [("mp4", 0), ("mov", 90), ("mkv", 0), ("mkv", 270)])
def test_a_border_is_cut_off_as_players_do(ffmpeg, bordered, suffix, turn):
    path = bordered(suffix, turn, 48, 38, 4, -3)
    height, width = (48, 38) if turn else (38, 48)
    raw = ffmpeg("-i", path, "-fps_mode", "passthrough", "-vf", SEEN, "-f", "rawvideo", "-")
    shown = np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)
    found = facts.of(path)
    assert (found.width, found.height) == (width, height) and "cropped" in video.flags(path)
    assert np.abs(video.Video(path).read(0, 4).astype(int) - shown).max() <= 1


def test_infer_writes_what_is_to_be_seen(tmp_path, ffmpeg, bordered):
    path, target = bordered("mp4", 0, 48, 40), tmp_path / "out.mp4"
    assert call(["infer", str(path), "-m", "blend+bicubic", "--scale", "1", "-o", str(target), "-q"]) == 0
    assert "48x40" in ffmpeg("-i", target, said=True)


def test_a_crop_that_leaves_nothing_is_none(bordered):
    path = bordered("mp4", 0, 2, 2, 40, 40)
    assert video.Video(path).read(0, 4).shape == (4, 48, 64, 3)


def test_elements_that_are_no_crop_are_passed_over():
    width = b"\xb0\x81\x40\xba\x81\x30"
    sides = b"\x54\xaa\x81\x08\x54\xbb\x82\x01\x04\x54\xdd\x81\x03"
    assert cropping._read(b"x\xe0\x90" + width + b"\x55\xb0\x83abc" + sides + b"\x12\x54\xc3\x67\x01") == (260, 8, 0, 3)
    assert cropping._read(b"\xe0\x86" + width) == cropping._read(b"\xe0\xb0") == cropping._read(b"") == cropping.WHOLE
