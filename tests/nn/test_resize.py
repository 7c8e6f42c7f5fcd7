"""nn.resize equals Octave's imresize (MATLAB's algorithm) to rounding, and agrees with the data path's own."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from stvsr_bench import methods
from stvsr_bench.data import degrade
from stvsr_bench.nn.resize import imresize, keep_from_compiling, taps

GOLDENS = Path(__file__).parents[1] / "goldens"
CASES = json.loads((GOLDENS / "goldens_metrics.json").read_text())["imresize"]["cases"]


@pytest.fixture(scope="module")
def frames() -> ModuleType:
    spec = importlib.util.spec_from_file_location("goldens_frames", GOLDENS / "goldens_frames.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def picture(frames: ModuleType, recipe: dict[str, Any]) -> torch.Tensor:
    make = frames.natural if recipe["kind"] == "natural" else lambda s, h, w: frames.hash_u8(s, h, w, 3)
    whole = make(recipe["seed"], recipe["h"], recipe["w"])
    return torch.from_numpy(np.ascontiguousarray(whole)).permute(2, 0, 1)[None].double() / 255


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["recipe"]["name"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 5e-7)])
def test_resize_equals_octave(frames: ModuleType, case: dict[str, Any], dtype: torch.dtype, tolerance: float) -> None:
    out = imresize(picture(frames, case["recipe"]).to(dtype), case["recipe"]["scale"])[0].double()
    assert list(out.shape[1:]) == case["out_shape"]
    for y, x, *rgb in case["octave_double_0_1"]["samples"]:
        assert torch.allclose(out[:, y, x], torch.tensor(rgb, dtype=torch.float64), rtol=0, atol=tolerance)
    if dtype == torch.float64:
        total = torch.tensor(case["octave_double_0_1"]["sum"], dtype=torch.float64)
        assert torch.allclose(out.sum((1, 2)), total, rtol=0, atol=1e-12 * out[0].numel())


@pytest.mark.parametrize("scale", [0.25, 4, 2, 0.5, 1 / 3, 1.5])
def test_resize_agrees_with_the_data_path(scale: float) -> None:
    frames_SCHW = np.random.default_rng(0).random((2, 3, 21, 30))
    ours = imresize(torch.from_numpy(frames_SCHW), scale).numpy()
    np.testing.assert_allclose(ours, degrade.imresize(frames_SCHW, scale), rtol=0, atol=1e-12)


def test_the_weights_of_a_quarter_are_the_exact_ones_of_the_specification() -> None:
    _, weight = taps(256, 0.25, 64)
    exact = np.array([-7, -45, -75, -49, 93, 399, 745, 987, 987, 745, 399, 93, -49, -75, -45, -7]) / 4096
    np.testing.assert_allclose(weight[10][weight[10] != 0], exact, rtol=0, atol=1e-15)


def test_a_constant_frame_stays_constant_up_to_its_border() -> None:
    out = imresize(torch.full((1, 3, 5, 7), 0.3, dtype=torch.float64), 4)
    assert torch.allclose(out, torch.full_like(out, 0.3), atol=1e-14)


def test_gradients_pass_through() -> None:
    frames = torch.rand(1, 1, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: imresize(x, 2), frames)


def test_bicubic_upscales_every_frame_by_itself() -> None:
    net = methods.build("bicubic").net
    frames_BTChw = torch.rand(2, 3, 3, 8, 9)
    out_BTCHW = net(frames_BTChw)
    assert out_BTCHW.shape == (2, 3, 3, 32, 36)
    assert torch.equal(out_BTCHW[1, 2], imresize(frames_BTChw[1, 2][None], 4)[0])


def test_it_is_kept_out_of_what_is_compiled():
    """Else torch.compile traces the numpy tables and fails on its own guards: no `run --compile` with bicubic."""
    frames = torch.rand(1, 3, 8, 8)
    keep_from_compiling()
    compiled = torch.compile(lambda x: imresize(x, 4.0) + 0, backend="eager")
    with torch.inference_mode():
        for _ in range(2):  # the second call meets the guards
            assert torch.equal(compiled(frames), imresize(frames, 4.0))
