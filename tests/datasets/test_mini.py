import hashlib

import cv2
import numpy as np
import pytest

from stvsr_bench import datasets
from stvsr_bench.data.frames import to_bytes
from stvsr_bench.errors import UnknownNameError


def sha256(frames_SCHW):
    return hashlib.sha256(to_bytes(frames_SCHW).tobytes()).hexdigest()


@pytest.mark.parametrize(
    ("split", "name", "digest"),
    [
        ("slow", "0000", "29f1bd4edb30711487bdc9d4289db61d7dc0c7c824961bec371b4a52b63d9571"),
        ("medium", "0003", "b2275707329605c248ce05a98e2b5c9b59008af5c1e03ee6a7dedb9c8d0207c8"),
        ("fast", "0007", "e4d4d1dab9caea23d12980db367682b1389e6193a3190712c007c3ecdd119fc4"),
        ("train", "0004", "27ccb6b4f64f0749e7924529ef5198c672c6a575c37241cd5a18ceaadfdfde97"),
    ],
)
def test_a_clip_is_the_same_to_the_byte_everywhere(split, name, digest):
    drawn = datasets.clips("mini", split).read(name)
    assert sha256(drawn.hr_SCHW) == digest
    assert sha256(datasets.clips("mini", split).read(name).hr_SCHW) == digest, "the cached clip differs"


@pytest.mark.parametrize(("split", "speed_px"), [("slow", 1.0), ("medium", 4.0), ("fast", 10.0)])
def test_a_split_moves_at_its_speed_on_average(split, speed_px):
    reader = datasets.clips("mini", split).reader
    module = __import__(type(reader).__module__, fromlist=["scene"])
    speeds = [module.synth.mean_motion(module.scene(split, number)) for number in range(8)]
    assert np.mean(speeds) == pytest.approx(speed_px, rel=0.02)
    assert min(speeds) > 0.6 * speed_px
    assert max(speeds) < 1.4 * speed_px


def test_a_clip_is_a_septuplet_with_its_flow_and_motion():
    clip = datasets.clips("mini", "slow")[1]
    assert clip.hr_SCHW.shape == (7, 3, 256, 448)
    assert clip.hr_SCHW.dtype == np.float32
    assert clip.hr_SCHW.min() >= 0
    assert clip.hr_SCHW.max() <= 1
    assert clip.flow_FHW2.shape == (6, 256, 448, 2)
    assert clip.motion_px == pytest.approx(np.linalg.norm(clip.flow_FHW2, axis=-1).mean(), rel=1e-4)


def test_the_flow_leads_from_a_frame_to_the_next():
    clip = datasets.clips("mini", "medium")[1]
    ys, xs = np.mgrid[0:256, 0:448].astype(np.float32)
    flow_HW2 = clip.flow_FHW2[2]
    following_HWC = np.ascontiguousarray(clip.hr_SCHW[3].transpose(1, 2, 0))
    warped = cv2.remap(following_HWC, xs + flow_HW2[..., 0], ys + flow_HW2[..., 1], cv2.INTER_CUBIC)
    error = np.abs(warped - clip.hr_SCHW[2].transpose(1, 2, 0)).mean(axis=-1)
    still = np.abs(clip.hr_SCHW[3] - clip.hr_SCHW[2]).mean(axis=0)
    assert np.median(error[20:-20, 20:-20]) < 0.15 * np.median(still[20:-20, 20:-20])


def test_train_and_test_share_no_image():
    module = __import__(type(datasets.clips("mini", "slow").reader).__module__, fromlist=["TRAIN_SPRITES"])
    train = {*module.TRAIN_BACKGROUNDS, *module.TRAIN_SPRITES}
    test = {*module.TEST_BACKGROUNDS, *module.TEST_SPRITES}
    assert not train & test
    assert train | test == set(module.TEXTURES)


def test_train_goes_on_for_as_long_as_one_asks():
    clips = datasets.clips("mini", "train")
    assert clips.names[:2] == ["0000", "0001"]
    assert clips.read("12345").hr_SCHW.shape == (7, 3, 256, 448)


@pytest.mark.parametrize("name", ["0008", "", "../0001", "١", "-1"])
def test_a_clip_that_does_not_exist_is_named(name):
    with pytest.raises(UnknownNameError, match="unknown clip of mini/slow"):
        datasets.clips("mini", "slow").read(name)


def test_a_damaged_or_unwritable_cache_costs_time_only(tmp_path, monkeypatch):
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path))
    clip = datasets.clips("mini", "slow")[0]
    (kept,) = tmp_path.rglob("*.npz")
    kept.write_bytes(kept.read_bytes()[:1000])
    assert np.array_equal(datasets.clips("mini", "slow")[0].hr_SCHW, clip.hr_SCHW)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path / "file"))
    assert np.array_equal(datasets.clips("mini", "slow")[0].hr_SCHW, clip.hr_SCHW)
