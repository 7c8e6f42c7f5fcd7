"""When restored frames are shown, worked out by hand in seconds."""

from fractions import Fraction

import numpy as np
import pytest

from stvsr_bench.data.facts import Facts
from stvsr_bench.restore.clock import Clock, clock_of


def facts(ticks, tick, rate, last=1, start=0):
    """A video whose frames are shown at these ticks."""
    times = np.array(ticks, np.int64)
    return Facts(64, 48, len(times), Fraction(rate), Fraction(tick), times, last=last, start=start)


def seconds(clock, places):
    return [float(clock.tick * clock.at(place)) for place in places]


@pytest.mark.parametrize("steps", [1, 2, 3, 8])
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30_000, 1001)])
def test_made_frames_of_an_even_rate_lie_evenly_between_the_given_ones(rate, steps):
    # a clock of milliseconds, as Matroska has it: times are those of the rate, not the rounded ones
    times = [round(1000 * i / rate) for i in range(6)]
    clock = clock_of(facts(times, "1/1000", rate), 5, steps)
    assert len(clock) == clock.written == 5 * steps and clock.rate == rate * steps
    exact = [Fraction(place) / (rate * steps) for place in range(5 * steps + 1)]
    assert [clock.tick * clock.at(place) for place in range(5 * steps + 1)] == exact
    shown = [list(clock.shown(place)) for place in range(5 * steps)]
    assert [clock.tick * time for ((time, _),) in shown] == exact[:-1]
    assert {clock.tick * duration for ((_, duration),) in shown} == {1 / (rate * steps)}
    assert clock.tick <= Fraction(1, 10_000)


def test_frames_at_uneven_times_stay_there_and_the_last_is_shown_as_long_as_it_was():
    clock = clock_of(facts([0, 40, 140, 160], "1/1000", 25, last=90), 4, 2)
    assert seconds(clock, range(9)) == pytest.approx([0, 0.02, 0.04, 0.09, 0.14, 0.15, 0.16, 0.205, 0.25])
    durations = [float(clock.tick * duration) for place in range(8) for _, duration in clock.shown(place)]
    assert durations == pytest.approx([0.02, 0.02, 0.05, 0.05, 0.01, 0.01, 0.045, 0.045])
    assert float(clock.rate) == pytest.approx(2 * 4 / 0.25)


def test_of_the_first_frames_the_last_is_shown_until_the_next_would_be():
    clock = clock_of(facts([0, 40, 140, 160], "1/1000", 25, last=90), 2, 2)
    assert seconds(clock, range(5)) == pytest.approx([0, 0.02, 0.04, 0.09, 0.14])
    assert float(clock.rate) == pytest.approx(2 * 2 / 0.14)


@pytest.mark.parametrize(("start", "first"), [(0, 0.5), (200_000, 0.3), (500_000, 0.0)])
@pytest.mark.parametrize("ticks", [[500, 540, 580], [500, 540, 700]])
def test_a_picture_that_begins_after_the_sound_still_does(ticks, start, first):
    clock = clock_of(facts(ticks, "1/1000", 25, last=40, start=start), 3, 2)
    wanted = [first + (tick - 500) / 1000 for tick in (*ticks, ticks[-1] + 40)]
    assert seconds(clock, range(0, 7, 2)) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("ticks", [[0, 40, 40, 120], [0, 40, 30, 120]])
def test_a_time_that_does_not_rise_is_a_tick_after_the_one_before(ticks):
    clock = clock_of(facts(ticks, "1/1000", 25, last=40), 4, 1)
    found = seconds(clock, range(5))
    assert found[:3] == pytest.approx([0, 0.04, 0.041]) and found == sorted(set(found))


def test_an_even_rate_may_be_a_tick_off_and_no_more():
    even, uneven = ([0, 40, 80 + off, 120] for off in (1, 2))
    assert seconds(clock_of(facts(even, "1/1000", 25, last=40), 4, 1), [2]) == [0.08]
    assert seconds(clock_of(facts(uneven, "1/1000", 25, last=40), 4, 1), [2]) == [0.082]
    alone = clock_of(facts([0], "1/1000", 25, last=999), 1, 2)
    assert seconds(alone, range(3)) == [0, 0.02, 0.04], "of one frame the rate that is stated"


@pytest.mark.parametrize("constant", [25, Fraction(30_000, 1001), 60, 10])
@pytest.mark.parametrize("start", [0, 7])
def test_at_a_constant_rate_the_frame_whose_turn_it_is_is_shown(constant, start):
    constant = Fraction(constant)
    given = [0, 40, 140, 160]
    clock = clock_of(facts([start + at for at in given], "1/1000", 25, last=90), 4, 2, constant)
    shown = [(place, time, duration) for place in range(8) for time, duration in clock.shown(place)]
    assert clock.written == round(Fraction(250, 1000) * constant)
    base = Fraction(start, 1000)
    for number, (place, time, duration) in enumerate(shown):
        assert clock.tick * time == base + number / constant and clock.tick * duration == 1 / constant
        # the restored frame that begins nearest to it, or before, and is not over
        begin, end = (clock.tick * clock.at(at) - base for at in (place, place + 1))
        assert round(begin * constant) <= number < round(end * constant)
    # one picture for each step of the constant rate; frames are repeated or left out for it
    assert len(shown) == clock.written


def test_a_clock_is_as_long_as_its_gaps():
    clock = Clock(Fraction(1, 100), np.array([5, 15, 35]), 4, Fraction(20))
    assert len(clock) == 8 and [clock.at(place) for place in range(9)] == [5, 7, 10, 12, 15, 20, 25, 30, 35]
    assert list(clock.shown(1)) == [(7, 3)] and list(clock.shown(4)) == [(15, 5)]
