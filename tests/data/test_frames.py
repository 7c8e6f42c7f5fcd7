import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from stvsr_bench.data import frames
from stvsr_bench.errors import BenchError, DataError

RANDOM = np.random.default_rng(0)
FRAME = RANDOM.integers(0, 256, (12, 20, 3), dtype=np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width=4, height=3, depth=8, colour=2, raw=None, extra=b""):
    """A PNG written by hand, so that its header can lie."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    raw = bytes((width * channels * depth // 8 + 1) * height) if raw is None else raw
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_png_comes_back_as_it_was_written(tmp_path):
    frames.write_png(tmp_path / "deep" / "1.png", FRAME)
    assert np.array_equal(frames.read_one(tmp_path / "deep" / "1.png"), FRAME)
    assert frames.size(tmp_path / "deep" / "1.png") == (20, 12)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["1.png"], "a temporary file was left"


def test_bytes_to_floats_and_back_changes_nothing():
    every_value = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    floats = frames.from_bytes(every_value)
    assert floats.dtype == np.float32
    assert floats.shape == (1, 3, 16, 16)
    assert np.array_equal(frames.to_bytes(floats), every_value)


def test_rounding_is_half_to_even_and_clips():
    values = np.array([-0.2, 0.5 / 255, 1.5 / 255, 1.2], np.float32).reshape(1, 1, 2, 2).repeat(3, axis=1)
    assert frames.to_bytes(values)[0, ..., 0].ravel().tolist() == [0, 0, 2, 255]


@pytest.mark.fault("B", "PNGs: 0 bytes, lying header, 16-bit, alpha that hides", "the file is named", "3")
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"<!DOCTYPE html><html>", "is not a PNG but a web page"),
        (b"GIF89a....", "is not a PNG but something that starts with b'GIF89a..'"),
        (png()[:-20], "is cut short"),
        (png()[:40] + b"\x00" + png()[41:], "is damaged: the checksum"),
        (png(depth=16), "has 16 bits per channel"),
        (png(colour=6), r"is transparent \(alpha channel\)"),
        (png(colour=4), r"is transparent \(alpha channel\)"),
        (png(extra=chunk(b"tRNS", bytes(6))), r"is transparent \(alpha channel\)"),
        (png(width=10**5, height=10**5, raw=b"1"), "is 100000x100000, which is not a possible frame"),
        (png(width=0, height=3, raw=b"1"), "is 0x3, which is not a possible frame"),
        (png(width=8000, height=8000, raw=b"1"), "bytes cannot be that"),
        (png(width=60, height=60, raw=bytes(100)), "cannot be decoded"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "has no header"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"12") + chunk(b"IEND", b""), "has no header"),
    ],
)
def test_a_bad_png_is_one_sentence_that_names_it(tmp_path, content, sentence):
    path = tmp_path / "im1.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=sentence) as caught:
        frames.read_one(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_says(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    picture = Image.fromarray(FRAME)
    picture.save(tmp_path / f"1{suffix}", exif=exif, quality=100, lossless=True, subsampling=0)
    upright = ImageOps.exif_transpose(Image.open(tmp_path / f"1{suffix}"))
    assert np.array_equal(frames.read_one(tmp_path / f"1{suffix}"), np.asarray(upright.convert("RGB")))


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_opencv_writes_nothing_about_a_damaged_picture(tmp_path, capfd, suffix):
    level = cv2.utils.logging.getLogLevel()
    path = tmp_path / f"1{suffix}"
    Image.fromarray(FRAME).save(path)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(DataError):
        frames.read_one(path)
    assert capfd.readouterr().err == ""
    assert cv2.utils.logging.getLogLevel() == level


def test_a_missing_frame_or_a_folder_in_its_place_is_named(tmp_path):
    with pytest.raises(DataError, match=r"im9\.png is missing"):
        frames.read_one(tmp_path / "im9.png")
    (tmp_path / "im1.png").mkdir()
    with pytest.raises(DataError, match="is a folder, not a file"):
        frames.read_one(tmp_path / "im1.png")


@pytest.mark.fault(
    "B",
    "PNGs: palette, grey, alpha that hides nothing",
    "converted, for that is lossless, and said",
    "0",
)
@pytest.mark.parametrize("kind", ["grey", "palette"])
def test_what_can_be_converted_without_loss_is_and_that_is_said(tmp_path, caplog, kind):
    path = tmp_path / "im1.png"
    if kind == "grey":
        grey = FRAME[..., 0]
        cv2.imwrite(str(path), grey)
        wanted = np.repeat(grey[..., None], 3, axis=2)
    else:
        palette = chunk(b"PLTE", bytes([10, 20, 30, 200, 100, 50]))
        path.write_bytes(png(2, 1, 8, 3, raw=bytes([0, 0, 1]), extra=palette))
        wanted = np.array([[[10, 20, 30], [200, 100, 50]]], np.uint8)
    assert np.array_equal(frames.read_one(path), wanted)
    frames.read_one(path)
    assert caplog.text.count(f"{kind} pictures are read as RGB") == 1


@pytest.mark.fault(
    "B",
    "PNGs: palette, grey, alpha that hides nothing",
    "converted, for that is lossless, and said",
    "0",
)
def test_an_alpha_channel_that_hides_nothing_is_dropped(tmp_path, caplog):
    opaque = np.dstack([FRAME[..., ::-1], np.full(FRAME.shape[:2], 255, np.uint8)])
    cv2.imwrite(str(tmp_path / "im1.png"), opaque)
    assert np.array_equal(frames.read_one(tmp_path / "im1.png"), FRAME)
    assert "opaque RGBA pictures are read as RGB" in caplog.text


def test_frames_of_two_sizes_are_no_clip(tmp_path):
    frames.write_png(tmp_path / "im1.png", FRAME)
    frames.write_png(tmp_path / "im2.png", FRAME[:, :10])
    with pytest.raises(DataError, match=r"im2\.png is 10x12, but im1\.png of the same clip is 20x12"):
        frames.read([tmp_path / "im1.png", tmp_path / "im2.png"])
    with pytest.raises(DataError, match="no frames"):
        frames.read([])


def test_a_jpeg_is_read_and_a_false_one_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "1.jpg"), FRAME)
    assert frames.read_one(tmp_path / "1.jpg").shape == (12, 20, 3)
    assert frames.size(tmp_path / "1.jpg") == (20, 12)
    (tmp_path / "2.jpg").write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match="cannot be decoded"):
        frames.read_one(tmp_path / "2.jpg")


def test_a_full_or_forbidden_place_is_one_sentence_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        frames.write_png(tmp_path / "file" / "1.png", FRAME)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 100), st.integers(0, 255))
def test_no_damage_to_a_png_is_anything_but_a_sentence(tmp_path_factory, tail, at, value):
    whole = bytearray(png())
    whole[at % len(whole)] = value
    path = tmp_path_factory.mktemp("png") / "im1.png"
    path.write_bytes(bytes(whole) + tail)
    try:
        assert frames.read_one(path).dtype == np.uint8
    except BenchError as error:
        assert str(path) in str(error)


@pytest.mark.parametrize("filters", [8, 16, 32, 64, 128, 248])
@pytest.mark.parametrize("size", [(1, 1), (2, 5), (37, 53)])
def test_every_filter_of_a_png_decodes_as_opencv_decodes_it(tmp_path, filters, size):
    smooth = np.cumsum(np.random.default_rng(filters).integers(-9, 10, (*size, 3)), axis=1).astype(np.uint8)
    path = tmp_path / "frame.png"
    cv2.imwrite(str(path), smooth, [cv2.IMWRITE_PNG_FILTER, filters])
    assert np.array_equal(frames.read_one(path), cv2.imread(str(path))[..., ::-1])


def test_a_png_of_too_few_rows_is_damaged(tmp_path):
    rows, path = bytes(10 * (1 + 3 * 8)), tmp_path / "frame.png"
    path.write_bytes(png(8, 10, raw=rows))
    assert frames.read_one(path).shape == (10, 8, 3)
    path.write_bytes(png(8, 16, raw=rows))
    with pytest.raises(DataError, match="damaged"):
        frames.read_one(path)


def test_a_webp_of_several_pictures_or_with_holes_is_refused(tmp_path):
    frame_HWC = np.full((16, 16, 4), 128, np.uint8)
    (tmp_path / "1.webp").write_bytes(cv2.imencode(".webp", frame_HWC)[1].tobytes())
    with pytest.raises(DataError, match=r"1\.webp is transparent"):
        frames.read_one(tmp_path / "1.webp")
    frame_HWC[..., 3] = 255
    (tmp_path / "2.webp").write_bytes(cv2.imencode(".webp", frame_HWC, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes())
    assert np.array_equal(frames.read_one(tmp_path / "2.webp"), frame_HWC[..., :3])
    chunk = b"ANIM" + (6).to_bytes(4, "little") + bytes(6)
    body = b"WEBPVP8X" + (10).to_bytes(4, "little") + b"\x02" + bytes(9) + chunk
    (tmp_path / "3.webp").write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    with pytest.raises(DataError, match=r"3\.webp is an animated WebP; write one file for each frame"):
        frames.read_one(tmp_path / "3.webp")


def test_a_jpeg_of_inks_and_an_animated_png_are_refused(tmp_path):
    """Written by Pillow, an encoder that is not ours."""
    drawn = Image.fromarray(FRAME)
    drawn.convert("CMYK").save(tmp_path / "inks.jpg")
    with pytest.raises(DataError, match=r"inks\.jpg has inks \(CMYK\)"):
        frames.read_one(tmp_path / "inks.jpg")
    drawn.save(tmp_path / "several.png", save_all=True, append_images=[Image.fromarray(255 - FRAME)])
    with pytest.raises(DataError, match=r"several\.png is an animated PNG; write one file for each frame"):
        frames.read_one(tmp_path / "several.png")
    for kind in ("L", "RGB"):
        for progressive in (False, True):
            drawn.convert(kind).save(tmp_path / "plain.jpg", progressive=progressive, exif=b"Exif\0\0" + bytes(40))
            assert frames.read_one(tmp_path / "plain.jpg").shape == FRAME.shape
