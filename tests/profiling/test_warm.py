"""What is compiled in a first call is called before the clock, and nothing else changes."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from stvsr_bench import protocols
from stvsr_bench.profiling import warm
from stvsr_bench.schema import Method, MethodCard, Settings

SUITE = protocols.get("suite-1")
LR = np.random.default_rng(0).random((13, 3, 40, 48), dtype=np.float32)  # two windows of four given frames


class Net(nn.Module):
    """Notes the shapes that it is given, throws dice, and does what it is told with small pictures."""

    def __init__(self, least=0, error=None):
        super().__init__()
        self.shapes, self.least, self.error = [], least, error

    def forward(self, lr, times=None):
        self.shapes.append(tuple(lr.shape[1:2] + lr.shape[3:]))
        torch.rand(3), np.random.rand(3), random.random()
        if min(lr.shape[-2:]) < self.least:
            raise RuntimeError("padding must be smaller than the picture")
        if self.error is not None:
            raise self.error
        return torch.zeros(1, 2 * lr.shape[1] - 1, 3, 4 * lr.shape[3], 4 * lr.shape[4])


def method(net, **card):
    return Method("m", MethodCard(name="m", title="m", kind="stvsr", net="m:M", **card), net)


def test_a_network_is_called_once_on_a_corner_of_a_window():
    net = Net()
    assert warm.network(method(net), LR, SUITE, Settings()) > 0
    assert net.shapes == [(2, 32, 32)]
    assert warm.network(method(net), LR[:, :, :24], SUITE, Settings()) == 0 and len(net.shapes) == 1
    fixed = Net()
    warm.network(method(fixed, frames_in=(4, 4)), LR, SUITE, Settings())
    assert fixed.shapes == [(4, 32, 32)]


def test_a_network_that_refuses_a_corner_is_called_on_a_whole_window():
    net = Net(least=40)
    warm.network(method(net), LR, SUITE, Settings())
    assert net.shapes == [(2, 32, 32), (4, 40, 48)]


def test_a_compiled_network_is_called_for_each_size_and_number_of_frames():
    net = Net()
    settings = Settings(compile=True)  # not compiled here: what it is called with is asked
    assert warm.network(method(net), LR, SUITE, settings) > 0
    assert net.shapes == [(4, 40, 48)]
    assert warm.network(method(net), LR[:7], SUITE, settings) == 0 and len(net.shapes) == 1
    warm.network(method(net), LR[..., :44], SUITE, settings)
    warm.network(method(net), LR[:5], SUITE, settings)
    assert net.shapes[1:] == [(4, 40, 44), (3, 40, 48)]


def test_random_numbers_stay_as_if_nothing_had_been_called():
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    wanted = (torch.rand(2).tolist(), np.random.rand(2).tolist(), random.random())
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    warm.network(method(Net()), LR, SUITE, Settings())
    assert (torch.rand(2).tolist(), np.random.rand(2).tolist(), random.random()) == wanted


def test_a_network_that_fails_is_left_to_the_clip_and_ctrl_c_is_not():
    assert warm.network(method(Net(error=ValueError("no"))), LR, SUITE, Settings()) > 0
    with pytest.raises(KeyboardInterrupt):
        warm.network(method(Net(error=KeyboardInterrupt())), LR, SUITE, Settings())
    hidden = ValueError("the file cannot be closed")
    hidden.__context__ = KeyboardInterrupt()
    with pytest.raises(ValueError, match="closed"):
        warm.network(method(Net(error=hidden)), LR, SUITE, Settings())


def test_the_kernels_of_the_suite_are_called_once_for_each_way_of_rounding(monkeypatch):
    monkeypatch.setattr(warm, "_suite_done", set())
    unrounded = protocols.get("videoinr-2022")
    assert [warm.suite(protocol) > 0 for protocol in (SUITE, SUITE, unrounded, unrounded)] == [True, False, True, False]
