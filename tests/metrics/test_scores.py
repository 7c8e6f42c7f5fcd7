"""What a score must be whatever the frames: invariances, containers, and sentences instead of wrong numbers."""

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from stvsr_bench import metrics
from stvsr_bench.errors import ClipError, UnknownNameError, UsageError
from stvsr_bench.metrics import color, kernels, ssim


def clips(shape=(3, 3, 24, 32), seed=0, spread=0.1):
    random = np.random.default_rng(seed)
    hr_SCHW = random.random(shape).astype(np.float32)
    sr_SCHW = hr_SCHW + random.normal(0, spread, shape).astype(np.float32)
    return sr_SCHW, np.rint(hr_SCHW * 255).astype(np.float32) / np.float32(255)


def luma(frame_CHW):
    red, green, blue = np.rint(np.clip(frame_CHW, 0, 1) * np.float32(255)).astype(np.float64)
    return 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255


def test_psnr_and_ssim_equal_scikit_image_on_luma():
    sr_SCHW, hr_SCHW = clips()
    scores = metrics.score_frames(sr_SCHW, hr_SCHW, ["psnr_y", "ssim_y"])
    for index in range(3):
        sr_HW, hr_HW = luma(sr_SCHW[index]), luma(hr_SCHW[index])
        assert scores["psnr_y"][index] == pytest.approx(peak_signal_noise_ratio(hr_HW, sr_HW, data_range=255), abs=1e-9)
        settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
        assert scores["ssim_y"][index] == pytest.approx(structural_similarity(hr_HW, sr_HW, **settings), abs=1e-10)


def test_the_compiled_and_the_plain_engine_give_the_same_numbers(monkeypatch):
    pytest.importorskip("numba")
    names = list(metrics.FRAME_METRICS)
    sr_SCHW, hr_SCHW = clips((2, 3, 170, 173))
    sr_SCHW[1, :, ::3] = np.round(sr_SCHW[1, :, ::3])  # saturated and tied values too
    compiled = metrics.score_frames(sr_SCHW, hr_SCHW, names)
    monkeypatch.setattr(kernels, "available", lambda: False)
    plain = metrics.score_frames(sr_SCHW, hr_SCHW, names)
    for name in names:
        np.testing.assert_allclose(compiled[name], plain[name], rtol=0, atol=1e-10 if "ssim" in name else 1e-9)


def test_the_compiled_functions_compute_what_they_say_when_they_run_as_plain_python(monkeypatch):
    pytest.importorskip("numba")
    from stvsr_bench.metrics import fused

    for name in (
        "round",
        "scan",
        "mix",
        "down_with_squares",
        "pair",
        "scan_bytes",
        "fill_bytes",
        "down",
        "across",
        "tap",
    ):
        monkeypatch.setattr(fused, f"_{name}", getattr(fused, f"_{name}_plain"))
    sr_SCHW, hr_SCHW = clips((1, 3, 12, 13))
    names = ["psnr_y", "ssim_y", "ssim_rgb", "ssim_y_unrounded"]
    values = metrics.score_frames(sr_SCHW, hr_SCHW, names)
    monkeypatch.setattr(kernels, "available", lambda: False)
    plain = metrics.score_frames(sr_SCHW, hr_SCHW, names)
    for name in names:
        assert values[name] == pytest.approx(plain[name], abs=1e-12), name


def test_a_group_stands_for_its_metrics():
    variants = metrics.expanded(["variant"])
    assert {"psnr_y_full", "ssim_y_crop4", "psnr_y_unrounded"} <= set(variants)
    assert all(metrics.METRICS[name].group == "variant" for name in variants)
    assert metrics.expanded(["psnr_y_full", "variant", "psnr_y"]) == (
        "psnr_y_full", *(name for name in variants if name != "psnr_y_full"), "psnr_y",
    )  # fmt: skip
    assert metrics.expanded(["spam"]) == ("spam",)


def test_equal_frames_have_infinite_psnr_and_ssim_one():
    _, hr_SCHW = clips()
    assert np.all(np.isinf(metrics.psnr_y(hr_SCHW, hr_SCHW)))
    np.testing.assert_allclose(metrics.ssim_y(hr_SCHW, hr_SCHW), 1, atol=1e-15)
    assert np.all(metrics.mse_y(hr_SCHW, hr_SCHW) == 0)


def test_psnr_is_symmetric_and_follows_from_mse():
    sr_SCHW, hr_SCHW = clips()
    np.testing.assert_allclose(metrics.psnr_y(sr_SCHW, hr_SCHW), metrics.psnr_y(hr_SCHW, sr_SCHW), atol=1e-12)
    np.testing.assert_allclose(metrics.ssim_y(sr_SCHW, hr_SCHW), metrics.ssim_y(hr_SCHW, sr_SCHW), atol=1e-13)
    mse = metrics.mse_rgb(sr_SCHW, hr_SCHW)
    np.testing.assert_allclose(metrics.psnr_rgb(sr_SCHW, hr_SCHW), 20 * np.log10(255 / np.sqrt(mse)), atol=1e-12)


def test_floats_uint8_arrays_and_tensors_score_alike_in_their_own_container():
    sr_SCHW, hr_SCHW = clips()
    wanted = metrics.psnr_y(sr_SCHW, hr_SCHW)
    assert isinstance(wanted, np.ndarray) and wanted.dtype == np.float64 and wanted.shape == (3,)
    as_bytes = [np.rint(np.clip(side, 0, 1) * np.float32(255)).astype(np.uint8) for side in (sr_SCHW, hr_SCHW)]
    np.testing.assert_array_equal(metrics.psnr_y(*as_bytes), wanted)
    np.testing.assert_array_equal(metrics.psnr_y(sr_SCHW.astype(np.float64), as_bytes[1]), wanted)
    tensor = metrics.psnr_y(torch.from_numpy(sr_SCHW).requires_grad_(), torch.from_numpy(hr_SCHW))
    assert isinstance(tensor, torch.Tensor) and tensor.dtype == torch.float64
    np.testing.assert_array_equal(tensor.numpy(), wanted)
    strided = sr_SCHW.transpose(0, 1, 3, 2).copy().transpose(0, 1, 3, 2)
    np.testing.assert_array_equal(metrics.ssim_y(strided, hr_SCHW), metrics.ssim_y(sr_SCHW, hr_SCHW))


@pytest.mark.parametrize("engine", ["fast", "plain"])
def test_floats_are_scored_against_bytes_without_rounding_too(engine, monkeypatch):
    if engine == "plain":
        monkeypatch.setattr(kernels, "available", lambda: False)
    sr_SCHW, hr_SCHW = clips((2, 3, 24, 32))
    hr_bytes = np.rint(hr_SCHW * 255).astype(np.uint8)
    mse = ((np.clip(sr_SCHW, 0, 1).astype(np.float64) * 255 - hr_bytes) ** 2).mean(axis=(1, 2, 3))
    alone = metrics.score_frames(sr_SCHW, hr_bytes, ["psnr_rgb"], round_8bit=False)["psnr_rgb"]
    np.testing.assert_allclose(alone, 10 * np.log10(255**2 / mse), rtol=1e-13)
    for name in [f"{measure}_{view}" for measure in ("mse", "psnr", "ssim") for view in ("y", "rgb", "y_rounded")]:
        floats = metrics.score_frames(sr_SCHW, hr_bytes / 255, [name], round_8bit=False)[name]
        for pair in ((sr_SCHW, hr_bytes), (hr_bytes, sr_SCHW)):
            mixed = metrics.score_frames(*pair, [name], round_8bit=False)[name]
            np.testing.assert_allclose(mixed, floats, rtol=1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("dtype", "huge"), [(np.float16, 6e4), (np.float32, 1e30), (np.float64, 1e200)])
def test_no_float_however_large_makes_a_warning(dtype, huge):
    sr_SCHW, hr_SCHW = clips((1, 3, 256, 256))
    for frames in (sr_SCHW.astype(dtype), np.full_like(sr_SCHW, huge, dtype)):
        unit = [np.clip(side.astype(np.float64), 0, 1).astype(np.float32) for side in (frames, hr_SCHW)]
        levels = [np.rint(side * np.float32(255)).astype(np.float64) for side in unit]
        mse = ((levels[0] - levels[1]) ** 2).mean()
        assert metrics.mse_rgb(frames, hr_SCHW)[0] == pytest.approx(mse, rel=1e-13)
    broken = sr_SCHW.astype(dtype)
    broken[0, 0, 0, :2] = np.nan, np.inf
    with pytest.raises(ClipError, match=r"frame 0 has values that are not finite numbers \(2\)"):
        metrics.psnr_y(broken, hr_SCHW)


def test_rounded_luma_is_exact_and_goes_to_even():
    # the three sums that give 52.5, 125.5 and 198.5, and many more, against whole-number arithmetic
    ties = np.array([[2, 44, 141], [0, 204, 68], [123, 251, 249]], np.uint8)
    levels_N3 = np.concatenate([ties, np.random.default_rng(0).integers(0, 256, (200_000, 3), dtype=np.uint8)])
    sums = 219 * (levels_N3.astype(np.int64) @ [299, 587, 114])
    whole, rest = np.divmod(16 * 255000 + sums, 255000)
    wanted = whole + np.where(rest == 127500, whole % 2, rest > 127500)
    assert wanted[:3].tolist() == [52, 126, 198] and (rest[:3] == 127500).all()
    made = color.plane(np.ascontiguousarray(levels_N3.T[:, None]), color.STUDIO_Y_ROUNDED)
    np.testing.assert_array_equal(made[0], wanted)


def test_half_precision_tensors_are_scored_as_the_numbers_they_hold():
    sr_SCHW, hr_SCHW = clips()
    half = torch.from_numpy(sr_SCHW).to(torch.bfloat16)
    np.testing.assert_array_equal(
        metrics.psnr_y(half, torch.from_numpy(hr_SCHW)).numpy(), metrics.psnr_y(half.float().numpy(), hr_SCHW)
    )


def test_values_outside_the_range_are_clipped_as_a_png_would():
    sr_SCHW, hr_SCHW = clips()
    np.testing.assert_array_equal(
        metrics.psnr_y(sr_SCHW * 3 - 1, hr_SCHW), metrics.psnr_y(np.clip(sr_SCHW * 3 - 1, 0, 1), hr_SCHW)
    )


@pytest.mark.parametrize("engine", ["numba", "opencv"])
def test_without_rounding_values_outside_the_range_are_clipped_too(engine, monkeypatch):
    if engine == "opencv":
        monkeypatch.setattr(kernels, "available", lambda: False)
    sr_SCHW, hr_SCHW = clips((2, 3, 24, 28))
    beyond = sr_SCHW * 3 - 1
    assert beyond.min() < -0.5 and beyond.max() > 1.5
    inside = np.clip(beyond.astype(np.float64), 0, 1) * 255
    planes = [np.moveaxis(side, 1, -1) @ [65.481, 128.553, 24.966] / 255 + 16 for side in (inside, hr_SCHW * 255.0)]
    wanted = 10 * np.log10(255**2 / ((planes[0] - planes[1]) ** 2).mean((1, 2)))
    scores = metrics.score_frames(beyond, hr_SCHW, ["psnr_y", "ssim_y"], round_8bit=False)
    np.testing.assert_allclose(scores["psnr_y"], wanted, rtol=0, atol=1e-6)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    ssims = [structural_similarity(hr_HW, sr_HW, **settings) for sr_HW, hr_HW in zip(*planes, strict=True)]
    np.testing.assert_allclose(scores["ssim_y"], ssims, rtol=0, atol=1e-7)


def test_rounding_is_half_to_even_in_both_engines(monkeypatch):
    ties = np.array([0.5, 1.5, 2.5, 254.5], np.float32) / np.float32(255)
    ties = ties[(ties * np.float32(255)) % 1 == 0.5]
    frame = np.broadcast_to(ties, (3, 1, len(ties)))
    want = [[round(float(t)) for t in ties * np.float32(255)]]
    assert color.levels(frame)[0].tolist() == want
    monkeypatch.setattr(kernels, "available", lambda: False)
    assert color.levels(frame)[0].tolist() == want


def test_crop_and_rounding_of_the_protocol_reach_every_metric_but_fixed_variants():
    sr_SCHW, hr_SCHW = clips((2, 3, 30, 31))
    inner = [np.ascontiguousarray(side[..., 4:-4, 4:-4]) for side in (sr_SCHW, hr_SCHW)]
    names = ["mse_y", "psnr_y", "ssim_y", "psnr_rgb"]
    cropped, direct = metrics.score_frames(sr_SCHW, hr_SCHW, names, crop=4), metrics.score_frames(*inner, names)
    for name in names:
        np.testing.assert_array_equal(cropped[name], direct[name])
    variants = metrics.score_frames(sr_SCHW, hr_SCHW, ["psnr_y_crop4", "psnr_y_unrounded"])
    np.testing.assert_array_equal(variants["psnr_y_crop4"], direct["psnr_y"])
    unrounded = metrics.score_frames(sr_SCHW, hr_SCHW, ["psnr_y"], round_8bit=False)
    np.testing.assert_array_equal(variants["psnr_y_unrounded"], unrounded["psnr_y"])
    assert np.all(np.abs(unrounded["psnr_y"] - metrics.psnr_y(sr_SCHW, hr_SCHW)) > 1e-9)


def test_full_range_luma_reads_lower_by_the_ratio_of_the_ranges():
    sr_SCHW, hr_SCHW = clips()
    scores = metrics.score_frames(sr_SCHW, hr_SCHW, ["psnr_y", "psnr_y_full"])
    np.testing.assert_allclose(scores["psnr_y"] - scores["psnr_y_full"], 20 * np.log10(255 / 219), atol=1e-9)


def test_ms_ssim_is_one_for_equal_frames_and_falls_with_noise():
    _, hr_SCHW = clips((1, 3, 161, 163))
    noisy = [np.clip(hr_SCHW + np.float32(s) * (np.indices(hr_SCHW.shape).sum(0) % 2 - 0.5), 0, 1) for s in (0.1, 0.4)]
    one, less, least = (metrics.score_frames(sr, hr_SCHW, ["ms_ssim_y"])["ms_ssim_y"][0] for sr in (hr_SCHW, *noisy))
    assert one == pytest.approx(1, abs=1e-14) and one > less > least > 0


def ms_ssim_by_definition(sr_HW, hr_HW):
    """Wang, Simoncelli, Bovik 2003, by scipy: valid 11x11 windows, halved by 2x2 means, an odd last line repeated."""
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(taps, taps) / taps.sum() ** 2
    found = 1.0
    for octave, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        x, y, xx, yy, xy = (
            convolve2d(of, window, mode="valid") for of in (sr_HW, hr_HW, sr_HW**2, hr_HW**2, sr_HW * hr_HW)
        )
        contrast = (2 * (xy - x * y) + 58.5225) / (xx - x * x + yy - y * y + 58.5225)
        luminance = (2 * x * y + 6.5025) / (x * x + y * y + 6.5025)
        found *= max((contrast * luminance if octave == 4 else contrast).mean(), 0) ** weight
        rows, columns = ([*range(size)] + [size - 1] * (size % 2) for size in sr_HW.shape)
        sr_HW, hr_HW = (of[rows][:, columns].reshape(len(rows) // 2, 2, -1, 2).mean((1, 3)) for of in (sr_HW, hr_HW))
    return found


@pytest.mark.parametrize("size", [(161, 163), (176, 176), (165, 190)])
def test_ms_ssim_is_that_of_its_definition_on_odd_sizes_too(size):
    sr_SCHW, hr_SCHW = clips((1, 3, *size))
    score = metrics.score_frames(sr_SCHW, hr_SCHW, ["ms_ssim_y"])["ms_ssim_y"][0]
    assert score == pytest.approx(ms_ssim_by_definition(luma(sr_SCHW[0]), luma(hr_SCHW[0])), abs=1e-10)


@pytest.mark.parametrize(
    "sr_shape,hr_shape,error,words",
    [
        ((2, 3, 16, 16), (1, 3, 16, 16), ClipError, "both must be equal"),
        ((1, 3, 4, 4), (1, 3, 1, 4), ClipError, "both must be equal"),
        ((3, 16, 16), (3, 16, 16), UsageError, r"\(S, 3, H, W\)"),
        ((1, 1, 16, 16), (1, 1, 16, 16), UsageError, r"\(S, 3, H, W\)"),
        ((1, 4, 16, 16), (1, 4, 16, 16), UsageError, r"\(S, 3, H, W\)"),
        ((0, 3, 16, 16), (0, 3, 16, 16), UsageError, "no frame"),
    ],
)
def test_shapes_that_do_not_fit_are_one_sentence_and_never_broadcast(sr_shape, hr_shape, error, words):
    with pytest.raises(error, match=words):
        metrics.psnr_y(np.zeros(sr_shape, np.float32), np.zeros(hr_shape, np.float32))


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_refused_and_counted(broken):
    sr_SCHW, hr_SCHW = clips()
    sr_SCHW[1, 2, 3, 4] = broken
    with pytest.raises(ClipError, match=r"sr: frame 1 has values that are not finite numbers \(1\)"):
        metrics.psnr_y(sr_SCHW, hr_SCHW)


@pytest.mark.parametrize("name,smallest", [("ssim_y", 11), ("ms_ssim_y", 161), ("ssim_y_crop4", 19)])
def test_frames_smaller_than_the_window_are_refused(name, smallest):
    fits = np.zeros((1, 3, smallest, smallest + 5), np.uint8)
    assert metrics.score_frames(fits, fits, [name])[name][0] == pytest.approx(1)
    with pytest.raises(ClipError, match="needs frames of at least"):
        metrics.score_frames(fits[:, :, :-1], fits[:, :, :-1], [name])


def test_other_mistakes_are_sentences_too():
    sr_SCHW, hr_SCHW = clips()
    with pytest.raises(UnknownNameError, match="Did you mean 'psnr_y'"):
        metrics.score_frames(sr_SCHW, hr_SCHW, ["pnsr_y"])
    with pytest.raises(UsageError, match="not list"):
        metrics.psnr_y(sr_SCHW.tolist(), hr_SCHW)
    with pytest.raises(UsageError, match="int64"):
        metrics.psnr_y(np.zeros((1, 3, 16, 16), np.int64), np.zeros((1, 3, 16, 16), np.int64))
    with pytest.raises(UsageError, match="border of 12 px"):
        metrics.score_frames(sr_SCHW, hr_SCHW, ["psnr_y"], crop=12)


def test_every_metric_says_what_it_is():
    for name, metric in metrics.METRICS.items():
        assert metric.title and metric.description and metric.per in ("frame", "interpolated frame", "clip"), name
    assert set(metrics.CORE) <= set(metrics.METRICS)


def test_strips_give_what_one_piece_gives(monkeypatch):
    monkeypatch.setattr(kernels, "available", lambda: False)
    sr_SCHW, hr_SCHW = clips((1, 3, 75, 40))
    whole = metrics.score_frames(sr_SCHW, hr_SCHW, ["mse_y", "ssim_y", "ssim_rgb", "ssim_y_rounded"])
    for pixels in (0, 40 * 30, 40 * 74):
        monkeypatch.setattr(ssim, "_STRIP_PIXELS", pixels)
        parts = metrics.score_frames(sr_SCHW, hr_SCHW, list(whole))
        for name, values in whole.items():
            assert parts[name][0] == pytest.approx(values[0], rel=1e-13)


def test_threads_do_not_share_their_buffers(monkeypatch):
    monkeypatch.setattr(kernels, "available", lambda: False)
    pairs = [clips((4, 3, 64, 64), seed) for seed in range(8)]
    alone = [metrics.ssim_y(*pair) for pair in pairs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pair: metrics.ssim_y(*pair), pairs))
    np.testing.assert_array_equal(together, alone)


def test_names_can_stand_in_rows_columns_and_on_a_command_line():
    for name in metrics.METRICS:
        assert re.fullmatch(r"[a-z0-9_]+", name), name  # a point or a comma would be read as a separator
