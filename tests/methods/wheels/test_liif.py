"""LIIF against the numbers of the authors' network, with drawn weights and with theirs; pieces, corners, sizes."""

import importlib.util
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from stvsr_bench.methods.liif import corners, model, weights
from torch.testing import assert_close

from stvsr_bench.errors import UsageError, WeightsError

DRAWN = ["liif_a_x4", "liif_b_frac", "liif_c_x3", "liif_d_x12"]
REAL = ["liif_real_x4", "liif_real_frac", "liif_real_x12"]

_spec = importlib.util.spec_from_file_location("plain_networks", Path(__file__).with_name("plain.py"))
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)


@pytest.fixture(scope="module")
def drawn(goldens):
    return goldens.drawn(model.Liif(), weights, "LIIF")


@pytest.fixture
def small():
    """A small network in float64 whose every weight counts."""
    torch.manual_seed(0)
    return model.Liif(features=4, blocks=1).double()


@pytest.mark.parametrize("name", DRAWN)
def test_the_drawn_network_equals_the_authors(name, drawn, goldens):
    goldens.check_weights(name, weights.to_authors(drawn.state_dict()))
    goldens.check(name, made(drawn, name, goldens), None)


@pytest.mark.parametrize("name", REAL)
def test_with_the_authors_weights_it_is_the_published_network(name, goldens):
    net = goldens.real(name, "liif")
    goldens.check_weights(name, weights.to_authors(net.state_dict()))
    goldens.check(name, made(net, name, goldens), None)


@pytest.mark.parametrize("name", ["liif_b_frac", "liif_c_x3", "liif_real_frac"])
def test_the_paper_s_order_with_our_corners_equals_the_authors_at_every_step_and_ours(name, drawn, goldens):
    net = goldens.real(name, "liif") if "real" in name else drawn
    asked = goldens.asked(name)
    size, kept = tuple(asked["size"]), asked.get("keep", asked["size"])
    slow = plain.PlainLiif(net, corners.axis)
    with torch.no_grad():
        out = slow(goldens.clip(name), size)
        assert_close(net(goldens.clip(name), size), out, rtol=0, atol=1e-12)
    seen = {key: cut(tensor, kept) if tensor.shape[-2:] == size else tensor for key, tensor in slow.seen.items()}
    rgb = slow.seen["raw output (blended, before *0.5+0.5)"] * 0.5 + 0.5  # of the whole picture, also in the x3 golden
    seen["share of clamped values"] = ((rgb < 0) | (rgb > 1)).double().mean()
    goldens.check(name, cut(out, kept), seen)


def made(net, name, goldens):
    asked = goldens.asked(name)
    with torch.no_grad():
        return cut(net(goldens.clip(name), tuple(asked["size"])), asked.get("keep", asked["size"]))


def cut(picture, kept):
    """Its first rows and columns: the rest of the x3 golden is what the authors' rounding decides."""
    return picture[..., : kept[0], : kept[1]]


def test_every_key_and_shape_of_the_authors_is_written_and_read_back(goldens):
    goldens.check_keys("LIIF", model.Liif(), weights)


def test_parameters_are_the_paper_s_without_the_24_that_nothing_uses(goldens):
    count = sum(p.numel() for p in model.Liif().parameters())
    assert count == goldens.manifest("LIIF")["total_parameters"] - 24 == 1_567_299


def test_a_foreign_key_is_named():
    with pytest.raises(WeightsError, match=r"'stranger\.weight' is not known"):
        weights.from_authors({**weights.to_authors(model.Liif().state_dict()), "stranger.weight": torch.ones(1)})


@pytest.mark.parametrize("budget_bytes", [1, 2 * 256 * 8 * 7, 2 * 256 * 8 * 60], ids=["a pixel", "seven", "rows"])
def test_pieces_change_nothing(small, budget_bytes):
    frames_BTChw = torch.rand(1, 2, 3, 7, 9, dtype=torch.float64)
    with torch.no_grad():
        small.function.budget_bytes = 2**40
        whole = small(frames_BTChw, (19, 23))
        small.function.budget_bytes = budget_bytes
        assert_close(small(frames_BTChw, (19, 23)), whole, rtol=0, atol=1e-12)


def test_no_piece_needs_more_than_its_budget(small, monkeypatch):
    largest, blended = [], model.PixelFunction._blended

    def watched(self, around_hwK, down, across):
        pixels = down.pixel_2n.shape[1] * across.pixel_2n.shape[1]
        largest.append(pixels * model.HIDDEN * model.COPIES * around_hwK.element_size())
        return blended(self, around_hwK, down, across)

    monkeypatch.setattr(model.PixelFunction, "_blended", watched)
    small.function.budget_bytes = 10**6
    small(torch.rand(1, 1, 3, 20, 30, dtype=torch.float64), (11, 400))
    assert len(largest) > 11 and max(largest) <= 10**6 and sum(largest) == 11 * 400 * 256 * 2 * 8


def test_the_encoder_runs_once_for_each_frame_whatever_is_asked(small):
    seen = []
    small.encoder.register_forward_hook(lambda _, given, out: seen.append(given[0].shape))
    small.function.budget_bytes = 10**5
    small(torch.rand(2, 3, 3, 5, 6, dtype=torch.float64), (17, 19))
    assert seen == [(1, 3, 5, 6)] * 6


def test_without_a_size_it_enlarges_four_times_and_each_frame_by_itself(small):
    frames_BTChw = torch.rand(2, 2, 3, 5, 8, dtype=torch.float64)
    out = small(frames_BTChw)
    assert out.shape == (2, 2, 3, 20, 32)
    assert_close(out, small(frames_BTChw, (20, 32)), rtol=0, atol=0)
    assert_close(out[1, 1], small(frames_BTChw[1:, 1:])[0, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (2.5, 4)])
def test_a_size_that_is_none_is_one_sentence(small, size):
    with pytest.raises(UsageError, match="two whole numbers above zero"):
        small(torch.rand(1, 1, 3, 4, 4, dtype=torch.float64), size)


def test_every_parameter_learns(small):
    small(torch.rand(1, 1, 3, 6, 7, dtype=torch.float64), (13, 20)).square().sum().backward()
    assert [name for name, p in small.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_whole_number_corners_are_those_of_exact_fractions():
    random = np.random.default_rng(0)
    pairs = [(1, 1), (1, 7), (5, 5), (9, 27), (6, 10), (7, 3), *random.integers(1, 60, (40, 2)).tolist()]
    for given, wanted in pairs:
        found = corners.axis(given, wanted)
        for i in range(wanted):
            query = Fraction(2 * i + 1, wanted) - 1
            for side, sign in enumerate((-1, 1)):
                # between pixel borders: a query on a border belongs to the pixel after it
                m = min(max((query + Fraction(sign, given) + 1) * given // 2, 0), given - 1)
                offset = (query - Fraction(2 * m + 1, given) + 1) * given
                assert found.pixel_2n[side, i] == m, (given, wanted, i)
                assert found.offset_2n[side, i] == pytest.approx(float(offset), abs=1e-15)
        assert found.cell == 2 * given / wanted


def test_the_two_ways_to_corners_agree_and_the_authors_is_taken_where_it_differs():
    random = np.random.default_rng(1)
    for given, wanted in random.integers(1, 700, (60, 2)).tolist():
        whole, rounded = corners._whole(given, wanted), corners._rounded(given, wanted)
        assert np.array_equal(whole[0], rounded[0])
        assert np.abs(whole[1] - rounded[1]).max() < 1e-11
    given, wanted = 1080, 8641  # in lowest terms: the shift of 1e-6 is more than a step of the grid
    assert np.array_equal(corners.axis(given, wanted).pixel_2n, corners._rounded(given, wanted)[0])


@pytest.mark.parametrize("scale", [1, 3, 5])
def test_in_the_very_middle_of_the_last_pixel_the_four_corners_count_alike(small, scale):
    """All four are that pixel, with no distance: rounding noise would decide otherwise."""
    frame_BTChw = torch.rand(1, 1, 3, 4, 4, dtype=torch.float64)
    place, size = 4 * scale - (scale + 1) // 2, (4 * scale, 4 * scale)
    rows = corners.axis(4, 4 * scale)
    assert (rows.pixel_2n[:, place] == 3).all() and (rows.offset_2n[:, place] == 0).all()
    slow = plain.PlainLiif(small, corners.axis)
    with torch.no_grad():
        out, straight = small(frame_BTChw, size), slow(frame_BTChw, size)
    assert all(slow.seen[f"weight of corner {c}"][0, 0, place, place] == 0.25 for c in slow.corners)
    assert_close(out, straight, rtol=0, atol=1e-12)


def test_places_are_not_rounded_to_half_precision(small):
    side = model.Side.of(corners.axis(1000, 2500), torch.ones(256, dtype=torch.bfloat16))
    assert side.offset_2n.dtype == torch.float32
    frames_BTChw, net = torch.rand(1, 1, 3, 6, 6), small.float()
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert_close(net(frames_BTChw).float(), small.double()(frames_BTChw.double()).float(), rtol=0, atol=0.02)
