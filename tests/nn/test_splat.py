"""Forward splatting against a loop over pixels, its gradients, and what it does with hopeless flows."""

from math import floor, inf, nan

import pytest
import torch
from torch.testing import assert_close

from stvsr_bench.nn.splat import Landing

SIZE = (5, 6)


def by_loop(values, flow, weigh, start):
    """Corner by corner in plain Python: `weigh(old, value, share)` is the new number of a pixel that is hit."""
    out = start.clone()
    height, width = SIZE
    for b, c, i, j in torch.cartesian_prod(*map(torch.arange, values.shape)).tolist():
        x, y = j + float(flow[b, 0, i, j]), i + float(flow[b, 1, i, j])
        x0, y0 = floor(x), floor(y)
        for row, column, share in (
            (y0, x0, (x0 + 1 - x) * (y0 + 1 - y)),
            (y0, x0 + 1, (x - x0) * (y0 + 1 - y)),
            (y0 + 1, x0, (x0 + 1 - x) * (y - y0)),
            (y0 + 1, x0 + 1, (x - x0) * (y - y0)),
        ):
            if 0 <= row < height and 0 <= column < width:
                out[b, c, row, column] = weigh(float(out[b, c, row, column]), float(values[b, c, i, j]), share)
    return out


@pytest.fixture
def thrown():
    torch.manual_seed(1)
    values, flow = torch.rand(2, 1, *SIZE).double() * 3, torch.randn(2, 2, *SIZE).double() * 2
    flow[0, :, 1, 2] = torch.tensor([1.0, -1.0])  # lands on a pixel's centre: three corners have weight 0 and count
    flow[1, :, 0, 0] = -7.5  # lands outside
    return values, flow


def test_sum_count_and_highest_equal_a_loop_over_pixels(thrown):
    values, flow = thrown
    landing, nothing, one = Landing(flow, SIZE), torch.zeros_like(values), torch.ones_like(values)
    added = by_loop(values, flow, lambda old, value, share: old + share * value, nothing)
    assert_close(landing.add(values, nothing.clone()), added, rtol=0, atol=1e-12)
    counted = by_loop(values, flow, lambda old, value, share: old + 1, nothing)
    assert torch.equal(landing.count(nothing), counted)
    highest = by_loop(values, flow, lambda old, value, share: max(old, share * value), one)
    assert_close(landing.highest(values, one), highest, rtol=0, atol=1e-12)
    assert 1 < float(highest.max()) < float(values.max())  # the start shows at some pixels and the values at others


def test_rows_one_after_the_other_give_what_all_give_at_once(thrown):
    values, flow = thrown
    whole, apart = torch.zeros_like(values), torch.zeros_like(values)
    Landing(flow, SIZE).add(values, whole)
    for rows in (slice(0, 2), slice(2, 5)):
        Landing(flow[:, :, rows], SIZE, rows.start).add(values[:, :, rows], apart)
    assert_close(apart, whole, rtol=0, atol=1e-12)


def test_what_is_added_has_the_right_gradients(thrown):
    values, flow = (part[:, :, :3, :4].clone().requires_grad_() for part in thrown)

    def added(values, flow):
        return Landing(flow, (3, 4)).add(values, torch.zeros_like(values))

    assert torch.autograd.gradcheck(added, (values, flow + 0.013))  # off the pixel centres, where weights have a kink


@pytest.mark.parametrize("hopeless", [nan, inf, -inf, 1e30])
def test_a_flow_that_is_no_place_reads_no_foreign_memory(hopeless):
    flow = torch.zeros(1, 2, *SIZE)
    flow[0, 0, 2, 2] = hopeless
    values, nothing = torch.ones(1, 1, *SIZE), torch.zeros(1, 1, *SIZE)
    assert Landing(flow, SIZE).count(nothing).sum() > 0
    assert Landing(flow, SIZE).add(values, nothing).shape == (1, 1, *SIZE)
