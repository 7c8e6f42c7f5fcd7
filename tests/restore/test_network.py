"""What one call of a network returns, and when its values are said to be of another range."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from stvsr_bench import protocols
from stvsr_bench.errors import ClipError
from stvsr_bench.restore.network import call, enlarged, wrong_range
from stvsr_bench.schema import Method, MethodCard, Settings

SUITE = protocols.get("suite-1")
CARD = MethodCard(name="toy", title="Toy", kind="stvsr", net="model:Toy", learned=False)
LR = torch.rand(1, 3, 3, 6, 8, generator=torch.Generator().manual_seed(0))


def dense(given_BTChw, between=0.5):
    """Frames four times as large, and between two of them one of a single value, (1, 5, 3, 24, 32)."""
    large = F.interpolate(given_BTChw.flatten(0, 1), scale_factor=4).unflatten(0, (1, 3))
    sr = torch.full((1, 5, 3, 24, 32), between)
    sr[:, ::2] = large
    return sr


def told(slope=1.0, offset=0.0, **more):
    return wrong_range(dense(slope * LR + offset, **more), LR, 2).partition(";")[0]


@pytest.mark.parametrize(
    ("slope", "offset"), [(1, 0), (1.4, -0.2), (99, 0), (1.59, -1), (2.41, -1), (2, -0.69), (2, -1.31)]
)
def test_a_network_that_overshoots_or_is_untrained_is_not_accused(slope, offset):
    assert told(slope, offset) == ""


@pytest.mark.parametrize(("slope", "offset"), [(255, 0), (255, -40), (101, 0)])
def test_frames_in_grey_levels_are_told(slope, offset):
    assert told(slope, offset) == "values from 0 to 255"


@pytest.mark.parametrize(("slope", "offset"), [(2, -1), (1.61, -1), (2.39, -1), (2, -0.71), (2, -1.29)])
def test_frames_from_minus_1_to_1_are_told(slope, offset):
    assert told(slope, offset) == "values from -1 to 1"


def test_the_frames_between_do_not_count():
    assert told(255, between=0.0) == told(255, between=9000.0) == "values from 0 to 255"
    assert told(1, between=9000.0) == ""


@pytest.mark.parametrize(("share", "says"), [(0.91, "values from 0 to 255"), (0.89, "")])
def test_frames_are_the_input_again_from_a_squared_correlation_of_nine_tenths_on(share, says):
    lr = (LR - LR.mean()).double().flatten()
    noise = torch.randn(lr.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    noise -= noise.mean()
    noise -= lr * (noise @ lr) / (lr @ lr)  # now it has nothing to do with the input
    noise *= ((lr @ lr) * (1 / share - 1) / (noise @ noise)).sqrt()
    assert torch.corrcoef(torch.stack([lr, lr + noise]))[0, 1] ** 2 == pytest.approx(share)
    assert wrong_range(dense(255 * (LR + noise.view_as(LR))).float(), LR, 2).partition(";")[0] == says


@pytest.mark.parametrize(("level", "says"), [(0.009, ""), (0.011, "values from 0 to 255")])
def test_an_input_that_is_nearly_flat_says_nothing_of_the_range(level, says):
    signs = torch.where(torch.arange(LR.numel()) % 2 == 0, level, -level).view_as(LR)  # a variance of level squared
    lr = 0.5 + signs
    assert wrong_range(dense(255 * lr), lr, 2).partition(";")[0] == says


class Noted(nn.Module):
    """Notes what it is called with; `after` changes what it returns."""

    def __init__(self, after=lambda sr: sr):
        super().__init__()
        self.after = after
        self.noted = []

    def forward(self, *given, **named):
        lr_BTChw = given[0]
        self.noted.append((*given[1:], named, torch.is_autocast_enabled("cpu"), torch.is_inference_mode_enabled()))
        between = given[1].shape[1] if len(given) > 1 else 1
        count = lr_BTChw.shape[1] + (lr_BTChw.shape[1] - 1) * between
        return self.after(lr_BTChw.new_full((1, count, 3, 24, 32), 0.25))


def method(net, **card):
    return Method(spec="toy", card=replace(CARD, **card), net=net)


def test_a_network_is_given_times_only_where_there_is_more_than_one_and_a_size_only_where_it_takes_one():
    net = Noted()
    call(method(net), LR, SUITE, Settings())
    call(method(net, time="any"), LR, protocols.get("suite-1:time_scale=4"), Settings())
    call(method(net, scale=[1, 8]), LR, SUITE, Settings())
    (plain, (times, *_), (size, *_)) = net.noted
    assert plain == ({}, False, True)
    np.testing.assert_array_equal(times.numpy(), [[0.25, 0.5, 0.75]])
    assert size == {"size": (24, 32)}


@pytest.mark.parametrize(("precision", "half"), [("fp32", False), ("bf16", True)])
def test_a_precision_is_set_for_the_call_and_the_result_is_float32(precision, half):
    net = Noted(lambda sr: sr.bfloat16() if half else sr)
    sr = call(method(net), LR, SUITE, Settings(precision=precision))
    assert net.noted[0][-2] is half and sr.dtype == torch.float32 and (sr == 0.25).all()
    assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (lambda sr: sr[:, :4], r"returned \(1, 4, 3, 24, 32\), the protocol wants \(1, 5, 3, 24, 32\)"),
        (lambda sr: sr[:, :, :, :-1], r"returned \(1, 5, 3, 23, 32\), the protocol wants"),
        (lambda sr: torch.cat([sr, sr], 1), r"returned \(1, 10, 3, 24, 32\), the protocol wants"),
        (lambda sr: sr[..., :-1], r"returned \(1, 5, 3, 24, 31\), the protocol wants"),
        (lambda sr: sr.numpy(), r"returned ndarray, the protocol wants"),
        (lambda sr: sr.to(torch.int64), r"returned torch.int64, not floating-point values"),
    ],
)
def test_what_is_no_restored_window_is_a_sentence(after, says):
    with pytest.raises(ClipError, match=says):
        call(method(Noted(after)), LR, SUITE, Settings())


def test_what_is_wanted_of_pixels_at_a_fraction_is_whole():
    assert enlarged((6, 8), protocols.get("suite-1:scale=5/2")) == (15, 20)
    assert enlarged((6, 8), SUITE) == (24, 32)
