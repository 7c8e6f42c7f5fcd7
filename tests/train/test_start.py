import pytest
import torch
from torch import nn

from stvsr_bench.errors import UsageError
from stvsr_bench.nn.deform import ModulatedDeformConv
from stvsr_bench.train.recipe import Straight
from stvsr_bench.train.start import straighten


class Deep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.middle = nn.Sequential(*(nn.Conv2d(8, 8, 3, padding=1) for _ in range(6)))
        self.fuse = nn.Conv2d(16, 8, 1)
        self.warp = ModulatedDeformConv(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.middle(self.first(x))
        return self.fuse(torch.cat([self.warp(features, features), features], dim=1))


def detail(net: nn.Module) -> float:
    """How strong detail is in what comes out, against a flat grey."""
    torch.manual_seed(0)
    flat = torch.full((1, 3, 16, 16), 0.5)
    with torch.no_grad():
        grey, busy = net(flat), net(flat + 0.05 * torch.randn_like(flat))
    return float((busy - grey).std() / grey.abs().mean())


def test_detail_passes_a_straightened_net_and_flat_grey_does_not() -> None:
    torch.manual_seed(1)
    net = Deep()
    before = detail(net)
    straighten(net, Straight(high_pass=["first"]), seed=0)
    assert detail(net) > 3 * before
    inside = net.first(torch.full((1, 3, 16, 16), 0.5))[..., 1:-1, 1:-1]
    assert inside.abs().max() < 1e-5


def test_named_modules_start_at_zero_or_stay_as_they_were() -> None:
    net = Deep()
    kept = net.middle[2].weight.clone()
    straighten(net, Straight(zero=["fuse"], own=["middle"]), seed=0)
    assert not net.fuse.weight.any()
    assert torch.equal(net.middle[2].weight, kept)
    assert not net.warp.head.weight.any()  # what was zero stays zero


def test_the_beginning_depends_on_the_seed_alone() -> None:
    one, two = Deep(), Deep()
    for net in (one, two):
        straighten(net, Straight(), seed=5)
    assert torch.equal(one.warp.weight, two.warp.weight)


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="frist"):
        straighten(Deep(), Straight(high_pass=["frist"]), seed=0)
