"""What a video has beside picture and sound, through `infer`: brightness of HDR, captions, covers, a broken clock."""

import re

import av
import numpy as np
import pytest

from stvsr_bench import methods, protocols
from stvsr_bench.errors import DataError, UsageError
from stvsr_bench.restore import film
from stvsr_bench.schema import Reading, Settings

H264 = ("-c:v", "libx264", "-crf", "10", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=32x32:r=25:d=0.4")
DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"


@pytest.fixture(scope="module")
def method():
    return methods.build("blend+bicubic")


@pytest.fixture
def upscale(method):
    """Restores a video at the size that it has; what was done."""

    def run(source, target, **asked):
        of = film.Asked(protocols.get("suite-1:scale=1"), **asked)
        return film.upscale(method, source, target, Settings(), lambda read: None, of)

    return run


@pytest.mark.parametrize("pix_fmt", ["", "yuv420p"], ids=["hevc", "h264"])
def test_how_bright_hdr_was_made_is_kept(tmp_path, ffmpeg, upscale, pix_fmt):
    """In the words of another writer: as the program prints what it reads."""
    source, target = tmp_path / "in.mp4", tmp_path / "out.mp4"
    pq = "format=yuv420p10le,setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    of = f"log-level=none:hdr10=1:max-cll=1000,400:master-display={DISPLAY}"
    size = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=0.2")
    ffmpeg(*size, "-vf", pq, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", of, source)
    upscale(source, target, reading=Reading(hdr="as-is"), pix_fmt=pix_fmt)
    before, after = (
        ffmpeg("-i", path, "-frames:v", "1", "-vf", "showinfo", "-f", "null", "-", said=True)
        for path in (source, target)
    )
    for line in (r"Mastering display metadata.*", r"Content light level metadata.*"):
        assert re.search(line, before)[0] == re.search(line, after)[0]
    assert "max_luminance:1000.000000" in after.replace("max_luminance=", "max_luminance:")


def captioned(tmp_path, ffmpeg):
    """A video with CEA-608 captions in its frames, put before each of them as broadcasters do."""
    ffmpeg(*PICTURE, *H264, "-bf", "0", "-f", "h264", tmp_path / "plain.h264")
    said = b"\xb5\x00\x31GA94\x03\x41\xff\xfc\x94\x20\xff"
    note = b"\x00\x00\x01\x06\x04" + bytes([len(said)]) + said + b"\x80"
    data = (tmp_path / "plain.h264").read_bytes()
    (tmp_path / "cc.h264").write_bytes(re.sub(rb"\x00\x00\x01[\x65\x41]", lambda found: note + found[0], data))
    ffmpeg("-r", "25", "-i", tmp_path / "cc.h264", "-c", "copy", tmp_path / "cc.mp4")
    return tmp_path / "cc.mp4"


def test_captions_in_the_frames_are_named(tmp_path, ffmpeg, upscale):
    source = captioned(tmp_path, ffmpeg)
    seen = ffmpeg("-i", source, "-vf", "showinfo", "-f", "null", "-", said=True)
    assert "Closed Captions: (3 bytes)" in seen
    (line,) = upscale(source, tmp_path / "out.mp4").left_out
    assert line.startswith("closed captions in the frames: left out") and "subcc" in line


@pytest.mark.parametrize("picture", ["png", "jpg"])
@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_a_cover_is_kept_where_there_is_room_for_it(tmp_path, ffmpeg, upscale, kind, picture):
    cover, source = tmp_path / f"cover.{picture}", tmp_path / f"in.{kind}"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=50x40", "-frames:v", "1", cover)
    mime = "image/png" if picture == "png" else "image/jpeg"
    ffmpeg(*PICTURE, *H264, tmp_path / "plain.mp4")
    if kind == "mp4":
        covered = ("-i", cover, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic")
    else:
        covered = ("-attach", cover, "-metadata:s:t", f"mimetype={mime}", "-c", "copy")
    ffmpeg("-i", tmp_path / "plain.mp4", *covered, source)
    for suffix in ("mp4", "mkv"):
        target = tmp_path / f"out.{suffix}"
        assert upscale(source, target).left_out == []
        with av.open(str(target)) as made:
            kept = [stream for stream in made.streams.video if stream.codec_context.width == 50]
            assert len(made.streams.video) == 2 and len(kept) == 1
            assert next(bytes(packet) for packet in made.demux(kept) if packet.size) == cover.read_bytes()
        raw = ffmpeg("-i", target, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "rawvideo", "-")
        assert len(raw) == 20 * 32 * 32 * 3 // 2
    codec = "png" if picture == "png" else "mjpeg"
    said = f"a cover picture ({codec}): left out, .mov cannot store it, .mp4 and .mkv can"
    assert upscale(source, tmp_path / "out.mov").left_out == [said]


SOUND = ("-f", "lavfi", "-i", "sine=d=0.4:r=48000", "-c:a", "aac")


def joined(tmp_path, ffmpeg, *offsets):
    """Recordings one after the other in a file, each with a clock of its own."""
    data = b""
    for number, offset in enumerate(offsets):
        part = tmp_path / f"part{number}.ts"
        ffmpeg(*PICTURE, *SOUND, *H264, "-output_ts_offset", offset, part)
        data += part.read_bytes()
    (tmp_path / "in.ts").write_bytes(data)
    return tmp_path / "in.ts"


@pytest.mark.parametrize(("offsets", "says"), [((0, 0), "back by 0.4 s"), ((0, 5000), "forward by 4999.6 s")])
def test_recordings_that_were_joined_are_refused_with_what_mends_them(tmp_path, ffmpeg, upscale, offsets, says):
    source = joined(tmp_path, ffmpeg, *offsets)
    with pytest.raises(DataError, match=f"its clock jumps {says} before frame 10.*ffmpeg -i IN -map 0 -c copy OUT.mkv"):
        upscale(source, tmp_path / "out.mp4")
    ffmpeg("-i", source, "-map", "0", "-c", "copy", tmp_path / "mended.mkv")
    # where they were joined, two packets of sound have one time
    assert upscale(tmp_path / "mended.mkv", tmp_path / "out.mp4").frames_out == 40


def test_a_clock_that_runs_over_is_one_clock(tmp_path, ffmpeg, upscale):
    """The 33 bits of a transport stream are full after 26.5 hours."""
    source = joined(tmp_path, ffmpeg, 2**33 / 90000 - 1.4 - 0.2)
    upscale(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as made:
        shown = [frame.time for frame in made.decode(video=0)]
    assert len(shown) == 20 and np.diff(shown) == pytest.approx(0.02, abs=1e-4)


def seconds_of_sound(ffmpeg, path):
    return len(ffmpeg("-i", path, "-map", "0:a", "-f", "s16le", "-ac", "1", "-")) / 2 / 48000


@pytest.mark.parametrize(("suffix", "sound"), [("mkv", "copy"), ("mkv", "aac"), ("mp4", "copy"), ("mp4", "aac")])
def test_sound_that_an_edit_list_hides_is_not_heard(tmp_path, ffmpeg, upscale, suffix, sound):
    """A trim without encoding again keeps the packets before the cut; Matroska has no list that could hide them."""
    long = ("-f", "lavfi", "-i", "testsrc2=s=32x32:r=25:d=1.2", "-f", "lavfi", "-i", "sine=d=1.2:r=48000")
    ffmpeg(*long, *H264, "-g", "50", "-c:a", "aac", tmp_path / "plain.mp4")
    ffmpeg("-ss", "0.5", "-i", tmp_path / "plain.mp4", "-c", "copy", tmp_path / "in.mp4")
    upscale(tmp_path / "in.mp4", tmp_path / f"out.{suffix}", sound=sound)
    heard = seconds_of_sound(ffmpeg, tmp_path / "in.mp4")
    assert heard < 0.75
    assert seconds_of_sound(ffmpeg, tmp_path / f"out.{suffix}") == pytest.approx(heard, abs=0.05)


@pytest.mark.parametrize("suffix", ["mov", "mp4", "mkv"])
def test_a_time_code_is_named_and_no_obstacle(tmp_path, ffmpeg, upscale, suffix):
    ffmpeg(*PICTURE, *H264, "-timecode", "01:00:00:00", tmp_path / "in.mov")
    done = upscale(tmp_path / "in.mov", tmp_path / f"out.{suffix}")
    assert done.left_out == ["data track 1 (timecode 01:00:00:00): left out, no track of the new frames' codes is made"]
    assert done.frames_out == 20


def test_a_disturbance_of_a_broadcast_costs_the_packets_it_hit(tmp_path, ffmpeg, upscale):
    sources = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2:r=48000")
    ffmpeg(*sources, *H264, "-g", "10", "-c:a", "aac", tmp_path / "in.ts")
    data = bytearray((tmp_path / "in.ts").read_bytes())
    starts = [  # of sound: its number, and the mark of a new packet
        at
        for at in range(188 * 20, len(data) - 188, 188)
        if ((data[at + 1] & 0x1F) << 8 | data[at + 2]) == 0x101 and data[at + 1] & 0x40
    ]
    data[starts[2] + 20 : starts[2] + 60] = bytes(40)
    (tmp_path / "in.ts").write_bytes(data)
    done = upscale(tmp_path / "in.ts", tmp_path / "out.mp4")
    assert done.frames_out == 2 * done.frames_in
    assert [line for line in done.left_out if line.startswith("sound track: damaged packets are left out (")]


SOUNDS = {  # codec, its options; containers that do not take it, though each has a name for the codec
    "opus": (("libopus", "-ar", "48000"), ("mov",)),
    "flac": (("flac", "-ar", "48000"), ("mov",)),
    "mp3 of 8 kHz": (("libmp3lame", "-ar", "8000"), ("mp4",)),
    "pcm of three nameless channels": (("pcm_s16le", "-af", "pan=3.0|FL=c0|FR=c0|FC=c0"), ("mp4",)),
    "pcm of 192 kHz": (("pcm_s24le", "-ar", "192000", "-af", "pan=3.0|FL=c0|FR=c0|FC=c0"), ("mp4",)),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_sound_that_would_end_the_writing_is_found_before_anything_is_done(tmp_path, ffmpeg, upscale, name):
    """What a container refuses shows only when it is begun: after hours of work that was."""
    (codec, *options), refusing = SOUNDS[name]
    source = tmp_path / ("in.avi" if "mp3" in name else "in.mkv")
    ffmpeg(*PICTURE, "-f", "lavfi", "-i", "anoisesrc=d=0.4", *H264, "-c:a", codec, *options, source)
    for suffix in ("mp4", "mov", "mkv"):
        target = tmp_path / f"out.{suffix}"
        if suffix not in refusing:
            assert upscale(source, target).audio == 1 and "Audio" in ffmpeg("-i", target, said=True)
            continue
        with pytest.raises(UsageError, match=rf"Hz, .*, which \.{suffix} cannot store: write .*--audio aac encodes it"):
            upscale(source, target)
        assert not target.exists() and not target.with_name(f".{target.name}.parts").exists()
        assert upscale(source, target, sound="aac").audio == 1
        assert "Audio: aac" in ffmpeg("-i", target, said=True)


def test_recordings_whose_sound_overlaps_where_they_were_joined(tmp_path, ffmpeg, upscale):
    """Two packets one tick of the source apart are of one time in an mp4, whose tick is a sample of sound."""
    data = b""
    for number, size in enumerate(("32x32", "48x32")):
        picture = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d=0.4")
        ffmpeg(*picture, *SOUND, *H264, "-output_ts_offset", 0.4 * number, tmp_path / f"{number}.ts")
        data += (tmp_path / f"{number}.ts").read_bytes()
    (tmp_path / "in.ts").write_bytes(data)
    for suffix in ("mp4", "mkv", "mov"):
        done = upscale(tmp_path / "in.ts", tmp_path / f"out.{suffix}")
        assert "changes its size at frame 10, from 32x32 to 48x32" in done.trouble and done.frames_out == 20
        assert seconds_of_sound(ffmpeg, tmp_path / f"out.{suffix}") == pytest.approx(0.85, abs=0.1)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_track_that_names_chapters_is_no_track_that_is_left_out(tmp_path, ffmpeg, upscale, suffix):
    (tmp_path / "of.txt").write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=300\ntitle=One\n")
    ffmpeg(*PICTURE, "-i", tmp_path / "of.txt", "-map_metadata", "1", *H264, tmp_path / "in.mp4")
    assert "Data: bin_data (text" in ffmpeg("-i", tmp_path / "in.mp4", said=True)
    assert upscale(tmp_path / "in.mp4", tmp_path / f"out.{suffix}").left_out == []
    assert "title           : One" in ffmpeg("-i", tmp_path / f"out.{suffix}", said=True)


@pytest.mark.parametrize("rate", ["25", "30000/1001"])
def test_matroska_says_the_rate(tmp_path, ffmpeg, upscale, rate):
    """By its default duration players and ffmpeg show the rate; it was that of a tick, 10000 frames a second."""
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=32x32:r={rate}:d=0.4", *H264, tmp_path / "in.mp4")
    upscale(tmp_path / "in.mp4", tmp_path / "out.mkv")
    assert re.search(r" (50|59\.94) fps,", ffmpeg("-i", tmp_path / "out.mkv", said=True))
    pause = ("-vf", "setpts='(N+3*gt(N,4))/25/TB'", "-fps_mode", "vfr")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=32x32:r=25:d=0.4", *pause, *H264, tmp_path / "vfr.mkv")
    upscale(tmp_path / "vfr.mkv", tmp_path / "out-vfr.mkv")
    assert b"\x23\xe3\x83" not in (tmp_path / "out-vfr.mkv").read_bytes()[:2000]


@pytest.mark.parametrize(("codec", "pixels", "suffix"), [
    ("ffv1", "yuva420p", "mkv"), ("ffv1", "gbrap12le", "mkv"), ("png", "rgba", "mov"), ("png", "rgba64be", "mov"),
    ("prores_ks", "yuva444p10le", "mov"), ("libvpx-vp9", "yuva420p", "webm"),
])  # fmt: skip
def test_transparency_is_named_where_there_is_some(tmp_path, ffmpeg, upscale, codec, pixels, suffix):
    for name, opaque in (("glass", "lt(X,16)"), ("solid", "1")):
        source = tmp_path / f"{name}.{suffix}"
        deep = "format=rgba64le" if "64" in pixels or "1" in pixels else "format=rgba"
        most = 65535 if "64" in deep else 255
        chain = f"{deep},geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='{most}*{opaque}',format={pixels}"
        if (codec, name) == ("libvpx-vp9", "solid"):  # whose decoder does not say
            continue
        ffmpeg(*PICTURE, "-vf", chain, "-c:v", codec, "-auto-alt-ref", "0", source)
        said = upscale(source, tmp_path / f"{name}.mp4").left_out
        line = "transparency in the frames: left out, encoders are not given them"
        assert said == ([line] if name == "glass" else [])


def test_pixels_that_change_their_shape_are_named(tmp_path, ffmpeg, upscale):
    data = b""
    for shape in ("1", "4/3"):
        raw = ffmpeg(*PICTURE, "-vf", f"setsar={shape}", *H264, "-x264-params", "repeat-headers=1", "-f", "h264", "-")
        data += raw
    (tmp_path / "in.264").write_bytes(data)
    done = upscale(tmp_path / "in.264", tmp_path / "out.mp4")
    assert done.left_out == ["the shape of pixels changes within the source (1:1, 4:3): all frames have 1:1"]
    assert "SAR 1:1" in ffmpeg("-i", tmp_path / "out.mp4", said=True) and done.frames_out == 40


def blu_ray_subtitles():
    """A `.sup` file: a small white picture that is shown from 0.1 s to 0.3 s (segments of "PG", US 8638861)."""

    def shown(seconds, *segments):
        head = b"PG" + round(seconds * 90000).to_bytes(4, "big") + bytes(4)
        return b"".join(head + bytes([kind]) + len(data).to_bytes(2, "big") + data for kind, data in segments)

    def about(number, state, objects):  # of a picture of 32x32
        return 0x16, b"\0\x20\0\x20\x10" + bytes([0, number, state, 0, 0, len(objects) // 8]) + objects

    window, end = (0x17, b"\x01\0\0\0\0\0\0\x08\0\x02"), (0x80, b"")
    palette = (0x14, b"\0\0\x01\xeb\x80\x80\xff")
    lines = (b"\0\x88\x01" + b"\0\0") * 2  # eight pixels of colour 1, twice
    picture = (0x15, b"\0\0\0\xc0" + (len(lines) + 4).to_bytes(3, "big") + b"\0\x08\0\x02" + lines)
    first = shown(0.1, about(0, 0x80, b"\0\0\0\0\0\0\0\0"), window, palette, picture, end)
    return first + shown(0.3, about(1, 0, b""), window, end)


@pytest.mark.parametrize("kind", ["mkv", "m2ts"])
def test_subtitles_of_blu_rays_are_kept_in_matroska_and_named_elsewhere(tmp_path, ffmpeg, upscale, kind):
    (tmp_path / "in.sup").write_bytes(blu_ray_subtitles())
    source = tmp_path / f"in.{kind}"
    ffmpeg(*PICTURE, "-i", tmp_path / "in.sup", "-map", "0", "-map", "1", *H264, "-c:s", "copy", source)
    done = upscale(source, tmp_path / "out.mkv")
    assert (done.subtitles, done.left_out, done.frames_out) == (1, [], 20)
    begun = []
    for path in (source, tmp_path / "out.mkv"):
        with av.open(str(path)) as film:
            shown = [float(packet.pts * packet.time_base) for packet in film.demux(subtitles=0) if packet.size]
            begun.append(shown[0] - float(film.streams.video[0].start_time * film.streams.video[0].time_base))
    assert begun[1] == pytest.approx(begun[0], abs=0.002)
    said = "subtitle track 1 (pgssub): left out, .mp4 cannot store it, .mkv can"
    assert upscale(source, tmp_path / "out.mp4").left_out == [said]
