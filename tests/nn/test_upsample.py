"""Frames in order of time, the interpolated clip, the tail, residual trunks."""

import torch
from torch.testing import assert_close

from stvsr_bench.nn.residual import residual_trunk
from stvsr_bench.nn.upsample import PixelShuffleTail, interleave, trilinear


def test_frames_of_a_gap_come_between_its_ends_in_the_order_given():
    given, between = torch.tensor([0.0, 3.0, 6.0]), torch.tensor([[1.0, 2.0], [4.0, 5.0]])
    seq = interleave(given.view(1, 3, 1, 1, 1), between.view(1, 2, 2, 1, 1, 1))
    assert seq.flatten().tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_the_interpolated_clip_is_linear_in_time_for_each_clip_of_a_batch():
    ramp_BTChw = torch.arange(3.0).view(1, 3, 1, 1, 1).expand(2, 3, 3, 4, 6)
    clip = trilinear(ramp_BTChw, torch.tensor([[0.25, 0.5], [0.75, 0.1]]))
    assert clip.shape == (2, 7, 3, 16, 24)
    assert_close(clip[:, :, 0, 0, 0], torch.tensor([[0, 0.25, 0.5, 1, 1.25, 1.5, 2], [0, 0.75, 0.1, 1, 1.75, 1.1, 2]]))


def test_the_interpolated_clip_is_bilinear_in_space():
    lr_BTChw = torch.rand(1, 2, 3, 4, 6)
    clip = trilinear(lr_BTChw, torch.tensor([[0.5]]))
    expected = torch.nn.functional.interpolate(lr_BTChw[0], scale_factor=4, mode="bilinear", align_corners=False)
    assert_close(clip[0, ::2], expected)


def test_the_tail_makes_rgb_of_four_times_the_size():
    assert PixelShuffleTail(8)(torch.rand(2, 8, 4, 6)).shape == (2, 3, 16, 24)


def test_a_fresh_trunk_is_close_to_the_identity_and_without_branches_it_is_the_identity():
    torch.manual_seed(0)
    trunk, feature = residual_trunk(8, 40), torch.randn(1, 8, 8, 8)
    assert (trunk(feature) - feature).std() < 0.3
    for block in trunk:
        torch.nn.init.zeros_(block.conv2.weight)
    assert torch.equal(trunk(feature), feature)
