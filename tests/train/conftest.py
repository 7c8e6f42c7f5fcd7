"""A tiny net, tiny clips and a tiny recipe, so that training can be tested in seconds."""

import dataclasses
from pathlib import Path

import cv2
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


CARD = """
title = "Toy"
kind = "stvsr"
net = "model:Toy"
time = "any"
[options]
wide = 48
twice = false
[weights.mini]
origin = "ours"
file = "toy.safetensors"
"""

MODEL = """
import torch
import torch.nn.functional as F
from torch import nn


class Toy(nn.Module):
    def __init__(self, wide: int = 48, twice: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, wide, 3, padding=1)
        self.second = nn.Conv2d(wide, wide, 1) if twice else nn.Identity()

    def forward(self, lr_BTChw, times=None):
        middle = (lr_BTChw[:, :-1] + lr_BTChw[:, 1:]) / 2
        seq = torch.stack([lr_BTChw[:, :-1], middle], 2).flatten(1, 2)
        seq = torch.cat([seq, lr_BTChw[:, -1:]], 1)
        flat = seq.flatten(0, 1)
        detail = F.pixel_shuffle(self.second(self.conv(flat)), 4)
        return (F.interpolate(flat, scale_factor=4.0) + detail).unflatten(0, seq.shape[:2])
"""

RECIPE = """
[paper]
data = ["vimeo90k:train"]
[[paper.stages]]
steps = 8
batch = 4
crop = 8
lr = 1e-2

[mini]
data = ["vimeo90k:train"]
start = "toy@mini"
[[mini.stages]]
steps = 2
batch = 2
crop = 8
lr = 1e-3
"""


@pytest.fixture
def toy(tmp_path: Path, tiny_clips: list[Clip], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A method `toy` outside the repository, and a folder of frame folders to train it on (returned)."""
    folder = tmp_path / "outside" / "methods" / "toy"
    folder.mkdir(parents=True)
    for name, text in (("card.toml", CARD), ("model.py", MODEL), ("train.toml", RECIPE)):
        (folder / name).write_text(text)
    monkeypatch.setenv("STVSR_BENCH_PATH", str(tmp_path / "outside"))
    for clip in tiny_clips:
        (tmp_path / "clips" / clip.name).mkdir(parents=True)
        for i, frame_CHW in enumerate(clip.hr_SCHW):
            bgr = np.ascontiguousarray((frame_CHW.transpose(1, 2, 0)[..., ::-1] * 255).round().astype(np.uint8))
            cv2.imwrite(str(tmp_path / "clips" / clip.name / f"{i:03d}.png"), bgr)
    return tmp_path / "clips"
