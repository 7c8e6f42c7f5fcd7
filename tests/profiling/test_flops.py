"""Multiply-adds against counts done by hand, block by block, at a tiny size."""

import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn

from stvsr_bench import methods
from stvsr_bench.nn import kernels
from stvsr_bench.nn.convlstm import BidirectionalConvLstm, DeformableConvLstm
from stvsr_bench.nn.deform import ModulatedDeformConv
from stvsr_bench.nn.pyramid import Epcd, FeaturePyramid, PairAligner
from stvsr_bench.nn.residual import residual_trunk
from stvsr_bench.nn.upsample import PixelShuffleTail
from stvsr_bench.nn.window_attention import WindowAttention
from stvsr_bench.profiling import flops

C, G, H, W = 8, 2, 8, 16  # channels, deformable groups, picture
PIXELS = H * W


class On(nn.Module):
    """A block as a network of a clip: made-up inputs of the shapes that it takes."""

    def __init__(self, block, *shapes, call=None):
        super().__init__()
        self.block, self.shapes, self.call = block, shapes, call

    def forward(self, clip):
        return (self.call or self.block)(*(clip.new_zeros(shape) for shape in self.shapes))


class Both(nn.Module):
    """A pair aligner that takes the levels of both pyramids one after the other."""

    def __init__(self, aligner):
        super().__init__()
        self.aligner = aligner

    def forward(self, *maps):
        return self.aligner(maps[:3], maps[3:])


def counted(block, *shapes, call=None):
    with torch.no_grad():
        found = flops.count(On(block, *shapes, call=call), torch.zeros(1, 1, 3, H, W), kernels.only_torch)
    assert found.agree and found.by_both == found.second and not found.note
    return found


def conv(c_in, c_out, kernel, pixels):
    return c_in * c_out * kernel**2 * pixels


def sampled(channels, taps, pixels):
    return 4 * channels * taps * pixels  # four neighbours of each value


def dcn(pixels, channels=C, groups=G):
    """Head, samples, dense part."""
    return conv(channels, 27 * groups, 3, pixels) + sampled(channels, 9, pixels) + conv(channels, channels, 3, pixels)


def pyramid(pixels):
    return 2 * conv(C, C, 3, pixels // 4) + 2 * conv(C, C, 3, pixels // 16)


def one_way(pixels):
    """Three levels; the two finer ones merge and fuse (and upsample a map and an offset feature to their size)."""
    coarsest = conv(2 * C, C, 3, pixels // 16) + conv(C, C, 3, pixels // 16) + dcn(pixels // 16)
    total = coarsest
    for p in (pixels // 4, pixels):
        total += 3 * conv(2 * C, C, 3, p) + conv(C, C, 3, p) + dcn(p) + 2 * 4 * C * p
    return total


def epcd(pixels):
    return 2 * pyramid(pixels) + 2 * one_way(pixels) + conv(2 * C, C, 1, pixels)


def test_a_convolution():
    assert counted(nn.Conv2d(C, 5, 3, stride=2, padding=1), (2, C, H, W)).total == conv(C, 5, 3, 2 * PIXELS // 4)


def test_a_transposed_and_a_grouped_convolution():
    assert counted(nn.ConvTranspose2d(C, 4, 4, 2, 1), (1, C, H, W)).total == C * 4 * 16 * PIXELS
    assert counted(nn.Conv2d(C, C, 3, padding=1, groups=C), (1, C, H, W)).total == C * 9 * PIXELS


def test_a_deformable_convolution():
    assert counted(ModulatedDeformConv(C, G), (1, C, H, W), (1, C, H, W)).total == dcn(PIXELS)


def test_a_feature_pyramid_and_the_alignment_of_two():
    assert counted(FeaturePyramid(C), (1, C, H, W)).total == pyramid(PIXELS)
    shapes = [(1, C, H >> level, W >> level) for level in range(3)]
    assert counted(Both(PairAligner(C, G)), *shapes, *shapes).total == 2 * one_way(PIXELS)
    assert counted(Epcd(C, G), (1, C, H, W), (1, C, H, W)).total == epcd(PIXELS)


def test_a_convlstm_step_and_the_bidirectional_pass():
    gates = conv(2 * C, 4 * C, 3, PIXELS)
    cell = DeformableConvLstm(C, G)
    state = (1, C, H, W)
    assert counted(cell, state, state, state, call=cell.step).total == 2 * epcd(PIXELS) + gates
    plain = BidirectionalConvLstm(C, G)
    frames = 3
    by_hand = frames * (2 * (2 * epcd(PIXELS) + gates) + conv(2 * C, C, 1, PIXELS))
    assert counted(plain, (1, frames, C, H, W)).total == by_hand


def test_a_residual_trunk_and_the_upsampler():
    assert counted(residual_trunk(C, 3), (1, C, H, W)).total == 6 * conv(C, C, 3, PIXELS)
    tail = conv(C, 4 * C, 3, PIXELS) + conv(C, 4 * C, 3, 4 * PIXELS) + conv(C, C + 3, 3, 16 * PIXELS)
    assert counted(PixelShuffleTail(C), (1, C, H, W)).total == tail


def test_window_attention():
    windows, n, heads = 3, 64, 2
    by_hand = windows * (n * C * 3 * C + 2 * n * n * C + n * C * C)
    assert counted(WindowAttention(C, heads, 8), (windows, n, C)).total == by_hand


def test_fused_attention_counts_as_its_two_products():
    shape = (2, 3, 10, 4)
    found = counted(nn.Identity(), shape, shape, shape, call=nn.functional.scaled_dot_product_attention)
    assert found.total == 2 * (2 * 3) * 10 * 10 * 4


def test_einsum_and_running_sums():
    found = counted(nn.Identity(), (2, C, 5), (2, C, 7), call=lambda a, b: torch.einsum("bci,bcj->bij", a, b).cumsum(1))
    assert found.total == 2 * C * 5 * 7 + 2 * 5 * 7


STDAN = "stdan:engine={}:channels=8:embed=8:heads=2:groups=2:stages_extract=1:stages_recon=1:depth=2:top_t={}@none"
E = 8


def stdan_by_hand(frames):
    """The plain network of the options above, without its restoring body and tail, as {stage: multiply-adds}."""
    made, gaps = 2 * frames - 1, frames - 1
    norm = 5 * E * PIXELS
    block = 2 * norm + PIXELS * (3 * E * E + E * E + 2 * 64 * E + 2 * 2 * E * E)
    body = conv(C, E, 3, PIXELS) + 2 * norm + 2 * block + 2 * conv(E, E, 3, PIXELS) + conv(E, C, 3, PIXELS)
    pair = 2 * one_way(PIXELS) + conv(2 * C, C, 1, PIXELS)
    step = pair + epcd(PIXELS) + conv(2 * C, C, 1, PIXELS) + 2 * conv(C, C, 3, PIXELS)
    look = 3 * conv(E, E, 3, PIXELS) + conv(E, 54, 3, PIXELS)  # offset1 sees two maps, offset2 one
    # keys and values; the scores and the weighted sum are element-wise products and sums, which no counter of
    # multiply-adds sees: the output lists `mul` and `sum` as not counted
    look += 2 * sampled(E, 9, PIXELS)
    stdfa = made * (conv(C, E, 3, PIXELS) + 3 * E * E * PIXELS + conv(E, C, 3, PIXELS)) + made * (made - 1) * look
    tail = (
        conv(C, C, 3, PIXELS) + conv(C, 4 * C, 3, PIXELS) + conv(C, 4 * C, 3, 4 * PIXELS) + conv(C, 3, 3, 16 * PIXELS)
    )
    return {
        "extract": frames * body,
        "pyramid": frames * pyramid(PIXELS),
        "interpolate": gaps * (2 * step + conv(2 * C, C, 1, PIXELS)),
        "aggregate": stdfa,
        "restore": made * body,
        "tail": made * tail,
    }


def test_every_stage_of_stdan_as_the_paper_writes_it():
    frames = 3
    net = methods.build(STDAN.format("plain", 9)).net
    found = flops.count(net, torch.rand(1, frames, 3, H, W), kernels.only_torch)
    by_hand = stdan_by_hand(frames)
    for stage in ("extract", "pyramid", "interpolate", "aggregate", "restore"):
        assert found.by_module[stage] == by_hand[stage], stage
    assert sum(found.by_module[name] for name in ("before", "up1", "up2", "last")) == by_hand["tail"]
    assert found.total == sum(by_hand.values()) + frames * conv(3, C, 3, PIXELS)


def test_a_pair_of_stdfa_keeps_its_count_whatever_top_t_selects():
    clip = torch.rand(1, 2, 3, H, W)
    counts = {t: flops.count(methods.build(STDAN.format("plain", t)).net, clip).by_module["aggregate"] for t in (1, 9)}
    assert counts[1] == counts[9]  # as written in the paper, all points are sampled and weights of zero multiplied


@pytest.mark.parametrize("spec", ["stdan", "tmnet"])
def test_the_fast_engine_shares_arithmetic_and_never_adds_any(spec):
    small = {"stdan": ":channels=8:embed=8:heads=2:groups=2:stages_extract=1:stages_recon=1:depth=2"}
    options = small.get(spec, ":channels=8:groups=2:front_blocks=1:back_blocks=1")
    clip = torch.rand(1, 2, 3, 16, 16)
    plain, fast = (
        flops.count(methods.build(f"{spec}:engine={engine}{options}@none").net, clip, kernels.only_torch)
        for engine in ("plain", "fast")
    )
    assert plain.agree and fast.agree
    assert 0.5 * plain.total < fast.total <= plain.total


def test_fvcore_itself_counts_the_same_on_a_traced_network():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.trunk, self.warp = residual_trunk(3, 2), ModulatedDeformConv(3, 1)
            self.norm, self.attention = nn.LayerNorm(8), WindowAttention(3, 1, 8)

        def forward(self, clip):
            feature = self.trunk(clip[0])
            windows = self.norm(self.warp(feature, feature)).flatten(2).transpose(1, 2)
            seen = self.attention(windows).transpose(1, 2).reshape(feature.shape)
            return nn.functional.interpolate(seen, scale_factor=2.0, mode="bilinear")

    net, clip = Mixed(), torch.rand(1, 1, 3, 8, 8)
    with torch.no_grad(), kernels.only_torch():
        traced = FlopCountAnalysis(net, clip).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        assert traced.total() == flops.count(net, clip, kernels.only_torch).total


def test_kernels_hide_nothing_from_the_count():
    net = methods.build("zsm:channels=8:groups=2:front_blocks=1:back_blocks=1@none").net
    clip = torch.rand(1, 2, 3, 16, 16)
    on_shapes = flops.count(net, clip, kernels.only_torch)
    net.register_forward_pre_hook(lambda *_: float(clip.sum()) and None)
    assert on_shapes.total == flops.count(net, clip, kernels.only_torch).total


def test_uncounted_arithmetic_is_listed_and_moving_data_is_not():
    class Squash(nn.Module):
        def forward(self, clip):
            return torch.tanh(clip.flip(1).permute(0, 1, 2, 4, 3).contiguous()) * 2

    found = flops.count(Squash(), torch.rand(1, 2, 3, 4, 4))
    assert found.uncounted == {"tanh": 1, "mul": 1} and found.total == 0


def test_a_network_that_needs_values_is_counted_on_values_and_says_so():
    class Asks(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, clip):
            return self.conv(clip[0])[None] if clip.numpy().mean() >= 0 else clip

    found = flops.count(Asks(), torch.rand(1, 2, 3, 4, 4))
    assert found.total == 2 * 9 * 9 * 16
    assert "outside torch" in found.note and "on shapes alone it raised" in found.note


def test_a_network_that_computes_elsewhere_has_no_count_and_says_so():
    class Elsewhere(nn.Module):
        def forward(self, clip):
            return torch.from_numpy(clip.numpy().repeat(4, 3).repeat(4, 4))

    assert "not seen" in flops.count(Elsewhere(), torch.rand(1, 2, 3, 4, 4)).note


def test_counting_leaves_the_network_alone():
    net = methods.build("zsm:channels=8:groups=2:front_blocks=1:back_blocks=1@none").net
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    flops.count(net, torch.rand(1, 2, 3, 16, 16))
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
