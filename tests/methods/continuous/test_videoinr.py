"""VideoINR against the numbers of the authors' network."""

import pytest
import torch
from stvsr_bench.methods.videoinr import model, weights
from torch.testing import assert_close

CASES = ["videoinr_a_x4", "videoinr_b_times", "videoinr_c_size", "videoinr_d_train_batch2", "videoinr_e_pad_x2"]
NETS = [("feature", 60, "feat_imnet"), ("flow", 62, "flow_imnet"), ("colour", 64, "encode_imnet")]


def golden_net(goldens, name, engine):
    net = model.VideoINR(decoder=goldens.case(name)["recipe"]["forward_args"]["path"], engine=engine)
    net.load_state_dict(weights.from_authors(goldens.weights("VideoINR", name)))
    return net.double().eval()


@pytest.mark.parametrize("name", CASES)
def test_plain_equals_the_authors_network_at_every_step(name, goldens, watch):
    net = golden_net(goldens, name, "plain")
    watch.encoder(net.encoder)
    for part, number, theirs in NETS:
        watch.both(getattr(net.nets, part), f"{number} {theirs}.input", f"{number + 1} {theirs}.output")
    out = goldens.restored(name, net)
    seen = watch.seen()
    seen["50 recon_trunk output"] = seen["50"]
    height = goldens.asked(name)[2][0]
    for _, number, theirs in NETS:
        for stage in (f"{number} {theirs}.input", f"{number + 1} {theirs}.output"):
            for k, picture in enumerate(watch.queries(stage, height)):
                seen[f"{stage} (B,Q,C)[time {k}]"] = picture
    goldens.check(name, out, seen)


@pytest.mark.parametrize("name", CASES)
def test_fast_equals_the_authors_network(name, goldens):
    goldens.check(name, goldens.restored(name, golden_net(goldens, name, "fast")))
