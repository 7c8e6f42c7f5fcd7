"""`kill -9` at random moments, then the same command again: what one undisturbed command writes, none of it twice.

A command runs in a child that is forked from this process, so that a kill costs a second and not the time that torch
takes to load; ten kills in all, more with STVSR_BENCH_KILLS. A seed decides the moments.
"""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

from stvsr_bench import plugins
from stvsr_bench.acquire.download import Wanted, download
from stvsr_bench.cli import call
from stvsr_bench.data.frames import read
from stvsr_bench.rows import store

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills need POSIX")
KILLS = int(os.environ.get("STVSR_BENCH_KILLS", "10"))
KINDS = ("run", "frames", "merge", "train", "download", "infer")
METHOD = """
import time, torch.nn.functional as F
CARD = {"title": "Toy", "net": "restore", "call": "function", "kind": "stvsr", "learned": False}

def restore(lr_BTChw):
    dense = lr_BTChw.repeat_interleave(2, dim=1)[:, :-1]
    return F.interpolate(dense.flatten(0, 1), scale_factor=4).unflatten(0, dense.shape[:2])
"""
RECIPE = """
[quick]
data = ["{clips}"]
options = {{ channels = 16, embed = 24, heads = 1, groups = 1, stages_extract = 1, stages_recon = 1, depth = 1 }}
checkpoint_every = 1
[[quick.stages]]
steps = 4
frames_in = 2
batch = 1
crop = 16
lr = 1e-3
"""


SERVER = """
import sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
CONTENT = bytes(i * i % 251 for i in range(1_000_003))

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.headers.get("Range", "bytes=0-")
        start = int(asked[6:-1])
        self.send_response(206 if start else 200)
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        for at in range(start, len(CONTENT), 20_000):
            self.wfile.write(CONTENT[at:at + 20_000])
            time.sleep(0.004)
    def log_message(self, *of):
        pass

with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
"""


class Kills:
    """Kills of one command: how many it gets, and at which of its moments. `whole` is its undisturbed end."""

    def __init__(self, kind):
        self.count = KILLS // len(KINDS) + (KINDS.index(kind) < KILLS % len(KINDS))
        self.dice = random.Random(f"{kind} 0")

    def then_done(self, argv, out):
        """Do the command undisturbed here (which loads what children then have); then kill it so often, and end it."""
        assert _done(argv(out.with_name("whole"))) == 0
        took = self._seconds(argv(out.with_name(f"{out.name}-timed")))
        for _ in range(self.count):
            child = _started(argv(out))
            time.sleep(self.dice.uniform(0, took))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        assert self._ended(_started(argv(out))) == 0

    def _seconds(self, argv):
        start = time.monotonic()
        assert self._ended(_started(argv)) == 0
        return time.monotonic() - start

    @staticmethod
    def _ended(child):
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _started(argv):
    """The number of a child that runs a command, as `stvsr-bench` would."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        code = _done(argv)
    finally:
        os._exit(code)


def _done(argv):
    return argv() if callable(argv) else call(argv)


@pytest.fixture
def toy(tmp_path, noise_clips):
    path = tmp_path / "toy.py"
    path.write_text(METHOD)
    plugins.include(path)
    clips = noise_clips(8, 5, (32, 32))

    def run(*more):
        argv = ["run", "-m", "toy", "--include", str(path), "-d", str(clips), "--threads", "1", "-q", *more]
        return lambda out: [*argv, "-o", str(out)]

    return run


def rows(run):
    found = sorted((replace(row, seconds={}, env="") for row in store.read_rows(run)), key=lambda row: row.key)
    lines = b"".join(path.read_bytes() for path in run.glob("rows-*.jsonl")).splitlines()
    assert len(lines) == len(found), "no row twice"
    return found


def frames(run):
    return {path.relative_to(run): read([path]).tobytes() for path in (run / "frames").rglob("*.png")}


@pytest.mark.fault("C", "`run` is killed (`kill -9`) at random moments", "the rows of one run, each once", "0")
def test_a_run(toy, tmp_path):
    argv = toy("--save-frames", "none")
    Kills("run").then_done(argv, tmp_path / "killed")
    assert rows(tmp_path / "killed") == rows(tmp_path / "whole") and len(rows(tmp_path / "whole")) == 8


@pytest.mark.fault("C4", "a run that keeps frames is killed at random moments", "all frames, whole", "0")
def test_a_run_that_keeps_frames(toy, tmp_path):
    argv = toy("--save-frames", "all")
    Kills("frames").then_done(argv, tmp_path / "killed")
    assert rows(tmp_path / "killed") == rows(tmp_path / "whole")
    assert frames(tmp_path / "killed") == frames(tmp_path / "whole") and len(frames(tmp_path / "whole")) == 8 * 5 * 3


@pytest.mark.fault("C2", "`merge` is killed at random moments", "the rows and frames of all parts", "0")
def test_a_merge(toy, tmp_path):
    for part in ("1/2", "2/2"):
        assert call(toy("--save-frames", "all", "--shard", part)(tmp_path / f"part-{part[0]}")) == 0
    parts = [str(tmp_path / "part-1"), str(tmp_path / "part-2")]
    before = [rows(tmp_path / "part-1"), rows(tmp_path / "part-2")]
    Kills("merge").then_done(lambda out: ["merge", *parts, "-o", str(out)], tmp_path / "killed")
    assert [rows(tmp_path / "part-1"), rows(tmp_path / "part-2")] == before
    assert rows(tmp_path / "killed") == sorted((*before[0], *before[1]), key=lambda row: row.key)
    assert frames(tmp_path / "killed") == {**frames(tmp_path / "part-1"), **frames(tmp_path / "part-2")}


@pytest.mark.fault("C6", "`train` is killed at random moments and resumed", "the weights of one training", "0")
def test_a_training(tmp_path, noise_clips):
    pytest.importorskip("lightning_fabric", reason="the extra [train] is not installed")
    noise_clips(2, 7, (64, 64))
    (tmp_path / "train.toml").write_text(RECIPE.format(clips=tmp_path / "clips"))
    argv = ["train", "stdan", "-C", str(tmp_path / "train.toml"), "--preset", "quick", "--device", "cpu"]

    def command(out):
        return [*argv, "--threads", "1", "-q", "--out", str(out), "--resume"]

    Kills("train").then_done(command, tmp_path / "killed")
    one, other = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("killed", "whole"))
    assert one == other
    curve = [(tmp_path / name / "losses.csv").read_text().splitlines() for name in ("killed", "whole")]
    assert [line.split(",")[:5] for line in curve[0]] == [line.split(",")[:5] for line in curve[1]]


@pytest.mark.fault("C", "a download is killed at random moments and repeated", "the file, whole and alone", "0")
def test_a_download(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("STVSR_BENCH_OFFLINE", raising=False)
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/file"

        def command(out):
            return lambda: 0 if download(Wanted(url, out / "file")).is_file() else 1

        try:
            Kills("download").then_done(command, tmp_path / "killed")
        finally:
            server.terminate()
    assert (tmp_path / "killed" / "file").read_bytes() == bytes(i * i % 251 for i in range(1_000_003))
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["file"]


@pytest.mark.fault("C", "`infer` is killed at random moments and resumed", "the video of one `infer`", "0")
def test_a_video(tmp_path, toy):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "in.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(40):
            y, x = np.mgrid[0:48, 0:64]
            picture = np.stack([(x * 3 + number * 4 + c * 40) % 256 + 0 * y for c in range(3)], -1).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(cv2.blur(picture, (3, 3)), format="rgb24")))
        container.mux(stream.encode())
    argv = ["infer", str(tmp_path / "in.mp4"), "-m", "toy", "--include", str(tmp_path / "toy.py"), "--threads", "1"]

    def command(out):
        begun = out.with_name(f".{out.name}.mp4.parts") / "parts.json"
        return [*argv, "-q", "-o", str(out.with_suffix(".mp4")), "--resume" if begun.exists() else "--overwrite"]

    def pictures(name):
        with av.open(str(tmp_path / name)) as container:
            return [frame.to_ndarray(format="rgb24").tobytes() for frame in container.decode(video=0)]

    Kills("infer").then_done(command, tmp_path / "killed")
    assert pictures("killed.mp4") == pictures("whole.mp4") and len(pictures("whole.mp4")) == 80
    assert list(tmp_path.glob(".*killed*")) == []
