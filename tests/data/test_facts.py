"""Videos as phones, recorders, DVDs, editors and HDR cameras write them, against what ffmpeg shows of them."""

import os
from fractions import Fraction

import av
import numpy as np
import pytest

from stvsr_bench.cli import call
from stvsr_bench.data import facts, sources, video
from stvsr_bench.errors import DataError, UsageError
from stvsr_bench.rows import store
from stvsr_bench.schema import Reading

WIDTH, HEIGHT = 64, 48
H264 = ("-c:v", "libx264", "-crf", "1", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
# the conversion of data/colours.py, written for ffmpeg
EXACT = "scale=in_chroma_loc=left:flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact,format=rgb24"


def moving(count, width=WIDTH, height=HEIGHT, seed=0):
    """A pattern that moves, 8-bit RGB (S, H, W, C)."""
    y, x = np.mgrid[0:height, 0:width]
    phases = np.random.default_rng(seed).uniform(0, 6, 3)
    planes = [[np.sin((x - 2 * t) / 5 + p) + np.cos((y + t) / 7 - p) for p in phases] for t in range(count)]
    return (np.stack(planes).transpose(0, 2, 3, 1) * 60 + 128).astype(np.uint8)


@pytest.fixture
def film(tmp_path, ffmpeg):
    """Writes a video of frames, by ffmpeg's arguments."""

    def write(name, frames_SHWC, *args, rate="25"):
        size = f"{frames_SHWC.shape[2]}x{frames_SHWC.shape[1]}"
        given = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", rate, "-i", "-")
        ffmpeg(*given, *args, tmp_path / name, data=frames_SHWC.tobytes())
        return tmp_path / name

    return write


def shown(ffmpeg, path, height=HEIGHT, width=WIDTH, *before, chain=EXACT):
    """The frames that ffmpeg shows of a video."""
    raw = ffmpeg(*before, "-i", path, "-fps_mode", "passthrough", "-vf", chain, "-f", "rawvideo", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


TURNS = {
    (0, ""): "",
    (90, ""): "turned-90-left",
    (180, ""): "turned-180",
    (270, ""): "turned-90-right",
    (0, "h"): "mirrored",
    (90, "h"): "mirrored-turned-90-right",
    (180, "h"): "mirrored-turned-180",
    (270, "h"): "mirrored-turned-90-left",
}


@pytest.mark.parametrize("turn", TURNS)
def test_frames_are_turned_and_mirrored_as_a_player_shows_them(tmp_path, ffmpeg, film, turn):
    """All eight; RGB, so that nothing but the turn can differ."""
    plain = film("plain.mp4", moving(2), "-c:v", "libx264rgb", "-qp", "0")
    path, (angle, flip) = tmp_path / "clip.mp4", turn
    flips = ("-display_hflip",) if flip else ()
    ffmpeg("-display_rotation", angle, *flips, "-i", plain, "-c", "copy", path)
    height, width = (WIDTH, HEIGHT) if angle in (90, 270) else (HEIGHT, WIDTH)
    assert np.array_equal(video.Video(path).read(0, 2), shown(ffmpeg, path, height, width, chain="format=rgb24"))
    found = facts.of(path)
    assert (found.width, found.height) == (width, height)
    assert video.flags(path) == ((TURNS[turn],) if TURNS[turn] else ())


def test_a_picture_turned_by_an_odd_angle_is_refused(tmp_path, ffmpeg, film):
    ffmpeg("-display_rotation", "45", "-i", film("plain.mp4", moving(2), *H264), "-c", "copy", tmp_path / "clip.mp4")
    with pytest.raises(DataError, match=r"clip\.mp4: its header turns the picture by another angle than 90, 180"):
        video.Video(tmp_path / "clip.mp4").read(0, 2)


@pytest.mark.parametrize(("turn", "wanted"), [("0", "4/3"), ("90", "3/4")])
def test_the_aspect_ratio_of_pixels_is_that_of_the_picture_as_it_is_seen(tmp_path, ffmpeg, film, turn, wanted):
    plain = film("plain.mp4", moving(2), *H264, "-vf", "setsar=4/3")
    ffmpeg("-display_rotation", turn, "-i", plain, "-c", "copy", tmp_path / "clip.mp4")
    assert str(facts.of(tmp_path / "clip.mp4").sar) == wanted
    assert f"sar:{wanted}" in video.flags(tmp_path / "clip.mp4")


def test_a_cover_picture_is_no_video(tmp_path, ffmpeg, film):
    plain, cover = film("plain.mp4", moving(5), *H264), tmp_path / "cover.png"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=100x100", "-frames:v", "1", cover)
    join = ("-map", "1", "-map", "0", "-c", "copy", "-disposition:v:0", "attached_pic")
    for name in ("clip.mp4", "clip.mkv"):
        ffmpeg("-i", plain, "-i", cover, *join, tmp_path / name)
        assert facts.of(tmp_path / name).count == 5
        assert facts.of(tmp_path / name).width == WIDTH
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "sine=d=1",
        "-i",
        cover,
        "-map",
        "1",
        "-map",
        "0",
        *join[4:],
        "-c:a",
        "aac",
        tmp_path / "song.mp4",
    )
    with pytest.raises(DataError, match=r"song\.mp4 has pictures, but no video"):
        video.Video(tmp_path / "song.mp4")


def test_another_video_track_is_read_where_it_is_asked_for(tmp_path, ffmpeg, film):
    first = film("a.mp4", moving(5), *H264)
    second = film("b.mp4", moving(4, 32, 32), *H264)
    path = tmp_path / "clip.mkv"
    ffmpeg("-i", first, "-i", second, "-map", "0", "-map", "1", "-c", "copy", path)
    assert video.Video(path).read(0, 5).shape == (5, HEIGHT, WIDTH, 3)
    other = video.Video(path, Reading(track=2))
    assert other.count() == 4 and np.array_equal(other.read(0, 4), video.Video(second).read(0, 4))
    assert "track:2" in other.flags()
    with pytest.raises(UsageError, match=r"--track 3: .*clip\.mkv has 2 video tracks, counted from 1"):
        video.Video(path, Reading(track=3))


def test_an_edit_list_hides_frames_and_those_that_are_shown_count(tmp_path, ffmpeg, film):
    path = tmp_path / "trimmed.mp4"
    ffmpeg("-ss", "0.30", "-i", film("plain.mp4", moving(24), *H264, "-bf", "2"), "-c", "copy", path)
    right = shown(ffmpeg, path)
    read = video.Video(path)
    assert 0 < read.count() == len(right) < 24
    assert np.abs(read.read(0, read.count()).astype(int) - right).max() <= 1
    assert list(sources.look(path).clips) == ["trimmed"]


def test_a_recording_that_begins_between_key_frames_is_what_can_be_decoded(tmp_path, ffmpeg, film):
    x264 = ("-g", "12", "-x264-params", "open-gop=1:keyint=12:bframes=3:repeat-headers=1")
    data = film("plain.ts", moving(60), "-c:v", "libx264", "-crf", "20", "-pix_fmt", "yuv420p", *x264).read_bytes()
    path = tmp_path / "cut.ts"
    path.write_bytes(data[len(data) * 3 // 10 // 188 * 188 :])
    with av.open(str(path)) as container:
        packets = sum(packet.size > 0 for packet in container.demux(video=0))
    found = facts.of(path)
    assert not found.damage and found.count < packets
    assert len(video.Video(path).read(0, found.count)) == found.count == len(list(video.decode(path)))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_file_that_is_cut_short_is_whole_up_to_there(tmp_path, film, suffix):
    data = film(f"plain.{suffix}", moving(24), *H264, "-g", "4", "-movflags", "faststart").read_bytes()
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(data[: len(data) * 6 // 10])
    read = video.Video(path)
    assert 8 < read.info.whole < 20 and read.read(0, read.info.whole).shape[0] == read.info.whole
    said = f"cut.{suffix} is damaged after {read.info.whole} frames"
    for act in (lambda: read.read(0, read.count()), lambda: list(video.decode(path))):
        with pytest.raises(DataError, match=said):
            act()


def test_one_damaged_video_fails_its_clip_alone(tmp_path, film, capsys):
    whole = film("set.mp4", moving(7), *H264)
    data, folder = whole.read_bytes(), tmp_path / "set"
    folder.mkdir()
    for name, kept in (("a", len(data)), ("b", len(data) // 2), ("c", len(data))):
        (folder / f"{name}.mp4").write_bytes(data[:kept])
    argv = ["run", "-m", "blend+bicubic", "-d", str(folder), "-o", str(tmp_path / "rows"), "--save-frames", "none"]
    assert call([*argv, "-q"]) == 3
    assert [row.clip for row in store.read_rows(tmp_path / "rows")] == ["a", "c"]
    assert "set/all/b: " in capsys.readouterr().err
    assert call(["data", "check", str(folder), "-q"]) == 3
    assert "b.mp4 is" in capsys.readouterr().out


# times in seconds, and the container and clock that they are written with
EVEN = {
    "25 a second": (lambda t: t / 25, "mp4", "1/12800"),
    "30000/1001, in milliseconds": (lambda t: t * 1001 / 30000, "mkv", "1/1000"),
    "300 a second, in milliseconds": (lambda t: t / 300, "mkv", "1/1000"),
    "a camera's jitter of a tenth": (lambda t: t / 25 + (t % 2) * 0.004, "mp4", "1/12800"),
}
UNEVEN = {
    "25, then 5 a second": (lambda t: t / 25 if t < 12 else 12 / 25 + (t - 12) / 5, 13),
    "one frame dropped": (lambda t: (t + (t >= 7)) / 25, 7),
    "one frame late by a third": (lambda t: t / 25 + (t == 5) * 0.3 / 25, 5),
    "24 in 60: two and three": (lambda t: (5 * (t // 2) + (t % 2) * 2) / 60, None),
}


def at_times(path, ffmpeg, source, when, clock="1/12800"):
    """The frames of a video at other times, without encoding them again."""
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        number, clock = 0, [int(part) for part in clock.split("/")]
        for packet in given.demux(video=0):
            if packet.dts is None:
                continue
            packet.stream, packet.time_base = stream, Fraction(*clock)
            packet.pts = packet.dts = round(when(number) * clock[1] / clock[0])
            packet.duration = 1
            made.mux(packet)
            number += 1
    return path


@pytest.mark.parametrize("name", EVEN)
def test_a_constant_rate_is_constant_whatever_the_clock(tmp_path, ffmpeg, film, name):
    when, suffix, clock = EVEN[name]
    source = film("plain.mp4", moving(20), *H264, "-bf", "0")
    path = at_times(tmp_path / f"clip.{suffix}", ffmpeg, source, when, clock)
    assert facts.of(path).uneven() is None
    assert len(video.Video(path).read(0, 20)) == 20


@pytest.mark.parametrize("name", UNEVEN)
def test_a_variable_rate_is_refused_and_measured_where_allowed(tmp_path, ffmpeg, film, name):
    when, first = UNEVEN[name]
    path = at_times(tmp_path / "clip.mp4", ffmpeg, film("plain.mp4", moving(20), *H264, "-bf", "0"), when)
    assert facts.of(path).uneven() in ((first,) if first else (1, 2))
    with pytest.raises(DataError, match=r"clip\.mp4 has a variable frame rate: frame \d+ comes .* --allow-vfr"):
        video.Video(path).read(0, 20)
    assert len(video.Video(path, Reading(allow_vfr=True)).read(0, 20)) == 20
    assert "vfr" in video.flags(path)


def test_a_stretch_with_even_frames_is_measured_though_the_video_is_uneven(tmp_path, ffmpeg, film):
    source = film("plain.mp4", moving(20), *H264, "-bf", "0")
    path = at_times(tmp_path / "clip.mp4", ffmpeg, source, UNEVEN["25, then 5 a second"][0])
    read = video.Video(path)
    assert len(read.read(0, 12)) == 12 and len(read.read(13, 20)) == 7
    assert read.flags(0, 12) == read.flags(13, 20) and "vfr" not in read.flags(0, 12)


def test_run_and_check_say_so_of_a_variable_rate(tmp_path, ffmpeg, film, capsys):
    source = film("plain.mp4", moving(9), *H264, "-bf", "0")
    path = at_times(tmp_path / "clip.mp4", ffmpeg, source, UNEVEN["one frame dropped"][0])
    argv = ["run", "-m", "blend+bicubic", "-d", str(path), "-o", str(tmp_path / "rows"), "--save-frames", "none", "-q"]
    assert call(argv) == 3 and "variable frame rate: frame 7" in capsys.readouterr().err
    assert call([*argv, "--allow-vfr"]) == 0
    (row,) = store.read_rows(tmp_path / "rows")
    assert "vfr" in row.flags
    assert call(argv) == 3  # what was allowed once is not allowed for ever
    assert call(["data", "check", str(path), "--allow-vfr", "-q"]) == 0
    assert "has a variable frame rate" in capsys.readouterr().out
    score = ["score", str(tmp_path), "--against", str(path), "-o", str(tmp_path / "scored"), "-q"]
    assert call(score) == 3
    assert call([*score, "--allow-vfr"]) == 0


FIELDS = {
    "mp4": ("-c:v", "libx264", "-crf", "1", "-pix_fmt", "yuv420p", "-flags", "+ilme+ildct", "-x264-params", "tff=1"),
    "mpg": ("-c:v", "mpeg2video", "-q:v", "1", "-flags", "+ilme+ildct", "-vf", "setfield=tff"),
    "mkv": ("-c:v", "libx264", "-crf", "1", "-pix_fmt", "yuv420p", "-flags", "+ilme+ildct", "-x264-params", "bff=1"),
}


@pytest.mark.parametrize("suffix", FIELDS)
def test_interlaced_video_is_refused_and_made_whole_where_allowed(ffmpeg, film, suffix):
    path = film(f"clip.{suffix}", moving(8), *FIELDS[suffix])
    with pytest.raises(DataError, match=r"clip\.\w+ is interlaced \(frame 0\): .* --deinterlace"):
        video.Video(path).read(0, 3)
    read = video.Video(path, Reading(deinterlace=True))
    right = shown(ffmpeg, path, chain=f"bwdif=send_frame:-1:interlaced,{EXACT}")
    assert read.count() == len(right) == 8
    assert np.abs(read.read(1, 8).astype(int) - right[1:]).max() <= 2
    # the first frame has none before it and is interpolated in itself. For its second line ffmpeg 8 takes the first
    # instead of those around it, ffmpeg 9 does not; so too at the lower edge of chroma, of which bicubic touches more
    first = np.abs(read.read(0, 1)[0].astype(int) - right[0])
    assert first[8:-8].max() <= 2
    assert "deinterlaced" in read.flags() and "deinterlaced" not in video.flags(path)


@pytest.mark.parametrize(("transfer", "name"), [("smpte2084", "PQ"), ("arib-std-b67", "HLG")])
def test_hdr_is_refused_and_read_as_it_is_stored_where_asked(film, transfer, name):
    tags = ("-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc")
    chain = f"scale=out_color_matrix=bt2020:out_range=tv,format=yuv420p10le,setparams=color_trc={transfer}"
    path = film("clip.mp4", moving(3), "-c:v", "libx265", "-x265-params", "log-level=none", "-vf", chain, *tags)
    with pytest.raises(DataError, match=rf"clip\.mp4 is HDR \({name}\).*--hdr as-is"):
        video.Video(path).read(0, 3)
    read = video.Video(path, Reading(hdr="as-is"))
    assert read.read(0, 3).shape == (3, HEIGHT, WIDTH, 3)
    assert {f"hdr:{name}", "bits:10"} <= set(read.flags())


def test_a_value_of_hdr_that_is_none_is_refused(tmp_path, capsys):
    assert call(["run", "-m", "blend+bicubic", "-d", str(tmp_path), "--hdr", "tonemap", "-q"]) == 2
    assert "--hdr tonemap: write refuse or as-is" in capsys.readouterr().err


def test_more_than_8_bits_are_said_once(film, caplog):
    read = video.Video(film("clip.mkv", moving(3), "-c:v", "ffv1", "-pix_fmt", "yuv444p12le"))
    read.read(0, 3)
    read.read(0, 1)
    assert sum("12 bits are rounded to 8" in line.message for line in caplog.records) == 1
    assert "bits:12" in read.flags()


@pytest.mark.parametrize("name", ["a:b.mp4", "100%03d.mp4", "ünï cödé, and + signs@x.mp4"])
def test_a_name_is_a_name_whatever_is_in_it(tmp_path, film, name):
    film("plain.mp4", moving(2), *H264).rename(tmp_path / name)
    assert video.Video(tmp_path / name).count() == 2


def test_tags_that_are_no_utf8_are_no_reason_to_refuse(tmp_path, film):
    data = film("plain.mp4", moving(2), *H264, "-metadata", "title=caf_").read_bytes()
    (tmp_path / "latin.mp4").write_bytes(data.replace(b"caf_", b"caf\xe9"))
    assert video.Video(tmp_path / "latin.mp4").count() == 2


def test_what_was_found_is_remembered_until_the_file_changes(tmp_path, film, monkeypatch):
    monkeypatch.setattr(facts, "_REMEMBERED_S", 0.0)
    path = film("clip.mp4", moving(5), *H264, "-vf", "setsar=4/3")
    first = facts.of(path)
    facts._remembered.cache_clear()
    monkeypatch.setattr(facts, "_look", lambda path, track: pytest.fail("it was looked at again"))
    again = facts.of(path)
    assert again == first and np.array_equal(again.ticks, first.ticks)
    monkeypatch.undo()
    film("clip.mp4", moving(6), *H264)
    assert facts.of(path).count == 6


def test_a_video_with_the_size_and_time_of_another_is_another(tmp_path, film, monkeypatch):
    """Y4M has one size for equal frames, and `cp -p` or an unpacked archive gives it any time."""
    monkeypatch.setattr(facts, "_REMEMBERED_S", 0.0)
    path = film("clip.y4m", moving(5), "-pix_fmt", "yuv420p")
    about, before = path.stat(), facts.of(path)
    facts._remembered.cache_clear()
    path.write_bytes(path.read_bytes().replace(b" F25:1", b" F50:1"))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert path.stat().st_size == about.st_size and path.stat().st_mtime_ns == about.st_mtime_ns
    assert (before.rate, facts.of(path).rate) == (25, 50)


@pytest.mark.parametrize(
    ("how", "suffix", "lossy"),
    [
        (("-c:v", "libx264", "-crf", "23", "-pix_fmt", "yuv420p"), ".mp4", "h264/crf=23.0"),
        (("-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv444p"), ".mkv", ""),
        (("-c:v", "libx264rgb", "-crf", "30"), ".mkv", "h264/crf=30.0"),
        (("-c:v", "ffv1"), ".mkv", ""),
        (("-c:v", "rawvideo", "-pix_fmt", "yuv444p"), ".y4m", ""),
        (("-c:v", "mpeg4"), ".mp4", "mpeg4"),
    ],
)
def test_a_video_says_how_it_was_coded_with_loss(tmp_path, film, how, suffix, lossy):
    path = film(f"clip{suffix}", moving(3), *how)
    assert facts.of(path).lossy == lossy
    assert [f for f in video.flags(path) if f.startswith("lossy")] == ([f"lossy-truth:{lossy}"] if lossy else [])


def test_colours_say_which_matrix_and_range_and_how_they_were_chosen(tmp_path, film):
    silent = film("silent.mp4", moving(2), *H264)
    assert video.colours_of(silent) == "bt601 assumed by size, limited range, not stated"
    said = film("said.mp4", moving(2), *H264, "-colorspace", "bt709", "-color_range", "tv")
    assert video.colours_of(said) == "bt709 stated, limited range stated"
    assert video.colours_of(film("rgb.mkv", moving(2), "-c:v", "libx264rgb", "-crf", "0")) == "gbrp, no matrix"
    assert video.colours_of(tmp_path) == ""
