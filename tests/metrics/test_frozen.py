"""Output that stands still where the truth moves is flagged; blends, noise, blur and still clips are not."""

import numpy as np
import pytest

from stvsr_bench.metrics import frozen

H, W = 32, 48


def moving(times, speed=1.5, seed=0):
    """Coloured waves that move `speed` pixels a frame, in [0, 1], (S, 3, H, W)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:H, :W]
    fx, fy, phase = random.uniform(0.05, 0.2, (3, 3, 1, 1))
    planes = [0.5 + 0.3 * np.sin(fx * (x - speed * t) + fy * y + phase) for t in times]
    return np.stack(planes).astype(np.float32)


def gaps_of(count, every):
    return {i: (i // every * every, i // every * every + every) for i in range(count) if i % every}


def flags(sr, hr, every):
    return frozen.flags(sr, hr, range(len(hr)), gaps_of(len(hr), every))


def blend(hr, every):
    low = np.arange(len(hr)) // every * every
    share = ((np.arange(len(hr)) - low) / every)[:, None, None, None].astype(np.float32)
    return hr[low] * (1 - share) + hr[np.minimum(low + every, len(hr) - 1)] * share


@pytest.mark.parametrize(("every", "count"), [(2, 9), (6, 13), (16, 33)])
@pytest.mark.parametrize("speed", [0.4, 1.5, 6.0])
def test_the_truth_and_a_blend_and_what_is_noisy_or_soft_are_not_frozen(every, count, speed):
    hr = moving(range(count), speed)
    noise = np.random.default_rng(1).normal(0, 8 / 255, hr.shape)
    for sr in (hr, blend(hr, every), hr + noise, 0.5 + (hr - 0.5) * 0.4, 0.5 + (blend(hr, every) - 0.5) * 0.4):
        assert flags(sr, hr, every) == []


@pytest.mark.parametrize(("every", "count"), [(2, 9), (6, 13)])
def test_interpolated_frames_that_repeat_an_input_frame_are_counted(every, count):
    hr = moving(range(count))
    place = np.arange(count) // every * every
    wanted = [f"frozen:{count - 1 - (count - 1) // every}"]
    assert flags(hr[place], hr, every) == wanted + ([f"ignores-time:{count // every}"] if every > 2 else [])
    nearly = hr[place] + np.random.default_rng(2).normal(0, 0.2 / 255, hr.shape)
    assert flags(nearly, hr, every)[:1] == wanted


def test_one_frame_that_is_held_is_counted_and_no_more():
    hr = moving(range(9))
    sr = hr.copy()
    sr[3] = sr[4]
    assert flags(sr, hr, 2) == ["frozen:1"]
    sr[5] = sr[4]
    assert flags(sr, hr, 2) == ["frozen:2"]


def test_the_middle_for_every_time_ignores_time_and_its_input_frames_are_others():
    hr = moving(range(13))
    sr = hr.copy()
    for low in (0, 6):
        sr[low + 1 : low + 6] = hr[low + 3]
    assert flags(sr, hr, 6) == ["frozen:10", "ignores-time:2"]
    sr[7:12] = hr[7:12]
    assert flags(sr, hr, 6) == ["frozen:5", "ignores-time:1"]


def test_where_the_truth_is_still_or_only_its_noise_changes_nothing_is_judged():
    still = np.repeat(moving([0]), 9, 0)
    grain = still + np.random.default_rng(3).normal(0, 3.5 / 255, still.shape).astype(np.float32)
    for hr in (still, grain):
        assert flags(np.repeat(hr[:1], 9, 0), hr, 2) == flags(np.repeat(hr[:1], 9, 0), hr, 8) == []


def test_input_frames_that_are_alike_are_nobodys_fault():
    hr = moving([0, 1, 2, 3, 4])
    sr = hr.copy()
    sr[2] = sr[0]  # two restored input frames: frame 1 between them moves
    assert flags(sr, hr, 2) == [] and frozen.flags(hr, hr, range(5), {}) == []


def test_frames_that_are_no_neighbours_are_not_compared():
    hr = moving(range(9))[[0, 1, 2, 6, 7, 8]]
    sr = hr.copy()
    sr[3] = sr[2]
    assert frozen.flags(sr, hr, [0, 1, 2, 6, 7, 8], {1: (0, 2), 7: (6, 8)}) == []


def test_bytes_floats_and_sizes_that_are_no_blocks_are_judged_alike():
    hr = moving(range(5))[..., :30, :45]
    sr = hr[[0, 0, 2, 2, 4]]
    eight = [np.rint(side * 255).astype(np.uint8) for side in (sr, hr)]
    assert flags(sr, hr, 2) == flags(*eight, 2) == flags(sr.astype(np.float64), hr, 2) == ["frozen:2"]
    assert flags(sr[..., :3, :2], hr[..., :3, :2], 2) == ["frozen:2"], "smaller than a block"
