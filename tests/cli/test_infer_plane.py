"""`infer --scale --time-scale`: a video of any size and rate, and a sentence where a method cannot make it."""

import json
from fractions import Fraction

import av
import numpy as np
import pytest

from stvsr_bench.cli import call
from stvsr_bench.errors import OK, USAGE


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "in.mkv"
    ramp = np.add.outer(np.arange(24), np.arange(32))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "bgr0"
        for shift in range(5):
            picture = np.repeat((ramp * 3 + 10 * shift)[..., None], 3, axis=2).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("method", "options", "size", "frames", "rate"), [
    ("blend+bicubic", ["--scale", "3/2", "--time-scale", "4"], (48, 36), 20, 40),
    ("blend+bicubic", ["--scale", "2.5"], (80, 60), 10, 20),
    ("bicubic", ["--scale", "2", "--time-scale", "1"], (64, 48), 5, 10),
    ("blend", ["--time-scale", "3"], (32, 24), 15, 30),
    ("blend+bicubic", [], (128, 96), 10, 20),
])  # fmt: skip
def test_a_video_has_the_size_and_the_rate_that_were_asked_for(
    clip, tmp_path, capsys, method, options, size, frames, rate
):
    out = tmp_path / "out.mkv"
    assert call(["infer", str(clip), "--method", method, "-o", str(out), "--json", *options]) == OK
    assert json.loads(capsys.readouterr().out)["size"] == list(size)
    with av.open(str(out)) as container:
        made = [frame for packet in container.demux(video=0) for frame in packet.decode()]
        times = [frame.pts * container.streams.video[0].time_base for frame in made]
    assert len(made) == frames and (made[0].width, made[0].height) == size
    assert all(abs(at - Fraction(i, rate)) <= Fraction(1, 1000) for i, at in enumerate(times))  # mkv has milliseconds


@pytest.mark.parametrize(("method", "options", "says"), [
    ("bicubic", [], "write --time-scale 1"),
    ("stdan@mini", ["--scale", "2"], "stdan makes x4, not x2; change --scale"),
    ("stdan@mini", ["--time-scale", "4"], "makes one frame between two"),
    ("blend+bicubic", ["--time-scale", "1"], "makes frames between"),
    ("blend", ["--scale", "2"], "only interpolates"),
    ("blend+bicubic", ["--scale", "nan"], "is not a number"),
    ("blend+bicubic", ["--scale", "99"], "from 1 to 64"),
])  # fmt: skip
def test_what_a_method_cannot_make_is_one_sentence(clip, tmp_path, capsys, method, options, says):
    out = tmp_path / "out.mkv"
    assert call(["infer", str(clip), "--method", method, "-o", str(out), *options]) == USAGE
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert says in said and not out.exists()
