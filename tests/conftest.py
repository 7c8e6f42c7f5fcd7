"""Fixtures that several tests share: caches in a folder of the test's own, tiny clips, a tiny method."""

import subprocess

import numpy as np
import pytest

from stvsr_bench import plugins
from stvsr_bench.data.frames import write_png


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's caches; clips that are slow to make are shared within a session."""
    monkeypatch.setenv("STVSR_BENCH_HOME", str(_session_home(tmp_path_factory)))
    monkeypatch.delenv("STVSR_BENCH_PATH", raising=False)
    monkeypatch.delenv("STVSR_BENCH_OVERRIDE", raising=False)
    monkeypatch.setattr(plugins, "_overrides", set())
    monkeypatch.delenv("VIMEO90K_ROOT", raising=False)
    monkeypatch.setattr(plugins, "_included", {"methods": {}, "datasets": {}})


def _session_home(factory):
    if not hasattr(_session_home, "path"):
        _session_home.path = factory.mktemp("home")
    return _session_home.path


@pytest.fixture
def noise_clips(tmp_path):
    """Writes clips of noise, `c0`, `c1`, ..., one folder each; the folder of them all."""

    def write(count, frames, size):
        for number in range(count):
            for t in range(frames):
                noise = np.random.default_rng(number * 10 + t).integers(0, 255, (*size, 3)).astype(np.uint8)
                write_png(tmp_path / "clips" / f"c{number:0{len(str(count - 1))}d}" / f"{t}.png", noise)
        return tmp_path / "clips"

    return write


@pytest.fixture
def tiny_hr():
    """hr_SCHW of 7 frames, 32x48: a bright disc that moves, 8-bit values."""
    y, x = np.mgrid[0:32, 0:48]
    frames = [
        np.stack([((x - 8 - 3 * t) ** 2 + (y - 16) ** 2 < 60) * 200 + 20 + y + c * 5 for c in range(3)])
        for t in range(7)
    ]
    return (np.clip(np.stack(frames), 0, 255).astype(np.uint8) / np.float32(255)).astype(np.float32)


@pytest.fixture(scope="session")
def ffmpeg():
    """Runs the ffmpeg program, a reader and writer that is not ours; its output as bytes."""
    program = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()

    def run(*args, data=None, said=False):
        done = subprocess.run(
            [program, "-y", "-hide_banner", *(() if said else ("-v", "error")), *map(str, args)],
            check=False,
            input=data,
            capture_output=True,
        )
        assert said or done.returncode == 0, done.stderr.decode()
        return done.stderr.decode("utf-8", "replace") if said else done.stdout

    return run
