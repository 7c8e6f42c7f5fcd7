"""MoTIF against the numbers of the authors' network, and what is its own: RAFT at the output's size."""

import pytest
import torch
from stvsr_bench.methods.motif import model, motion, weights
from torch.testing import assert_close

from stvsr_bench.errors import UsageError

SLOW = ["motif_b_times", "motif_c_size"]
HEAVY = pytest.param("motif_d_batch2_alpha", marks=pytest.mark.heavy)
STAGES = [("motion_net", 62, "flow_imnet"), ("texture_net", 64, "imnet")]


@pytest.fixture(scope="module")
def net(goldens):
    net = model.Motif()
    net.load_state_dict(weights.from_authors(goldens.weights("MoTIF")))
    return net.double().eval()


def as_golden(net, goldens, name, engine):
    wanted = goldens.case(name)["recipe"]
    net.engine, net.iters = engine, wanted["forward_args"]["iters"]
    state = goldens.weights("MoTIF") | {
        key: torch.tensor(value) for key, value in wanted["weights"].get("override", {}).items()
    }
    net.load_state_dict(weights.from_authors(state))
    goldens.check_weights(name, state)
    return net


def test_parameters_are_those_of_the_authors(goldens):
    count = sum(p.numel() for p in model.Motif().parameters())
    assert count == goldens.manifest("MoTIF")["total_parameters"] == 13_775_768


def test_every_key_and_shape_of_the_authors_is_written_and_read_back(goldens):
    goldens.check_keys("MoTIF", model.Motif(), weights, 698)


@pytest.mark.parametrize("name", ["motif_a_x4", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW), HEAVY])
def test_plain_equals_the_authors_network_at_every_step(name, net, goldens, watch, monkeypatch):
    as_golden(net, goldens, name, "plain")
    pair, times_BS, size, _ = goldens.asked(name)
    watch.encoder(net.encoder)
    watch.both(net.motion_encoder, "59 flow_process.input (2B,14,h,w)", "60 flow_process.output (2B,64,h,w)")
    for part, number, theirs in STAGES:
        watch.both(getattr(net, part), f"{number} {theirs}.input", f"{number + 1} {theirs}.output")
    watch.both(net.synth_net, "80 synth_net.input (BN,Q,198)", "81 synth_net.output before the clamp (BN,Q,3)")
    watch.splats(monkeypatch)
    read, reads = motion.read, []
    monkeypatch.setattr(motion, "read", lambda *args: (reads.append(read(*args)), reads[-1])[1])
    out = goldens.restored(name, net)
    watch.remove()
    moved = {key: watch.calls.pop(key) for key in list(watch.calls) if key[:2] in ("59", "60")}
    seen = watch.stages(size, times_BS.shape[1])
    seen |= {key: tensors[0] for key, tensors in moved.items()}
    seen |= measured(net, pair, size, reads)
    goldens.check(name, out, seen)


def measured(net, pair, size, reads):
    """RAFT's inputs and flows for the pairs 00, 01, 10, 11, and what was read along the flows."""
    large = torch.nn.functional.interpolate(pair.flatten(0, 1), size=size, mode="bilinear").unflatten(0, (-1, 2))
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1)]
    with torch.no_grad():
        flows = [net.flow_predictor(large[:, a], large[:, b], net.iters) for a, b in pairs]
    return {
        "55 RAFT input 1": 255 * torch.cat([large[:, a] for a, _ in pairs]),
        "56 RAFT input 2": 255 * torch.cat([large[:, b] for _, b in pairs]),
        "57 RAFT flow, last iteration (4B,2,H,W)": torch.cat(flows),
        "58 bwarp[call 0]": torch.cat(reads[0::2]),
        "58 bwarp[call 1]": torch.cat(reads[1::2]),
    }


@pytest.mark.parametrize("name", [*(pytest.param(name, marks=pytest.mark.slow) for name in SLOW), HEAVY])
def test_fast_equals_the_authors_network(name, net, goldens):
    goldens.check(name, goldens.restored(name, as_golden(net, goldens, name, "fast")))


def test_only_what_the_authors_leave_untrained_is_without_a_gradient(goldens):
    goldens.check_gradients("MoTIF", model.Motif(), weights)


def test_sizes_that_raft_cannot_measure_are_refused_with_one_sentence(small):
    net = small.net(model.Motif)
    with pytest.raises(UsageError, match="multiples of 8, not 20x40"):
        small.made(net, (20, 40))


def test_more_iterations_are_another_flow(small):
    net = small.net(model.Motif)
    before = small.made(net)
    net.iters = 12
    assert (small.made(net) - before).abs().max() > 0


def test_a_flow_of_zero_reads_a_little_towards_the_corner():
    ramp = torch.arange(8.0).double().expand(1, 1, 8, 8)
    assert_close(motion.read(ramp, torch.zeros(1, 2, 8, 8).double()), ramp * 7 / 8, rtol=0, atol=1e-12)
