"""Blur-down against the sheet's numbers, against its formula written out, and by where its samples lie."""

import numpy as np
import pytest

from stvsr_bench.data import degrade
from stvsr_bench.errors import UsageError
from tests.golden import recipe_of


def random_bytes(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def made(hr_SCHW, name):
    """The low-resolution frames in 8-bit levels."""
    return np.rint(degrade.degrade(hr_SCHW, name) * 255).astype(int)


def written_out(plane_HW, taps, first):
    """Every sample k, m from its own window of the picture, 2-D and in float64: taps from 4k + first on."""
    offsets = np.arange(taps) - (taps - 1) / 2
    weight = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.6**2))
    weight /= weight.sum()
    height, width = (side // 4 * 4 for side in plane_HW.shape)
    out = np.empty((height // 4, width // 4))
    for k in range(height // 4):
        for m in range(width // 4):
            rows = np.clip(4 * k + first + np.arange(taps), 0, height - 1)
            columns = np.clip(4 * m + first + np.arange(taps), 0, width - 1)
            out[k, m] = (plane_HW[np.ix_(rows, columns)] * weight).sum()
    return np.floor(out + 0.5)


def test_bd_2021_gives_the_numbers_of_the_sheet():
    recipe = recipe_of("golden_recipe")
    hr_SCHW = np.rint(255 * recipe.golden_input(81, (1, 1, 3, 32, 48)).numpy()[0]).astype(np.uint8)
    lr_SChw = made(hr_SCHW, "bd-2021")
    assert lr_SChw.shape == (1, 3, 8, 12) and lr_SChw.sum() == 36559
    assert lr_SChw[0, 0, 0].tolist() == [117, 147, 137, 121, 104, 147, 146, 95, 134, 146, 105, 143]
    assert lr_SChw[0, 2, -1].tolist() == [117, 140, 145, 101, 107, 136, 159, 140, 99, 105, 146, 140]


@pytest.mark.parametrize(("name", "taps", "first"), [("bd-2021", 12, -4), ("bd-stdan", 7, -1)])
@pytest.mark.parametrize("size", [(4, 4), (5, 7), (16, 20), (33, 46)])
def test_every_sample_is_the_formula_s_also_of_odd_and_tiny_frames(name, taps, first, size):
    hr_SCHW = random_bytes((2, 3, *size))
    lr_SChw = made(hr_SCHW, name)
    for frame, channel in np.ndindex(2, 3):
        np.testing.assert_array_equal(lr_SChw[frame, channel], written_out(hr_SCHW[frame, channel], taps, first))


def test_bd_2021_lies_where_bicubic_lies_and_bd_stdan_half_a_pixel_further():
    # on a slope of 4 levels a pixel, a sample's level says where it was taken: the block's middle is 4k + 1.5
    slope = np.broadcast_to(4 * np.arange(60, dtype=np.uint8), (1, 3, 60, 60))
    inside = np.arange(2, 13)
    for turned in (slope, slope.swapaxes(2, 3)):
        centre = {
            name: made(np.ascontiguousarray(turned), name)[0, 0] / 4 for name in ("bicubic", "bd-2021", "bd-stdan")
        }
        along = {name: (c if turned is slope else c.T)[5, 2:13] for name, c in centre.items()}
        np.testing.assert_array_equal(along["bicubic"], 4 * inside + 1.5)
        np.testing.assert_array_equal(along["bd-2021"], 4 * inside + 1.5)
        np.testing.assert_array_equal(along["bd-stdan"], 4 * inside + 2)


def test_a_mirrored_picture_gives_mirrored_samples_of_what_is_centred():
    hr_SCHW = random_bytes((1, 3, 24, 32))
    mirrored = np.ascontiguousarray(hr_SCHW[..., ::-1, ::-1])
    np.testing.assert_array_equal(made(mirrored, "bd-2021"), made(hr_SCHW, "bd-2021")[..., ::-1, ::-1])
    assert (made(mirrored, "bd-stdan") != made(hr_SCHW, "bd-stdan")[..., ::-1, ::-1]).any()


def test_bd_2021_at_another_scale_is_refused():
    for scale in (2, 3, 8):
        with pytest.raises(UsageError, match=f"defined for x4 only, not x{scale}"):
            degrade.degrade(random_bytes((1, 3, 16, 16)), "bd-2021", scale)


def test_the_old_name_still_gives_the_old_frames(tmp_path, monkeypatch):
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path))
    hr_SCHW = random_bytes((1, 3, 17, 22))
    for scale in (2, 3, 4):
        wanted = degrade.degrade(hr_SCHW, "bd-stdan", scale)
        np.testing.assert_array_equal(degrade.degrade(hr_SCHW, "bd", scale), wanted)
        np.testing.assert_array_equal(degrade.lr_cached(hr_SCHW, "bd", scale), wanted)
    assert (made(hr_SCHW, "bd-stdan") != made(hr_SCHW, "bd-2021")).any()
