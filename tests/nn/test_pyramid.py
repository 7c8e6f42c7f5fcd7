"""Feature pyramids and the aligners that several methods share."""

import torch
from torch.testing import assert_close

from stvsr_bench.nn.pyramid import Epcd, FeaturePyramid, PairAligner, TimeModulation


def test_a_pyramid_halves_twice_and_rounds_up():
    sizes = [tuple(level.shape[-2:]) for level in FeaturePyramid(8)(torch.rand(1, 8, 22, 44))]
    assert sizes == [(22, 44), (11, 22), (6, 11)]


def test_sizes_that_do_not_halve_evenly_work_when_resized_to_the_finer_map():
    assert Epcd(8, 2, resize="size")(torch.rand(2, 8, 14, 18), torch.rand(2, 8, 14, 18)).shape == (2, 8, 14, 18)


def test_the_middle_of_the_gap_needs_no_modulation():
    aligner = PairAligner(8, 2, modulated=True, resize="size")
    pyramid = FeaturePyramid(8)(torch.rand(2, 8, 16, 16))
    other = FeaturePyramid(8)(torch.rand(2, 8, 16, 16))
    tau = torch.zeros(2)
    assert torch.equal(aligner(pyramid, other, tau, -tau), aligner(pyramid, other))


def test_modulation_is_homogeneous_in_the_size_of_tau():
    modulation = TimeModulation(4).double()
    feature = torch.randn(1, 4, 8, 8, dtype=torch.float64)
    once, thrice = (modulation(feature, torch.tensor([t], dtype=torch.float64)) for t in (0.25, 0.75))
    assert_close(thrice, 3 * once)


def test_parameters_of_the_aligners_are_those_of_the_papers():
    assert sum(p.numel() for p in PairAligner(64, 8).parameters()) == 2_224_016
    assert sum(p.numel() for p in PairAligner(64, 8, modulated=True).parameters()) == 2_716_688


def test_each_pair_of_a_batch_is_aligned_by_itself():
    torch.manual_seed(0)
    block = Epcd(8, 2).double()
    first, second = torch.rand(2, 3, 8, 16, 16, dtype=torch.float64)
    alone = torch.cat([block(first[i : i + 1], second[i : i + 1]) for i in range(3)])
    assert_close(block(first, second), alone)
