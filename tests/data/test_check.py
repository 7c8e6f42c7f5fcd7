from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from stvsr_bench import datasets
from stvsr_bench.data import check, degrade, synth
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
    order = list(range(7))
    order[i], order[j] = order[j], order[i]
    found = said(replace(moving, hr_SCHW=moving.hr_SCHW[order]))
    backwards = (0, 6)
    assert any("seem to be exchanged" in what for what in found) or pair == backwards
    if j == i + 1:
        assert f"frames {i} and {j} seem to be exchanged" in found


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
