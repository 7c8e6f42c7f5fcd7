"""RGB of video frames against float64 arithmetic on the stored planes (ITU-T H.273), never against swscale."""

import ctypes
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from stvsr_bench.cli import call
from stvsr_bench.data import colours, sources, video
from stvsr_bench.errors import DataError
from stvsr_bench.rows import store
from stvsr_bench.runner.external import Place, Reader

ROOT = Path(__file__).parents[2]
KR_KB = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}
TAGS = {"bt601": 5, "bt709": 1, "ycgco": 8, "": 2}
LIMITED, FULL = 1, 2
FORMATS = ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"]


def bits_of(pix_fmt):
    return 10 if "10" in pix_fmt else 8


def filled(pix_fmt, width, height, planes):
    """A frame of these stored values."""
    frame = av.VideoFrame(width, height, pix_fmt)
    dtype = np.dtype(np.uint16 if pix_fmt.endswith("le") else np.uint8)
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.zeros((values.shape[0], plane.line_size // dtype.itemsize), dtype)
        rows[:, : values.shape[1]] = values
        plane.update(rows.tobytes().ljust(plane.buffer_size, b"\0"))
    return frame


def stored(path):
    """The planes of a video's first frame as they come out of the decoder, float64."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    kept = []
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint16 if bits_of(frame.format.name) > 8 else np.uint8)
        kept.append(rows.reshape(plane.height, -1)[:, : plane.width].astype(np.float64))
    return kept


def write(path, pix_fmt, size, planes, matrix="", value_range=0, codec="ffv1", frames=1, **options):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        if matrix:
            stream.codec_context.colorspace = TAGS[matrix]
        stream.codec_context.color_range = value_range
        frame = filled(pix_fmt, *size, planes)
        frame.colorspace, frame.color_range = TAGS[matrix], value_range
        for frame.pts in range(frames):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    for kept, given in zip(stored(path), planes, strict=True):
        assert np.array_equal(kept, given), "not lossless: the test would compare with other planes"
    return path


def scene(pix_fmt, size, seed=0):
    """Random luma, chroma that is as random, both so far from the ends that no RGB is clipped."""
    random, more = np.random.default_rng(seed), 2 ** (bits_of(pix_fmt) - 8)
    width, height = size
    wide = {"420": 2, "422": 2, "444": 1}[pix_fmt[3:6]]
    high = {"420": 2, "422": 1, "444": 1}[pix_fmt[3:6]]
    luma = random.integers(95 * more, 165 * more, (height, width))
    chroma = random.integers(112 * more, 145 * more, (2, -(-height // high), -(-width // wide)))
    return [luma, *chroma]


def fractions(planes, pix_fmt, value_range):
    """Luma in [0, 1] and chroma in [-0.5, 0.5] of stored values."""
    bits = bits_of(pix_fmt)
    if value_range == FULL:
        luma, chroma = (0, 2**bits - 1), 2**bits - 1
    else:
        luma, chroma = (16 * 2 ** (bits - 8), 219 * 2 ** (bits - 8)), 224 * 2 ** (bits - 8)
    return (planes[0] - luma[0]) / luma[1], *((plane - 2 ** (bits - 1)) / chroma for plane in planes[1:])


def rgb_of(luma, blue, red, matrix):
    """R, G, B in [0, 255], solved from Y = kr R + kg G + kb B, Cb = (B - Y) / (2 - 2 kb), Cr = (R - Y) / (2 - 2 kr)."""
    kr, kb = KR_KB[matrix]
    forward = np.array([[kr, 1 - kr - kb, kb], [-kr, kr + kb - 1, 1 - kb], [1 - kr, kr + kb - 1, -kb]])
    forward[1] /= 2 - 2 * kb
    forward[2] /= 2 - 2 * kr
    return np.stack([luma, blue, red], axis=-1) @ np.linalg.inv(forward).T * 255


def luma_error(frame_HWC, planes, pix_fmt, matrix, value_range):
    """Mean of Y made of the RGB, minus Y as stored, in levels of 8 bits of its own range. Chroma cannot move it."""
    kr, kb = KR_KB[matrix]
    ours = frame_HWC.astype(np.float64) / 255 @ [kr, 1 - kr - kb, kb]
    return (ours - fractions(planes, pix_fmt, value_range)[0]).mean() * (255 if value_range == FULL else 219)


@pytest.mark.parametrize("size", [(64, 48), (97, 73)])
@pytest.mark.parametrize("value_range", [LIMITED, FULL])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_luma_is_as_stored(tmp_path, pix_fmt, matrix, value_range, size):
    planes = scene(pix_fmt, size)
    path = write(tmp_path / "clip.mkv", pix_fmt, size, planes, matrix, value_range)
    (frame_HWC,) = video.decode(path)
    assert abs(luma_error(frame_HWC, planes, pix_fmt, matrix, value_range)) < 0.05
    # chroma between its samples is anybody's guess, its mean is not
    luma, blue, red = fractions(planes, pix_fmt, value_range)
    means = rgb_of(luma.mean(), blue.mean(), red.mean(), matrix)
    assert frame_HWC.mean((0, 1)) == pytest.approx(means, abs=0.6)
    if "444" in pix_fmt:
        assert np.abs(frame_HWC - rgb_of(luma, blue, red, matrix)).max() < 0.52  # half a level is rounding


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize(("matrix", "value_range"), [("bt601", LIMITED), ("bt709", LIMITED), ("bt709", FULL)])
def test_luma_of_lossless_h264_is_as_stored(tmp_path, pix_fmt, matrix, value_range):
    planes = scene(pix_fmt, (64, 48), seed=1)
    path = write(tmp_path / "clip.mp4", pix_fmt, (64, 48), planes, matrix, value_range, "libx264", qp="0")
    (frame_HWC,) = video.decode(path)
    assert abs(luma_error(frame_HWC, planes, pix_fmt, matrix, value_range)) < 0.05


def test_chroma_of_h264_lies_at_the_left_pixels_and_between_lines(tmp_path):
    """A wave of 24 pixels in chroma: half a pixel aside is up to 10 levels."""

    def wave(x, y):
        return 128 + 40 * np.cos(2 * np.pi * x / 24)[None, :] * np.cos(2 * np.pi * y / 24)[:, None]

    planes = [np.full((72, 96), 128), *[wave(2.0 * np.arange(48), 2 * np.arange(36) + 0.5).round()] * 2]
    path = write(tmp_path / "clip.mp4", "yuv420p", (96, 72), planes, "bt709", LIMITED, "libx264", qp="0")
    (frame_HWC,) = video.decode(path)
    everywhere = [planes[0], *[wave(np.arange(96.0), np.arange(72.0))] * 2]
    away = np.abs(frame_HWC - rgb_of(*fractions(everywhere, "yuv420p", LIMITED), "bt709"))
    assert away[8:-8, 8:-8].max() < 3


@pytest.mark.parametrize(("bits", "suffix"), [(8, ""), (10, "10le"), (12, "12le")])
@pytest.mark.parametrize("value_range", [0, LIMITED, FULL])
def test_grey_is_read_by_its_range_and_full_where_none_is_stated(bits, suffix, value_range):
    ramp = np.tile(np.linspace(16 * 2 ** (bits - 8), 235 * 2 ** (bits - 8), 150).round(), (9, 1))
    frame = filled(f"gray{suffix}", 150, 9, [ramp])
    frame.color_range = value_range
    black, white = (16 * 2 ** (bits - 8), 235 * 2 ** (bits - 8)) if value_range == LIMITED else (0, 2**bits - 1)
    away = colours.rgb(frame) - ((ramp - black) / (white - black) * 255)[..., None]
    assert np.abs(away).max() <= 0.5 + 1e-9
    assert colours.assumed(frame) is None


@pytest.mark.parametrize("pix_fmt", ["gbrp10le", "gbrp12le", "gbrp16le", "gbrap10le", "gbrap12le", "rgb48le"])
def test_deep_rgb_is_rounded_over_its_whole_range(pix_fmt):
    """Of odd height, several times: swscale leaves lines of gbrap as it finds the memory."""
    bits = int(re.search(r"1[026]|48", pix_fmt)[0].replace("48", "16"))
    random = np.random.default_rng(0)
    rgb_HWC = random.integers(0, 2**bits, (37, 64, 3))
    planes = [rgb_HWC[..., c] for c in (1, 2, 0)]
    if "gbrap" in pix_fmt:
        planes.append(np.full((37, 64), 2**bits // 3))
    packed = [rgb_HWC.reshape(37, -1)] if pix_fmt == "rgb48le" else planes
    for _ in range(3):
        away = colours.rgb(filled(pix_fmt, 64, 37, packed)) - rgb_HWC / (2**bits - 1) * 255
        assert np.abs(away).max() <= 0.5 + 1e-9


@pytest.mark.parametrize(
    ("size", "stated", "taken"),
    [
        ((704, 576), "", "bt601"),
        ((1278, 718), "", "bt601"),
        ((64, 720), "", "bt709"),
        ((1280, 64), "", "bt709"),
        ((1280, 64), "bt601", "bt601"),
        ((64, 48), "bt709", "bt709"),
    ],
)
def test_a_video_that_states_no_matrix_is_read_as_players_do_and_says_so(tmp_path, size, stated, taken):
    width, height = size
    planes = [np.full((height, width), 120), *(np.full((height // 2, width // 2), level) for level in (100, 160))]
    path = write(tmp_path / "clip.mkv", "yuv420p", size, planes, stated, LIMITED)
    (frame_HWC,) = video.decode(path)
    right, wrong = (rgb_of(*fractions(planes_at(planes), "yuv420p", LIMITED), matrix) for matrix in both(taken))
    assert np.abs(frame_HWC - right).max() < 0.52 and np.abs(right - wrong).max() > 5
    flags = () if stated else (f"matrix-assumed:{taken}",)
    assert video.flags(path) == video.Video(path).flags() == flags
    assert sources.look(path).clips["clip"].source().flags() == flags


def planes_at(planes):
    """One pixel of planes that are flat."""
    return [np.asarray(plane[0, 0], np.float64) for plane in planes]


def both(matrix):
    return matrix, next(other for other in KR_KB if other != matrix)


def test_rows_and_data_check_say_which_matrix_was_assumed(tmp_path, capsys):
    """Of a true video and of results that are a video; of one that states its matrix, nothing."""
    for name, matrix in (("silent", ""), ("stated", "bt709")):
        path = tmp_path / "gt" / f"{name}.mkv"
        path.parent.mkdir(exist_ok=True)
        write(path, "yuv420p", (64, 48), scene("yuv420p", (64, 48)), matrix, LIMITED, frames=7)
    out = ["--out", str(tmp_path / "rows"), "-q"]
    assert call(["run", "-m", "blend+bicubic", "-d", str(tmp_path / "gt"), "--save-frames", "none", *out]) == 0
    assert call(["score", str(tmp_path / "gt"), "--against", str(tmp_path / "gt"), "--name", "theirs", *out]) == 0
    rows = store.read_rows(tmp_path / "rows")
    said = {(row.method, row.clip): [flag for flag in row.flags if "matrix" in flag] for row in rows}
    assumed = "matrix-assumed:bt601"
    assert said == {
        ("blend+bicubic", "silent"): [assumed],
        ("blend+bicubic", "stated"): [],
        ("theirs", "silent"): [assumed],
        ("theirs", "stated"): [],
    }
    call(["data", "check", str(tmp_path / "gt")])
    assert "does not state the matrix of its colours; read as bt601" in " ".join(capsys.readouterr().out.split())


def test_rgb_video_and_pictures_have_no_matrix_to_assume(tmp_path):
    frame_HWC = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    with av.open(str(tmp_path / "clip.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 24, 16, "bgr0"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")))
        container.mux(stream.encode(None))
    assert np.array_equal(next(video.decode(tmp_path / "clip.mkv")), frame_HWC)
    assert video.flags(tmp_path / "clip.mkv") == () == video.flags(tmp_path)


@pytest.mark.fault(
    "B",
    "a video whose colours use a matrix that is not known",
    "its number, and a command that converts it",
    "3, 4",
)
def test_a_matrix_that_cannot_be_converted_is_named(tmp_path, capsys):
    path = write(tmp_path / "clip.mkv", "yuv444p", (64, 48), scene("yuv444p", (64, 48)), "ycgco", LIMITED)
    said = r"clip\.mkv: its colours use matrix 8 of H\.273, which cannot be converted to RGB here; convert it to"
    with pytest.raises(DataError, match=said):
        next(video.decode(path))
    assert call(["infer", str(path), "-m", "blend+bicubic", "-o", str(tmp_path / "out.mp4"), "-q"]) == 4
    assert re.search(said, " ".join(capsys.readouterr().err.split()))
    assert not (tmp_path / "out.mp4").exists()


def test_all_who_read_a_video_get_the_same_bytes(tmp_path):
    planes = scene("yuv420p10le", (97, 73))
    path = write(tmp_path / "clip.mkv", "yuv420p10le", (97, 73), planes, "bt709", LIMITED)
    (frame_HWC,) = video.decode(path)
    assert np.array_equal(sources.look(path).clips["clip"].source().read()[0], frame_HWC)
    handed = Reader().read(Place(path), [0], [0], 1, "clip")
    assert np.array_equal(handed.pixels_SHWC[0], frame_HWC)


def test_nothing_else_in_the_suite_turns_video_into_pixels():
    """`infer` takes packets apart, so that sound passes through, and calls `colours.rgb` on each frame."""
    other = re.compile(r"VideoCapture|\.to_ndarray\(|\.reformat\(|\.to_rgb\(|\.to_image\(")
    files = [path for room in ("stvsr_bench", "datasets", "methods") for path in (ROOT / room).rglob("*.py")]
    assert [path.relative_to(ROOT).as_posix() for path in files if other.search(path.read_text())] == [
        "stvsr_bench/data/colours.py"
    ]


CHILD = """
import ctypes, hashlib, sys
import av, numpy as np
ctypes.CDLL(sys.argv[1]).av_force_cpu_flags(0)
from stvsr_bench.data import video
from pathlib import Path
for path in sys.argv[2:]:
    (frame_HWC,) = video.decode(Path(path))
    with av.open(path) as container:
        plain = next(container.decode(video=0)).to_ndarray(format="rgb24")
    print(*(hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest() for a in (frame_HWC, plain)))
"""


def libavutil():
    """The library that PyAV's wheel for Linux carries; other builds keep it where it cannot be found."""
    return next((Path(av.__file__).parent.parent / "av.libs").glob("libavutil*"), None)


@pytest.mark.skipif(libavutil() is None, reason="ffmpeg's switch for processors is not within reach of this PyAV")
def test_the_bytes_do_not_depend_on_the_processor(tmp_path):
    """Against ffmpeg's C code, as if this processor had no vector units."""
    assert hasattr(ctypes.CDLL(str(libavutil())), "av_force_cpu_flags")
    size = (128, 64)
    paths = [
        write(tmp_path / f"{name}.mkv", name, size, scene(name, size), "bt709", value_range)
        for name, value_range in (("yuv420p", LIMITED), ("yuv422p", FULL), ("yuv420p10le", LIMITED))
    ]
    argv = [sys.executable, "-c", CHILD, str(libavutil()), *map(str, paths)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    elsewhere = [line.split() for line in done.stdout.splitlines()]
    here = [hashlib.sha256(next(video.decode(path)).tobytes()).hexdigest() for path in paths]
    assert [ours for ours, _ in elsewhere] == here
    with av.open(str(paths[0])) as container:
        plain = next(container.decode(video=0)).to_ndarray(format="rgb24")
    # else the switch did nothing and the test could not fail: swscale's default depends on it
    assert hashlib.sha256(np.ascontiguousarray(plain).tobytes()).hexdigest() != elsewhere[0][1]
