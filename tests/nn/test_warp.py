"""The warp along a flow, against a loop that reads four neighbours."""

import math

import pytest
import torch
from torch.testing import assert_close

from stvsr_bench.nn.warp import places, warp


def looped(picture_CHW, flow_2HW, outside):
    height, width = picture_CHW.shape[1:]
    out = torch.zeros_like(picture_CHW)
    for y in range(height):
        for x in range(width):
            u, v = flow_2HW[:, y, x].tolist()
            row, column = y + v, x + u
            if outside == "border":
                row, column = min(max(row, 0), height - 1), min(max(column, 0), width - 1)
            for near_row in (math.floor(row), math.floor(row) + 1):
                for near_column in (math.floor(column), math.floor(column) + 1):
                    if 0 <= near_row < height and 0 <= near_column < width:
                        share = (1 - abs(row - near_row)) * (1 - abs(column - near_column))
                        out[:, y, x] += share * picture_CHW[:, near_row, near_column]
    return out


@pytest.mark.parametrize("outside", ["border", "zeros"])
def test_each_pixel_is_read_where_the_flow_points_x_before_y(outside):
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(2, 3, 5, 8, generator=generator, dtype=torch.float64)
    flow = 6 * torch.randn(2, 2, 5, 8, generator=generator, dtype=torch.float64)
    moved = warp(picture, flow, outside)
    assert_close(
        moved, torch.stack([looped(p, f, outside) for p, f in zip(picture, flow, strict=True)]), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("outside", ["border", "zeros"])
def test_an_axis_of_one_pixel_has_that_pixel_alone_wherever_the_flow_points(outside):
    picture = torch.rand(1, 1, 1, 4, dtype=torch.float64)
    flow = torch.zeros(1, 2, 1, 4, dtype=torch.float64)
    flow[:, 1] = 0.7
    if outside == "border":
        assert_close(warp(picture, flow, outside), picture)
    assert_close(warp(picture.mT, flow.flip(1).mT, "border"), picture.mT)


def test_a_wide_picture_of_half_precision_is_read_at_the_right_column():
    """bfloat16 has no column 511: the place is made in single precision."""
    picture = torch.arange(512).remainder(2).to(torch.bfloat16).expand(1, 1, 2, 512)
    flow = torch.ones(1, 2, 2, 512, dtype=torch.bfloat16)
    flow[:, 1] = 0
    moved = warp(picture, flow)
    assert moved.dtype == torch.bfloat16
    assert_close(moved[..., :-1], picture[..., 1:], rtol=0, atol=1e-2)


def test_a_flow_of_whole_pixels_shifts_and_the_border_is_repeated_or_dark():
    picture = torch.rand(1, 2, 5, 6).double()
    flow = torch.zeros(1, 2, 5, 6).double()
    flow[:, 0], flow[:, 1] = 2, -1  # two to the right, one up
    rows, columns = [0, 0, 1, 2, 3], [2, 3, 4, 5, 5, 5]
    assert_close(warp(picture, flow), picture[:, :, rows][..., columns], rtol=0, atol=1e-12)
    dark = warp(picture, flow, outside="zeros")
    assert_close(dark[:, :, 1:, :4], picture[:, :, :4, 2:], rtol=0, atol=1e-12)
    assert not dark[:, :, 0].any() and not dark[..., 4:].any()


def test_some_rows_point_where_they_point_in_the_whole():
    flow = torch.randn(1, 2, 7, 4).double()
    assert torch.equal(places(flow[:, :, 2:5], first_row=2, of_rows=7), places(flow)[:, 2:5])


def test_half_precision_places_are_not_rounded():
    picture = torch.arange(3000.0).reshape(1, 1, 1, 3000)
    assert_close(warp(picture, torch.zeros(1, 2, 1, 3000).half()), picture, rtol=0, atol=0.01)  # rounded: a whole pixel
