import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import torch

from stvsr_bench.errors import DataError
from stvsr_bench.nn.resize import imresize
from stvsr_bench.schema import Clip
from stvsr_bench.train.recipe import Recipe
from stvsr_bench.train.samples import Footage, Joined, Place, Samples, Share, batches, crop, draw, place

FOUR = Fraction(4)


def lr_of_whole(hr_SCHW: np.ndarray) -> np.ndarray:
    small = imresize(torch.from_numpy(hr_SCHW.astype(np.float64) / 255), 0.25).clamp(0, 1)
    return ((small * 255).round() / 255).numpy().astype(np.float32)


@pytest.mark.parametrize(("top", "left"), [(0, 0), (1, 3), (4, 6), (2, 0)])
def test_lr_of_a_crop_is_the_crop_of_the_lr(top: int, left: int, tiny_clips: list[Clip], tiny_recipe: Recipe) -> None:
    hr_SCHW = Footage(tiny_clips).frames(0)
    stage = tiny_recipe.stages[0]
    where = Place(0, 0, top, left, False, False, False, False)
    lr_TChw, cut_SCHW = crop(hr_SCHW, where, stage, FOUR)
    np.testing.assert_array_equal(lr_TChw, lr_of_whole(hr_SCHW)[::2, :, top : top + 8, left : left + 8])
    np.testing.assert_array_equal(cut_SCHW * 255, hr_SCHW[:, :, top * 4 :, left * 4 :][:, :, :32, :32])


def test_lr_and_hr_are_turned_alike(tiny_clips: list[Clip], tiny_recipe: Recipe) -> None:
    hr_SCHW = Footage(tiny_clips).frames(1)
    plain = Place(1, 0, 2, 3, False, False, False, False)
    turned = dataclasses.replace(plain, flip_time=True, flip_rows=True, flip_columns=True, transpose=True)
    for straight, bent in zip(
        crop(hr_SCHW, plain, tiny_recipe.stages[0], FOUR),
        crop(hr_SCHW, turned, tiny_recipe.stages[0], FOUR),
        strict=True,
    ):
        np.testing.assert_array_equal(bent, straight[::-1, :, ::-1, ::-1].transpose(0, 1, 3, 2))


def test_every_clip_is_used_once_before_any_is_used_again(tiny_recipe: Recipe) -> None:
    drawn = [draw(tiny_recipe, tiny_recipe.stages[0], number, 5)[0] for number in range(15)]
    assert [sorted(drawn[k : k + 5]) for k in (0, 5, 10)] == [[0, 1, 2, 3, 4]] * 3
    assert drawn[:5] != drawn[5:10] or drawn[5:10] != drawn[10:]


def test_two_processes_share_the_batch_of_one(tiny_clips: list[Clip], tiny_recipe: Recipe) -> None:
    samples = Samples(Footage(tiny_clips), tiny_recipe, tiny_recipe.stages[0], FOUR)
    (whole,) = batches(samples, range(3, 4), Share())
    halves = [next(iter(batches(samples, range(3, 4), Share(rank, 2)))) for rank in (0, 1)]
    for part in (0, 1):
        assert torch.equal(whole[part], torch.cat([half[part] for half in halves]))


def test_samples_do_not_depend_on_where_one_starts_or_who_cuts_them(
    tiny_clips: list[Clip], tiny_recipe: Recipe
) -> None:
    samples = Samples(Footage(tiny_clips), tiny_recipe, tiny_recipe.stages[0], FOUR)
    here = list(batches(samples, range(1, 5), Share()))[2:]
    late = list(batches(samples, range(3, 5), Share(), workers=1))
    for (lr, hr), (lr_late, hr_late) in zip(here, late, strict=True):
        assert torch.equal(lr, lr_late)
        assert torch.equal(hr, hr_late)


def test_a_clip_that_is_too_small_is_named(tiny_clips: list[Clip], tiny_recipe: Recipe) -> None:
    stage = dataclasses.replace(tiny_recipe.stages[0], crop=13)
    with pytest.raises(DataError, match="48 px"):
        Samples(Footage(tiny_clips), tiny_recipe, stage, FOUR)[0]


@pytest.mark.parametrize("scale", [Fraction(5, 2), Fraction(2), Fraction(4, 3), Fraction(3)])
def test_lr_of_a_crop_is_the_crop_of_the_lr_at_any_scale(
    scale: Fraction, tiny_clips: list[Clip], tiny_recipe: Recipe
) -> None:
    hr_SCHW = Footage(tiny_clips).frames(0)
    stage = dataclasses.replace(tiny_recipe.stages[0], crop=6)
    p, q = scale.numerator, scale.denominator
    whole = hr_SCHW[:, :, : 48 // p * p, : 56 // p * p].astype(np.float64) / 255
    lr_of_all = (imresize(torch.from_numpy(whole[::2]), float(1 / scale)).clamp(0, 1) * 255).round().numpy() / 255
    for number in range(12):
        clip, dice = draw(tiny_recipe, stage, number, 1)
        where = dataclasses.replace(place(tiny_recipe, stage, clip, dice, hr_SCHW.shape, scale), flip_time=False)
        where = dataclasses.replace(where, flip_rows=False, flip_columns=False, transpose=False)
        assert where.top % q == where.left % q == 0
        lr_TChw, cut_SCHW = crop(hr_SCHW, where, stage, scale)
        top, left, side = where.top, where.left, int(6 * scale)
        np.testing.assert_allclose(lr_TChw, lr_of_all[:, :, top : top + 6, left : left + 6], rtol=0, atol=1e-7)
        at = (int(top * scale), int(left * scale))
        np.testing.assert_array_equal(cut_SCHW * 255, hr_SCHW[:, :, at[0] :, at[1] :][:, :, :side, :side])


def test_a_batch_has_one_scale_and_batches_have_several(tiny_clips: list[Clip], tiny_recipe: Recipe) -> None:
    stage = dataclasses.replace(tiny_recipe.stages[0], scales=[2, "5/2", 4])
    samples = Samples(Footage(tiny_clips), tiny_recipe, stage, FOUR)
    sizes = [tuple(hr.shape[-2:]) for lr, hr in batches(samples, range(1, 13), Share()) if lr.shape[-2:] == (8, 8)]
    assert len(sizes) == 12 and set(sizes) == {(16, 16), (20, 20), (32, 32)}
    late = [tuple(hr.shape[-2:]) for _, hr in batches(samples, range(7, 13), Share(1, 2))]
    assert late == sizes[6:]  # neither resuming nor sharing changes the scale of a batch


def test_joined_sequences_count_on(tiny_clips: list[Clip]) -> None:
    joined = Joined([tiny_clips[:1], [], tiny_clips[1:]])
    assert [joined[i].name for i in range(len(joined))] == ["0", "1", "2"]


def test_footage_keeps_what_fits(tiny_clips: list[Clip]) -> None:
    footage = Footage(tiny_clips, hold_mib=0.1)
    assert footage.frames(0) is footage.frames(0)
    assert footage.frames(1) is not footage.frames(1)
