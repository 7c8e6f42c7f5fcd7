"""Any scale and time through padding, tiles, flips and windows, shown by a network that says what it was asked."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from PIL import Image

from stvsr_bench import methods, protocols
from stvsr_bench.data.degrade import degrade, imresize, lr_unrounded
from stvsr_bench.errors import UsageError
from stvsr_bench.restore import low_resolution, mod_crop, restore
from stvsr_bench.runner.evaluate import evaluate, prepared
from stvsr_bench.runner.measure import Wanted
from stvsr_bench.schema import Clip, Method, MethodCard, Settings

ANY = MethodCard(
    name="told", title="Told", kind="stvsr", net="m:N", scale=[1, 16], time="any", frames_in=(2, 2), multiple_of=4
)


class Told(torch.nn.Module):
    """Nearest neighbour at the size asked for; each frame is as bright as the time of its own gap."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def forward(self, lr_BTChw, times=None, size=None):
        times = torch.full((1, 1), 0.5) if times is None else times
        size = size or tuple(4 * side for side in lr_BTChw.shape[-2:])
        self.asked.append((tuple(lr_BTChw.shape[-2:]), size, times[0].tolist(), lr_BTChw.shape[1]))
        ones = torch.ones(1, 1, 3, *size)
        gaps = [0.0, *times[0].tolist()] * (lr_BTChw.shape[1] - 1)
        return torch.cat([ones * t for t in [*gaps, 1.0]], 1)


def told(card=ANY):
    return Method("told", card, Told())


def clip_of(frames, height, width, seed=0):
    levels = np.random.default_rng(seed).integers(0, 256, (frames, 3, height, width))
    return Clip("d", "s", "c", levels.astype(np.float32) / 255)


@pytest.mark.parametrize(("scale", "lr", "padded"), [
    (Fraction(5, 2), (30, 34), (32, 36)),
    (Fraction(4, 3), (30, 33), (36, 36)),
    (Fraction(4), (30, 34), (32, 36)),
    (Fraction(12), (5, 7), (8, 8)),
    (Fraction(1), (9, 13), (12, 16)),
])  # fmt: skip
def test_the_network_is_asked_for_whole_pixels_and_the_picture_is_cut_to_the_truth(scale, lr, padded):
    protocol = protocols.get(f"suite-1:scale={scale}:time_scale=4")
    truth = tuple(int(side * scale) for side in lr)
    clip, lr_SChw, _ = prepared(clip_of(5, truth[0] + scale.numerator - 1, truth[1], seed=1), protocol)
    assert lr_SChw.shape[-2:] == tuple(int(side / scale) for side in clip.hr_SCHW.shape[-2:])
    method = told()
    sr_SCHW = restore(method, lr_SChw, protocol).sr_SCHW
    ((given, size, times, frames),) = {(a, b, tuple(c), d) for a, b, c, d in method.net.asked}
    assert sr_SCHW.shape == clip.hr_SCHW.shape
    assert given == padded or (scale == 1 and given == (12, 16))
    assert size == tuple(int(side * scale) for side in given) and times == (0.25, 0.5, 0.75) and frames == 2


@pytest.mark.parametrize("overlap", ["first", "last"])
def test_a_shared_frame_is_that_of_the_sample_that_the_protocol_names(overlap):
    protocol = replace(protocols.get("videoinr-2022:time_scale=4"), overlap=overlap)
    sr = restore(told(), np.zeros((13, 3, 8, 8), np.float32), protocol).sr_SCHW[:, 0, 0, 0]
    shared = 0.0 if overlap == "last" else 1.0
    assert sr.tolist() == [0, 0.25, 0.5, 0.75, shared, 0.25, 0.5, 0.75, shared, 0.25, 0.5, 0.75, 1]


def test_windows_cut_to_what_a_method_takes_are_in_the_row():
    wanted = Wanted((protocols.get("suite-1:scale=2"),), ("psnr_y",))
    (cut,) = evaluate(told(), clip_of(7, 16, 16), wanted)
    assert cut.how["window"] == "cut to 2"
    (filled,) = evaluate(told(replace(ANY, frames_in=(5, 6))), clip_of(7, 16, 16), wanted)
    assert filled.how["window"] == "filled to 5" and filled.frames == list(range(7))
    (whole,) = evaluate(told(replace(ANY, frames_in=(2, 9))), clip_of(7, 16, 16), wanted)
    assert "window" not in whole.how


def test_a_scale_outside_those_of_the_training_is_a_flag_of_the_row():
    card = replace(ANY, scale_trained=[1, 4])
    for scale, flagged in (("4", False), ("5/2", False), ("6", True)):
        row, = evaluate(told(card), clip_of(3, 20, 20 if scale != "6" else 24),
                        Wanted((protocols.get(f"suite-1:scale={scale}"),), ("psnr_y",)))  # fmt: skip
        assert ("scale-untrained" in row.flags) == flagged


def test_pixels_that_lie_between_two_are_a_flag_where_a_method_takes_the_nearest():
    for scale in ("2", "3", "5/2", "12/5", "7/3", "17/4"):
        ratio = Fraction(scale)
        centres = [(i + Fraction(1, 2)) / ratio for i in range(4 * ratio.numerator)]
        between = any(centre.denominator == 1 for centre in centres)  # on the edge of two low-resolution pixels
        side = 4 * ratio.numerator
        for ties in (True, False):
            wanted = Wanted((protocols.get(f"suite-1:scale={scale}"),), ("psnr_y",))
            (row,) = evaluate(told(replace(ANY, ties=ties)), clip_of(3, side, side), wanted)
            assert ("ties" in row.flags) == (between and ties), scale
    assert methods.build("videoinr@none").card.ties


@pytest.mark.parametrize("scale", ["5/2", "3", "8/3"])
def test_tiles_and_flips_give_the_whole_picture_at_fractions(scale):
    method = methods.build("blend+bicubic")
    protocol = protocols.get(f"suite-1:scale={scale}:time_scale=3")
    lr_SChw = np.random.default_rng(2).random((4, 3, 36, 48), dtype=np.float32)
    whole = restore(method, lr_SChw, protocol).sr_SCHW
    tiled = restore(method, lr_SChw, protocol, Settings(tile=24, tile_overlap=12)).sr_SCHW
    assert whole.shape[-2:] == tuple(int(side * Fraction(scale)) for side in (36, 48))
    np.testing.assert_allclose(tiled, whole, atol=2e-6)
    flipped = restore(method, lr_SChw, replace(protocol, flip_test=True)).sr_SCHW
    np.testing.assert_allclose(flipped, whole, atol=2e-6)  # bicubic is symmetric


def test_an_upscaler_alone_and_an_interpolator_alone_have_their_own_rows():
    clip = clip_of(5, 16, 24)
    clip = replace(clip, hr_SCHW=np.rint(clip.hr_SCHW * 127) * 2 / 255)  # even levels: a mean of two is no tie
    (upscaled,) = evaluate(methods.build("bicubic"), clip, Wanted((protocols.get("basicvsr-2021"),), ("psnr_y",)))
    assert upscaled.kind == "sr" and upscaled.frames == [0, 1, 2, 3, 4] and all(upscaled.given)
    (between,) = evaluate(methods.build("blend"), clip, Wanted((protocols.get("suite-1:scale=1"),), ("psnr_y",)))
    assert between.given == [True, False] * 2 + [True]
    assert all(np.isinf(v) == given for v, given in zip(between.values["psnr_y"], between.given, strict=True))
    middle = np.rint((clip.hr_SCHW[0] + clip.hr_SCHW[2]).astype(np.float64) / 2 * 255)
    luma = np.array([65.481, 128.553, 24.966]) / 255
    difference = np.tensordot(luma, middle - clip.hr_SCHW[1] * 255.0, 1)
    assert between.values["psnr_y"][1] == pytest.approx(10 * np.log10(255**2 / (difference**2).mean()), abs=1e-3)


def plain_centre_and_average(hr_SCHW):
    """The continuous table's two numbers of one clip, as its scripts go: sample by sample, frame by frame."""

    def small(frame):
        picture = Image.fromarray(np.rint(frame.transpose(1, 2, 0) * 255).astype(np.uint8))
        return np.asarray(picture.resize((picture.width // 4, picture.height // 4), Image.Resampling.BICUBIC)) / 255.0

    def luma(frame_CHW):
        return np.tensordot(np.array([65.481, 128.553, 24.966]), frame_CHW, 1) + 16

    def psnr(one, other):
        return 10 * np.log10(255**2 / ((luma(one) - luma(other)) ** 2).mean())

    average, centre = [], []
    for start in range(0, len(hr_SCHW) - 8, 8):
        first, last = (small(hr_SCHW[i]).transpose(2, 0, 1).astype(np.float32) for i in (start, start + 8))
        dbs = []
        for k in range(9):
            low = first * np.float32(1 - k / 8) + last * np.float32(k / 8)
            sr = imresize(low[None].astype(np.float64), 4.0)[0]
            dbs.append(psnr(sr, hr_SCHW[start + k].astype(np.float64)))
        average.append(np.mean(dbs[:-1]))
        centre.append((dbs[0] + dbs[4]) / 2)
    return np.mean(average), np.mean(centre)


def test_the_continuous_table_equals_a_plain_loop_over_samples():
    y, x, t = np.mgrid[0:48, 0:64, 0:26]
    waves = [0.5 + 0.6 * np.sin(x / 3 + t / 9 + c) * np.cos(y / 4 - t / 11) for c in range(3)]  # clipped: beyond [0, 1]
    hr_SCHW = (np.rint(np.clip(np.stack(waves, 0), 0, 1) * 255) / 255).transpose(3, 0, 1, 2).astype(np.float32)
    asked = tuple(protocols.get(name) for name in ("videoinr-2022", "videoinr-2022-centre"))
    rows = evaluate(methods.build("blend+bicubic"), Clip("d", "s", "c", hr_SCHW), Wanted(asked, ("psnr_y",)))
    for row, wanted in zip(rows, plain_centre_and_average(hr_SCHW), strict=True):
        assert np.mean(row.values["psnr_y"]) == pytest.approx(wanted, abs=2e-5)
    assert rows[0].frames == list(range(24)) and rows[1].frames == [0, 4, 8, 12, 16, 20]


def test_out_of_distribution_low_resolution_is_neither_rounded_nor_clipped():
    protocol = replace(protocols.get("videoinr-2022:scale=6:time_scale=12"), hr_crop=(36, 48))
    clip = clip_of(1, 40, 61)
    cut = mod_crop(clip, protocol.ratio, protocol.hr_crop)
    assert cut.hr_SCHW.shape[-2:] == (36, 48) and (cut.hr_SCHW == clip.hr_SCHW[..., :36, :48]).all()
    lr = low_resolution(cut, protocol)
    np.testing.assert_allclose(lr, imresize(cut.hr_SCHW.astype(np.float64), 1 / 6), atol=1e-7)
    assert np.abs(lr * 255 - np.rint(lr * 255)).max() > 0.1
    assert np.abs(lr - degrade(cut.hr_SCHW, "bicubic", 6)).max() > 1e-3
    with pytest.raises(UsageError, match="only bicubic"):
        lr_unrounded(cut.hr_SCHW, "pil", Fraction(6))


@pytest.mark.parametrize("scale", [Fraction(5, 3), Fraction(7, 3), Fraction(12, 5), Fraction(16, 15)])
def test_low_resolution_at_a_fraction_has_exactly_its_share_of_the_pixels(scale):
    for many in range(1, 40):
        side = many * scale.numerator
        lr = degrade(np.zeros((1, 3, side, scale.numerator), np.float32), "bicubic", scale)
        assert lr.shape[-2:] == (many * scale.denominator, scale.denominator)
