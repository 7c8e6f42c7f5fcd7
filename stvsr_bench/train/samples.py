"""Random crops of training clips, each a pure function of (seed, number of the sample).

Nothing is drawn from a running generator: sample 4711 is the same whoever asks, whenever, in whichever process. So a
resumed run, more loader workers or more processes see the same samples without any state being kept.
Axes: T frames given, S frames wanted, C channels, h w low and H W high resolution.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from stvsr_bench.errors import DataError, counted
from stvsr_bench.nn.resize import imresize
from stvsr_bench.schema import Clip, Frames
from stvsr_bench.train.recipe import Recipe, Stage

MARGIN = 2  # lr pixels round a crop: the antialiased bicubic reaches 6 hr pixels over its edge

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Place:
    """What one sample is cut from and how it is turned."""

    clip: int
    first: int
    top: int
    left: int
    flip_time: bool
    flip_rows: bool
    flip_columns: bool
    transpose: bool


class Footage:
    """Training clips as uint8 frames, read when first asked for and kept while `hold_mib` lasts."""

    def __init__(self, clips: Sequence[Clip], hold_mib: float = 4096.0) -> None:
        self.clips = clips
        self._left = int(hold_mib * 2**20)
        self._held: dict[int, Bytes] = {}

    def __len__(self) -> int:
        return len(self.clips)

    def frames(self, index: int) -> Bytes:
        """The hr frames of one clip, uint8 S C H W."""
        if index in self._held:
            return self._held[index]
        # a quarter of float32's memory, and exact for clips from 8-bit files
        frames = (self.clips[index].hr_SCHW * 255.0 + 0.5).astype(np.uint8)
        if frames.nbytes <= self._left:
            self._left -= frames.nbytes
            self._held[index] = frames
        return frames


class Joined(Sequence[Clip]):
    """Several sequences of clips, one after the other."""

    def __init__(self, parts: Sequence[Sequence[Clip]]) -> None:
        self.parts = [part for part in parts if len(part)]

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def __getitem__(self, index: int) -> Clip:  # type: ignore[override]
        for part in self.parts:
            if index < len(part):
                return part[index]
            index -= len(part)
        raise IndexError(index)


def draw(recipe: Recipe, stage: Stage, number: int, clips: int) -> tuple[int, np.random.Generator]:
    """Which clip sample `number` of a stage comes from, and the dice for the rest.

    Every clip is used once before any is used again, in an order that changes with every round.
    """
    turn, place = divmod(number, clips)
    salt = sum(stage.name.encode())  # not hash(): Python salts that anew in every process
    clip = int(np.random.default_rng([recipe.seed, salt, turn]).permutation(clips)[place])
    return clip, np.random.default_rng([recipe.seed, salt, number, 1])


def place(
    recipe: Recipe, stage: Stage, clip: int, dice: np.random.Generator, shape: tuple[int, ...], scale: Fraction
) -> Place:
    """Where and how a sample is cut from a clip of this shape (S, C, H, W)."""
    frames, _, height, width = shape
    # lr pixels are counted in steps of q at a scale of p/q: those begin where hr pixels do
    unit = scale.denominator
    sides = (side // scale.numerator - stage.crop // unit for side in (height, width))
    room = (frames - stage.frames_out, *sides)
    if min(room) < 0:
        side = int(stage.crop * scale)
        wanted = f"{counted(stage.frames_out, 'frame')} of {side}x{side} px"
        raise DataError(
            f"training clip {clip} has {counted(frames, 'frame')} of {width}x{height} px; the recipe cuts {wanted}"
        )
    first, top, left = (int(dice.integers(0, r + 1)) for r in room)
    top, left = top * unit, left * unit
    # all four whatever the recipe uses: switching one off leaves the others as they were
    coins = dice.random(4) < 0.5
    return Place(
        clip, first, top, left,
        flip_time=bool(recipe.time_reversal and coins[0]),
        flip_rows=bool(recipe.flips and coins[1]),
        flip_columns=bool(recipe.flips and coins[2]),
        transpose=bool(recipe.transpose and coins[3]),
    )  # fmt: skip


def crop(hr_SCHW: Bytes, where: Place, stage: Stage, scale: Fraction) -> tuple[Frames, Frames]:
    """The given frames at low resolution and all frames at high resolution, float32 in [0, 1], turned as told.

    The low resolution is made from the crop with a margin and rounded to 8 bits: equal to a crop of the whole
    low-resolution frame as it would lie on disk.
    """
    unit = scale.denominator
    height, width = (side // scale.numerator * unit for side in hr_SCHW.shape[-2:])
    margin = -(-MARGIN // unit) * unit
    above, before = min(margin, where.top), min(margin, where.left)
    bottom = min(where.top + stage.crop + margin, height)
    right = min(where.left + stage.crop + margin, width)
    rows = slice(int((where.top - above) * scale), int(bottom * scale))
    columns = slice(int((where.left - before) * scale), int(right * scale))
    side = int(stage.crop * scale)
    wide = hr_SCHW[where.first : where.first + stage.frames_out, :, rows, columns].astype(np.float32) / 255.0
    inner = wide[:, :, int(above * scale) :, int(before * scale) :][:, :, :side, :side]
    # float64, as MATLAB computes, for it is rounded to 8 bits next
    small = imresize(torch.from_numpy(wide[:: stage.time_scale]).double(), float(1 / scale)).numpy()
    lr = np.round(np.clip(small, 0.0, 1.0) * 255.0)[:, :, above:, before:][:, :, : stage.crop, : stage.crop] / 255.0
    return turned(lr.astype(np.float32), where), turned(inner, where)


def turned(frames_SCHW: Frames, where: Place) -> Frames:
    """Frames flipped and transposed as the place says."""
    if where.flip_time:
        frames_SCHW = frames_SCHW[::-1]
    if where.flip_rows:
        frames_SCHW = frames_SCHW[:, :, ::-1]
    if where.flip_columns:
        frames_SCHW = frames_SCHW[:, :, :, ::-1]
    if where.transpose:
        frames_SCHW = frames_SCHW.transpose(0, 1, 3, 2)
    return np.ascontiguousarray(frames_SCHW)  # torch takes no negative strides


class Samples(Dataset[tuple[Tensor, Tensor]]):
    """The samples of one stage by number: (lr_TChw, hr_SCHW)."""

    def __init__(self, footage: Footage, recipe: Recipe, stage: Stage, scale: Fraction) -> None:
        self.footage, self.recipe, self.stage, self.scale = footage, recipe, stage, scale

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        clip, dice = draw(self.recipe, self.stage, number, len(self.footage))
        hr_SCHW = self.footage.frames(clip)
        scale = self.stage.scale_of(self.recipe.seed, number // self.stage.batch, self.scale)
        where = place(self.recipe, self.stage, clip, dice, hr_SCHW.shape, scale)
        lr_TChw, cut_SCHW = crop(hr_SCHW, where, self.stage, scale)
        return torch.from_numpy(lr_TChw), torch.from_numpy(cut_SCHW)


@dataclass(frozen=True)
class Share:
    """Which part of every batch one process takes."""

    rank: int = 0
    processes: int = 1


class Numbers:
    """The numbers of the samples of every step, this process' share of each batch."""

    def __init__(self, batch: int, steps: range, share: Share) -> None:
        self.batch, self.steps, self.share = batch, steps, share

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[int]]:
        each = self.batch // self.share.processes
        for step in self.steps:
            first = (step - 1) * self.batch + self.share.rank * each
            yield list(range(first, first + each))


def batches(samples: Samples, steps: range, share: Share, workers: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of these steps (counted from 1) of one stage: lr_BTChw and hr_BSCHW."""
    numbers = Numbers(samples.stage.batch, steps, share)
    yield from DataLoader(samples, batch_sampler=numbers, num_workers=workers)
