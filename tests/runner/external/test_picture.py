"""Frames that are turned, of other levels, beside the truth or of another clip are found; bad ones are not."""

import re
import time

import cv2
import numpy as np
import pytest

from stvsr_bench.data.motion import luma
from stvsr_bench.errors import ClipError
from stvsr_bench.runner.external import Others, picture

H, W = 96, 160
GIVEN = [t % 2 == 0 for t in range(7)]
EVERY_OTHER = [(t, t) for t in range(0, 7, 2)]


def scene(seed=0, low=0.05, high=0.95):
    """Waves and discs that move, float32 RGB in [0, 1], (7, 3, H, W)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:H, :W].astype(float)
    waves = [(*random.uniform(0.02, 0.3, 2), random.uniform(0, 6)) for _ in range(6)]
    discs = [(random.uniform(0, W), random.uniform(0, H), random.uniform(6, 25), random.normal()) for _ in range(9)]
    frames = []
    for t in range(7):
        plane = sum(np.sin(fx * (x - 2 * t) + fy * y + phase) for fx, fy, phase in waves) / 4
        for cx, cy, radius, height in discs:
            plane = plane + height * ((x - cx - t) ** 2 + (y - cy) ** 2 < radius**2)
        frames.append(np.stack([plane * weight + 0.1 * c for c, weight in enumerate((1, 0.8, 0.9))]))
    found = np.stack(frames)
    return (low + (high - low) * np.clip(found / 5 + 0.5, 0, 1)).astype(np.float32)


def restored(hr_SCHW, interpolation=cv2.INTER_CUBIC, sigma=0.0):
    """The frames at a quarter and enlarged again, perhaps blurred."""
    made = []
    for frame in hr_SCHW.transpose(0, 2, 3, 1):
        large = cv2.resize(cv2.resize(frame, (W // 4, H // 4), interpolation=cv2.INTER_AREA), (W, H), None, 0, 0,
                           interpolation)  # fmt: skip
        made.append(cv2.GaussianBlur(large, (0, 0), sigma) if sigma else large)
    return np.stack(made).transpose(0, 3, 1, 2)


def saved(frames_SCHW):
    """As PNG files have them."""
    return np.ascontiguousarray(np.rint(np.clip(frames_SCHW, 0, 1) * 255) / 255, np.float32)


def judged(sr_SCHW, hr_SCHW):
    return picture.check(luma(saved(sr_SCHW)), luma(saved(hr_SCHW)), GIVEN, "city")


TRUTH = scene()
GOOD = restored(TRUTH)
NOISE = np.random.default_rng(1).uniform(0, 1, TRUTH.shape)


@pytest.mark.fault(
    "B",
    "results upside down, mirrored, in limited range, or named like another clip",
    "the clip fails and says so",
    "3",
)
@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (GOOD[:, :, ::-1], "the frames are upside down"),
        (GOOD[..., ::-1], "the frames are mirrored"),
        (GOOD[:, :, ::-1, ::-1], "the frames are turned by 180 degrees"),
        ((GOOD * 219 + 16) / 255, "have levels 16 to 235 where the truth has 0 to 255"),
        ((GOOD * 255 - 16) / 219, "have levels 0 to 255 where the truth has 16 to 235"),
    ],
)
def test_frames_that_are_turned_or_of_other_levels_are_refused(made, sentence):
    with pytest.raises(ClipError, match=re.escape(f"city: the frames {sentence.removeprefix('the frames ')}")):
        judged(made, TRUTH)


@pytest.mark.parametrize(
    "made",
    [
        TRUTH,
        GOOD,
        restored(TRUTH, cv2.INTER_NEAREST),
        restored(TRUTH, cv2.INTER_LINEAR, sigma=6),
        GOOD * 0.9 + 0.08,
        GOOD * 0.86,
        GOOD**1.4,
        GOOD + (NOISE - 0.5) * 0.4,
        np.repeat(GOOD.mean(1, keepdims=True), 3, 1),
    ],
    ids=["truth", "bicubic", "nearest", "blurred", "bright", "dark", "gamma", "noisy", "grey"],
)
def test_frames_that_are_only_restored_badly_raise_no_doubt(made):
    assert judged(made, TRUTH) == []


@pytest.mark.parametrize("truth", ["symmetric", "black", "flat", "dark", "narrow"])
def test_truths_that_cannot_tell_raise_no_doubt(truth):
    y, x = np.mgrid[:H, :W]
    disc = np.stack([((x - (W - 1) / 2) ** 2 + (y - (H - 1) / 2) ** 2 < (9 + 3 * t) ** 2) * 0.8 for t in range(7)])
    hr_SCHW = {
        "symmetric": np.repeat(disc[:, None], 3, 1).astype(np.float32),
        "black": np.zeros_like(TRUTH),
        "flat": np.full_like(TRUTH, 113.8 / 255),
        "dark": scene(low=0.0, high=0.06),
        "narrow": scene(low=0.43, high=0.46),  # where limited range moves nothing
    }[truth]
    for made in (hr_SCHW, restored(hr_SCHW), restored(hr_SCHW)[..., ::-1] if truth == "symmetric" else hr_SCHW):
        assert judged(made, hr_SCHW) == []


@pytest.mark.parametrize(("right", "down"), [(1, 0), (0, -1), (2, 3)])
def test_a_shift_is_a_flag_that_says_where_the_frames_lie(right, down):
    assert judged(np.roll(GOOD, (down, right), (2, 3)), TRUTH) == [f"shifted:{right:+d},{down:+d}"]


def test_frames_that_have_nothing_in_common_with_the_truth_are_a_flag():
    (flag,) = judged(NOISE, TRUTH)
    assert flag.startswith("unlike-truth:") and abs(float(flag.partition(":")[2])) < 0.1


def others(clips, ahead=32):
    read = []

    def of(name):
        read.append(name)
        return clips[name]

    return Others(list(clips), of, ahead), read


def test_results_named_like_another_clip_say_which():
    clips = {name: scene(seed) for seed, name in enumerate(("city", "walk", "foliage"))}
    made = {name: restored(clip) for name, clip in clips.items()}
    found, _ = others(clips)
    for name, of in (("city", "walk"), ("walk", "foliage"), ("foliage", "city")):
        with pytest.raises(ClipError, match=f"{name}: the frames fit the truth of {of} better"):
            found.check(made[of], clips[name], EVERY_OTHER, name)


def test_right_and_bad_results_are_of_no_other_clip_and_right_ones_read_none():
    clips = {name: scene(seed) for seed, name in enumerate(("city", "walk"))}
    found, read = others(clips)
    for name, clip in clips.items():
        found.check(restored(clip), clip, EVERY_OTHER, name)
    assert not read
    for made in (NOISE, np.zeros_like(TRUTH), GOOD**2, restored(TRUTH, sigma=12)):
        found.check(made.astype(np.float32), TRUTH, EVERY_OTHER, "city")


def test_of_clips_that_were_seen_a_few_are_kept_and_none_is_read_twice():
    names = [f"clip{i}" for i in range(60)]
    noise = {name: np.random.default_rng(i).random((7, 3, 8, 8), np.float32) for i, name in enumerate(names)}
    found, read = others(noise, ahead=3)
    for name in names:
        found.check(1 - noise[name], noise[name], EVERY_OTHER, name)
    assert len(found._seen) == 16 and sorted(read) == sorted(set(read)) and len(read) == 59


@pytest.mark.parametrize("levels", [-6, -3, 4, 6])
def test_results_of_other_brightness_are_of_their_own_clip_where_the_light_of_a_scene_changes(levels):
    still = np.repeat(scene(high=0.7)[:1], 7, 0)
    clips = {f"clip{i}": still + 0.016 * i for i in range(5)}
    found, _ = others(clips)
    for name, clip in clips.items():
        found.check(restored(clip) + levels / 255, clip, EVERY_OTHER, name)


def test_clips_of_other_lengths_are_read_once_and_hide_none_of_the_same_length():
    clips = {"short": scene(1), "long": np.concatenate([scene(2), scene(3)]), "other": scene(4)[::-1]}
    clips["last"] = np.concatenate([scene(5), scene(6)])
    every = {name: [(i, i) for i in range(0, len(clip), 2)] for name, clip in clips.items()}
    found, read = others(clips)
    found.check(scene(7) * 0.5, clips["short"], every["short"], "short")
    assert sorted(read) == ["last", "long", "other"]
    with pytest.raises(ClipError, match="long: the frames fit the truth of last better"):
        found.check(restored(clips["last"]), clips["long"], every["long"], "long")
    assert sorted(read) == ["last", "last", "long", "other"]


def test_looking_costs_milliseconds():
    sr_SHW = np.random.default_rng(0).integers(0, 256, (31, 720, 1280), dtype=np.uint8)
    start = time.perf_counter()
    picture.check(sr_SHW, sr_SHW, [t % 2 == 0 for t in range(31)], "city")
    assert time.perf_counter() - start < 1.0  # 0.1 s; SSIM of these frames takes more than that for each
