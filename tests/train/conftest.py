"""A tiny net, tiny clips and a tiny recipe, so that training can be tested in seconds."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.schema import Clip
from stvsr_bench.train.recipe import Recipe, Stage


class TinyNet(nn.Module):
    """Interpolates and adds one small convolution; has one parameter that only other times than the middle reach."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 48, 3, padding=1)
        self.modulation = nn.Parameter(torch.zeros(1))

    def forward(self, lr_BTChw: Tensor, times: Tensor | None = None) -> Tensor:
        at = [0.5] if times is None else times[0].tolist()
        frames = [lr_BTChw[:, 0]]
        for before, after in zip(lr_BTChw[:, :-1].unbind(1), lr_BTChw[:, 1:].unbind(1), strict=True):
            frames += [torch.lerp(before, after, t) + (t - 0.5) * self.modulation for t in at] + [after]
        seq_BSChw = torch.stack(frames, dim=1)
        large = F.interpolate(seq_BSChw.flatten(0, 1), scale_factor=4.0) + F.pixel_shuffle(
            self.conv(seq_BSChw.flatten(0, 1)), 4
        )
        return large.unflatten(0, seq_BSChw.shape[:2])


@pytest.fixture
def tiny_net() -> TinyNet:
    torch.manual_seed(3)
    return TinyNet()


@pytest.fixture
def tiny_clips() -> list[Clip]:
    dice = np.random.default_rng(0)
    frames = [dice.integers(0, 256, (7, 3, 48, 56)).astype(np.float32) / 255 for _ in range(3)]
    return [Clip("toy", "train", str(i), hr_SCHW=each) for i, each in enumerate(frames)]


@pytest.fixture
def tiny_recipe() -> Recipe:
    return Recipe(data=["toy"], stages=[Stage(steps=20, batch=4, lr=1e-2, crop=8)], checkpoint_every=5)


@pytest.fixture
def in_two_stages(tiny_recipe: Recipe) -> Recipe:
    first = dataclasses.replace(tiny_recipe.stages[0], name="single", steps=6)
    second = dataclasses.replace(first, name="multi", steps=4, frames_in=2, time_scale=6, trainable="modulation")
    return dataclasses.replace(tiny_recipe, stages=[first, second])
