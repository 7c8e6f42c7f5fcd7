"""TIFF files that 8-bit RGB cannot hold are refused in a sentence; the others are read to the last bit."""

import struct

import cv2
import numpy as np
import pytest

from stvsr_bench.data import frames, tiff
from stvsr_bench.errors import DataError

FRAME = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)


def written(path, pixels):
    """A file as OpenCV writes it; pixels are RGB(A) or grey."""
    bgr = pixels if pixels.ndim == 2 else pixels[..., [2, 1, 0, *range(3, pixels.shape[2])]]
    assert cv2.imwrite(str(path), bgr)
    return path


def by_hand(order="<", bits=(8, 8), extra=(2,), photometric=1, after=0):
    """A TIFF of 2 x 2 pixels, its fields written by hand: of a kind that OpenCV does not write."""
    data = bytes(range(4 * len(bits)))
    entries = [(256, 3, (2,)), (257, 3, (2,)), (258, 3, bits), (259, 3, (1,)), (262, 3, (photometric,))]
    entries += [(273, 4, (8,)), (277, 3, (len(bits),)), (278, 3, (2,)), (279, 4, (len(data),)), (338, 3, extra)]
    at = 8 + len(data)
    outside, table = b"", b""
    start = at + 2 + 12 * len(entries) + 4
    for tag, kind, values in entries:
        packed = struct.pack(order + ("H" if kind == 3 else "I") * len(values), *values)
        if len(packed) > 4:
            outside, packed = outside + packed, struct.pack(order + "I", start + len(outside))
        table += struct.pack(order + "HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at)
    return head + data + struct.pack(order + "H", len(entries)) + table + struct.pack(order + "I", after) + outside


@pytest.mark.parametrize("suffix", [".tif", ".TIFF", ".bmp"])
def test_eight_bit_files_come_back_as_they_were_written(tmp_path, suffix):
    grey = FRAME[..., 0]
    opaque = np.dstack([FRAME, np.full((12, 20), 255, np.uint8)])
    assert np.array_equal(frames.read_one(written(tmp_path / f"rgb{suffix}", FRAME)), FRAME)
    assert np.array_equal(frames.read_one(written(tmp_path / f"grey{suffix}", grey)), np.dstack([grey] * 3))
    assert np.array_equal(frames.read_one(written(tmp_path / f"rgba{suffix}", opaque)), FRAME)


@pytest.mark.fault(
    "B",
    "TIFF or bitmap: 16 bits, floats, alpha that hides, CMYK, several pages, whatever the suffix says",
    "the file is named",
    "3",
)
@pytest.mark.parametrize(
    ("pixels", "sentence"),
    [
        (FRAME.astype(np.uint16) * 257, "has 16 bits per channel"),
        (FRAME.astype(np.uint16) * 4, "has 16 bits per channel"),  # ten bits in sixteen came out nearly black
        (FRAME[..., 0].astype(np.uint16), "has 16 bits per channel"),
        (FRAME.astype(np.float32) / 255, "has floating-point numbers"),
        (np.dstack([FRAME, FRAME[..., 0]]), r"is transparent \(alpha channel\)"),
    ],
)
def test_what_would_be_lost_is_refused(tmp_path, pixels, sentence):
    path = written(tmp_path / "1.tif", pixels)
    with pytest.raises(DataError, match=sentence) as caught:
        frames.read_one(path)
    assert str(path) in str(caught.value)
    lying = path.rename(tmp_path / "1.bmp")
    with pytest.raises(DataError, match=sentence):
        frames.read_one(lying)


def test_a_16_bit_png_of_another_suffix_is_still_one(tmp_path):
    path = written(tmp_path / "1.png", FRAME.astype(np.uint16)).rename(tmp_path / "1.tif")
    with pytest.raises(DataError, match="has 16 bits per channel"):
        frames.read_one(path)


def test_a_transparent_bitmap_is_refused_but_an_unused_fourth_byte_is_not(tmp_path):
    with pytest.raises(DataError, match="is transparent"):
        frames.read_one(written(tmp_path / "1.bmp", np.dstack([FRAME, FRAME[..., 0]])))
    unused = written(tmp_path / "2.bmp", np.dstack([FRAME, np.zeros((12, 20), np.uint8)]))
    assert np.array_equal(frames.read_one(unused), FRAME)


def test_several_pictures_in_one_file_are_refused(tmp_path):
    done, encoded = cv2.imencodemulti(".tif", [FRAME, FRAME, FRAME])
    assert done
    (tmp_path / "1.tif").write_bytes(encoded.tobytes())
    with pytest.raises(DataError, match="has 3 pictures; write one file per frame"):
        frames.read_one(tmp_path / "1.tif")


@pytest.mark.fault(
    "B",
    "TIFF or bitmap: 16 bits, floats, alpha that hides, CMYK, several pages, whatever the suffix says",
    "the file is named",
    "3",
)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "has an alpha channel beside grey"),  # OpenCV drops it even when asked for everything
        ({"bits": (8, 8, 8, 8), "photometric": 5, "extra": ()}, "has inks"),
        ({"bits": (12,), "extra": ()}, "has 12 bits per channel"),
    ],
)
def test_kinds_that_opencv_would_convert_in_silence_are_refused(tmp_path, order, fields, sentence):
    (tmp_path / "1.tif").write_bytes(by_hand(order, **fields))
    with pytest.raises(DataError, match=sentence):
        frames.read_one(tmp_path / "1.tif")


def test_pages_in_a_circle_and_cut_files_end(tmp_path):
    circle = by_hand(extra=(), bits=(8,), after=12)
    assert tiff.header(circle).pages > 1
    whole = by_hand()
    for length in range(len(whole)):
        found = tiff.header(whole[:length])
        assert found is None or found.pages == 1


def test_no_tiff_has_no_header():
    assert tiff.header(b"") is None
    assert tiff.header(b"\x89PNG\r\n\x1a\n") is None
