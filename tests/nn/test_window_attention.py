"""Window attention on windows and straight on maps, in both kernels."""

import itertools

import pytest
import torch
from torch.testing import assert_close

from stvsr_bench.nn import kernels
from stvsr_bench.nn.window_attention import (
    WindowAttention,
    attend,
    attend_fused,
    attend_map,
    attend_map_fused,
    from_clip_windows,
    from_windows,
    relative_index,
    shift_mask,
    to_windows,
)


def attention(channels=12, heads=3, window=4):
    torch.manual_seed(0)
    module = WindowAttention(channels, heads, window).double()
    torch.nn.init.normal_(module.bias_table)
    return module


def by_windows(module, map_BhwC, shift):
    """The branch as the paper draws it."""
    h, w = map_BhwC.shape[1:3]
    mask = shift_mask(h, w, module.window, shift).double() if shift else None
    windows = module(to_windows(map_BhwC.roll((-shift, -shift), (1, 2)), module.window), mask)
    return from_windows(windows, module.window, h, w).roll((shift, shift), (1, 2))


@pytest.mark.parametrize("pure", [True, False], ids=["torch", "best"])
@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("size", [(8, 12), (4, 8), (4, 4)], ids=str)
def test_attention_on_a_map_equals_attention_on_windows(size, shift, pure):
    module = attention()
    map_BhwC = torch.randn(2, *size, 12, dtype=torch.float64)
    with torch.no_grad(), kernels.only_torch(pure):
        out = module.proj(attend_map(module.qkv(map_BhwC), module.bias(), 3, 4, shift))
        assert_close(out, by_windows(module, map_BhwC, shift), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shift", [0, 2])
def test_attention_for_accelerators_is_the_same_function(shift):
    module = attention()
    map_BhwC = torch.randn(2, 8, 12, 12, dtype=torch.float64)
    with torch.no_grad():
        out = module.proj(attend_map_fused(module.qkv(map_BhwC), module.bias(), 3, 4, shift))
        assert_close(out, by_windows(module, map_BhwC, shift), rtol=0, atol=1e-12)


def test_bfloat16_is_computed_in_single_precision_where_a_kernel_is_at_hand():
    module = attention(72, 6, 8).float()
    qkv = torch.randn(1, 16, 16, 216).bfloat16()
    with torch.no_grad():
        exact = attend_map(qkv.float(), module.bias(), 6, 8, 4)
        out = attend_map(qkv, module.bias(), 6, 8, 4)
    assert out.dtype == torch.bfloat16
    tolerance = 2**-8 if kernels.backend() == "numba" else 2**-5  # of one rounding at the end, or of every step
    assert_close(out.float(), exact, rtol=tolerance, atol=tolerance)


def test_the_vector_exponential_is_float32_exact_to_rounding():
    module = attention(72, 6, 8)
    map_BhwC = 3 * torch.randn(1, 16, 16, 72, dtype=torch.float64)
    with torch.no_grad():
        exact = attend_map(module.qkv(map_BhwC), module.bias(), 6, 8, 4)
        single = module.float()
        out = attend_map(single.qkv(map_BhwC.float()), single.bias(), 6, 8, 4)
    assert_close(out.double(), exact, rtol=0, atol=2e-6 * exact.abs().max())


def test_gradients_of_attention_on_a_map_are_right():
    qkv, bias = torch.randn(1, 4, 8, 12, dtype=torch.float64), torch.randn(2, 16, 16, dtype=torch.float64)
    given = (qkv.requires_grad_(), bias.requires_grad_())
    assert torch.autograd.gradcheck(lambda *t: attend_map(*t, 2, 4, 2), given, fast_mode=True)


def test_windows_are_put_back_where_they_were():
    map_BhwC = torch.randn(2, 8, 12, 3)
    assert torch.equal(from_windows(to_windows(map_BhwC, 4), 4, 8, 12), map_BhwC)


def test_pixels_that_are_neighbours_only_by_rolling_do_not_see_each_other():
    mask = shift_mask(8, 8, 4, 2)
    assert mask.shape == (4, 16, 16)
    assert not mask[0].any()
    assert mask[3, 0, 15] == -100 and mask[3, 0, 1] == 0


def test_relative_positions_count_every_displacement_once():
    index = relative_index(8)
    assert index[0, 0] == 112 and index.unique().numel() == 225


def test_windows_of_a_clip_hold_every_frame_and_are_put_back_where_they_were():
    clip_BThwC = torch.randn(2, 3, 8, 12, 5)
    windows_WNC = to_windows(clip_BThwC, (4, 6))
    assert windows_WNC.shape == (2 * 4, 3 * 24, 5)
    # window 3 of the second clip is its last; pixel (1, 2) of frame 2 lies after two whole frames
    assert torch.equal(windows_WNC[7, 2 * 24 + 1 * 6 + 2], clip_BThwC[1, 2, 4 + 1, 6 + 2])
    assert torch.equal(from_clip_windows(windows_WNC, (4, 6), 8, 12), clip_BThwC)


def test_relative_positions_in_time_count_from_the_frame_that_is_asked():
    index = relative_index(2, times=range(3), seen=(0, 2))
    for a, (t, y, x) in enumerate(itertools.product(range(3), range(2), range(2))):
        for b, (u, v, w) in enumerate(itertools.product((0, 2), range(2), range(2))):
            assert index[a, b] == 9 * (t - u + 2) + 3 * (y - v + 1) + (x - w + 1)
    assert index.shape == (12, 8)


def test_a_side_that_is_not_rolled_has_no_regions():
    whole, across = shift_mask(4, 8, 4, (0, 2)), shift_mask(8, 8, 4, 2)
    assert torch.equal(whole[0], across[0]) and torch.equal(whole[1], across[1])
    assert not shift_mask(8, 8, 4, (0, 0)).any()


@pytest.mark.parametrize("masked", [False, True])
def test_fused_attention_of_other_pixels_is_the_same_function(masked):
    q, k, v = torch.randn(4, 3, 6, 5), torch.randn(4, 3, 8, 5), torch.randn(4, 3, 8, 5)
    bias, mask = torch.randn(3, 6, 8), torch.zeros(2, 6, 8)
    mask[1, :3, 4:] = -100
    given = [each.double() for each in (q, k, v, bias)]
    out = attend_fused(*given, mask if masked else None)
    assert_close(out, attend(*given, mask if masked else None), rtol=0, atol=1e-12)
    # one query by hand: window 3 is the second of its map
    logits = given[1][3, 2] @ given[0][3, 2, 1] / 5**0.5 + given[3][2, 1] + (mask[1, 1] if masked else 0)
    assert_close(out[3, 2, 1], logits.softmax(0) @ given[2][3, 2], rtol=0, atol=1e-12)
