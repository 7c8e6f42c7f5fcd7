"""MoTIF against the numbers of the authors' network."""

import pytest
import torch
from stvsr_bench.methods.motif import model, weights
from torch.testing import assert_close

CASES = ["motif_a_x4", "motif_b_times", "motif_c_size", "motif_d_batch2_alpha"]


def golden_net(goldens, name, engine):
    net = model.Motif(iters=goldens.case(name)["recipe"]["forward_args"]["iters"], engine=engine)
    net.load_state_dict(weights.from_authors(goldens.weights("MoTIF", name)))
    return net.double().eval()


@pytest.mark.parametrize("name", CASES)
def test_fast_equals_the_authors_network(name, goldens):
    goldens.check(name, goldens.restored(name, golden_net(goldens, name, "fast")))
