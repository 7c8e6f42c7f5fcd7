"""Sixty-odd kinds of video through `infer`, looked at by the ffmpeg program: size, count, times, colours, tracks."""

import re
from fractions import Fraction

import numpy as np
import pytest

from stvsr_bench import methods, protocols
from stvsr_bench.restore import film
from stvsr_bench.schema import Reading, Settings

X264 = ("-c:v", "libx264", "-crf", "6", "-preset", "ultrafast", "-bf", "2")
X265 = ("-c:v", "libx265", "-crf", "6", "-preset", "ultrafast", "-x265-params", "log-level=none")
LEFT, RIGHT = (190, 60, 40), (50, 90, 180)
FRAMES = 6
SCALE = 2

# container, codec, pixel format; rate; turn of the header; codec of the sound, container that is written
MATRIX = """
mp4 X264 yuv420p 25 0 aac mp4 | mp4 X264 yuv420p 30000/1001 90 aac mp4 | mp4 X264 yuv420p vfr 180 aac mp4
mp4 X264 yuv420p 50 270 mp3 mkv | mp4 X264 yuv420p 24000/1001 h ac3 mov | mp4 X264 yuv422p 25 0 aac mov
mp4 X264 yuv444p 25 90 - mp4 | mp4 X264 yuv420p10le 25 0 aac mp4 | mp4 X264 yuv422p10le 25 h - mkv
mp4 X265 yuv420p 30000/1001 0 aac mp4 | mp4 X265 yuv420p10le 25 90 aac mov | mp4 X265 yuv444p12le 25 0 - mkv
mp4 mpeg4 yuv420p 25 270 aac mp4 | mp4 libsvtav1 yuv420p 25 0 libopus mp4
mp4 libsvtav1 yuv420p10le 25 0 aac mkv | mp4 libvpx-vp9 yuv420p 25 180 libopus mp4
mp4 mjpeg yuvj420p 25 0 aac mp4 | mp4 png rgb24 25 0 - mp4 | mov X264 yuv420p 25 90 pcm_s16le mov
mov X264 yuv420p 12.5 0 pcm_s24le mkv | mov prores_ks yuv422p10le 25 0 pcm_s16le mov
mov prores_ks yuva444p10le 24 0 - mkv | mov mjpeg yuvj422p 30 180 pcm_s16le mov
mov rawvideo yuv422p 25 0 pcm_s16le mkv | mov qtrle rgb24 25 0 - mp4 | mov png rgb48be 25 0 - mkv
mov X264 yuv420p vfr 270 aac mov | mkv X264 yuv420p 25 0 aac mkv | mkv X264 yuv420p 30000/1001 0 flac mkv
mkv X264 yuv420p 24000/1001 0 libopus mp4 | mkv X264 yuv420p vfr 0 ac3 mkv
mkv X264 yuv444p10le 60000/1001 0 - mp4 | mkv X265 yuv420p10le 25 0 eac3 mp4 | mkv ffv1 yuv420p 25 0 flac mkv
mkv ffv1 yuv422p 25 0 - mp4 | mkv ffv1 yuv444p 12.5 0 pcm_s16le mov | mkv ffv1 yuv420p10le 25 0 - mp4
mkv ffv1 yuv444p16le 25 0 - mkv | mkv ffv1 bgr0 25 0 aac mp4 | mkv ffv1 gbrp12le 25 0 - mkv
mkv ffv1 gray 25 0 - mp4 | mkv ffv1 gray10le 25 0 - mkv | mkv huffyuv yuv422p 25 0 pcm_s16le mkv
mkv utvideo gbrp 25 0 - mp4 | mkv libvpx yuv420p 30 0 libvorbis mkv | mkv mpeg2video yuv420p 25 0 mp2 mkv
mkv ffv1 yuv411p 25 0 - mp4 | mkv ffv1 yuv410p 25 0 - mp4 | webm libvpx yuv420p 25 0 libvorbis mkv
webm libvpx-vp9 yuv444p 30000/1001 0 libopus mp4 | webm libsvtav1 yuv420p 24 0 libopus mkv
ts X264 yuv420p 25 0 aac mp4 | ts X264 yuv420p 50 0 mp2 mkv | ts mpeg2video yuv420p 30000/1001 0 ac3 mov
ts X265 yuv420p 25 0 aac mp4 | mpg mpeg2video yuv420p 25 0 mp2 mp4 | mpg mpeg1video yuv420p 24 0 mp2 mkv
vob mpeg2video yuv420p 30000/1001 0 ac3 mp4 | m2ts X264 yuv420p 24000/1001 0 ac3 mkv
avi mpeg4 yuv420p 25 0 mp3 mp4 | avi mjpeg yuvj422p 15 0 pcm_s16le mkv | avi X264 yuv420p 25 0 mp3 mkv
avi rawvideo yuv420p 25 0 - mp4 | avi ffv1 yuv420p 24 0 pcm_s16le mov | wmv wmv2 yuv420p 25 0 - mp4
flv flv yuv420p 25 0 mp3 mkv | 3gp h263 yuv420p 30000/1001 0 aac mp4 | y4m - yuv420p 25 0 - mp4
y4m - yuv444p 30000/1001 0 - mkv
"""
CASES = [cell.split() for line in MATRIX.strip().splitlines() for cell in line.split("|")]


def test_there_are_enough():
    assert len(CASES) >= 60 and len({tuple(case) for case in CASES}) == len(CASES)


@pytest.fixture(scope="module")
def method():
    return methods.build("blend+bicubic")


def scene(size):
    """Two grounds and a bright bar that moves along the upper edge, 8-bit RGB."""
    width, height = size
    frames = np.empty((FRAMES, height, width, 3), np.uint8)
    frames[:, :, : width // 2], frames[:, :, width // 2 :] = LEFT, RIGHT
    for t, frame in enumerate(frames):
        frame[: height // 8, 4 * t : 4 * t + 8] = 235
    return frames


def write(path, ffmpeg, case):
    suffix, codec, pixels, rate, turn, sound, _ = case
    # h263 has few sizes; small ones end libsvtav1, and the program's x265 at more than 8 bits
    size = (128, 96) if codec in ("h263", "libsvtav1", "X265") else (48, 32)
    vfr = rate == "vfr"
    shown = "25" if vfr else rate
    inputs = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", shown, "-i", "-"]
    seconds = FRAMES / float(Fraction(shown)) * (3 if vfr else 1)
    if sound != "-":
        inputs += [
            "-f",
            "lavfi",
            "-i",
            f"sine=d={seconds}:r=48000",
            "-map",
            "0",
            "-map",
            "1",
            "-c:a",
            sound,
            "-ac",
            "2",
        ]
        inputs += ["-strict", "-2"]
    chain = f"scale=flags=accurate_rnd+full_chroma_int,format={pixels}"
    if vfr:
        chain += ",setpts='if(lt(N,3),N/25,3/25+(N-3)/5)/TB'"
        inputs += ["-fps_mode", "vfr", "-enc_time_base", "1/1000"]
    coded = {"X264": X264, "X265": X265, "-": ()}.get(codec, ("-c:v", codec, "-q:v", "2"))
    if codec.startswith("libvpx"):
        coded = ("-c:v", codec, "-crf", "6", "-b:v", "2M", "-cpu-used", "8")
    if codec == "libsvtav1":
        coded = ("-c:v", codec, "-crf", "10", "-preset", "12", "-svtav1-params", "lp=1")
    full = ("-color_range", "pc") if pixels.startswith("yuvj") else ()
    plain = path.with_name(f"plain.{suffix}") if turn != "0" else path
    ffmpeg(*inputs, "-vf", chain, *coded, *full, plain, data=scene(size).tobytes())
    if turn != "0":
        angle = ("-display_rotation", "0", "-display_hflip") if turn == "h" else ("-display_rotation", turn)
        ffmpeg(*angle, "-i", plain, "-map", "0", "-c", "copy", path)
    return (size[1], size[0]) if turn in ("90", "270") else size


def looked_at(ffmpeg, path, size):
    """Frames as a player shows them (RGB), their times from the first on, and the codecs of the tracks."""
    flags = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
    chain = f"showinfo=checksum=0,scale=flags={flags},format=rgb24"
    raw = path.with_suffix(".raw")
    said = ffmpeg(
        "-copyts",
        "-i",
        path,
        "-map",
        "0:v:0",
        "-fps_mode",
        "passthrough",
        "-vf",
        chain,
        "-f",
        "rawvideo",
        raw,
        said=True,
    )
    times = [float(found) for found in re.findall(r"pts_time:([-\d.]+)", said)]
    given = said.split("Stream mapping")[0]
    frames = np.frombuffer(raw.read_bytes(), np.uint8).reshape(-1, size[1], size[0], 3)
    raw.unlink()
    return frames, np.array(times), re.findall(r"Stream #0:\d.*?: (Audio|Subtitle): (\w+)", given)


def halves(frames_SHWC):
    """The mean colour of four places away from edges, of all frames, (4, 3)."""
    height, width = frames_SHWC.shape[1:3]
    places = [
        (slice(int(height * a), int(height * b)), slice(int(width * c), int(width * d)))
        for a, b in ((0.3, 0.42), (0.58, 0.7))
        for c, d in ((0.2, 0.32), (0.68, 0.8))
    ]
    return np.array([frames_SHWC[:, rows, columns].mean((0, 1, 2)) for rows, columns in places])


@pytest.mark.parametrize("case", CASES, ids=["-".join(case).replace("/", "_") for case in CASES])
def test_it_comes_out_as_it_is_but_larger_and_denser(tmp_path, ffmpeg, method, case):
    suffix, _codec, pixels, rate, _turn, sound, container = case
    source, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{container}"
    width, height = write(source, ffmpeg, case)
    before, shown, heard = looked_at(ffmpeg, source, (width, height))
    asked = film.Asked(protocols.get(f"suite-1:scale={SCALE}"), Reading(), crf=4)
    done = film.upscale(method, source, target, Settings(), lambda read: None, asked)
    after, times, tracks = looked_at(ffmpeg, target, (SCALE * width, SCALE * height))

    assert len(after) == 2 * len(before) == done.frames_out
    assert done.left_out == [] and len(tracks) == len(heard) == (sound != "-")
    assert tracks == [(kind, "mp3" if container != "mkv" and name == "mp2" else name) for kind, name in heard]
    if suffix == "avi":  # which has no times but its rate; ffmpeg's guess at the second frame depends on the codec
        shown = np.arange(FRAMES) / float(Fraction(rate))
    # given frames stay where they were, to what Matroska's clock and the source's round away
    assert times[::2] - times[0] == pytest.approx(shown - shown[0], abs=0.0011)
    assert times[1:-1:2] == pytest.approx((times[:-2:2] + times[2::2]) / 2, abs=0.0011)
    grey = pixels.startswith("gray")
    difference = halves(before) - halves(after)
    assert np.abs(difference).max() < (3 if not grey else 2)
    if not grey:  # the colours are those that were drawn, too
        drawn = {tuple(colour) for colour in (LEFT, RIGHT)}
        for seen in halves(after):
            assert min(np.abs(np.array(colour) - seen).max() for colour in drawn) < 14
    assert ("10" in done.pix_fmt) == any(bits in pixels for bits in ("10le", "12le", "16le", "48be"))
