"""How long a network takes: repeated until the spread is small, several networks in turns.

Networks that are to be compared are timed alternately, so that a machine that slows down slows all of them.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from stvsr_bench.profiling.tracker import StageClock, watched

# median and interquartile range, not mean and deviation: one call that the system interrupts moves neither
SPREAD = 0.05  # interquartile range over median
FEWEST = 5  # times, before their spread is believed
WARM_UP_S = 1.0
WARM_UP_RUNS = 10  # or so many, whichever comes first

Call = Callable[[], Any]
Told = Callable[[str, float], None]  # (name, fraction of its time that has passed)


@dataclass(frozen=True)
class Timing:
    """Milliseconds of repeated calls, in order."""

    times_ms: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle time."""
        return statistics.median(self.times_ms)

    @property
    def iqr(self) -> float:
        """The range of the middle half; 0 for a single time."""
        if len(self.times_ms) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.times_ms, n=4, method="inclusive")
        return high - low

    @property
    def steady(self) -> bool:
        """Whether there are enough times and their spread is under 5 %."""
        return len(self.times_ms) >= FEWEST and self.iqr < SPREAD * self.median

    def facts(self) -> dict[str, Any]:
        """What a row says of it."""
        rounded = {"median": round(self.median, 3), "iqr": round(self.iqr, 3), "min": round(min(self.times_ms), 3)}
        return {**rounded, "n": len(self.times_ms), "noisy": not self.steady}


class Clock:
    """Milliseconds that wait for the device: kernels run on after a call returns, and would not be timed."""

    def __init__(self, device: str = "cpu") -> None:
        self.kind = torch.device(device).type
        self.device = device

    def now_ms(self) -> float:
        """The time at which everything asked so far is done."""
        if self.kind == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.kind == "mps":
            torch.mps.synchronize()
        return time.perf_counter() * 1000

    def time_ms(self, call: Call) -> float:
        """The time of one call; on CUDA by events in the stream (written without a GPU at hand: unmeasured)."""
        if self.kind != "cuda":
            start = self.now_ms()
            call()
            return self.now_ms() - start
        with torch.cuda.device(self.device):
            # events are stamped by the GPU in its stream: what Python does after the last launch does not count
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
            self.now_ms()
            begin.record()
            call()
            end.record()
            self.now_ms()
            return float(begin.elapsed_time(end))


def measure(
    calls: Mapping[str, Call], clock: Clock, budget_s: float, told: Told = lambda name, part: None
) -> dict[str, Timing]:
    """The times of each call; a call is done when its times are steady or it has used `budget_s` seconds."""
    # STDAN's own script does not synchronise and RSTT's does not warm up: published times of STARnet differ threefold
    for call in calls.values():
        warm_up(call, clock)
    times: dict[str, list[float]] = {name: [] for name in calls}
    open_ = list(calls)
    while open_:
        for name in list(open_):  # one call of each in turn: a machine that slows down slows all of them alike
            times[name].append(clock.time_ms(calls[name]))
            part = _part_done(Timing(times[name]), budget_s)
            told(name, part)
            if part >= 1:
                open_.remove(name)
    return {name: Timing(of) for name, of in times.items()}


def warm_up(call: Call, clock: Clock) -> None:
    """Run once, for what is compiled then, and again until a second has passed: caches fill, clocks rise."""
    call()
    start = clock.now_ms()  # a first call that compiles for minutes has warmed nothing
    for _ in range(WARM_UP_RUNS - 1):
        call()
        if clock.now_ms() - start > WARM_UP_S * 1000:
            return


def stages(net: nn.Module, call: Call, clock: Clock) -> dict[str, float]:
    """Milliseconds of each stage in one call that waits for the device at every boundary: shares, not totals."""
    stage_clock = StageClock(clock.now_ms)
    with watched(net, stage_clock):
        call()
    return {name: round(ms, 3) for name, ms in stage_clock.end().items()}


def _part_done(timing: Timing, budget_s: float) -> float:
    if timing.steady:
        return 1.0
    return sum(timing.times_ms) / 1000 / budget_s if budget_s > 0 else 1.0


def per(timing: Timing, made: tuple[int, int, int]) -> dict[str, float]:
    """The median per output frame and per output megapixel, and frames a second; `made` is (S, H, W)."""
    frames, height, width = made
    return {
        "frame_ms": round(timing.median / frames, 3),
        "megapixel_ms": round(timing.median / (frames * height * width / 1e6), 3),
        "frames_per_s": round(1000 * frames / timing.median, 4),
    }
