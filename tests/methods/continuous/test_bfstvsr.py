"""BF-STVSR against the numbers of the authors' network."""

import pytest
import torch
from stvsr_bench.methods.bfstvsr import model, weights
from torch.testing import assert_close

CASES = ["bfstvsr_a_x4", "bfstvsr_b_times", "bfstvsr_c_size", "bfstvsr_d_batch2_alpha"]


def golden_net(goldens, name, engine):
    net = model.BfStvsr(engine=engine)
    net.load_state_dict(weights.from_authors(goldens.weights("BF-STVSR", name)))
    return net.double().eval()


@pytest.mark.parametrize("engine", ["plain", "fast"])
@pytest.mark.parametrize("name", CASES)
def test_fast_equals_the_authors_network(name, engine, goldens):
    goldens.check(name, goldens.restored(name, golden_net(goldens, name, engine)))
