"""Time of an interpolated frame on truth whose motion is known: shifts, repeats, blends, still clips."""

from dataclasses import replace

import numpy as np
import pytest

from stvsr_bench import metrics
from stvsr_bench.data import synth
from stvsr_bench.errors import ClipError
from stvsr_bench.metrics import time_axis
from stvsr_bench.metrics.time_axis import TIME, Luma
from stvsr_bench.opencv import portable

H, W = 16, 96
WAVES = ((1, 40.0, 0.3), (3, 25.0, 1.1), (5, 10.0, 2.0))  # periods in the picture's width, amplitude in levels, phase
NAMES = list(TIME)


def gaps_of(count, every):
    """Every `every`-th frame is given; the last one is, where the count fits."""
    return {i: (i // every * every, i // every * every + every) for i in range(count) if i % every}


def picture(t, speed):
    """Grey waves that move `speed` pixels a frame to the right and come back in at the left, in levels, (3, H, W)."""
    x = np.arange(W) - speed * t
    row = 128 + sum(level * np.sin(2 * np.pi * k * x / W + phase) for k, level, phase in WAVES)
    return np.broadcast_to(row, (3, H, W)).astype(np.float64)


def clip_of(times, speed=0.4):
    return np.stack([picture(t, speed) for t in times]) / 255


def error_of(shift, speed):
    """Squared error of two such pictures that lie `shift` frames apart, by the waves alone: no pixel is looked at."""
    turn = 2 * np.pi * speed * shift / W
    return sum(level**2 * (1 - np.cos(k * turn)) for k, level, _ in WAVES) * (219 / 255) ** 2


def scored(sr, hr, every, **luma):
    count = len(hr)
    return time_axis.score(sr, hr, range(count), gaps_of(count, every), NAMES, Luma(**luma))


def values(found, name, every):
    """Of the interpolated frames; the others must have none."""
    given = np.arange(len(found[name])) % every == 0
    assert np.isnan(found[name][given]).all()
    return found[name][~given]


@pytest.mark.parametrize(("every", "count"), [(2, 9), (8, 17)])
def test_the_truth_itself_has_no_error_and_full_contrast_however_unevenly_it_moves(every, count):
    times = np.arange(count) + 0.3 * np.sin(np.arange(count))  # some steps are twice as long as others
    hr = clip_of(times, speed=1.5)
    found = scored(hr, hr, every)
    assert values(found, "time_error", every).tolist() == [0.0] * (count - 1 - (count - 1) // every)
    assert (values(found, "time_contrast", every) == 1).all()


@pytest.mark.parametrize(("every", "count"), [(2, 9), (8, 17)])
@pytest.mark.parametrize("shift", [-1.25, -0.4, 0.1, 0.3, 0.5, 0.8])
def test_a_shifted_truth_has_its_shift_as_error_and_a_later_one_is_positive(every, count, shift):
    speed = 0.4
    hr, sr = clip_of(range(count), speed), clip_of(np.arange(count) + shift, speed)
    found = values(scored(sr, hr, every, round_8bit=False), "time_error", every)
    # the parabola through three errors that the waves alone give; on pixels it must be the same
    near = round(shift)
    before, here, after = (error_of(shift - k, speed) for k in (near - 1, near, near + 1))
    apart = error_of(1, speed)
    rises = (before - here) / apart, (after - here) / apart
    expected = near + (rises[0] - rises[1]) / (2 * (rises[0] + rises[1]))
    inner = found[every - 1 : 1 - every] if every < 8 else found[2:-2]  # whose reach holds the neighbours of the best
    np.testing.assert_allclose(inner * every, expected, atol=1e-6)
    assert abs(expected - shift) < 0.004, "waves this long and steps this short are a parabola nearly"


@pytest.mark.parametrize("every", [2, 8])
@pytest.mark.parametrize("quarters", [-2, -1, 1, 2])
def test_a_scene_of_mini_that_is_drawn_too_late_is_measured_so(every, quarters):
    # drawn four times as densely: every fourth picture is a true frame, the ones between are shifted output
    scene = small_scene(frames=4 * 16 + 9)
    dense = np.moveaxis(synth.render(scene).frames_SHWC, -1, 1)
    hr, sr = dense[4 : 4 + 65 : 4], dense[4 + quarters : 4 + quarters + 65 : 4]
    found = scored(sr, hr, every)
    errors, contrasts = (values(found, name, every) for name in NAMES)
    assert np.abs(errors * every - quarters / 4).max() < 0.04  # of a frame
    if abs(quarters) == 1:
        assert contrasts.min() > 0.45 and contrasts.max() <= 1
    elif every == 2:  # half way to an input frame: as near to it as to the frame between
        assert contrasts.max() < 0.07


def small_scene(frames):
    """A background that pans, a square that crosses it: `frames` pictures of which four make a true frame's step."""
    random = np.random.default_rng(5)
    texture = random.integers(0, 256, (9, 11, 3)).astype(np.float64)
    smooth = np.kron(texture, np.ones((12, 12, 1)))
    for axis in (0, 1):
        for _ in range(12):
            smooth = (smooth + np.roll(smooth, 1, axis) + np.roll(smooth, -1, axis)) / 3
    ground = synth.Layer(smooth.astype(np.uint8), synth.Motion(vx=1.1, vy=0.4))
    square = synth.Layer(
        smooth[40:60, 30:50].astype(np.uint8), synth.Motion(vx=-1.3, spin=0.01), np.full((20, 20), 255, np.uint8)
    )
    return replace(synth.Scene((ground, square), synth.Motion(), height=48, width=64).faster(1 / 4), frames=frames)


@pytest.mark.parametrize(("every", "count"), [(2, 9), (8, 17)])
@pytest.mark.parametrize("which", ["before", "after"])
def test_a_frame_that_repeats_an_input_frame_lies_at_it_and_has_no_contrast(every, count, which):
    hr = clip_of(range(count), speed=1.5)
    place = np.arange(count) // every * every if which == "before" else -(-np.arange(count) // every) * every
    found = scored(hr[place], hr, every)
    assert (values(found, "time_contrast", every) == 0).all()
    expected = ((place - np.arange(count)) / every)[np.arange(count) % every != 0]
    np.testing.assert_allclose(values(found, "time_error", every), expected, atol=1e-12)


@pytest.mark.parametrize(("every", "count"), [(2, 9), (8, 17)])
def test_a_blend_of_input_frames_that_lie_far_apart_has_no_contrast(every, count):
    hr = np.random.default_rng(0).random((count, 3, 24, 24))  # no frame has to do with another
    low = np.arange(count) // every * every
    high = np.minimum(low + every, count - 1)
    share = ((np.arange(count) - low) / every)[:, None, None, None]
    found = scored(hr[low] * (1 - share) + hr[high] * share, hr, every)
    assert np.abs(values(found, "time_contrast", every)).max() < 0.02
    # and it lies at the input frame that has the larger share
    near = np.minimum(share, 1 - share).ravel()[np.arange(count) % every != 0]
    np.testing.assert_allclose(np.abs(values(found, "time_error", every)), near, atol=0.02)


def test_a_blend_of_input_frames_that_differ_little_is_the_moment_between():
    hr = clip_of(range(9), speed=0.8)
    sr = hr.copy()
    sr[1::2] = (hr[:-1:2] + hr[2::2]) / 2
    found = scored(sr, hr, 2, round_8bit=False)
    assert values(found, "time_contrast", 2).min() > 0.9 and np.abs(values(found, "time_error", 2)).max() < 1e-6


def test_noise_and_less_detail_move_the_contrast_little_and_the_time_not():
    hr = clip_of(range(9), speed=2.0)
    noise = np.random.default_rng(1).normal(0, 4 / 255, hr.shape)
    plain, noisy = (values(scored(sr, hr, 2), "time_contrast", 2) for sr in (hr, hr + noise))
    np.testing.assert_allclose(noisy, plain, atol=0.12)
    softer = (hr - hr.mean((2, 3), keepdims=True)) * 0.8 + hr.mean((2, 3), keepdims=True)
    # a picture of 0.8 times the contrast: (0.8 a - b)^2 grows 0.8 times as fast with a's distance from b
    np.testing.assert_allclose(values(scored(softer, hr, 2), "time_contrast", 2), 0.8, atol=0.02)
    assert np.abs(values(scored(softer, hr, 2), "time_error", 2)).max() < 0.02


def test_the_mean_squared_errors_are_those_of_the_suite():
    hr = clip_of(range(5), speed=3.0)
    sr = np.random.default_rng(2).normal(0.5, 0.3, hr.shape)
    for luma in ({}, {"crop": 2}, {"round_8bit": False}, {"round_8bit": False, "clip": False}):
        with portable():
            fit = time_axis._fit(sr[1], time_axis._Planes(hr, Luma(**luma)), 1, 0, 2)
        whole = [metrics.score_frames(np.repeat(sr[1:2], 5, 0), hr, ["mse_y"], **luma)["mse_y"][k] for k in fit.error]
        assert list(fit.error.values()) == whole and list(fit.error) == [0, 1, 2, 3, 4]


def test_frames_whose_truth_is_an_input_frame_have_no_value():
    hr = clip_of([0, 0, 0, 1, 2, 2, 3], speed=3.0)  # frame 1 stands still, 3 moves, 5 is frame 4 again
    found = scored(hr, hr, 2)
    for name in NAMES:
        assert np.isnan(found[name]).tolist() == [True, True, True, False, True, True, True]
    still = np.repeat(hr[:1], 7, 0)
    assert all(np.isnan(of).all() for of in scored(still, still, 2).values())
    barely = still + np.linspace(0, 1.1, 7)[:, None, None, None] / 255  # brighter by 0.16 levels of luma per frame
    assert all(np.isnan(of).all() for of in scored(barely, barely, 2, round_8bit=False).values())


def test_the_reach_is_a_gap_to_both_sides_and_ends_with_the_clip():
    far = clip_of(range(9), speed=2.0)
    sr = far.copy()
    sr[3] = far[7]  # frames 0..6 are in its reach: frame 6 is nearest, and at the end nothing is refined
    assert scored(sr, far, 2)["time_error"][3] == 1.5
    sr[7] = far[3]  # its reach begins at frame 4
    assert scored(sr, far, 2)["time_error"][7] == -1.5
    short = time_axis.score(sr[:3], far[:3], range(3), {1: (0, 2)}, ["time_error"])
    assert short["time_error"][1] == 0


def test_true_frames_that_no_window_returns_are_in_the_reach():
    hr = clip_of(range(7), speed=1.0)
    sr = clip_of([0, 1.8, 2], speed=1.0)  # frames 0..2 of a clip of 7
    found = time_axis.score(sr, hr, [0, 1, 2], {1: (0, 2)}, ["time_error"])["time_error"]
    alone = time_axis.score(sr, hr[:3], [0, 1, 2], {1: (0, 2)}, ["time_error"])["time_error"]
    assert found[1] == pytest.approx(0.4, abs=0.02) and alone[1] == 0.5


def test_luma_planes_of_one_reach_are_in_memory(monkeypatch):
    kept = []
    fit = time_axis._fit

    def counted(sr_CHW, planes, *where):
        found = fit(sr_CHW, planes, *where)
        kept.append(len(planes.kept))
        return found

    monkeypatch.setattr(time_axis, "_fit", counted)
    hr = clip_of(range(65), speed=2.0)
    for every in (2, 8):
        kept.clear()
        scored(hr, hr, every)
        assert max(kept) == 3 * every + 1


def test_a_metric_by_its_name_takes_every_second_frame_as_given():
    hr = clip_of(range(6), speed=1.5)
    for name in NAMES:
        found = metrics.METRICS[name].function(hr, hr)
        assert np.isnan(found).tolist() == [True, False, True, False, True, True]  # no input frame after the last
    with pytest.raises(ClipError, match="both must be equal"):
        metrics.METRICS["time_error"].function(hr, hr[:5])
    with pytest.raises(ClipError, match=r"for 6 frames .* must be equal"):
        time_axis.score(hr[..., :8], hr, range(6), {}, NAMES)
