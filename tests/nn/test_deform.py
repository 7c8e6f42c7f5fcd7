"""Deformable sampling and convolution against a slow loop, at borders and outside the picture too."""

from math import floor

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from stvsr_bench.nn import deform, kernels

G, C, H, W = 2, 6, 5, 7


def bilinear(picture_hw: Tensor, y: float, x: float) -> float:
    y0, x0 = floor(y), floor(x)
    value = 0.0
    for row, weight_y in ((y0, y0 + 1 - y), (y0 + 1, y - y0)):
        for column, weight_x in ((x0, x0 + 1 - x), (x0 + 1, x - x0)):
            if 0 <= row < picture_hw.shape[0] and 0 <= column < picture_hw.shape[1]:
                value += weight_y * weight_x * float(picture_hw[row, column])
    return value


def slow_sample(x: Tensor, offset: Tensor, mask: Tensor, groups: int, k: int) -> Tensor:
    b, c, h, w = x.shape
    out = torch.zeros(b, c, k * k, h, w, dtype=x.dtype)
    for index in torch.cartesian_prod(*(torch.arange(n) for n in (b, c, k * k, h, w))).tolist():
        n, channel, tap, row, column = index
        g = channel // (c // groups)
        dy = float(offset[n, g * 2 * k * k + 2 * tap, row, column])
        dx = float(offset[n, g * 2 * k * k + 2 * tap + 1, row, column])
        y, z = row - k // 2 + tap // k + dy, column - k // 2 + tap % k + dx
        out[tuple(index)] = bilinear(x[n, channel], y, z) * float(mask[n, g * k * k + tap, row, column])
    return out


def example(k: int = 3, spread: float = 3.0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    seeded = torch.Generator().manual_seed(k)
    x = torch.randn(2, C, H, W, generator=seeded, dtype=dtype)
    offset = spread * torch.randn(2, 2 * G * k * k, H, W, generator=seeded, dtype=dtype)
    mask = torch.rand(2, G * k * k, H, W, generator=seeded, dtype=dtype)
    return x, offset, mask


@pytest.mark.parametrize("k", [1, 3, 5])
def test_samples_equal_a_slow_loop_inside_at_the_border_and_far_outside(k):
    x, offset, mask = example(k)
    offset[:, ::3] = offset[:, ::3].round()  # exact grid points
    offset[:, 1] = 40.0  # wholly outside
    assert_close(deform.deform_sample(x, offset, mask, G), slow_sample(x, offset, mask, G, k), rtol=0, atol=1e-12)


def test_the_two_kernels_are_one_function():
    x, offset, mask = example(spread=4.0)
    with kernels.only_torch():
        expected = deform.deform_sample(x, offset, mask, G)
        assert deform.backend() == "torch"
    assert_close(deform.deform_sample(x, offset, mask, G), expected, rtol=0, atol=1e-12)


def test_convolution_equals_a_dense_product_over_slow_samples():
    x, offset, mask = example()
    weight, bias = torch.randn(4, C, 3, 3, dtype=x.dtype), torch.randn(4, dtype=x.dtype)
    samples = slow_sample(x, offset, mask, G, 3)
    expected = torch.einsum("ock,bckhw->bohw", weight.flatten(2), samples) + bias.view(1, -1, 1, 1)
    assert_close(deform.modulated_deform_conv2d(x, offset, mask, weight, bias, G), expected, rtol=0, atol=1e-12)


def test_zero_offsets_and_full_mask_are_an_ordinary_convolution():
    x, offset, mask = example()
    weight = torch.randn(4, C, 3, 3, dtype=x.dtype)
    out = deform.modulated_deform_conv2d(x, 0 * offset, torch.ones_like(mask), weight, None, G)
    assert_close(out, torch.nn.functional.conv2d(x, weight, padding=1), rtol=0, atol=1e-12)


def test_gradients_of_the_convolution_are_right_for_every_tensor():
    x, offset, mask = (t[:1] for t in example(spread=0.7))
    weight, bias = torch.randn(2, C, 3, 3, dtype=x.dtype), torch.randn(2, dtype=x.dtype)
    tensors = [t.clone().requires_grad_() for t in (x, offset, mask, weight, bias)]
    assert torch.autograd.gradcheck(lambda *t: deform.modulated_deform_conv2d(*t, G), tensors)


def test_the_head_gives_offsets_then_masks_and_starts_at_half_a_convolution():
    layer = deform.ModulatedDeformConv(C, G).double()
    x = torch.randn(1, C, H, W, dtype=torch.float64)
    expected = torch.nn.functional.conv2d(x, 0.5 * layer.weight, layer.bias, padding=1)
    assert_close(layer(x, torch.randn_like(x)), expected, rtol=0, atol=1e-12)


def test_a_picture_of_one_pixel_can_be_sampled():
    x, offset, mask = torch.ones(1, C, 1, 1), torch.zeros(1, 2 * G, 1, 1), torch.ones(1, G, 1, 1)
    assert_close(deform.deform_sample(x, offset, mask, G), torch.ones(1, C, 1, 1, 1))


@pytest.mark.parametrize(("channels", "groups"), [(6, 2), (16, 2), (18, 2)])
@pytest.mark.parametrize("top_t", [1, 2, 9])
def test_attention_over_samples_is_one_function_in_both_kernels(channels, groups, top_t):
    seeded = torch.Generator().manual_seed(top_t)
    query, key, value = (
        torch.randn(2, pairs, channels, H, W, generator=seeded, dtype=torch.float64) for pairs in (1, 3, 3)
    )
    offset = 3 * torch.randn(6, 18 * groups, H, W, generator=seeded, dtype=torch.float64)
    mask = torch.rand(6, 9 * groups, H, W, generator=seeded, dtype=torch.float64)
    given = (query[:, 0], key, value, offset, mask, groups, top_t)
    expected, expected_logit = deform.attend_samples_torch(*given)
    out, logit = deform.attend_samples(*given)
    assert_close(out, expected, rtol=0, atol=1e-12)
    assert_close(logit, expected_logit, rtol=0, atol=1e-12)


def test_attention_over_samples_equals_choosing_among_slow_samples():
    key, offset, mask = example(spread=2.0)
    query = torch.randn(2, C, H, W, dtype=torch.float64)
    keys = slow_sample(key, offset, mask, G, 3)
    values = slow_sample(2 - key, offset, mask, G, 3)
    scores = torch.einsum("bchw,bckhw->bkhw", query, keys)
    best, chosen = scores.topk(2, dim=1)
    share = best.softmax(dim=1)
    picked = values.gather(2, chosen[:, None].expand(-1, C, -1, -1, -1))
    expected = (share[:, None] * picked).sum(2)
    out, logit = deform.attend_samples(query, key[:, None], 2 - key[:, None], offset, mask, G, 2)
    assert_close(out[:, 0], expected, rtol=0, atol=1e-12)
    assert_close(logit[:, 0], (share * best).sum(1), rtol=0, atol=1e-12)


def test_gradients_of_attention_over_samples_are_right():
    key, offset, mask = (t[:1] for t in example(spread=0.4))
    query = torch.randn(1, C, H, W, dtype=torch.float64)
    tensors = [t.clone().requires_grad_() for t in (query, key[:, None], key[:, None] + 1, offset, mask)]
    assert torch.autograd.gradcheck(lambda *t: deform.attend_samples(*t, G, 2), tensors, fast_mode=True)


def test_threads_do_not_change_a_number():
    x, offset, mask = example()
    threads = torch.get_num_threads()
    try:
        found = []
        for count in (1, 3):
            torch.set_num_threads(count)
            found.append(deform.deform_sample(x, offset, mask, G))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*found)
