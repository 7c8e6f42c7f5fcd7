"""What holds of VideoINR, MoTIF and BF-STVSR alike: engines, chunks, times, pairs, sizes."""

import pytest
import torch
from stvsr_bench.methods.bfstvsr.model import BfStvsr
from stvsr_bench.methods.motif.model import Motif
from stvsr_bench.methods.videoinr.model import VideoINR
from torch.testing import assert_close

from stvsr_bench.errors import UsageError
from stvsr_bench.nn import implicit
from stvsr_bench.nn.zsm_encoder import ZsmEncoder

EXACT = {"rtol": 0, "atol": 1e-9}


@pytest.fixture(params=[VideoINR, Motif, BfStvsr], ids=["videoinr", "motif", "bfstvsr"], scope="module")
def make(request):
    return request.param


@pytest.fixture(scope="module")
def net(make, small):
    return small.net(make)


@pytest.fixture
def encoded(monkeypatch):
    """The shapes of all clips that an encoder was given."""
    calls, encode = [], ZsmEncoder.encode
    monkeypatch.setattr(
        ZsmEncoder, "encode", lambda self, clip: (calls.append(tuple(clip.shape)), encode(self, clip))[1]
    )
    return calls


@pytest.mark.parametrize("size", [(16, 40), (8, 16)], ids=str)
def test_both_engines_are_one_function_for_a_batch_with_times_of_its_own(size, make, net, small):
    quick = small.made(net, size)
    plain = small.made(small.net(make, engine="plain"), size)
    assert quick.shape == (2, 5, 3, *size)
    assert quick.std() > 1e-3
    assert_close(quick, plain, **EXACT)
    with torch.no_grad():
        alone = [net(pair, times, size) for pair, times in zip(small.pair.split(1), small.times.split(1), strict=True)]
    assert_close(torch.cat(alone), plain, **EXACT)


@pytest.mark.parametrize("engine", ["plain", "fast"])
def test_queries_in_chunks_give_what_all_give_at_once(engine, make, small, monkeypatch):
    net = small.net(make, engine)
    monkeypatch.setattr(implicit, "QUERY_BYTES", 2**40)
    whole = small.made(net)
    monkeypatch.setattr(implicit, "QUERY_BYTES", 1)  # row by row
    assert_close(small.made(net), whole, **EXACT)


def test_the_encoder_runs_once_for_all_times_of_a_pair(net, small, encoded):
    small.made(net)
    assert encoded == [(2, 2, 3, 8, 12)]


def test_more_than_two_frames_are_taken_pair_by_pair(net, small, encoded):
    clip = torch.cat([small.pair, small.pair[:, :1].flip(-1)], dim=1)
    with torch.no_grad():
        whole = net(clip, small.times, (16, 16))
        first, second = (net(pair, small.times, (16, 16)) for pair in (clip[:, :2], clip[:, 1:]))
    assert len(encoded) == 4
    assert whole.shape == (2, 3 + 2 * 3, 3, 16, 16)
    # the frame that begins a gap is decoded at time 0 of it
    assert_close(whole, torch.cat([first[:, :-1], second], dim=1), **EXACT)


def test_frames_come_in_order_the_first_at_time_0_and_the_last_at_time_1(net, small):
    shown = small.made(net)
    ends = torch.tensor([[0.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
    with torch.no_grad():
        every = net.restore(small.pair, torch.cat([ends[:, :1], small.times, ends[:, 1:]], dim=1), (16, 24))
        assert_close(shown, every, **EXACT)
        assert (every[:, 0] - every[:, -1]).abs().max() > 1e-4
        assert_close(net(small.pair), net(small.pair, torch.tensor([[0.5]]), (32, 48)), **EXACT)


def test_sizes_and_clips_that_cannot_be_made_are_refused_with_one_sentence(net):
    with pytest.raises(UsageError, match="multiples of 4, not 10x16"):
        net(torch.rand(1, 2, 3, 10, 16))
    with pytest.raises(UsageError, match="smaller than the frames"):
        net(torch.rand(1, 2, 3, 16, 16), None, (8, 16))
    with pytest.raises(UsageError, match="T >= 2"):
        net(torch.rand(1, 1, 3, 8, 8))
    with pytest.raises(UsageError, match="between 0 and 1"):
        net(torch.rand(1, 2, 3, 8, 8), torch.tensor([[0.0]]))


def test_both_engines_have_the_same_gradients(make, small):
    found = []
    for engine in ("plain", "fast"):
        net = small.net(make, engine)
        net(small.pair[:1], small.times[:1, :2], (16, 16)).square().sum().backward()
        found.append({name: p.grad for name, p in net.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys() and len(found[0]) > 100
    for name, gradient in found[0].items():
        assert_close(found[1][name], gradient, rtol=1e-8, atol=1e-9, msg=name)
