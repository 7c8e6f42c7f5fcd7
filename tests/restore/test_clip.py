"""Windows, padding, tiles and flip-test around a network that can be computed by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from stvsr_bench import protocols
from stvsr_bench.data.windows import windows_of
from stvsr_bench.errors import ClipError, UsageError
from stvsr_bench.restore import pad, pick_device, restore, stream
from stvsr_bench.schema import Method, MethodCard, Settings, TileNeeds

SUITE = protocols.get("suite-1")
CARD = MethodCard(name="toy", title="Toy", kind="stvsr", net="model:Toy", learned=False)


class Toy(nn.Module):
    """Nearest x4 in space, mean of neighbours in time; local, so tiles and padding must not show."""

    def __init__(self, after=lambda sr: sr):
        super().__init__()
        self.after = after
        self.sizes = []

    def forward(self, lr_BTChw, times=None):
        self.sizes.append(tuple(lr_BTChw.shape[-2:]))
        weights = [0.5] if times is None else times[0].tolist()
        frames = []
        for a, b in zip(lr_BTChw[:, :-1].unbind(1), lr_BTChw[:, 1:].unbind(1), strict=True):
            frames += [a, *(a * (1 - t) + b * t for t in weights)]
        dense = torch.stack([*frames, lr_BTChw[:, -1]], 1)
        sr = F.interpolate(dense.flatten(0, 1), scale_factor=4, mode="nearest")
        return self.after(sr.unflatten(0, dense.shape[:2]))


def method(net=None, **card):
    return Method(spec="toy", card=replace(CARD, **card), net=net or Toy())


def ramp(frames, height=16, width=24):
    """lr_SChw whose values name their frame and place."""
    t, y, x = np.mgrid[0:frames, 0:height, 0:width].astype(np.float32)
    return np.stack([t / frames, y / height, x / width], axis=1)


def expected(lr_SChw):
    return lr_SChw.repeat(4, axis=2).repeat(4, axis=3)


@pytest.mark.parametrize("frames", [7, 8, 13, 34, 41])
def test_every_scored_frame_is_in_its_place(frames):
    lr_SChw = ramp(frames)
    restored = restore(method(), lr_SChw, SUITE)
    np.testing.assert_allclose(restored.sr_SCHW, expected(lr_SChw)[list(restored.windows.frames)], atol=1e-6)
    assert restored.windows.is_given == [index % 2 == 0 for index in restored.windows.frames]


@pytest.mark.parametrize("name", ["zsm-2020", "stdan-2023"])
def test_padding_is_cut_off_again_and_recorded(name):
    net = Toy()
    lr_SChw = ramp(7, 18, 22)
    restored = restore(method(net), lr_SChw, protocols.get(name))
    multiple = protocols.get(name).pad_multiple
    assert all(h % multiple == 0 and w % multiple == 0 for h, w in net.sizes)
    np.testing.assert_allclose(restored.sr_SCHW, expected(lr_SChw), atol=1e-6)
    assert restored.how["pad"] == f"zeros {-22 % multiple}x{-18 % multiple}"


def test_the_method_pads_as_its_card_says_where_the_protocol_leaves_it_to_it():
    net = Toy()
    restored = restore(method(net, multiple_of=8, pad="replicate"), ramp(7, 12, 20), SUITE)
    assert net.sizes == [(16, 24)]
    assert restored.how["pad"] == "replicate 4x4"


def test_a_protocol_and_a_method_that_disagree_are_padded_to_both():
    net = Toy()
    restore(method(net, multiple_of=6), ramp(7, 16, 24), protocols.get("stdan-2023"))
    assert net.sizes == [(24, 24)]


@pytest.mark.parametrize(("height", "width"), [(48, 24), (24, 48)])
def test_a_picture_with_one_side_longer_than_a_tile_is_cut_along_that_side(height, width):
    net, lr_SChw = Toy(), ramp(3, height, width)
    restored = restore(method(net), lr_SChw, SUITE, Settings(tile=32, tile_overlap=8))
    assert net.sizes == [(min(height, 32), min(width, 32))] * 2
    np.testing.assert_allclose(restored.sr_SCHW, expected(lr_SChw), atol=1e-6)


@pytest.mark.parametrize(("mode", "corner"), [("zeros", 0.0), ("replicate", 1.0)])
def test_pad_modes(mode, corner):
    frames = torch.zeros(1, 2, 3, 4, 4)
    frames[..., -1, -1] = 1
    assert float(pad(frames, 2, 2, mode)[0, 0, 0, -1, -1]) == corner


@pytest.mark.fault(
    "D",
    "a network runs out of memory",
    "smaller tiles that are safe for it; the row's name says so",
    "0",
)
def test_memory_that_runs_out_is_answered_with_tiles_and_said():
    class Hungry(Toy):
        def forward(self, lr_BTChw, times=None):
            if lr_BTChw.shape[-1] > 40:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
            return super().forward(lr_BTChw, times)

    lr_SChw = ramp(3, 64, 72)
    needs = TileNeeds(least=16, overlap=4, safe=True)
    restored = restore(method(Hungry(), tiles=needs), lr_SChw, SUITE, Settings(tile_overlap=4))
    np.testing.assert_allclose(restored.sr_SCHW, expected(lr_SChw), atol=1e-6)
    assert restored.how["fall_back"] == "out of memory"
    with pytest.raises(RuntimeError):
        restore(method(Hungry()), lr_SChw, SUITE, Settings(fall_back=False))


def test_flip_test_averages_four_views():
    protocol = replace(SUITE, flip_test=True)
    left_bias = Toy(lambda sr: sr + torch.arange(sr.shape[-1]) / sr.shape[-1])
    lr_SChw = np.full((3, 3, 8, 8), 0.25, np.float32)
    flipped = restore(method(left_bias), lr_SChw, protocol)
    columns = flipped.sr_SCHW[0, 0, 0]
    np.testing.assert_allclose(columns, columns[::-1], atol=1e-6)


def test_any_time_methods_are_asked_for_the_times_of_the_protocol():
    lr_SChw = ramp(9)
    restored = restore(method(time="any"), lr_SChw, protocols.get("videoinr-2022"))
    np.testing.assert_allclose(restored.sr_SCHW, expected(lr_SChw), atol=1e-6)
    assert restored.windows.given == {0, 8}


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (lambda sr: sr[:, :-1], r"returned \(1, 6, 3, 64, 96\), the protocol wants \(1, 7, 3, 64, 96\)"),
        (lambda sr: sr[..., :-4], "the protocol wants"),
        (lambda sr: sr * float("nan"), "not finite"),
        (lambda sr: sr.tolist(), "returned list"),
    ],
)
def test_a_wrong_result_is_named_not_scored(after, says):
    with pytest.raises(ClipError, match=says):
        restore(method(Toy(after)), ramp(7), SUITE)


def test_values_so_large_that_their_sum_overflows_are_still_finite():
    restored = restore(method(Toy(lambda sr: sr * 0 + 3e38)), ramp(7), SUITE)
    assert (restored.sr_SCHW == np.float32(3e38)).all()


def test_streaming_holds_no_more_of_a_long_clip_than_one_window():
    windows = windows_of(201, SUITE)
    open_frames = []

    def lr_at(index):
        open_frames.append(index)
        return ramp(1)[0]

    seen = []
    for index, _ in stream(method(), lr_at, windows, SUITE, Settings()):
        assert max(open_frames) - index <= SUITE.window
        seen.append(index)
    assert seen == list(range(201))


def test_a_device_that_is_not_there_is_one_sentence():
    with pytest.raises(UsageError, match="not available on this machine"):
        pick_device("mps" if not torch.backends.mps.is_available() else "cuda")
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        pick_device("gpu")
