"""BasicVSR against the numbers of the authors' network, drawn weights and theirs; orders, sizes, precision."""

import importlib.util
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from stvsr_bench.methods.basicvsr import model, weights
from torch.testing import assert_close

from stvsr_bench import methods
from stvsr_bench.errors import WeightsError

DRAWN = ["basicvsr_a", "basicvsr_b_odd", "basicvsr_c_small", "basicvsr_d_one"]
REAL = {"basicvsr_real_bi": "basicvsr", "basicvsr_real_bd": "basicvsr@vimeo-bd", "basicvsr_real_reds": "basicvsr@reds"}
FLIP = "basicvsr_real_bi_flip"

_spec = importlib.util.spec_from_file_location("plain_networks", Path(__file__).with_name("plain.py"))
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)


@pytest.fixture(scope="module")
def drawn(goldens):
    return goldens.drawn(model.BasicVsr(), weights, "BasicVSR")


@pytest.fixture
def small():
    """A small network in float64 whose flows are of some pixels."""
    torch.manual_seed(0)
    net = model.BasicVsr(features=8, blocks=1).double()
    for level in net.flow.levels:
        torch.nn.init.normal_(level[-1].weight, std=0.05)
    return net


@pytest.fixture
def watch(monkeypatch):
    """A function that runs a network and gives what its parts saw and gave, under the goldens' names."""

    def run(net, frames_BTChw):
        calls, handles, flows = {}, [], []

        def on(module, name, of):
            act = lambda _, given, out: calls.setdefault(name, []).append(of(given, out))  # noqa: E731
            handles.append(module.register_forward_hook(act))

        for index, level in enumerate(net.flow.levels):
            on(level, f"SpyNet level {index}: its 8 input channels, pair (0, 1)", lambda given, out: given[0])
            on(level, f"SpyNet level {index}: flow, pair (0, 1)", lambda given, out: given[0][:, 6:] + out)
        for trunk, name in ((net.backward_, "backward"), (net.forward_, "forward")):
            on(trunk, f"{name} pass: warped feature", lambda given, out: given[1])
            on(trunk, f"{name} feature", lambda given, out: out)
        on(net.fuse, "after fusion, before lrelu", lambda given, out: out)
        on(net.tail.up2, "after first pixel shuffle and lrelu", lambda given, out: given[0])
        on(net.tail.refine, "after second pixel shuffle and lrelu", lambda given, out: given[0])
        on(net.tail.last, "conv_last, before the base is added", lambda given, out: out)
        make = net.flows
        monkeypatch.setattr(net, "flows", lambda frames: flows.append(make(frames)) or flows[-1])
        with torch.no_grad():
            out = net(frames_BTChw)
        for handle in handles:
            handle.remove()
        return out, named(calls, flows[0], len(frames_BTChw))

    return run


def named(calls, flows, batch):
    """The calls in order of frames, as tensors (B, T, C, h, w)."""
    seen = {}
    for name, parts in calls.items():
        if name.startswith("SpyNet"):
            seen[name] = first_pair(parts[0], batch)
        elif name == "backward pass: warped feature":  # the first call of a pass is given none
            seen[f"{name}, frames 0..T-2"] = parts[:0:-1] and torch.stack(parts[:0:-1], 1)
        elif name == "forward pass: warped feature":
            seen[f"{name}, frames 1..T-1"] = parts[1:] and torch.stack(parts[1:], 1)
        else:
            seen[name] = torch.stack(parts[::-1] if name == "backward feature" else parts, 1)
    if flows[0]:
        seen["flow to the next frame (flows_backward)"] = torch.stack(flows[0], 1)
        seen["flow to the previous frame (flows_forward)"] = torch.stack(flows[1], 1)
    return seen


def first_pair(pairs, batch):
    """Frame 0 to frame 1 of each clip: pairs come as (direction, clip, gap)."""
    return pairs.unflatten(0, (2, batch, -1))[0, :, 0]


@pytest.mark.parametrize("name", DRAWN)
def test_the_drawn_network_equals_the_authors_at_every_step(name, drawn, goldens, watch):
    goldens.check_weights(name, weights.to_authors(drawn.state_dict()))
    goldens.check(name, *watch(drawn, goldens.clip(name)))


@pytest.mark.parametrize("name", REAL)
def test_with_the_authors_weights_it_is_the_published_network_at_every_step(name, goldens, watch):
    net = goldens.real(name, REAL[name])
    goldens.check_weights(name, weights.to_authors(net.state_dict()))
    goldens.check(name, *watch(net, goldens.clip(name)))


@pytest.mark.heavy
def test_a_clip_and_its_mirror_image_give_the_published_middle_frame_of_vimeo(goldens, watch):
    clip_BTChw = goldens.clip(FLIP)
    count = clip_BTChw.shape[1]
    out, seen = watch(goldens.real(FLIP, "basicvsr@vimeo-bi"), torch.cat([clip_BTChw, clip_BTChw.flip(1)], 1))
    middle = (out[:, count // 2] + out[:, 2 * count - 1 - count // 2])[:, None] / 2
    goldens.check(FLIP, middle, seen)


def test_every_key_and_shape_of_the_authors_is_written_and_read_back(goldens):
    goldens.check_keys("BasicVSR", model.BasicVsr(), weights)


def test_parameters_are_the_paper_s(goldens):
    count = sum(p.numel() for p in model.BasicVsr().parameters())
    assert count == goldens.manifest("BasicVSR")["total_parameters"] == 6_291_311


def test_plain_basicvsr_means_the_bicubic_file_of_vimeo():
    assert next(iter(methods.card("basicvsr").weights)) == "vimeo-bi"


def test_a_foreign_key_is_named():
    with pytest.raises(WeightsError, match=r"'stranger\.weight' is not known"):
        weights.from_authors({**weights.to_authors(model.BasicVsr().state_dict()), "stranger.weight": torch.ones(1)})


@pytest.mark.parametrize("flow_bytes", [0, 7_000_000, 2**40], ids=["a gap", "two gaps", "all gaps"])
def test_it_is_the_paper_s_order_however_many_flows_are_estimated_together(small, monkeypatch, flow_bytes):
    monkeypatch.setattr(model, "FLOW_BYTES", flow_bytes)
    frames_BTChw, batches = torch.rand(2, 4, 3, 19, 24, dtype=torch.float64), []
    small.flow.register_forward_pre_hook(lambda _, given: batches.append(len(given[0][0])))
    with torch.no_grad():
        out = small(frames_BTChw)
        assert batches == {0: [4, 4, 4], 7_000_000: [8, 4], 2**40: [12]}[flow_bytes]
        assert_close(out, plain.PlainBasicVsr(small)(frames_BTChw), rtol=0, atol=1e-12)


def test_every_frame_depends_on_the_whole_clip(small):
    frames_BTChw = torch.rand(1, 4, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    for index in range(4):
        (moved,) = torch.autograd.grad(small(frames_BTChw)[:, index].square().sum(), frames_BTChw)
        assert bool((moved.abs().sum((0, 2, 3, 4)) > 0).all())


def test_every_parameter_learns(small):
    small(torch.rand(1, 3, 3, 33, 40, dtype=torch.float64)).square().sum().backward()
    assert [name for name, p in small.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_a_still_level_of_the_flow_is_in_pixels_of_the_frame_and_not_of_its_stretched_version():
    """Only the last level says anything: one pixel right and two down, of the stretched picture."""
    net = model.SpyNet().double()
    for level in net.levels:
        torch.nn.init.zeros_(level[-1].weight)
        torch.nn.init.zeros_(level[-1].bias)
    net.levels[-1][-1].bias.data[:] = torch.tensor([1.0, 2.0])
    frames = net.pyramid(torch.rand(1, 3, 40, 20, dtype=torch.float64))
    flow = net(frames, frames, (40, 20))
    assert_close(flow[0, :, 7, 5], torch.tensor([20 / 32, 2 * 40 / 64], dtype=torch.float64), rtol=0, atol=1e-12)


def test_flows_stay_in_single_precision_under_autocast(small):
    frames_BTChw, net = torch.rand(1, 3, 3, 16, 24), small.float()
    with torch.no_grad():
        exact = net.flows(frames_BTChw)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half, out = net.flows(frames_BTChw), net(frames_BTChw)
    for found, wanted in zip(half, exact, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    assert F.mse_loss(out.float(), net(frames_BTChw)) < 1e-3
