"""Points of a sweep, exponents and the search for the largest size, against what is known by hand."""

from dataclasses import replace

import pytest
import torch

from stvsr_bench import protocols
from stvsr_bench.errors import UsageError
from stvsr_bench.profiling import params, scaling
from stvsr_bench.profiling.case import frames_made, make, rounded
from stvsr_bench.restore import forward
from stvsr_bench.schema import Method, MethodCard, Settings


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_law_is_found(power):
    amounts = [100, 200, 400, 900]
    assert scaling.exponent(amounts, [3.0 * x**power for x in amounts]) == pytest.approx(power)


def test_no_exponent_from_one_point_or_from_nothing():
    assert scaling.exponent([4], [2.0]) is None
    assert scaling.exponent([4, 8], [0.0, 0.0]) is None


@pytest.mark.parametrize("most", [0, 1, 5, 31, 32, 33, 1000])
def test_the_largest_that_fits_is_found_to_five_percent(most):
    tried = []

    def fits(n):
        tried.append(n)
        return n <= most

    found = scaling.largest(fits, known=8)
    assert found <= most <= found + max(1, int(0.05 * 2 * found)) - (most < 20)
    assert len(tried) < 20


def test_sizes_of_a_sweep_fit_the_method():
    points = scaling.points("size", (64, 112), 4, 8, (2, 1000))
    assert points[0] == ((32, 56), 4) and points[-1] == ((96, 168), 4)
    assert all(side % 8 == 0 for size, _ in points for side in size)


def test_frames_of_a_sweep_are_those_that_the_method_takes():
    assert scaling.points("frames", (16, 16), 4, 1, (2, 4)) == [((16, 16), 2), ((16, 16), 3), ((16, 16), 4)]


def method(net, **card):
    return Method("m", MethodCard(name="m", title="m", kind="stvsr", net="m:M", **card), net)


class Seen(torch.nn.Module):
    """Keeps what it is given; four times as large and twice as dense, made of nothing."""

    def forward(self, lr, times=None):
        self.lr = lr
        return torch.zeros(1, 2 * lr.shape[1] - 1, 3, 4 * lr.shape[3], 4 * lr.shape[4])


@pytest.mark.parametrize("pad", ["zeros", "replicate", "reflect"])
@pytest.mark.parametrize("size", [(13, 18), (16, 24), (8, 9)])
def test_a_profile_gives_the_network_what_a_run_gives_it(size, pad):
    seen = Seen()
    padding = method(seen, multiple_of=8, pad=pad)
    case = make(padding, size, 3)
    noise_TChw = replace(case, multiple_of=1).clip()[0].numpy()
    forward(padding, noise_TChw, protocols.get("suite-1"), Settings(), {})
    of_a_run = seen.lr
    sr = case.prepared()()
    assert torch.equal(seen.lr, of_a_run)
    assert frames_made(sr, "m", case) == (5, 4 * size[0], 4 * size[1])


def test_frames_that_a_method_cannot_take_are_said():
    with pytest.raises(UsageError, match="takes 2 to 5 frames, not 9"):
        make(method(None, frames_in=(2, 5)), (64, 112), 9)
    assert rounded((7, 9), 0.1, 4) == (4, 4)


def test_parameters_are_counted_once_by_module_and_by_what_is_trainable():
    from torch import nn

    shared = nn.Conv2d(3, 4, 3)
    net = nn.ModuleDict({"a": nn.Sequential(shared, nn.BatchNorm2d(4)), "b": shared})
    net["a"][1].requires_grad_(False)
    found = params.count(net)
    assert found.total == 3 * 4 * 9 + 4 + 8
    assert found.trainable == 3 * 4 * 9 + 4
    assert found.buffers == 4 + 4 + 1
    assert found.bytes == 4 * found.total + 4 * 8 + 8
    assert found.by_module == {"a": 120, "a.0": 112, "a.1": 8}


def test_exponents_of_a_sweep_leave_out_a_point_without_memory():
    def line(side, memory):
        return {"size": [side, side], "frames": 4, "runtime_ms": {"median": side**2}, "peak_memory_mib": memory,
                "gmacs": side**4}  # fmt: skip

    lines = [line(10, 5.0), line(20, 20.0), line(40, None)]
    assert scaling.exponents("size", lines) == {"time": 1.0, "memory": 1.0, "theory": 2.0}
    assert scaling.exponents("frames", lines) == {"time": None, "memory": None, "theory": None}
