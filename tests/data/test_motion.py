import cv2
import numpy as np
import pytest

from stvsr_bench.data import motion, stats
from stvsr_bench.data.frames import from_bytes


@pytest.fixture(scope="module")
def sliding():
    """A function that makes a clip whose texture slides by some pixels a frame."""
    noise = np.random.default_rng(0).integers(0, 256, (200, 600, 3), dtype=np.uint8)
    texture = cv2.GaussianBlur(noise, (0, 0), 2)

    def made(px, count=7, width=160, height=96):
        return from_bytes(
            np.stack([texture[20 : 20 + height, 20 + i * px : 20 + i * px + width] for i in range(count)])
        )

    return made


@pytest.mark.parametrize("px", [0, 2, 5])
def test_the_speed_of_a_sliding_texture_is_measured(sliding, px):
    assert motion.measure(sliding(px)) == pytest.approx(px, abs=0.25)


def test_a_long_clip_is_sampled_and_gives_the_same(sliding):
    assert motion.measure(sliding(2, count=40), pairs=3) == pytest.approx(2, abs=0.25)
    assert motion.measure(sliding(2, count=1)) == 0


def test_large_frames_are_measured_in_their_own_pixels(sliding, monkeypatch):
    monkeypatch.setattr(motion, "WIDEST", 80)
    assert motion.measure(sliding(4)) == pytest.approx(4, abs=0.4)


def test_flow_points_where_the_picture_goes(sliding):
    flow_FHW2 = motion.flow(sliding(3, count=3))
    assert flow_FHW2.shape == (2, 96, 160, 2)
    assert np.median(flow_FHW2[..., 0]) == pytest.approx(-3, abs=0.2)
    assert np.median(flow_FHW2[..., 1]) == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize(("px", "speed"), [(0, "slow"), (1.99, "slow"), (2, "medium"), (5.9, "medium"), (6, "fast")])
def test_the_thresholds_are_two_and_six_pixels(px, speed):
    assert motion.Thresholds().speed(px) == speed


def clips(*motions):
    return [stats.ClipStats(f"c{i}", 7, 448, 256, px) for i, px in enumerate(motions)]


def test_thirds_share_the_clips_out_evenly():
    measured = clips(*range(1, 10))
    bins = stats.proposal(measured, motion.thirds([clip.motion_px for clip in measured]))
    assert {speed: len(names) for speed, names in bins.items()} == {"slow": 3, "medium": 3, "fast": 3}


def test_lists_and_histogram_are_written(tmp_path):
    measured = clips(0.5, 1, 3, 12, 0)
    bins = stats.proposal(measured, motion.Thresholds())
    assert [path.name for path in stats.write_lists(tmp_path, bins)] == ["slow.txt", "medium.txt", "fast.txt"]
    assert (tmp_path / "slow.txt").read_text() == "c0\nc1\nc4\n"
    picture = cv2.imread(str(stats.draw(tmp_path / "motion.png", "mine", measured, motion.Thresholds())))
    assert picture.shape[1] > 600
    assert stats.quantiles(measured)["max"] == 12


def test_one_clip_is_enough_for_a_histogram(tmp_path):
    stats.draw(tmp_path / "motion.png", "mine", clips(2.0), motion.Thresholds())
    assert stats.quantiles(clips(2.0))["median"] == 2.0
