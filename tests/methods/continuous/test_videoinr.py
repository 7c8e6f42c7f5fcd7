"""VideoINR against the numbers of the authors' network, and its two decoders."""

import pytest
from stvsr_bench.methods.videoinr import model, weights

PLAIN = ["videoinr_a_x4", "videoinr_d_train_batch2", "videoinr_e_pad_x2"]
SLOW = ["videoinr_b_times", "videoinr_c_size"]
NETS = [("feature", 60, "feat_imnet"), ("flow", 62, "flow_imnet"), ("colour", 64, "encode_imnet")]


@pytest.fixture(scope="module")
def net(goldens):
    net = model.VideoINR()
    net.load_state_dict(weights.from_authors(goldens.weights("VideoINR")))
    return net.double().eval()


def test_parameters_are_those_of_the_paper(goldens):
    count = sum(p.numel() for p in model.VideoINR().parameters())
    assert count == goldens.manifest("VideoINR")["total_parameters"] == 11_312_698


def test_every_key_and_shape_of_the_authors_is_written_and_read_back(goldens):
    goldens.check_keys("VideoINR", model.VideoINR(), weights, 442)


@pytest.mark.parametrize("name", [*PLAIN, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_plain_equals_the_authors_network_at_every_step(name, net, goldens, watch):
    net.engine, net.decoder = "plain", goldens.case(name)["recipe"]["forward_args"]["path"]
    goldens.check_weights(name, weights.to_authors(net.state_dict()))
    watch.encoder(net.encoder)
    for part, number, theirs in NETS:
        watch.both(getattr(net.nets, part), f"{number} {theirs}.input", f"{number + 1} {theirs}.output")
    out = goldens.restored(name, net)
    watch.remove()
    seen = {stage: watch.one(stage) for stage in watch.calls if stage[0] in "1245"}
    for stage in (stage for stage in watch.calls if stage[0] == "6"):
        for k, picture in enumerate(watch.calls[stage]):
            seen[f"{stage} (B,Q,C)[time {k}]"] = picture.flatten(2).transpose(1, 2)
    goldens.check(name, out, seen)


@pytest.mark.parametrize(
    "name", ["videoinr_d_train_batch2", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
def test_fast_equals_the_authors_network(name, net, goldens):
    net.engine, net.decoder = "fast", goldens.case(name)["recipe"]["forward_args"]["path"]
    goldens.check(name, goldens.restored(name, net))


def test_no_parameter_but_the_unused_tail_is_without_a_gradient(goldens):
    goldens.check_gradients("VideoINR", model.VideoINR(), weights)


def test_the_two_decoders_differ(small):
    train = small.net(model.VideoINR)
    test = small.net(lambda **options: model.VideoINR(**options, decoder="test"))
    assert (small.made(train) - small.made(test)).abs().max() > 1e-4
