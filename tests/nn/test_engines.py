"""Which twin of a part runs: by engine and exact type; and that a caller's wish for pure torch outlives an engine."""

import pytest
import torch
from torch import nn

from stvsr_bench.nn import kernels
from stvsr_bench.nn.engines import as_batch, by_engine, kernels_of


class Double(nn.Module):
    def forward(self, x):
        return 2 * x


class Triple(Double):
    def forward(self, x):
        return 3 * x


run = by_engine({Double: lambda part, x: -part(x)})  # a wrong twin, so that it shows


def test_the_fast_engine_takes_the_twin_of_a_part_and_the_plain_one_never_does():
    assert run(Double(), torch.ones(1), "fast").item() == -2
    assert run(Double(), torch.ones(1), "plain").item() == 2


def test_a_subclass_does_not_inherit_a_twin():
    assert run(Triple(), torch.ones(1), "fast").item() == 3


@pytest.mark.parametrize("engine", ["plain", "fast"])
def test_an_engine_never_brings_kernels_back_that_the_caller_switched_off(engine):
    with kernels.only_torch(), kernels_of(engine):
        assert kernels.backend() == "torch"


def test_frames_become_one_batch_and_only_the_fast_engine_lays_channels_last():
    seq = torch.rand(2, 3, 4, 5, 6)
    for engine, last in (("plain", False), ("fast", True)):
        batch = as_batch(seq, engine)
        assert torch.equal(batch, seq.flatten(0, 1))
        assert batch.is_contiguous(memory_format=torch.channels_last) == last
