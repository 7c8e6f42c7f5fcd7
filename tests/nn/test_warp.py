"""Backward warping by whole pixels, beyond the border, and of some rows of a picture."""

import torch
from torch.testing import assert_close

from stvsr_bench.nn.warp import places, warp


def test_a_flow_of_whole_pixels_shifts_and_the_border_is_repeated_or_dark():
    picture = torch.rand(1, 2, 5, 6).double()
    flow = torch.zeros(1, 2, 5, 6).double()
    flow[:, 0], flow[:, 1] = 2, -1  # two to the right, one up
    rows, columns = [0, 0, 1, 2, 3], [2, 3, 4, 5, 5, 5]
    assert_close(warp(picture, flow), picture[:, :, rows][..., columns], rtol=0, atol=1e-12)
    dark = warp(picture, flow, padding="zeros")
    assert_close(dark[:, :, 1:, :4], picture[:, :, :4, 2:], rtol=0, atol=1e-12)
    assert not dark[:, :, 0].any() and not dark[..., 4:].any()


def test_some_rows_point_where_they_point_in_the_whole():
    flow = torch.randn(1, 2, 7, 4).double()
    assert torch.equal(places(flow[:, :, 2:5], first_row=2, of_rows=7), places(flow)[:, 2:5])


def test_half_precision_places_are_not_rounded():
    picture = torch.arange(3000.0).reshape(1, 1, 1, 3000)
    assert_close(warp(picture, torch.zeros(1, 2, 1, 3000).half()), picture, rtol=0, atol=0.01)  # rounded: a whole pixel
