"""The plain orders of computation that `tests/benchmarks/networks.py` measures against compute the same frames."""

import importlib.util
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from stvsr_bench import methods
from stvsr_bench.nn import implicit

_PLACE = Path(__file__).parents[1] / "benchmarks" / "orders.py"
_spec = importlib.util.spec_from_file_location("orders", _PLACE)
orders = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(orders)


def built(spec):
    torch.manual_seed(0)
    net = methods.build(spec).net.double()
    for name, parameter in net.named_parameters():
        if name.endswith("beta") or ".step." in name:  # they start at zero, and would hide what stands before them
            torch.nn.init.normal_(parameter, std=0.1)
    return net


def both(name, net, frames):
    return [orders.order(name, way, net)(frames) for way in ("plain", "fast")]


@pytest.mark.parametrize("far", [False, True], ids=["near", "far"])
def test_the_plain_order_of_rife_is_rife_for_near_and_far_motion(far):
    net = built("rife:multiple=32@none")
    with torch.no_grad():
        for block in net.blocks:  # drawn flows are hardly a pixel long
            block.leave.weight *= 40 if far else 4
    plain, ours = both("rife", net, torch.rand(1, 3, 3, 64, 64, dtype=torch.float64))
    assert_close(plain, ours, rtol=0, atol=1e-9)
    before, after = torch.rand(2, 1, 3, 64, 64, dtype=torch.float64)
    with torch.inference_mode():
        assert orders.PlainRife(net).at((8, 4, 2, 1), before, after)[1] == far


def test_the_plain_order_of_safa_is_safa_whatever_sizes_its_blocks_choose():
    net = built("safa:channels=8:tail_depth=1@none")
    frames = torch.rand(1, 3, 3, 12, 20, dtype=torch.float64)
    for bias in ((5.0, 5.0), (-5.0, 5.0), (0.0, -5.0)):  # full, half, quarter
        with torch.no_grad():
            net.choose.weigh.bias.copy_(torch.tensor(bias))
        plain, ours = both("safa", net, frames)
        assert_close(plain, ours, rtol=0, atol=1e-9)


def test_every_method_with_two_engines_and_every_learned_one_has_a_plain_order():
    two = [name for name in methods.names() if "engine" in methods.card(name).options]
    assert set(two) == set(orders.ENGINES)
    assert set(orders.PLAIN) == set(orders.OTHERS)
    learned = {name for name in methods.names() if methods.card(name).learned}
    assert learned - set(orders.EVERY) <= {"span", "dat-light"}  # frame by frame, in their papers' order


def test_the_plain_order_of_a_continuous_network_asks_all_pixels_at_once():
    seen, before = [], implicit.QUERY_BYTES
    run = orders.order("videoinr", "plain", lambda frames: seen.append(implicit.QUERY_BYTES) or frames)
    run(torch.zeros(1))
    assert seen == [2**60] and before == implicit.QUERY_BYTES
