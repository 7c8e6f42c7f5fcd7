"""`infer` on files as people have them, looked at by the ffmpeg program: times, sound, colours, tracks, resuming."""

import ctypes
import errno
import json
import os
import re
import signal
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stvsr_bench import methods, protocols
from stvsr_bench.cli import call
from stvsr_bench.errors import CannotWriteError, DataError, StoppedError, UsageError
from stvsr_bench.restore import film, parts
from stvsr_bench.restore import video as windows
from stvsr_bench.schema import Reading, Settings

H264 = ("-c:v", "libx264", "-crf", "10", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
SAME = "suite-1:scale=1"


@pytest.fixture(scope="module")
def method():
    return methods.build("blend+bicubic")


@pytest.fixture(scope="module")
def upscale(method):
    """Restores a video at the size that it has; what was done."""

    def run(source, target, scale=1, on_frame=lambda read: None, **asked):
        of = protocols.get(SAME if scale == 1 else "suite-1")
        return film.upscale(method, source, target, Settings(), on_frame, film.Asked(of, **asked))

    return run


def times(path, kind="video"):
    """Presentation times of a track's frames, in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.get({kind: 0})[0]
        return sorted(
            float(packet.pts * packet.time_base) for packet in container.demux(stream) if packet.pts is not None
        )


def flash_and_click(path):
    """When the first bright frame is shown, and when the first loud sample is heard."""
    with av.open(str(path)) as container:
        flash = next(frame.time for frame in container.decode(video=0) if frame.to_ndarray(format="gray").mean() > 120)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.flatnonzero(np.abs(_mono(frame)) > 0.3)
            if len(loud):
                return flash, frame.time + loud[0] / frame.sample_rate
    raise AssertionError("no click")


def _mono(frame):
    samples = frame.to_ndarray().astype(np.float64)
    samples = samples if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels).T
    return samples.mean(0) / (32768 if "16" in frame.format.name else 1)


@pytest.fixture(scope="module")
def clapper(tmp_path_factory, ffmpeg):
    """A black video of 2 s with a flash and a click at 1 s, in a container."""
    folder = tmp_path_factory.mktemp("clapper")
    picture = "color=black:s=32x32:r=10:d=2,drawbox=c=white:t=fill:enable='between(t,0.95,1.15)'"
    sound = "aevalsrc=0.9*sin(6000*t)*between(t\\,1\\,1.2):s=48000:d=2"

    def make(kind):
        path = folder / f"in-{kind}.{kind.partition('-')[0]}"
        coded = {
            "mpg": ("-c:v", "mpeg2video", "-r", "25", "-c:a", "mp2"),
            "avi": (*H264, "-bf", "0", "-c:a", "pcm_s16le"),
        }
        args = coded.get(kind, (*H264, "-bf", "2", "-c:a", "aac"))
        late = ("-itsoffset", "0.5") if kind == "mkv-late" else ()
        if kind == "mp4-vfr":  # five frames a second after the first second
            picture_of = picture + ",setpts='if(lt(N,11),N/10,1.0+(N-10)/5)/TB'"
            args = (*args, "-fps_mode", "vfr", "-enc_time_base", "1/1000")
        else:
            picture_of = picture
        ffmpeg(
            "-f", "lavfi", "-i", picture_of, *late, "-f", "lavfi", "-i", sound, "-map", "0", "-map", "1", *args, path
        )
        return path

    return make


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("kind", ["mp4", "mkv", "mov", "ts", "mpg", "avi", "mp4-vfr", "mkv-late"])
def test_a_flash_and_its_click_stay_together(tmp_path, upscale, clapper, kind, suffix):
    source, target = clapper(kind), tmp_path / f"out.{suffix}"
    done = upscale(source, target)
    before, after = flash_and_click(source), flash_and_click(target)
    half = 0.5 / done.fps
    assert abs((after[0] - after[1]) - (before[0] - before[1])) <= half
    assert done.frames_out == 2 * done.frames_in == len(times(target))


def at(tmp_path, ffmpeg, seconds, name="in.mp4"):
    """A video with frames at these times, on a fine clock."""
    plain = tmp_path / "plain.mp4"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=32x32:r=25:d={len(seconds) / 25}", *H264, "-bf", "0", plain)
    with av.open(str(plain)) as given, av.open(str(tmp_path / name), "w") as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        packets = [packet for packet in given.demux(video=0) if packet.dts is not None]
        for packet, second in zip(packets, seconds, strict=True):
            packet.stream, packet.time_base = stream, Fraction(1, 12800)
            packet.pts = packet.dts = round(second * 12800)
            packet.duration = 512
            made.mux(packet)
    return tmp_path / name


def test_frames_stay_where_they_were_and_made_ones_are_halfway(tmp_path, ffmpeg, upscale):
    given = [0, 0.04, 0.08, 0.12, 0.5, 0.54, 0.58, 1.58, 1.62, 1.66]
    done = upscale(at(tmp_path, ffmpeg, given), tmp_path / "out.mp4")
    assert done.variable and done.fps == pytest.approx(20 / 1.70)
    wanted = [time for a, b in zip(given, [*given[1:], 1.70], strict=True) for time in (a, (a + b) / 2)]
    assert times(tmp_path / "out.mp4") == pytest.approx(wanted, abs=1e-3)


def test_a_constant_rate_is_written_where_one_is_asked_for(tmp_path, ffmpeg, upscale):
    given = [0, 0.04, 0.08, 0.12, 0.5, 0.54, 0.58, 1.58, 1.62, 1.66]
    source = at(tmp_path, ffmpeg, given)
    done = upscale(source, tmp_path / "out.mp4", fps=Fraction(30))
    found = times(tmp_path / "out.mp4")
    assert np.diff(found) == pytest.approx(1 / 30, abs=1e-4)
    assert len(found) == done.frames_out == round(1.70 * 30) and not done.variable
    assert (
        call(["infer", str(source), "-m", "blend+bicubic", "-o", str(tmp_path / "x.mp4"), "--fps", "fast", "-q"]) == 2
    )


@pytest.mark.parametrize("rate", ["24000/1001", "30000/1001", "50", "12.5"])
def test_a_constant_rate_stays_exact_over_many_parts(tmp_path, ffmpeg, upscale, monkeypatch, rate):
    """Also out of Matroska, whose times are rounded to milliseconds."""
    monkeypatch.setattr(parts, "LENGTH", 10)
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=16x16:r={rate}:d=2", *H264, "-bf", "2", tmp_path / "in.mkv")
    done = upscale(tmp_path / "in.mkv", tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as made:
        stream = made.streams.video[0]
        decoded = [frame.pts * stream.time_base for frame in made.decode(stream)]
        assert stream.average_rate == 2 * Fraction(rate) and not done.variable
    assert decoded == [index / (2 * Fraction(rate)) for index in range(done.frames_out)]


MATRIX = {"bt601": ("smpte170m", "bt601"), "bt709": ("bt709", "bt709"), "bt2020": ("bt2020nc", "bt2020")}


def seen(ffmpeg, path, size):
    """The first frame as a player shows it: by the tags, else by the size; limited where no range is stated."""
    about = re.search(r"Stream #.*Video:.*", ffmpeg("-i", path, said=True))[0]
    width, height = size
    matrix = "bt709" if height >= 720 or width >= 1280 else "bt601"
    for tag, scaled in MATRIX.values():
        if re.search(rf"[(,/ ]{tag}\b", about.replace("bt470bg", "smpte170m")):
            matrix = scaled
    value_range = "pc" if re.search(r"\(pc\b|\bpc[,)]", about) else "tv"
    flags = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
    chain = f"scale=in_color_matrix={matrix}:in_range={value_range}:flags={flags},format=rgb24"
    raw = ffmpeg("-i", path, "-frames:v", "1", "-vf", chain, "-f", "rawvideo", "-")
    return np.frombuffer(raw, np.uint8).reshape(height, width, 3)


@pytest.mark.parametrize("size", [(280, 48), (1288, 48)], ids=["sd", "hd"])
@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize("value_range", ["tv", "pc"])
@pytest.mark.parametrize("matrix", MATRIX)
def test_colour_bars_look_as_they_did(tmp_path, ffmpeg, upscale, matrix, value_range, tagged, size):
    tag, scaled = MATRIX[matrix]
    path, target = tmp_path / "in.mkv", tmp_path / "out.mp4"
    chain = f"smptebars=s={size[0]}x{size[1]}:d=0.08,scale=out_color_matrix={scaled}:out_range={value_range}"
    unsaid = ":colorspace=unknown:color_primaries=unknown:color_trc=unknown" + (
        "" if value_range == "pc" else ":range=unknown"
    )
    tags = ("-colorspace", tag, "-color_range", value_range) if tagged else ("-color_range", value_range)
    chain += ",format=yuv420p" + (f",setparams=colorspace={tag}" if tagged else f",setparams={unsaid[1:]}")
    ffmpeg("-f", "lavfi", "-i", chain, "-c:v", "ffv1", *tags, path)
    upscale(path, target, crf=0)
    before, after = seen(ffmpeg, path, size).astype(int), seen(ffmpeg, target, size)
    flat = np.ones(size[0], bool)  # away from where two bars meet: chroma is shared there
    flat[np.abs(np.diff(before[12], axis=0)).max(1).nonzero()[0]] = False
    flat = np.convolve(flat, np.ones(17), "same") == 17
    assert flat.sum() > size[0] // 4
    assert np.abs(before - after)[8:20, flat].max() <= 2
    about = ffmpeg("-i", target, said=True)
    taken = tag if tagged else ("bt709" if size[0] >= 1280 else "smpte170m")
    assert re.search(rf"yuv420p\({value_range}, {taken}", about) or re.search(rf"yuvj420p\(pc, {taken}", about)


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv422p10le", "yuv444p12le", "gbrp10le"])
def test_ten_bits_come_out_as_ten(tmp_path, ffmpeg, upscale, pixels):
    """A ramp of 720 levels of which 8 bits would keep 180."""
    chain = f"nullsrc=s=720x16:d=0.2,format=gray10le,geq=lum='152+X',format={pixels}"
    ffmpeg("-f", "lavfi", "-i", chain, "-c:v", "ffv1", "-color_range", "tv", tmp_path / "in.mkv")
    done = upscale(tmp_path / "in.mkv", tmp_path / "out.mp4", crf=0)
    raw = ffmpeg("-i", tmp_path / "out.mp4", "-frames:v", "1", "-pix_fmt", "gray10le", "-f", "rawvideo", "-")
    luma = np.frombuffer(raw, np.uint16).reshape(16, 720)[8]
    assert done.pix_fmt == "yuv420p10le" and len(np.unique(luma)) > 400
    assert "hevc (Main 10) (hvc1" in ffmpeg("-i", tmp_path / "out.mp4", said=True)


def test_hdr_is_refused_and_its_tags_are_kept_where_it_is_taken_as_it_is(tmp_path, ffmpeg, upscale):
    tags = ("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", "-color_range", "tv")
    chain = "testsrc2=s=64x48:d=0.2,scale=out_color_matrix=bt2020:out_range=tv,format=yuv420p10le"
    chain += ",setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    ffmpeg("-f", "lavfi", "-i", chain, "-c:v", "libx265", "-x265-params", "log-level=none", *tags, tmp_path / "in.mp4")
    with pytest.raises(DataError, match=r"in\.mp4 is HDR \(PQ\).*--hdr as-is"):
        upscale(tmp_path / "in.mp4", tmp_path / "out.mp4")
    upscale(tmp_path / "in.mp4", tmp_path / "out.mp4", reading=Reading(hdr="as-is"))
    assert "yuv420p10le(tv, bt2020nc/bt2020/smpte2084" in ffmpeg("-i", tmp_path / "out.mp4", said=True)


@pytest.mark.parametrize(("turn", "flip"), [(90, ""), (180, ""), (270, ""), (0, "h"), (90, "h")])
def test_a_turned_video_of_oblong_pixels_is_shown_as_it_was(tmp_path, ffmpeg, upscale, turn, flip):
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=0.3,setsar=4/3", *H264, tmp_path / "plain.mp4")
    flips = ("-display_hflip",) if flip else ()
    ffmpeg("-display_rotation", turn, *flips, "-i", tmp_path / "plain.mp4", "-c", "copy", tmp_path / "in.mp4")
    upscale(tmp_path / "in.mp4", tmp_path / "out.mp4", crf=4)
    height, width = (64, 48) if turn in (90, 270) else (48, 64)
    shown = [
        np.frombuffer(
            ffmpeg("-i", tmp_path / name, "-frames:v", "1", "-pix_fmt", "gray", "-f", "rawvideo", "-"), np.uint8
        )
        for name in ("in.mp4", "out.mp4")
    ]
    assert np.abs(shown[0].astype(int).reshape(height, width) - shown[1].reshape(height, width)).mean() < 2
    assert f"SAR {'3:4' if turn in (90, 270) else '4:3'}" in ffmpeg("-i", tmp_path / "out.mp4", said=True)


@pytest.fixture
def rich(tmp_path, ffmpeg):
    """A film with two languages, subtitles, chapters, a title, a font and a cover."""
    (tmp_path / "t.srt").write_text("1\n00:00:00,000 --> 00:00:00,400\nhello\n")
    (tmp_path / "font.ttf").write_bytes(b"no font, but named like one")
    (tmp_path / "meta.txt").write_text(
        ";FFMETADATA1\ntitle=The Film\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=500\nEND=1000\ntitle=Two\n"
    )
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=32x32:r=10:d=1", "-f", "lavfi", "-i", "sine=d=1", "-i", tmp_path / "t.srt"),
        *("-i", tmp_path / "meta.txt", "-map", "0", "-map", "1", "-map", "1", "-map", "2", "-map_metadata", "3"),
        *(*H264, "-c:a", "aac", "-c:s", "srt", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra"),
        *("-attach", tmp_path / "font.ttf", "-metadata:s:t:0", "mimetype=application/x-truetype-font"),
        tmp_path / "film.mkv",
    )
    return tmp_path / "film.mkv"


def test_all_tracks_chapters_and_tags_are_kept(tmp_path, ffmpeg, upscale, rich):
    done = upscale(rich, tmp_path / "out.mkv")
    said = ffmpeg("-i", tmp_path / "out.mkv", said=True)
    assert re.findall(r"Stream #0:\d(?:\((\w+)\))?: (\w+)", said) == [
        ("", "Video"), ("eng", "Audio"), ("fra", "Audio"), ("", "Subtitle"), ("", "Attachment"),
    ]  # fmt: skip
    assert re.findall(r"title +: (.*)", said) == ["The Film", "One", "Two"]
    assert re.findall(r"Chapter #0:\d: start ([\d.]+), end ([\d.]+)", said) == [
        ("0.000000", "0.500000"),
        ("0.500000", "1.000000"),
    ]
    assert (done.audio, done.subtitles, done.left_out) == (2, 1, [])


def test_what_a_container_cannot_hold_is_named_with_one_that_can(tmp_path, ffmpeg, upscale, rich):
    done = upscale(rich, tmp_path / "out.mp4")
    assert done.audio == 2 and done.subtitles == 0
    assert done.left_out == [
        "subtitle track 1 (srt): left out, .mp4 cannot store it, .mkv can",
        "attachment 1 (font.ttf): .mp4 cannot store it, .mkv can",
    ]


def test_sound_that_a_container_cannot_hold_is_refused_before_anything_is_done(tmp_path, ffmpeg, upscale):
    source, target = tmp_path / "camera.avi", tmp_path / "out.mp4"
    video = ("-f", "lavfi", "-i", "testsrc2=s=32x32:r=10:d=1")
    ffmpeg(*video, "-f", "lavfi", "-i", "sine=d=1:r=11025", "-c:v", "mjpeg", "-c:a", "pcm_u8", source)
    said = r"sound track 1 is pcm_u8, which \.mp4 cannot store: write \.mkv or \.mov, or --audio aac encodes it"
    with pytest.raises(UsageError, match=said):
        upscale(source, target)
    assert not target.exists() and not list(tmp_path.glob(".out*"))
    assert upscale(source, target, sound="aac").audio == 1
    assert "Audio: aac" in ffmpeg("-i", target, said=True)
    assert times(target, "audio")[-1] == pytest.approx(1, abs=0.1)
    assert upscale(source, tmp_path / "none.mp4", sound="none").left_out == [
        "sound track 1 (pcm_u8): left out, as asked"
    ]
    assert upscale(source, tmp_path / "out.mkv").audio == 1


def test_only_the_first_frames_and_the_sound_that_goes_with_them(tmp_path, ffmpeg, upscale, rich):
    done = upscale(rich, tmp_path / "out.mkv", limit=4)
    assert (done.frames_in, done.frames_out) == (4, 8)
    assert times(tmp_path / "out.mkv", "audio")[-1] < 0.45


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_of_a_source_that_is_cut_short_what_is_there_is_restored(tmp_path, ffmpeg, capsys, suffix):
    plain, source, target = tmp_path / f"plain.{suffix}", tmp_path / f"in.{suffix}", tmp_path / "out.mp4"
    sizes = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1", "-f", "lavfi", "-i", "sine=d=1")
    ffmpeg(*sizes, *H264, "-g", "5", "-c:a", "aac", "-movflags", "faststart", plain)
    data = plain.read_bytes()
    source.write_bytes(data[: len(data) * 6 // 10])
    assert call(["infer", str(source), "-m", "blend+bicubic", "-o", str(target), "-q"]) == 3
    said = " ".join(capsys.readouterr().err.split())
    frames = int(re.search(r"is damaged after (\d+) frames", said)[1])
    assert 5 < frames < 25 and f"what could be read is restored ({frames} frames)" in said
    raw = ffmpeg("-i", target, "-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", "-")
    assert len(raw) == 2 * frames * 256 * 192


@pytest.fixture
def clip(tmp_path, ffmpeg):
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=32x32:r=25:d=1.2",
        "-f",
        "lavfi",
        "-i",
        "sine=d=1.2",
        *H264,
        "-c:a",
        "aac",
        tmp_path / "in.mp4",
    )
    return tmp_path / "in.mp4"


def test_a_file_that_is_there_is_replaced_only_where_asked(tmp_path, upscale, clip):
    target = tmp_path / "out.mp4"
    target.write_bytes(b"mine")
    with pytest.raises(
        UsageError, match=r"out\.mp4 exists already; choose another name, or replace it with --overwrite"
    ):
        upscale(clip, target)
    assert target.read_bytes() == b"mine"
    upscale(clip, target, overwrite=True)
    assert len(times(target)) == 60


def frames_of(ffmpeg, path):
    return ffmpeg("-i", path, "-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", "-")


def test_a_try_that_was_stopped_continues(tmp_path, ffmpeg, upscale, clip, monkeypatch):
    monkeypatch.setattr(parts, "LENGTH", 16)
    target, whole, seen = tmp_path / "out.mp4", tmp_path / "whole.mp4", []
    upscale(clip, whole, crf=2)  # little noise, wherever the last part ends

    def stop(read):
        if read > 20:
            raise KeyboardInterrupt

    with pytest.raises(StoppedError, match=r"interrupted; \d+ of 60 frames kept in .*--resume") as caught:
        upscale(clip, target, on_frame=stop, crf=2)
    assert caught.value.exit_code == 130 and not target.exists()
    folder = tmp_path / ".out.mp4.parts"
    for part in folder.glob("*.mp4"):  # each of them can be played
        assert frames_of(ffmpeg, part)
    kept = sum(part["frames"] for part in json.loads((folder / "parts.json").read_text())["parts"])
    assert 30 < kept < 60
    with pytest.raises(UsageError, match=rf"an earlier try ended after {kept} frames.*--resume continues it"):
        upscale(clip, target, crf=2)
    with pytest.raises(UsageError, match=r"the earlier try had another limit, rate or encoding"):
        upscale(clip, target, resume=True, crf=3)
    real = windows.forward
    monkeypatch.setattr(windows, "forward", lambda of, lr, *rest: seen.append(len(lr)) or real(of, lr, *rest))
    upscale(clip, target, resume=True, crf=2)
    assert len(seen) * 6 < 60 - kept + 12  # what was restored before is not restored again
    assert times(target) == times(whole) and not folder.exists()
    difference = np.frombuffer(frames_of(ffmpeg, target), np.uint8).astype(int) - np.frombuffer(
        frames_of(ffmpeg, whole), np.uint8
    )
    assert np.abs(difference).mean() < 1
    assert times(target, "audio") == times(whole, "audio")


def test_ctrl_c_leaves_a_playable_file_or_none(tmp_path, clip, capsys):
    """A real signal, while the network works."""
    timer = threading.Timer(0.0, lambda: None)
    real, started = windows.forward, threading.Event()

    def slow(*args):
        if not started.is_set():
            started.set()
            os.kill(os.getpid(), signal.SIGINT)
        return real(*args)

    windows.forward = slow
    try:
        assert call(["infer", str(clip), "-m", "blend+bicubic", "-o", str(tmp_path / "out.mp4"), "-q"]) == 130
    finally:
        windows.forward = real
        timer.cancel()
    assert "interrupted; nothing was kept" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4"]


def test_nothing_to_resume_is_said(tmp_path, upscale, clip):
    with pytest.raises(UsageError, match="there is nothing to resume"):
        upscale(clip, tmp_path / "out.mp4", resume=True)


def test_a_full_disk_is_a_sentence_and_keeps_the_parts(tmp_path, upscale, clip, monkeypatch):
    monkeypatch.setattr(parts, "LENGTH", 16)
    real, written = parts._Writer.write, []

    def full(self, frame, shown):
        written.append(frame)
        if len(written) > 40:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(self, frame, shown)

    monkeypatch.setattr(parts._Writer, "write", full)
    said = r"out\.mp4: no room left on the disk; make some; 32 of 60 frames kept in .*--resume"
    with pytest.raises(CannotWriteError, match=said):
        upscale(clip, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
    monkeypatch.undo()
    upscale(clip, tmp_path / "out.mp4", resume=True)
    assert len(times(tmp_path / "out.mp4")) == 60


def test_when_memory_runs_out_the_tiles_stay_and_are_said_once(tmp_path, clip, capsys, caplog, monkeypatch):
    from stvsr_bench.restore import tiles

    real, sizes = tiles.call, []

    def small(of, lr_BTChw, *rest):
        sizes.append(lr_BTChw.shape[-1])
        if lr_BTChw.shape[-1] > 24:
            raise MemoryError
        return real(of, lr_BTChw, *rest)

    monkeypatch.setattr(tiles, "call", small)
    target = tmp_path / "out.mp4"
    assert call(["infer", str(clip), "-m", "blend+bicubic", "-o", str(target), "--tile-overlap", "8", "-q"]) == 0
    assert sizes.count(32) == 1  # whole frames are tried once, not in every window
    assert "memory ran out: frames were restored in tiles of 16-8" in capsys.readouterr().err
    assert sum("memory ran out" in line.message for line in caplog.records) == 1


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--pix-fmt", "rgb24"), "--pix-fmt rgb24: write one of yuv420p"),
        (("--audio", "mp3"), "--audio mp3: write copy, aac or none"),
        (("--hdr", "sdr"), "--hdr sdr: write refuse or as-is"),
        (("-o", "out.avi"), "out.avi: write a video, name it .mp4"),
        (("-o", "no/out.mp4"), "there is no folder no"),
        (("--track", "2"), "has one video track, counted from 1"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(tmp_path, clip, capsys, monkeypatch, option, says):
    monkeypatch.chdir(tmp_path)
    target = () if option[0] == "-o" else ("-o", "out.mp4")
    assert call(["infer", "in.mp4", "-m", "blend+bicubic", "-q", *target, *option]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert says in said and "Traceback" not in said
    assert [path.name for path in Path().iterdir()] == ["in.mp4"]


def peak_of(work):
    """The most memory that this process held while it worked, in MiB, as the kernel saw it at every moment."""
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    work()
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


@pytest.mark.skipif(
    not (hasattr(ctypes.CDLL(None), "malloc_trim") and os.access("/proc/self/clear_refs", os.W_OK)),
    reason="only Linux with glibc says what the highest value was",
)
def test_memory_does_not_grow_with_length(tmp_path, ffmpeg, method, monkeypatch):
    """60 s of 96x54 with sound, against six times 10 s: as many frames, and as many chances of a high moment.

    How reading, restoring and writing overlap differs from run to run: the peaks of 10 s alone are up to 9 % apart.
    """
    monkeypatch.setattr(parts, "LENGTH", 40)  # six parts

    def restore(seconds):
        target = tmp_path / "out.mp4"
        film.upscale(method, tmp_path / f"{seconds}.mkv", target, Settings(), lambda read: None)
        assert len(times(target)) == 4 * seconds
        target.unlink()

    for seconds in (10, 60):
        size = ("-f", "lavfi", "-i", f"testsrc2=s=96x54:r=2:d={seconds}", "-f", "lavfi", "-i", f"sine=d={seconds}")
        ffmpeg(*size, *H264, "-c:a", "aac", tmp_path / f"{seconds}.mkv")
    restore(10)  # what is loaded once
    short = [peak_of(lambda: restore(10)) for _ in range(6)]
    assert peak_of(lambda: restore(60)) < 1.05 * max(short), short
