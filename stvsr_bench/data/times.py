"""When a video's frames are shown, and at which rate, where the container could not say it rightly."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.data import tracks

Ticks = NDArray[np.int64]
A_TICK: Final = 1.001  # containers round times to their clock, Matroska to a millisecond
_SOUND_AHEAD_S: Final = 0.15  # that a sound codec begins before the picture: AAC of 8 kHz 0.13 s, of 48 kHz 0.02 s


def ticks_of(pts: Iterable[int | None]) -> Ticks:
    """Times in order; none where a frame has none."""
    known = list(pts)
    return np.array([] if None in known else known, np.int64)


def begun(path: Path, container: str, ticks: Ticks, tick: Fraction) -> Ticks:
    """The times of a fragmented mp4 with its first frame where the others say that it was.

    Its header is written before the first packet, with no edit list that could let the picture begin after the sound:
    ffmpeg makes the first frame longer instead, by what the sound's encoder looks ahead (0.061 s at 25 frames/s).
    """
    if len(ticks) < 4 or not container.startswith("mov"):
        return ticks
    steps = np.diff(ticks)
    usual = int(np.median(steps[1:]))
    late = int(steps[0]) - usual
    even = np.abs(steps[1:] - usual).max() <= A_TICK
    if not even or not A_TICK < late <= _SOUND_AHEAD_S / tick or not tracks.fragmented(path):
        return ticks
    return np.concatenate([ticks[:1] + late, ticks[1:]])


def rate_of(stream: Any, ticks: Ticks, tick: Fraction) -> Fraction:
    """Frames in a second: of what the header and ffmpeg's guesses say, what the times agree with.

    Matroska without a default duration (browsers, some recorders) has only a mean over the first frames.
    """
    header = [stream.average_rate, stream.guessed_rate, stream.base_rate]
    said = [Fraction(rate) for rate in header if rate]
    span = int(ticks[-1] - ticks[0]) if len(ticks) > 2 else 0
    mean = [((len(ticks) - 1) / (span * tick)).limit_denominator(1001)] if span > 0 else []
    return next((rate for rate in (*said, *mean) if is_constant(ticks, tick, rate)), (*said, *mean, Fraction(25))[0])


def is_constant(ticks: Ticks, tick: Fraction, rate: Fraction) -> bool:
    """Whether every time is that of the rate, to a tick."""
    if len(ticks) < 2:
        return True
    even = int(ticks[0]) + np.arange(len(ticks)) * float(1 / (rate * tick))
    return bool(np.abs(ticks - even).max() <= A_TICK)
