"""lr from hr against numbers recorded from Octave, and what else a low-resolution frame must be."""

import functools
import json
import math
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from stvsr_bench.data import blur, cache, degrade
from stvsr_bench.errors import UnknownNameError, UsageError

GOLDENS = Path(__file__).parents[1] / "goldens"
sys.path.insert(0, str(GOLDENS))
import goldens_frames  # noqa: E402

CASES = {
    case["recipe"]["name"]: case
    for case in json.loads((GOLDENS / "goldens_metrics.json").read_text())["imresize"]["cases"]
}


@pytest.fixture(params=["numba", "plain"])
def engine(request, monkeypatch):
    if request.param == "numba":
        pytest.importorskip("numba")
    else:
        monkeypatch.setattr(degrade, "_kernel", lambda: None)
    return request.param


@functools.cache
def frames(name):
    """The input of a recorded case, (1, C, H, W), made once."""
    recipe = CASES[name]["recipe"]
    make = goldens_frames.natural if recipe["kind"] == "natural" else lambda s, h, w: goldens_frames.hash_u8(s, h, w, 3)
    return make(recipe["seed"], recipe["h"], recipe["w"]).transpose(2, 0, 1)[None]


def random_bytes(shape=(2, 3, 32, 48), seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype,atol", [(np.float64, 1e-12), (np.float32, 5e-7)])
def test_resized_frames_equal_octave(name, dtype, atol):
    case = CASES[name]
    bytes_SCHW = frames(name)
    assert goldens_frames.sha(bytes_SCHW[0].transpose(1, 2, 0)) == case["sha_in"]
    out = degrade.imresize(bytes_SCHW.astype(dtype) / dtype(255), case["recipe"]["scale"])
    assert out.dtype == dtype
    assert list(out.shape[-2:]) == case["out_shape"]
    for y, x, *rgb in case["octave_double_0_1"]["samples"]:
        np.testing.assert_allclose(out[0, :, y, x], rgb, rtol=0, atol=atol)
    np.testing.assert_allclose(out[0].sum((1, 2)), case["octave_double_0_1"]["sum"], rtol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_stored_8_bit_frames_are_exact_to_the_byte(name, engine):
    case = CASES[name]
    out = degrade.imresize(frames(name), case["recipe"]["scale"])
    assert goldens_frames.sha(out[0].transpose(1, 2, 0)) == case["uint8_exact"]["sha256"]


def test_the_compiled_resizer_computes_what_it_says_when_it_runs_as_plain_python(monkeypatch):
    pytest.importorskip("numba")
    from stvsr_bench.data import quarter

    for name in ("resize", "mirrored", "copy", "add_pair", "every_fourth", "columns"):
        monkeypatch.setattr(quarter, f"_{name}", getattr(quarter, f"_{name}_plain"))
    hr_bytes = random_bytes((1, 3, 16, 20))
    made = degrade.imresize(hr_bytes, 0.25)
    monkeypatch.setattr(degrade, "_kernel", lambda: None)
    np.testing.assert_array_equal(made, degrade.imresize(hr_bytes, 0.25))


@pytest.mark.parametrize("size", [(4, 4), (4, 16), (16, 4), (8, 8), (12, 12), (12, 8)])
def test_small_frames_are_resized_as_large_ones_are(monkeypatch, size):
    """The compiled resizer mirrors a frame once, which is too little under 6 px."""
    pytest.importorskip("numba")
    hr_bytes = random_bytes((4, 3, *size))
    made = degrade.imresize(hr_bytes, 0.25)
    # as MATLAB does on floats: nothing shared with the whole numbers of 8-bit frames but the weights
    exact = degrade.imresize(hr_bytes.astype(np.float64), 0.25)
    assert np.abs(made - np.clip(exact, 0, 255)).max() <= 0.5 + 1e-9
    monkeypatch.setattr(degrade, "_kernel", lambda: None)
    np.testing.assert_array_equal(made, degrade.imresize(hr_bytes, 0.25))


def test_degrading_float_frames_gives_the_same_bytes_as_degrading_their_levels(engine):
    hr_bytes = random_bytes()
    hr_SCHW = hr_bytes.astype(np.float32) / np.float32(255)
    from_floats, from_bytes = degrade.degrade(hr_SCHW, "bicubic"), degrade.degrade(hr_bytes, "bicubic")
    np.testing.assert_array_equal(from_floats, from_bytes)
    np.testing.assert_array_equal(from_floats, degrade.imresize(hr_bytes, 0.25) / np.float32(255))
    assert from_floats.dtype == np.float32 and from_floats.flags.c_contiguous


def resized_by_a_loop(line, scale):
    """One line by the cubic kernel with a = -0.5, stretched when shrinking, edges mirrored."""

    def kernel(x):
        x = abs(x)
        if x <= 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0

    size, stretch, out = len(line), min(scale, 1.0), []
    for place in range(math.ceil(size * scale)):
        centre = (place + 0.5) / scale - 0.5
        weights = {j: kernel(stretch * (centre - j)) for j in range(-40, size + 40)}
        total = sum(
            weight * line[min(j % (2 * size), -(j + 1) % (2 * size))] for j, weight in weights.items() if weight
        )
        out.append(total / sum(weights.values()))
    return np.array(out)


@pytest.mark.parametrize("scale", [0.75, 0.3, 5 / 8, 5 / 3, 0.25])
def test_at_any_scale_the_resizer_is_the_kernel_of_its_definition(scale):
    frame = np.random.default_rng(4).random((20, 23))
    rows = np.stack([resized_by_a_loop(column, scale) for column in frame.T], axis=1)
    wanted = np.stack([resized_by_a_loop(row, scale) for row in rows])
    np.testing.assert_allclose(degrade.imresize(frame[None, None], scale)[0, 0], wanted, rtol=0, atol=1e-12)


def test_values_outside_the_range_are_clipped_before_they_are_degraded():
    hr_SCHW = np.random.default_rng(2).uniform(-0.4, 1.4, (1, 3, 16, 20)).astype(np.float32)
    np.testing.assert_array_equal(degrade.degrade(hr_SCHW, "bicubic"), degrade.degrade(hr_SCHW.clip(0, 1), "bicubic"))


def test_tensors_stay_tensors_and_equal_arrays():
    frames_SCHW = np.random.default_rng(1).random((1, 3, 16, 20))
    out = degrade.imresize(torch.from_numpy(frames_SCHW), 0.25)
    assert isinstance(out, torch.Tensor) and out.dtype == torch.float64
    np.testing.assert_array_equal(out.numpy(), degrade.imresize(frames_SCHW, 0.25))


def test_a_flat_frame_stays_flat_under_every_degradation():
    flat = np.full((1, 3, 24, 28), 77, np.uint8)
    for name in degrade.DEGRADATIONS:
        np.testing.assert_array_equal(
            degrade.degrade(flat, name), np.full((1, 3, 6, 7), np.float32(77) / np.float32(255))
        )


def test_frames_are_cut_to_a_multiple_of_the_scale_first():
    hr_bytes = random_bytes((1, 3, 35, 46))
    np.testing.assert_array_equal(
        degrade.degrade(hr_bytes, "bicubic"), degrade.degrade(hr_bytes[..., :32, :44].copy(), "bicubic")
    )


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_every_degradation_serves_every_scale(scale):
    for name in set(degrade.DEGRADATIONS) - ({"bd-2021"} if scale != 4 else set()):
        assert degrade.degrade(random_bytes((1, 3, 25, 38)), name, scale).shape == (1, 3, 25 // scale, 38 // scale)


@pytest.mark.parametrize("name", ["bicubic", "bd-2021", "bd-stdan", "pil", "cv2"])
def test_each_degradation_is_recognised_with_its_margin(name):
    hr_bytes = np.stack([goldens_frames.natural(seed, 64, 96) for seed in (1, 2)]).transpose(0, 3, 1, 2)
    guess = degrade.identify_degradation(degrade.degrade(hr_bytes, name), hr_bytes)
    assert guess.name == name and guess.margin_db > 3 and np.isinf(guess.psnr_db[name])


def test_a_degradation_is_recognised_at_a_scale_that_not_all_of_them_have():
    hr_bytes = goldens_frames.natural(1, 64, 96).transpose(2, 0, 1)[None]
    guess = degrade.identify_degradation(degrade.degrade(hr_bytes, "bd-stdan", 2), hr_bytes)
    assert guess.name == "bd-stdan" and "bd-2021" not in guess.psnr_db


def test_frames_of_another_origin_are_not_given_a_name():
    hr_bytes = np.stack([goldens_frames.natural(seed, 64, 96) for seed in (1, 2)]).transpose(0, 3, 1, 2)
    assert degrade.identify_degradation(random_bytes((2, 3, 16, 24)), hr_bytes).name == "unknown"
    shifted = degrade.degrade(hr_bytes, "bicubic")[::-1]
    assert degrade.identify_degradation(shifted, hr_bytes).name == "unknown"
    with pytest.raises(UsageError, match="not a whole fraction"):
        degrade.identify_degradation(random_bytes((2, 3, 16, 25)), hr_bytes)


@pytest.mark.parametrize(("sigma", "name"), [(1.3, "bicubic"), (1.6, "unknown")])
def test_a_degradation_is_named_from_45_db_on_and_how_near_each_comes_is_its_psnr(sigma, name):
    # noise of 1.434 levels is 45 dB
    hr_bytes = np.stack([goldens_frames.natural(seed, 64, 96) for seed in (1, 2)]).transpose(0, 3, 1, 2)
    clean = np.rint(degrade.degrade(hr_bytes, "bicubic") * 255)
    noise = np.random.default_rng(0).normal(0, sigma, clean.shape)
    lr_bytes = np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)
    guess = degrade.identify_degradation(lr_bytes, hr_bytes)
    right = peak_signal_noise_ratio(clean.astype(np.uint8), lr_bytes, data_range=255)
    assert guess.name == name and guess.psnr_db["bicubic"] == pytest.approx(right, abs=1e-9)
    others = max(of for key, of in guess.psnr_db.items() if key != "bicubic")
    assert guess.margin_db == pytest.approx(right - others if name == "bicubic" else 0, abs=1e-9)


@pytest.mark.parametrize("scale", [2, 4])
def test_means_of_blocks_single_samples_and_other_phases_of_the_blur_are_recognised(scale):
    hr_bytes = goldens_frames.natural(1, 64, 96).transpose(2, 0, 1)[None]
    blocks = torch.nn.functional.avg_pool2d(torch.from_numpy(hr_bytes.astype(np.float64)), scale).numpy()
    made = {"area": np.floor(blocks + 0.5).astype(np.uint8), "nearest": hr_bytes[..., ::scale, ::scale]}
    made |= {
        f"bd-stdan phase {phase}": blur.blur_down(hr_bytes, scale, phase, blur.TAPS_STDAN)
        for phase in range(scale)
        if phase != scale // 2
    }
    for name, lr_bytes in made.items():
        guess = degrade.identify_degradation(lr_bytes, hr_bytes)
        assert guess.name == guess.description == name and np.isinf(guess.psnr_db[name])


def test_a_flat_clip_fits_all_degradations_alike_and_frames_as_large_as_the_truth_none():
    flat = np.full((1, 3, 24, 28), 77, np.uint8)
    guess = degrade.identify_degradation(flat[..., ::4, ::4], flat)
    assert guess.margin_db == 0 and all(map(np.isinf, guess.psnr_db.values()))
    with pytest.raises(UsageError, match="not a whole fraction"):
        degrade.identify_degradation(flat, flat)
    with pytest.raises(UsageError, match="not a whole fraction"):
        degrade.identify_degradation(np.repeat(flat[..., ::4, ::4], 2, axis=0), flat)


@pytest.mark.parametrize("scale", [4, Fraction(4, 3), Fraction(5, 2)])
def test_kept_frames_of_another_shape_or_type_are_made_again(tmp_path, monkeypatch, scale):
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path))
    hr_bytes = random_bytes((2, 3, 40, 60))
    right = degrade.degrade(hr_bytes, "bicubic", scale)
    np.testing.assert_array_equal(degrade.lr_cached(hr_bytes, "bicubic", scale), right)
    (path,) = (tmp_path / "lr").rglob("*.npz")
    assert path.parent.name == f"bicubic-x{scale}".replace("/", "of")
    good = np.rint(right * 255).astype(np.uint8)
    for wrong in ({"lr": good[:, :, 1:]}, {"lr": good[..., 1:]}, {"lr": good[:1]}, {"lr": right}, {"other": good}):
        cache.store(path, **wrong)
        np.testing.assert_array_equal(degrade.lr_cached(hr_bytes, "bicubic", scale), right)
    other = 255 - good
    cache.store(path, lr=other)  # what fits is taken without being made again
    np.testing.assert_array_equal(degrade.lr_cached(hr_bytes, "bicubic", scale), other / np.float32(255))


def test_low_resolution_frames_are_kept_by_content_and_made_again_when_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path))
    hr_bytes = random_bytes()
    first = degrade.lr_cached(hr_bytes, "bicubic")
    (kept,) = (tmp_path / "lr").rglob("*.npz")
    monkeypatch.setattr(degrade, "_degraded", lambda *_: pytest.fail("made again although it was kept"))
    np.testing.assert_array_equal(degrade.lr_cached(hr_bytes, "bicubic"), first)
    monkeypatch.undo()
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path))
    kept.write_bytes(kept.read_bytes()[:100])
    np.testing.assert_array_equal(degrade.lr_cached(hr_bytes, "bicubic"), first)
    degrade.lr_cached(hr_bytes, "bd-2021")
    degrade.lr_cached(hr_bytes ^ 1, "bicubic")
    assert len(list((tmp_path / "lr").rglob("*.npz"))) == 3


def test_wrong_names_and_shapes_are_one_sentence():
    with pytest.raises(UnknownNameError, match=r"Did you mean 'bicubic'"):
        degrade.degrade(random_bytes(), "bicubik")
    with pytest.raises(UsageError, match=r"\(S, C, H, W\)"):
        degrade.imresize(np.zeros((3, 16, 16)), 0.25)
    with pytest.raises(UsageError, match="positive"):
        degrade.imresize(np.zeros((1, 3, 16, 16)), 0)
    with pytest.raises(UsageError, match="cannot be made 4 times smaller"):
        degrade.degrade(random_bytes((1, 3, 3, 16)), "bicubic")
    with pytest.raises(UsageError, match="not list"):
        degrade.imresize(random_bytes().tolist(), 0.25)
    with pytest.raises(UsageError, match="pil always rounds to 8 bits"):
        degrade.lr_unrounded(random_bytes(), "pil", Fraction(4))
