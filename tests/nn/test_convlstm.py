"""The deformable ConvLSTM: gates against torch's own LSTM, symmetry in time, and both engines."""

import pytest
import torch
from torch.testing import assert_close

from stvsr_bench.nn.convlstm import BidirectionalConvLstm, gated


@pytest.fixture
def lstm():
    torch.manual_seed(0)
    lstm = BidirectionalConvLstm(8, 2).double()
    for parameter in lstm.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    return lstm


def test_gates_are_those_of_an_lstm():
    oracle = torch.nn.LSTMCell(3, 5).double()
    x, h, c = (torch.randn(2, n, dtype=torch.float64) for n in (3, 5, 5))
    raw = x @ oracle.weight_ih.T + oracle.bias_ih + h @ oracle.weight_hh.T + oracle.bias_hh
    i, f, g, o = raw.chunk(4, dim=1)  # torch's order
    found = gated(torch.cat([i, f, o, g], dim=1)[..., None, None], c[..., None, None])
    for mine, theirs in zip(found, oracle(x, (h, c)), strict=True):
        assert_close(mine[..., 0, 0], theirs)


@pytest.mark.parametrize("engine", ["plain", "fast"])
def test_reversing_time_and_swapping_past_and_future_reverses_the_output(engine, lstm):
    seq_BSChw = torch.randn(1, 3, 8, 8, 12, dtype=torch.float64)
    with torch.no_grad():
        expected = lstm(seq_BSChw, engine).flip(1)
        lstm.fuse.weight.copy_(torch.cat(lstm.fuse.weight.chunk(2, dim=1)[::-1], dim=1))
        assert_close(lstm(seq_BSChw.flip(1), engine), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_both_engines_are_one_function_for_any_number_of_frames(frames, lstm):
    seq_BSChw = torch.randn(2, frames, 8, 8, 12, dtype=torch.float64)
    with torch.no_grad():
        assert_close(lstm(seq_BSChw, "fast"), lstm(seq_BSChw, "plain"), rtol=0, atol=1e-10)


def test_every_frame_sees_the_past_and_the_future(lstm):
    seq_BSChw = torch.randn(1, 3, 8, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        before = lstm(seq_BSChw)
        for changed in range(3):
            other = seq_BSChw.clone()
            other[:, changed] += 1
            assert all((lstm(other) - before).abs().amax(dim=(0, 2, 3, 4)) > 1e-9)
