"""When each restored frame of a video is shown: at the times of the frames given, and evenly between two of them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.data.facts import Facts
from stvsr_bench.data.times import is_constant
from stvsr_bench.errors import DataError

_FINE = 10_000  # ticks in a second, at least
_JUMP_S = 10.0  # ffmpeg's own limit: a longer pause of a transport stream is another clock
_STREAMS = ("mpegts", "mpeg")  # formats in which a clock may begin anew


@dataclass(frozen=True)
class Clock:
    """Times of restored frames, in ticks of `tick` seconds from where the file's first track begins.

    `given` are the times of the frames given and, last, the end of the last one. Each is followed by `steps` - 1 frames
    that are made, at equal distances. `rate` is the usual number of restored frames in a second. With `constant`,
    frames are repeated or left out so that there is one every 1 / `constant` seconds.
    """

    tick: Fraction
    given: NDArray[np.int64]
    steps: int
    rate: Fraction
    constant: Fraction | None = None

    def __len__(self) -> int:
        return (len(self.given) - 1) * self.steps

    @property
    def written(self) -> int:
        """How many frames are written."""
        if self.constant is None:
            return len(self)
        return round((int(self.given[-1]) - int(self.given[0])) * self.tick * self.constant)

    @property
    def variable(self) -> bool:
        """Whether the frames given are at uneven times."""
        return len(self.given) > 2 and int(np.ptp(np.diff(self.given[:-1]))) > 0

    def at(self, number: int) -> int:
        """The time of a restored frame; of one after the last: the end."""
        index, step = divmod(number, self.steps)
        start = int(self.given[index])
        return start + (int(self.given[index + 1]) - start) * step // self.steps if step else start

    def shown(self, number: int) -> Iterator[tuple[int, int]]:
        """(time, duration) of each frame to be written for a restored one: one, unless a constant rate is asked for."""
        start, end = self.at(number), self.at(number + 1)
        if self.constant is None:
            yield start, end - start
            return
        step = 1 / (self.constant * self.tick)  # a whole number of ticks, see `clock_of`
        first, last = (round((time - int(self.given[0])) / step) for time in (start, end))
        for place in range(first, last):
            yield int(self.given[0]) + int(place * step), int(step)


def check_clock(path: Path, facts: Facts) -> None:
    """Refuse a transport or program stream whose clock begins anew: the times of its frames are those of two clocks.

    Raises:
        DataError: times of frames go back, or forward by more than 10 s.
    """
    seconds = np.diff(facts.ticks) * float(facts.tick)
    found = np.flatnonzero((seconds < 0) | (seconds > _JUMP_S))
    if facts.container in _STREAMS and len(found):
        at, step = int(found[0]), float(seconds[found[0]])
        raise DataError(
            f"{path}: its clock jumps {'back' if step < 0 else 'forward'} by {abs(step):.1f} s before frame {at + 1}, "
            "as where recordings were joined; write a copy with one clock first: ffmpeg -i IN -map 0 -c copy OUT.mkv"
        )


def clock_of(facts: Facts, count: int, steps: int, constant: Fraction | None = None) -> Clock:
    """The clock of the first `count` frames of a video.

    Where the rate is constant the times are those of the rate, not those that a coarse clock rounded them to.
    """
    times = np.maximum.accumulate(facts.times)
    end = int(times[count]) if count < len(times) else int(times[-1]) + facts.last
    first = facts.tick * int(times[0]) - Fraction(facts.start, 1_000_000)
    if is_constant(times, facts.tick, facts.rate):
        rate = facts.rate
        tick = _tick(1 / rate, steps, constant)
        given = np.arange(count + 1, dtype=np.int64) * int(1 / (rate * tick))
    else:
        rate = Fraction(count) / (facts.tick * max(1, end - int(times[0])))
        tick, distances = _tick(facts.tick, steps, constant), np.diff([*times[:count], end])
        # two frames of one time would be one: the later is put a tick after
        given = np.concatenate([[0], np.cumsum(np.maximum(distances, 1))]).astype(np.int64) * int(facts.tick / tick)
    given += round(first / tick)
    return Clock(tick, given, steps, (rate * steps).limit_denominator(100_000), constant)


def _tick(base: Fraction, steps: int, constant: Fraction | None) -> Fraction:
    """A tick of which `base` / `steps` is a whole number, and the distance of frames at the constant rate too."""
    tick = Fraction(1, (base / steps).denominator)
    if constant is not None:
        tick = Fraction(1, math.lcm(tick.denominator, constant.numerator))
    return tick / max(1, -(-_FINE * tick.numerator // tick.denominator))
