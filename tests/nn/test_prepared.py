"""Shared arithmetic of pair alignment: the same numbers and gradients as the modules' own `forward`."""

import pytest
import torch
from torch.testing import assert_close

from stvsr_bench.nn.prepared import FusedPair, PreparedEpcd
from stvsr_bench.nn.pyramid import Epcd, FeaturePyramid, PairAligner


def shaken(module):
    torch.manual_seed(0)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    return module.double()


@pytest.mark.parametrize("tau", [None, (-0.4, 0.4)])
def test_a_fused_pair_is_the_aligner_followed_by_the_fusion(tau):
    pyramid, aligner, fuse = map(
        shaken, (FeaturePyramid(8), PairAligner(8, 2, True, "size"), torch.nn.Conv2d(16, 8, 1))
    )
    a, b = (pyramid(torch.randn(2, 8, 10, 12, dtype=torch.float64)) for _ in range(2))
    taus = (None, None) if tau is None else tuple(torch.full((2,), t, dtype=torch.float64) for t in tau)
    pair = FusedPair(aligner, fuse)
    assert_close(pair.aligned(a, b, pair.compared(a, b), taus), fuse(aligner(a, b, *taus)), rtol=0, atol=1e-10)


@pytest.mark.parametrize("zero", [False, True])
def test_a_prepared_epcd_is_the_epcd_and_has_its_gradients(zero):
    epcd = shaken(Epcd(8, 2))
    known = torch.randn(3, 8, 8, 12, dtype=torch.float64)
    state = torch.zeros(2, 8, 8, 12, dtype=torch.float64) if zero else torch.randn(2, 8, 8, 12, dtype=torch.float64)
    gradients = []
    for prepared in (False, True):
        epcd.zero_grad()
        quick = PreparedEpcd(epcd, known)
        out = quick(lambda m: m[1:], None if zero else state) if prepared else epcd(known[1:], state)
        out.square().sum().backward()
        gradients.append((out.detach(), [p.grad for p in epcd.parameters()]))
    assert_close(gradients[1][0], gradients[0][0], rtol=0, atol=1e-10)
    for quick_grad, plain_grad in zip(gradients[1][1], gradients[0][1], strict=True):
        unused = torch.zeros_like(plain_grad) if quick_grad is None else quick_grad  # a zero L1 is not warped at all
        assert_close(unused, plain_grad, rtol=1e-8, atol=1e-8)
