"""RAFT's correlations against all pairs of pixels, and the sizes it takes. Its goldens: tests/methods/continuous."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from stvsr_bench.errors import UsageError
from stvsr_bench.nn import raft


def all_pairs(first, second, place):
    """The correlations by the usual way: the products of all pairs, halved, read by `grid_sample`."""
    b, c, h, w = first.shape
    volume = torch.einsum("bchw,bcij->bhwij", first, second).reshape(b * h * w, 1, h, w) / c**0.5
    steps = torch.arange(-3, 4).double()
    around = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1)  # (x, y), x the slow index
    found = []
    for _ in range(raft.LEVELS):
        sides = torch.tensor([volume.shape[3], volume.shape[2]])
        at = place.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2) / 2 ** len(found) + around
        found.append(F.grid_sample(volume, (2 * at + 1) / sides - 1, align_corners=False).reshape(b, h, w, 49))
        volume = F.avg_pool2d(volume, 2)
    return torch.cat(found, dim=-1).permute(0, 3, 1, 2)


def test_correlations_are_those_of_all_pairs():
    torch.manual_seed(0)
    first, second = torch.randn(2, 2, raft.FEATURES, 17, 19).double()
    place = raft.pixels(first) + 6 * torch.randn(2, 2, 17, 19).double()
    found = raft.Correlation(first, second)(place)
    assert_close(found, all_pairs(first, second, place), rtol=0, atol=1e-10)


def test_a_place_that_is_no_number_reads_no_foreign_memory():
    first = torch.randn(1, raft.FEATURES, 8, 8)
    place = torch.full((1, 2, 8, 8), float("nan"))
    assert raft.Correlation(first, first)(place).shape == (1, 196, 8, 8)


@pytest.mark.parametrize("size", [(8, 8), (16, 40), (64, 8)])
def test_small_frames_work(size):
    torch.manual_seed(0)
    net, frames = raft.RaftSmall().eval(), torch.rand(2, 3, *size)
    with torch.no_grad():
        flow = net(frames[:1], frames[1:], 2)
    assert flow.shape == (1, 2, *size) and bool(flow.isfinite().all())


def test_sides_that_are_no_multiples_of_8_are_refused_with_one_sentence():
    with pytest.raises(UsageError, match="multiples of 8, not 20x16"):
        raft.RaftSmall()(torch.rand(1, 3, 20, 16), torch.rand(1, 3, 20, 16))
