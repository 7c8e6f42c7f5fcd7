"""Frames out of order are found by how the truth moves; frames that are merely restored badly are not accused."""

import re

import numpy as np
import pytest

from stvsr_bench.errors import ClipError
from stvsr_bench.runner.external import Facts, check

H, W = 40, 56


def scene(count, speed=3.0, seed=0):
    """A pattern of colours that moves, float32 RGB in [0, 1], (count, 3, H, W)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:H, :W].astype(float)
    fx, fy = random.uniform(0.03, 0.25, (2, 3, 6))
    phase, weight = random.uniform(0, 6.28, (3, 6)), random.uniform(0.4, 1, (3, 6))

    def plane(c, t):
        waves = fx[c] * (x[..., None] - speed * t) + fy[c] * (y[..., None] - 0.6 * speed * t) + phase[c]
        return (weight[c] * np.sin(waves)).sum(-1)

    planes = np.stack([[plane(c, t) for c in range(3)] for t in range(count)])
    return np.clip(planes / 6.4 + 0.5, 0, 1).astype(np.float32)


def noisy(frames_SCHW, *sigmas, seed=0):
    """The frames with noise, as of an imperfect restoration; `sigmas` in levels, one a frame, the last repeats."""
    levels = [*sigmas, *[sigmas[-1]] * len(frames_SCHW)][: len(frames_SCHW)]
    noise = np.random.default_rng(seed).normal(0, 1, frames_SCHW.shape)
    return np.clip(frames_SCHW + noise * np.reshape(levels, (-1, 1, 1, 1)) / 255, 0, 1).astype(np.float32)


def judged(sr_SCHW, hr_SCHW, every=2):
    count = len(hr_SCHW)
    facts = Facts("city", tuple(f"{i}.png" for i in range(count)), [i % every == 0 for i in range(count)], every)
    return check(sr_SCHW, hr_SCHW, facts)


TRUTH = scene(9)


@pytest.mark.parametrize("sigma", [0.5, 6, 12])
def test_frames_in_order_raise_no_doubt(sigma):
    assert judged(noisy(TRUTH, sigma), TRUTH) == []


@pytest.mark.fault(
    "B",
    "results with frames moved, exchanged, doubled or missing, or red and blue exchanged",
    "the clip fails and the frames are named",
    "3",
)
@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ([0, 1, 3, 2, 4, 5, 6, 7, 8], "2.png and 3.png fit the truth better exchanged"),
        ([1, 0, 2, 3, 4, 5, 6, 7, 8], "0.png and 1.png fit the truth better exchanged"),
        ([0, 1, 2, 3, 6, 5, 4, 7, 8], "4.png and 6.png fit the truth better exchanged"),
        ([0, 2, 1, 3, 4, 5, 7, 6, 8], "and 1 more pair"),
        ([0, 3, 2, 1, 4, 5, 6, 7, 8], "1.png and 3.png fit the truth better exchanged"),
        ([8, 7, 6, 5, 4, 3, 2, 1, 0], "better in reverse order .*; 0.png looks like the last true frame"),
        ([0, 1, 2, 2, 4, 5, 6, 7, 8], "2.png and 3.png show the same"),
        ([0, 1, 2, 3, 5, 5, 6, 7, 8], "4.png and 5.png show the same"),
        ([0, 1, 2, 3, 4, 5, 6, 7, 7], "7.png and 8.png show the same"),
        ([1, 2, 3, 4, 5, 6, 7, 8, 8], "better when moved by 1 .*0.png looks like true frame 1"),
        ([0, 0, 1, 2, 3, 4, 5, 6, 7], "better when moved by -1 .*1.png looks like true frame 0"),
        ([3, 4, 5, 6, 7, 8, 8, 8, 8], "better when moved by 3"),
        ([0, 1, 2, 3, 5, 6, 7, 8, 8], "from 4.png on .* when moved by 1 .* missing before it"),
        ([0, 1, 2, 2, 3, 4, 5, 6, 7], "from 3.png on .* when moved by -1 .* doubled before it"),
    ],
)
def test_frames_out_of_order_are_named(order, sentence):
    with pytest.raises(ClipError, match=sentence) as caught:
        judged(noisy(TRUTH[order], 6), TRUTH)
    assert str(caught.value).startswith("city: ") and "\n" not in str(caught.value)


def test_a_slow_clip_that_is_restored_badly_is_judged_too():
    slow = scene(9, speed=0.5)
    assert judged(noisy(slow, 5), slow) == []
    with pytest.raises(ClipError, match=re.escape("2.png and 3.png fit")):
        judged(noisy(slow[[0, 1, 3, 2, 4, 5, 6, 7, 8]], 5), slow)


@pytest.mark.parametrize("sigmas", [(8, 4), (6, 5, 4), (4, 4, 4, 4, 4, 4, 4, 4, 8), (12, 9, 6, 4)])
@pytest.mark.parametrize("camera", [0, 0.3, 3])
def test_a_still_clip_with_frames_that_are_worse_is_no_shift(sigmas, camera):
    # the mean over n frames was compared with one over n - 1 other frames: 1.6 dB "better when moved by -1"
    truth = noisy(np.repeat(TRUTH[:1], 9, axis=0), camera, seed=1)
    still = np.repeat(TRUTH[:1], 9, axis=0)
    assert judged(noisy(still, *sigmas), truth) == []


def test_a_still_clip_says_nothing_of_its_order():
    still = np.repeat(TRUTH[:1], 9, axis=0)
    assert judged(noisy(still, 4)[::-1], still) == []


def blended(truth, every):
    """Frames between input frames as weighted means of the two around them."""
    out = truth.copy()
    for i in range(len(truth)):
        first, part = i // every * every, i % every / every
        if part:
            out[i] = (1 - part) * truth[first] + part * truth[first + every]
    return out


@pytest.mark.parametrize("every", [2, 8])
@pytest.mark.parametrize("speed", [1, 9])
def test_blended_frames_that_look_like_their_neighbours_are_in_order(speed, every):
    # at speed 9 a mean of two frames fits both of them better than the truth between them
    truth = scene(17, speed)
    assert judged(noisy(blended(truth, every), 4), truth, every) == []


@pytest.mark.parametrize("first", range(16))
@pytest.mark.parametrize("made", ["blended", "near"])
def test_neighbours_exchanged_in_a_gap_of_eight_are_found_by_the_way_of_the_frames_around_them(first, made):
    # a blend of frames that lie eight apart fits no true frame: only the order of its own says that two are exchanged
    truth = scene(17, 1)
    restored = noisy(blended(truth, 8) if made == "blended" else truth, 4)
    order = list(range(17))
    order[first], order[first + 1] = first + 1, first
    assert judged(restored, truth, 8) == []
    with pytest.raises(
        ClipError, match=rf"{first}.png and {first + 1}.png (seem to be exchanged|fit the truth better)"
    ):
        judged(restored[order], truth, 8)


def test_of_two_exchanged_pairs_in_a_gap_of_eight_the_first_is_named_and_the_other_counted():
    truth = scene(17, 1)
    order = [0, 1, 2, 4, 3, 5, 6, 7, 8, 9, 10, 12, 11, 13, 14, 15, 16]
    with pytest.raises(ClipError, match=r"3.png and 4.png seem to be exchanged, and 1 more pair: .* turns back"):
        judged(noisy(blended(truth, 8), 4)[order], truth, 8)


@pytest.mark.parametrize("every", [4, 8])
def test_frames_that_are_sharp_and_soft_or_bright_and_dark_in_turn_are_in_order(every):
    # as where every second frame is interpolated from interpolated ones
    for speed in (0.3, 1, 9):
        truth = scene(17, speed)
        softer, brighter = blended(truth, every), blended(truth, every)
        softer[1::2] = (2 * softer[1::2] + np.roll(softer[1::2], 1, -1) + np.roll(softer[1::2], -1, -1)) / 4
        brighter[1::2] += 8 / 255
        for frames in (softer, brighter):
            assert judged(noisy(frames, 0.5), truth, every) == []


def test_a_truth_that_turns_back_itself_says_nothing_of_an_exchange():
    times = [0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]  # between frames 4 and 5 it goes back
    truth = scene(15, 2)[times]
    assert judged(noisy(truth, 4), truth, 8) == [] and judged(noisy(blended(truth, 8), 4), truth, 8) == []


def test_a_method_that_repeats_input_frames_is_measured_and_says_so():
    assert judged(noisy(TRUTH, 4)[[0, 0, 2, 2, 4, 4, 6, 6, 8]], TRUTH) == ["held:4"]
    assert judged(noisy(TRUTH, 4)[[0, 2, 2, 4, 4, 6, 6, 8, 8]], TRUTH) == ["held:4"]


@pytest.mark.parametrize("cut", [3, 4])
def test_a_frame_that_is_held_at_a_cut_is_no_fault(cut):
    # as `infer` does it: no frame is interpolated across a cut
    truth = np.concatenate([scene(cut, speed=1), 1 - scene(9, speed=1, seed=5)[cut:]])
    held = noisy(truth, 4)
    held[3] = held[2]
    assert judged(held, truth) == ["held:1"]
    held[5] = held[4]
    with pytest.raises(ClipError, match=re.escape("4.png and 5.png show the same")):
        judged(held, truth)


@pytest.mark.fault(
    "B",
    "results with frames moved, exchanged, doubled or missing, or red and blue exchanged",
    "the clip fails and the frames are named",
    "3",
)
def test_red_and_blue_exchanged_are_refused_with_the_gain():
    sr = noisy(TRUTH, 6)
    right, turned = (float(np.mean((frames - TRUTH) ** 2)) for frames in (sr, sr[:, ::-1]))
    with pytest.raises(ClipError, match="red and blue exchanged") as caught:
        judged(np.ascontiguousarray(sr[:, ::-1]), TRUTH)
    assert f"({10 * np.log10(turned / right):.1f} dB)" in str(caught.value)


def test_grey_clips_have_no_red_and_blue_to_exchange():
    grey = np.repeat(TRUTH[:, :1], 3, axis=1)
    assert judged(noisy(grey, 6)[:, ::-1], grey) == []
    assert judged(noisy(grey, 6), TRUTH[:, [0, 0, 0]]) == []


def test_input_frames_that_equal_the_truth_are_counted():
    copied = noisy(TRUTH, 4)
    copied[[0, 2, 3]] = TRUTH[[0, 2, 3]]
    assert judged(copied, TRUTH) == ["given-copied:2"], "frame 3 had no input"


def test_two_frames_are_too_few_to_be_judged():
    assert judged(noisy(TRUTH[[1, 2]], 4), TRUTH[:2]) == []
