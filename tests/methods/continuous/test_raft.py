"""RAFT-small against the numbers of the authors' network."""

import pytest
import torch

from stvsr_bench.nn import raft


@pytest.mark.parametrize("name", ["raft_small_a", pytest.param("raft_small_b", marks=pytest.mark.slow)])
def test_raft_equals_the_authors_network_at_every_step(name, goldens, watch):
    net = raft.RaftSmall()
    net.load_state_dict(goldens.weights("RAFT_small"))
    goldens.check_weights(name, net.state_dict())
    net = net.double().eval()
    watch.outputs(net.fnet, "fnet")
    watch.outputs(net.cnet, "12 cnet")
    watch.both(net.update_block.encoder.convc1, "correlation", "convc1")
    watch.outputs(net.update_block.gru, "hidden")
    watch.outputs(net.update_block.flow_head, "delta")
    frames = goldens.clip(name)
    with torch.no_grad():
        seen = {"30 flow[iter 0]": net(frames[:, 0], frames[:, 1], 1)}
        watch.calls.clear()
        out = net(frames[:, 0], frames[:, 1], goldens.case(name)["recipe"]["forward_args"]["iters"])
    seen["12 cnet"] = watch.one("12 cnet")
    seen["10 fnet(image1)"], seen["11 fnet(image2)"] = watch.calls["fnet"][:2]
    for stage, found in (("20 correlation", "correlation"), ("21 hidden", "hidden"), ("22 delta flow", "delta")):
        seen |= {f"{stage}[iter {k}]": each for k, each in enumerate(watch.calls[found])}
    goldens.check(name, out, seen)
