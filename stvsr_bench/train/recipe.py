"""How a method is trained: every value that decides the numbers, read from the `train.toml` beside its card.

A `train.toml` holds one table per preset (`[paper]`, `[mini]`, ...), each a whole `Recipe`; its `stages` follow one
another, the weights of one being the start of the next. Steps are counted from 1 over all stages.
"""

import math
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from stvsr_bench import words
from stvsr_bench.errors import CardError, UnknownNameError
from stvsr_bench.schema import OptionValue, Scale, ratio

_STRICT = ConfigDict(extra="forbid")  # a mistyped key would train with the default for days

LossName = Literal["charbonnier", "l1"]
Reduction = Literal["sum", "mean"]
Precision = Literal["32", "bf16", "16"]


@checked(frozen=True, config=_STRICT)
class Stage:
    """One run of the optimiser. `lr` falls by a cosine from its value to `lr_min` in every period.

    `time_scale` 2 asks for the midpoint of each gap, n for n - 1 frames between (the net must take `times`).
    `periods` are lengths in steps (none: one period, the whole stage); `restarts` the steps at which the next period
    begins (none: where the one before ends) and `restart_weights` the factor of `lr` there. `crop` is in lr pixels.
    `trainable`: only parameters whose name contains these letters learn, the rest stays as it is. `data`: other clips
    than the recipe's. `scales`: of a method that makes several, one is drawn for each batch (none: x4).
    """

    steps: int
    batch: int
    lr: float
    name: str = "main"
    frames_in: int = 4
    time_scale: int = 2
    crop: int = 32
    scales: list[Scale] = field(default_factory=list)
    lr_min: float = 1e-7
    warmup: int = 0
    periods: list[int] = field(default_factory=list)
    restarts: list[int] = field(default_factory=list)
    restart_weights: list[float] = field(default_factory=list)
    trainable: str = ""
    data: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Refuse counts that cannot be trained with."""
        if min(self.steps, self.batch, self.crop) < 1 or self.frames_in < 2 or self.time_scale < 2:
            raise ValueError("steps, batch and crop must be at least 1, frames_in and time_scale at least 2")
        if self.lr <= 0:
            raise ValueError("lr must be above 0")
        for scale in map(ratio, self.scales):
            if self.crop % scale.denominator:
                raise ValueError(f"a crop of {self.crop} is not a whole number of pixels at scale {scale}")

    @property
    def frames_out(self) -> int:
        """How many hr frames one sample has."""
        return (self.frames_in - 1) * self.time_scale + 1

    @property
    def times(self) -> list[float] | None:
        """The times asked of the net, within each gap; None is the midpoint."""
        return None if self.time_scale == 2 else [k / self.time_scale for k in range(1, self.time_scale)]

    def scale_of(self, seed: int, step: int, usual: Fraction) -> Fraction:
        """The scale of one batch, counted from 0 within the stage: the same for all its samples and processes."""
        if not self.scales:
            return usual
        # not the dice of a sample: all samples of a batch have one size
        drawn = np.random.default_rng([seed, sum(self.name.encode()), step, 2]).integers(len(self.scales))
        return ratio(self.scales[int(drawn)])

    def lr_at(self, step: int) -> float:
        """Learning rate of one step, counted from 1 within the stage (the papers' trainers step the schedule first)."""
        if step <= self.warmup:
            return self.lr * step / (self.warmup + 1)
        periods = self.periods or [self.steps]
        starts = [0, *(self.restarts or list(accumulate(periods))[:-1])]
        turn = min(bisect_right(starts, step), len(periods)) - 1
        weight = self.restart_weights[turn - 1] if turn and self.restart_weights else 1.0
        # an option file may restart later than a period ends; the rate then waits at its lowest
        part = min((step - starts[turn]) / periods[turn], 1.0)
        return self.lr_min + (self.lr * weight - self.lr_min) * (1 + math.cos(math.pi * part)) / 2


@checked(frozen=True, config=_STRICT)
class Validation:
    """What is measured while training: `clips` clips of each `dataset:split`, every `every` steps (0: never)."""

    on: list[str] = field(default_factory=list)
    clips: int = 2
    every: int = 0


@checked(frozen=True, config=_STRICT)
class Straight:
    """A beginning for short trainings, see `start.straighten`; names are those of modules.

    `high_pass` start as filters that sum to zero, times `gain`; `zero` at zero; `own` as their own code says.
    """

    high_pass: list[str] = field(default_factory=list)
    zero: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    noise: float = 0.25
    gain: float = 4.0


@checked(frozen=True, config=_STRICT)
class Recipe:
    """Everything that decides what the weights become, the machine apart.

    `data` names `dataset:split` (or a path); each clip is drawn equally often. `options` are the card's. The net begins
    as its own code says, from the suite's fixed seed; `straight` changes that, and weights of the spec `start` replace
    it wherever name and shape agree. `seed` is that of the samples and of the net's own dice. The sum of the loss runs
    over the whole batch, frames, channels and pixels, however many processes share it. `clip_norm` and `ema` 0 are off.
    `storage` is that of the weights left at the end.
    """

    data: list[str]
    stages: list[Stage]
    options: dict[str, OptionValue] = field(default_factory=dict)
    straight: Straight | None = None
    start: str = ""
    loss: LossName = "charbonnier"
    reduction: Reduction = "sum"
    epsilon: float = 1e-6
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0
    precision: Precision = "32"
    clip_norm: float = 0.0
    ema: float = 0.0
    flips: bool = True
    transpose: bool = True
    time_reversal: bool = True
    seed: int = 0
    storage: Literal["float32", "float16"] = "float32"
    checkpoint_every: int = 100
    validation: Validation = field(default_factory=Validation)
    notes: str = ""

    def __post_init__(self) -> None:
        """Refuse a recipe that trains nothing."""
        if not self.stages or not self.data:
            raise ValueError("a recipe needs at least one stage and one data set")

    @property
    def steps(self) -> int:
        """Steps of all stages together."""
        return sum(stage.steps for stage in self.stages)


@dataclass(frozen=True)
class Leg:
    """A stage in its place: steps `first`..`last` of the run belong to it."""

    index: int
    stage: Stage
    first: int
    last: int


def legs(recipe: Recipe) -> Iterator[Leg]:
    """The stages with the steps of the run that belong to each."""
    first = 1
    for index, stage in enumerate(recipe.stages):
        yield Leg(index, stage, first, first + stage.steps - 1)
        first += stage.steps


def presets(path: Path) -> dict[str, Recipe]:
    """The recipes of a `train.toml`, by preset; a wrong key or value is one sentence that names it."""
    try:
        tables = words.read_toml(path)
    except OSError as error:
        raise CardError(f"{path}: no training recipe can be read there ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise CardError(f"{path}: not a TOML file ({error})") from error
    try:
        return TypeAdapter(dict[str, Recipe]).validate_python(tables)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CardError(f"{path}: {where}: {first['msg']}") from error


def read(path: Path, preset: str) -> Recipe:
    """One preset of a `train.toml`."""
    known = presets(path)
    if preset not in known:
        raise UnknownNameError(f"preset of {path.name}", preset, known)
    return known[preset]
