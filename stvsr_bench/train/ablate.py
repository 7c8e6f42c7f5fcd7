"""Variants of one method, trained for equal steps from the same seed on the same samples, and measured alike.

The variants stand in `ablations.toml` beside the method's card: a base recipe (a preset of its `train.toml`), what all
variants change in it, and what each one changes (options of the card, the loss).
"""

import dataclasses
import json
import statistics
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked
from torch import nn

from stvsr_bench import methods, plugins, words
from stvsr_bench.data.atomic import replacing
from stvsr_bench.errors import CardError, UsageError
from stvsr_bench.profiling import flops
from stvsr_bench.schema import MethodCard, OptionValue
from stvsr_bench.train import recipe as recipes
from stvsr_bench.train import session
from stvsr_bench.train.devices import Machine
from stvsr_bench.train.loop import Listeners, Outcome
from stvsr_bench.train.recipe import LossName, Recipe, Stage, Validation
from stvsr_bench.train.state import there
from stvsr_bench.train.validate import Checker

RESULT = "result.json"
TIMED = 3  # passes of which the median is the runtime
SHAPE = (4, 64, 112)  # frames, height, width at low resolution: a Vimeo-90K septuplet's

_STRICT = ConfigDict(extra="forbid")


@checked(frozen=True, config=_STRICT)
class Variant:
    """One row of the table: `asks` is the question it belongs to; what it changes in the base."""

    name: str
    asks: str
    options: dict[str, OptionValue] = field(default_factory=dict)
    loss: LossName | None = None


@checked(frozen=True, config=_STRICT)
class Ablation:
    """The first variant is the base that the others are compared with."""

    preset: str
    stage: Stage
    validation: Validation
    variants: list[Variant]


@dataclass(frozen=True)
class Result:
    """One variant, trained and measured. PSNR is one value a clip, by split; `between`: of frames made from nothing."""

    name: str
    asks: str
    steps: int
    params: int
    gmacs: float
    loss: float
    training_s: float
    psnr_y_db: dict[str, list[float]]
    psnr_y_between_db: dict[str, list[float]]
    runtime_ms: float = 0.0

    @property
    def clips_db(self) -> list[float]:
        """PSNR-Y of all clips of all splits, in a fixed order."""
        return [value for values in self.psnr_y_db.values() for value in values]

    @property
    def clips_between_db(self) -> list[float]:
        """The same of the frames that were made from nothing."""
        return [value for values in self.psnr_y_between_db.values() for value in values]


def read(method: str) -> Ablation:
    """The ablation of a method.

    Raises:
        UsageError: it has none.
        CardError: the file does not say what it must.
    """
    path = plugins.find("methods", method).path / "ablations.toml"
    if not path.is_file():
        raise UsageError(f"{method} has no ablations.toml beside its card")
    try:
        return TypeAdapter(Ablation).validate_python(words.read_toml(path))
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise CardError(f"{path}: not a TOML file ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise CardError(f"{path}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from error


def recipe_of(method: str, ablation: Ablation, variant: Variant, steps: int = 0) -> Recipe:
    """The recipe of one variant: the base preset with one stage, its options and loss changed."""
    base = recipes.read(plugins.find("methods", method).path / "train.toml", ablation.preset)
    stage = dataclasses.replace(ablation.stage, steps=steps or ablation.stage.steps)
    options = {**base.options, **variant.options}
    straight = base.straight
    if straight is not None:
        names = {name for name, _ in session.begin(methods.card(method), _plain(base, options)).named_modules()}
        zero = [name for name in straight.zero if name in names]  # a variant may lack a module of the base
        straight = dataclasses.replace(straight, zero=zero)
    return dataclasses.replace(
        base,
        stages=[stage],
        options=options,
        straight=straight,
        loss=variant.loss or base.loss,
        validation=ablation.validation,
    )


def run(
    method: str,
    out: Path,
    steps: int = 0,
    machine: Machine | None = None,
    tell: Callable[[str, int], None] | None = None,
) -> list[Result]:
    """Train and measure every variant that is not done yet, each in its own folder; then time all of them in turn."""
    ablation, card, machine = read(method), methods.card(method), machine or Machine()
    checker = None
    shelf = None
    results, nets = [], []
    for variant in ablation.variants:
        recipe = recipe_of(method, ablation, variant, steps)
        checker = checker or session.checker(method, recipe)
        shelf = shelf or session.Shelf(recipe, None)
        folder = out / slug(variant.name)
        resume = there(folder)
        order = session.Order(method, folder, resume=resume, machine=machine)
        trainer = session.start(order, recipe, shelf)
        outcome = trainer.run(listeners=Listeners(tell=partial(_tell, tell, variant.name)))
        nets.append(outcome.net)
        results.append(_result(card, variant, outcome, checker, folder))
    return [dataclasses.replace(r, runtime_ms=ms) for r, ms in zip(results, in_turn(nets), strict=True)]


def _result(card: MethodCard, variant: Variant, outcome: Outcome, checker: Checker, folder: Path) -> Result:
    kept = folder / RESULT  # its runtime is not kept: all variants are timed together, in turns, at the end
    if kept.exists():
        found = json.loads(kept.read_text(encoding="utf-8"))
        if found["steps"] == outcome.steps:
            return Result(**found)
    by_clip = checker.by_clip(outcome.net, slug(variant.name))
    frames, height, width = SHAPE
    counted = flops.count(outcome.net, torch.rand(1, frames, 3, height, width))
    # a mean of the last twenty: the loss of one step is that of a few crops
    losses = [float(line.split(",")[3]) for line in (folder / "losses.csv").read_text(encoding="utf-8").split()[1:]]
    result = Result(
        name=variant.name,
        asks=variant.asks,
        steps=outcome.steps,
        params=sum(p.numel() for p in outcome.net.parameters()),
        gmacs=counted.total / 1e9,
        loss=statistics.fmean(losses[-20:]),
        training_s=round(outcome.seconds, 1),
        psnr_y_db={on: [one["psnr_y_db"] for one in each] for on, each in by_clip.items()},
        psnr_y_between_db={on: [one["psnr_y_between_db"] for one in each] for on, each in by_clip.items()},
    )
    with replacing(kept) as file:
        file.write(json.dumps(dataclasses.asdict(result), indent=1).encode())
    return result


def _tell(tell: Callable[[str, int], None] | None, name: str, step: int, loss: float, seconds: float) -> None:
    if tell is not None:
        tell(name, step)


def in_turn(nets: Sequence[nn.Module]) -> list[float]:
    """Median runtime of each net in ms, one pass of each after the other so that all meet the same machine."""
    frames, height, width = SHAPE
    lr_BTChw = torch.rand(1, frames, 3, height, width)
    spent: list[list[float]] = [[] for _ in nets]
    with torch.inference_mode():
        for turn in range(TIMED + 1):
            for net, times in zip(nets, spent, strict=True):
                started = time.perf_counter()
                net.eval()(lr_BTChw)
                if turn:  # the first pass warms up
                    times.append((time.perf_counter() - started) * 1000)
    return [statistics.median(times) for times in spent]


def slug(name: str) -> str:
    """A variant's name as a folder's."""
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def _plain(base: Recipe, options: dict[str, OptionValue]) -> Recipe:
    return dataclasses.replace(base, options=options, straight=None, start="")
