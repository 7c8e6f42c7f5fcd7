"""BF-STVSR against the numbers of the authors' network, and its splines."""

import pytest
import torch
from stvsr_bench.methods.bfstvsr import mappers, model, weights
from torch.testing import assert_close

PLAIN, SLOW = ["bfstvsr_a_x4", "bfstvsr_d_batch2_alpha"], ["bfstvsr_b_times", "bfstvsr_c_size"]


@pytest.fixture(scope="module")
def net(goldens):
    net = model.BfStvsr()
    net.load_state_dict(weights.from_authors(goldens.weights("BF-STVSR")))
    return net.double().eval()


def as_golden(net, goldens, name, engine):
    wanted = goldens.case(name)["recipe"]["weights"]
    net.engine = engine
    state = goldens.weights("BF-STVSR") | {
        key: torch.tensor(value) for key, value in wanted.get("override", {}).items()
    }
    net.load_state_dict(weights.from_authors(state))
    goldens.check_weights(name, state)
    return net


def test_parameters_are_those_of_the_paper(goldens):
    count = sum(p.numel() for p in model.BfStvsr().parameters())
    assert count == goldens.manifest("BF-STVSR")["total_parameters"] == 13_469_513


def test_every_key_and_shape_of_the_authors_is_written_and_read_back(goldens):
    goldens.check_keys("BF-STVSR", model.BfStvsr(), weights, 678)


@pytest.mark.parametrize("name", [*PLAIN, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_plain_equals_the_authors_network_at_every_step(name, net, goldens, watch, monkeypatch):
    as_golden(net, goldens, name, "plain")
    _, times_BS, size, _ = goldens.asked(name)
    watch.encoder(net.encoder)
    watch.both(net.motion.siren, "62 flow_imnet.input", "splines")
    watch.outputs(net.motion, "63 flow_imnet.output")
    watch.both(net.texture.siren, "64 imnet.input", "waves")
    watch.outputs(net.texture, "65 imnet.output")
    watch.both(net.synth_net, "80 synth_net.input (BN,Q,198)", "81 synth_net.output before the clamp (BN,Q,3)")
    watch.splats(monkeypatch)
    out = goldens.restored(name, net)
    watch.remove()
    goldens.check(name, out, watch.stages(size, times_BS.shape[1]))


@pytest.mark.parametrize("name", ["bfstvsr_a_x4", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_fast_equals_the_authors_network(name, net, goldens):
    goldens.check(name, goldens.restored(name, as_golden(net, goldens, name, "fast")))


def test_only_what_the_authors_leave_untrained_is_without_a_gradient(goldens):
    goldens.check_gradients("BF-STVSR", model.BfStvsr(), weights)


def test_the_spline_is_the_fourfold_convolution_of_a_box():
    x = torch.linspace(-1.999, 1.999, 41).double()
    # the cubic B-spline by truncated powers: sum of (-1)^k (4 over k) (x + 2 - k)^3 / 6, k = 0..4
    powers = [(-1) ** k * over * (x + 2 - k).clamp(min=0) ** 3 / 6 for k, over in enumerate((1, 4, 6, 4, 1))]
    assert_close(mappers.cubic(x), sum(powers), rtol=0, atol=1e-12)
