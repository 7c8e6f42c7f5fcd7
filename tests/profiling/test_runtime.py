"""Timing: when it stops, what it says of noise, and to which stage it gives the time."""

import itertools

import pytest
import torch
from torch import nn

from stvsr_bench.profiling import runtime
from stvsr_bench.profiling.runtime import Clock, Timing
from stvsr_bench.profiling.tracker import REST, StageClock, watched


class FakeClock(Clock):
    """A clock whose calls take the given milliseconds, in turn."""

    def __init__(self, *ms):
        super().__init__()
        self.ms = itertools.cycle(ms)
        self.now = 0.0

    def now_ms(self):
        self.now += 400.0  # warming up ends after a few calls
        return self.now

    def time_ms(self, call):
        call()
        return next(self.ms)


def test_a_steady_call_is_timed_five_times_and_not_more():
    timing = runtime.measure({"a": lambda: None}, FakeClock(10.0, 10.1), budget_s=100)["a"]
    assert len(timing.times_ms) == 5 and timing.facts()["noisy"] is False


def test_a_noisy_call_ends_with_its_budget_and_says_so():
    timing = runtime.measure({"a": lambda: None}, FakeClock(100.0, 300.0), budget_s=1)["a"]
    assert sum(timing.times_ms) >= 1000 and len(timing.times_ms) <= 6
    assert timing.facts()["noisy"] is True


@pytest.mark.parametrize(("other", "noisy"), [(104.0, False), (110.0, True), (140.0, True)])
def test_a_spread_of_five_percent_is_the_limit(other, noisy):
    timing = runtime.measure({"a": lambda: None}, FakeClock(100.0, other), budget_s=1)["a"]
    assert timing.facts()["noisy"] is noisy


def test_a_single_time_is_never_called_steady():
    timing = runtime.measure({"a": lambda: None}, FakeClock(5000.0), budget_s=1)["a"]
    assert timing.facts() == {"median": 5000.0, "iqr": 0.0, "min": 5000.0, "n": 1, "noisy": True}


class Passing(Clock):
    """A clock that each call moves by its milliseconds: the first compiles, some are cold, the rest are warm."""

    def __init__(self, *ms):
        super().__init__()
        self.ms, self.now = list(ms), 0.0

    def now_ms(self):
        return self.now

    def call(self):
        self.now += self.ms.pop(0) if len(self.ms) > 1 else self.ms[0]


@pytest.mark.parametrize("first", [[30_000, 1500], [30_000, 700, 600], [200, 300, 400, 350]])
def test_neither_compilation_nor_a_second_of_warming_enters_a_time(first):
    clock = Passing(*map(float, first), 100.0)
    assert set(runtime.measure({"a": clock.call}, clock, budget_s=1)["a"].times_ms) == {100.0}


def test_methods_that_are_compared_are_timed_in_turns():
    order = []
    calls = {name: (lambda name=name: order.append(name)) for name in "ab"}
    runtime.measure(calls, FakeClock(10.0), budget_s=100)
    assert order[-10:] == ["a", "b"] * 5


def test_median_and_range_are_those_of_the_middle_half():
    timing = Timing([1.0, 2.0, 3.0, 4.0, 100.0])
    assert (timing.median, timing.iqr) == (3.0, 2.0)


def test_time_per_frame_megapixel_and_second():
    found = runtime.per(Timing([700.0]), (7, 1000, 500))
    assert found == {"frame_ms": 100.0, "megapixel_ms": 200.0, "frames_per_s": 10.0}


class TwoStages(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.Identity(), nn.Identity())
        self.body = nn.ModuleList([nn.Identity(), nn.Identity()])

    def forward(self, clip):
        for part in self.body:
            clip = part(self.head(clip) if part is self.body[0] else clip)
        return clip


def test_each_stage_gets_its_own_time_and_what_runs_between_its_parts():
    ticks = itertools.count()
    clock = StageClock(lambda: float(next(ticks)))
    net = TwoStages()
    with watched(net, clock):
        net(torch.zeros(1))
    # one tick: start to head, head, head to body, body.0, between body.0 and body.1, body.1, to the end
    assert clock.end() == {REST: 3.0, "head": 1.0, "body": 3.0}
    assert not any(module._forward_hooks for module in net.modules())


def test_the_stages_add_up_to_the_call():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    clip = torch.rand(1, 3, 64, 64)
    found = runtime.stages(net, lambda: net(clip), Clock())
    assert set(found) == {REST, "0", "1"} and all(ms >= 0 for ms in found.values())


def test_the_stack_survives_a_stage_that_raises():
    class Fails(nn.Module):
        def forward(self, clip):
            raise ValueError("no")

    net = nn.Sequential(Fails())
    clock = StageClock(lambda: 0.0)
    with watched(net, clock), pytest.raises(ValueError, match="no"):
        net(torch.zeros(1))
    assert clock.depth == 0
