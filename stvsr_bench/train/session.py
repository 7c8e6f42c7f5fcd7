"""One training run from its names: method, preset, data and folder, to weights with a card."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from stvsr_bench import datasets, hashes, methods, plugins
from stvsr_bench.acquire.pack import Packed, is_packed
from stvsr_bench.checkpoints import Trained
from stvsr_bench.data.atomic import replacing
from stvsr_bench.environment import describe
from stvsr_bench.errors import NotRunnableError, UsageError
from stvsr_bench.methods.builder import make_net
from stvsr_bench.schema import Clip, MethodCard, OptionValue
from stvsr_bench.train import recipe as recipes
from stvsr_bench.train.devices import Machine
from stvsr_bench.train.loop import Listeners, Outcome, Tell, Trainer
from stvsr_bench.train.recipe import Recipe, Stage
from stvsr_bench.train.samples import Footage, Joined
from stvsr_bench.train.start import straighten, take_over
from stvsr_bench.train.state import WEIGHTS, save_weights, there
from stvsr_bench.train.validate import Checker


@dataclass(frozen=True)
class Order:
    """What is asked of one run. `config` replaces the method's own `train.toml`, `data` and `batch` its
    values; `steps` ends the run early, its schedule staying that of the whole recipe."""

    method: str
    out: Path
    preset: str = "paper"
    config: Path | None = None
    data: str = ""
    root: Path | None = None
    batch: int = 0
    steps: int = 0
    resume: bool = False
    machine: Machine = dataclasses.field(default_factory=Machine)


def begin(card: MethodCard, recipe: Recipe) -> nn.Module:
    """The net of a recipe before its first step."""
    net = make_net(card, plugins.find("methods", card.name), _options(card, recipe)).requires_grad_(True)
    if recipe.straight is not None:
        straighten(net, recipe.straight, recipe.seed)
    if recipe.start:
        take_over(net, recipe.start)
    return net


class Shelf:
    """The training clips of every stage, opened once however many stages use them."""

    def __init__(self, recipe: Recipe, root: Path | None) -> None:
        self.recipe, self.root = recipe, root
        self._open: dict[tuple[str, ...], Footage] = {}

    def footage_of(self, stage: Stage) -> Footage:
        """The clips of one stage.

        Raises:
            NotRunnableError: they are not on this machine.
        """
        names = tuple(stage.data or self.recipe.data)
        if names not in self._open:
            self._open[names] = Footage(Joined([_clips(name, self.root) for name in names]))
        if not len(self._open[names]):
            raise NotRunnableError(f"no training clips in {', '.join(names)}")
        return self._open[names]


def recipe_of(order: Order) -> Recipe:
    """The recipe of an order, with what the order changes in it."""
    plugin = plugins.find("methods", order.method)
    path = order.config or plugin.path / "train.toml"
    if order.config is None and not path.is_file():
        raise UsageError(f"{order.method} has no train.toml; give one with --config")
    recipe = recipes.read(path, order.preset)
    if order.data:
        stages = [dataclasses.replace(stage, data=[]) for stage in recipe.stages]
        recipe = dataclasses.replace(recipe, data=order.data.split(","), stages=stages)
    if order.batch:
        stages = [dataclasses.replace(stage, batch=order.batch) for stage in recipe.stages]
        recipe = dataclasses.replace(recipe, stages=stages)
    return recipe


def start(order: Order, recipe: Recipe, shelf: "Shelf | None" = None) -> Trainer:
    """A trainer, at the step where it was left.

    Raises:
        UsageError: the folder holds a run already and `resume` was not asked for.
        NotRunnableError: training data are not on this machine.
    """
    if there(order.out) and not order.resume:
        raise UsageError(f"{order.out} already has a run; continue it with --resume, or give another --out")
    order.out.mkdir(parents=True, exist_ok=True)
    card = methods.card(order.method)
    shelf = shelf or Shelf(recipe, order.root)
    trainer = Trainer(begin(card, recipe), recipe, shelf.footage_of, card, order.out, order.machine)
    if order.resume:
        trainer.resume()
    return trainer


def run(order: Order, tell: Tell | None = None) -> Outcome:
    """Train as ordered, and leave `weights.safetensors` with its card beside the logs."""
    recipe = recipe_of(order)
    if order.out.is_file():
        raise UsageError(f"--out {order.out} is a file; a run needs a folder")
    trainer = start(order, recipe)
    check = checker(order.method, recipe) if recipe.validation.every and trainer.share.rank == 0 else None
    outcome = trainer.run(order.steps, Listeners(check, tell))
    if outcome.is_main:
        said = Trained(methods.card(order.method).name, recipe.options)
        half = recipe.storage == "float16"
        save_weights(order.out / WEIGHTS, outcome.net.state_dict(), half, said.metadata)
        write_card(order, recipe, outcome)
    return outcome


def write_card(order: Order, recipe: Recipe, outcome: Outcome) -> None:
    """`weights.json`: what these weights are, how they came to be, and their SHA-256."""
    weights = order.out / WEIGHTS
    facts = {
        "method": order.method,
        "preset": order.preset,
        "options": recipe.options,
        "origin": "ours",
        "licence": "Apache-2.0",
        "sha256": hashes.sha256(weights),
        "parameters": sum(p.numel() for p in outcome.net.parameters()),
        "steps": outcome.steps,
        "steps_skipped": outcome.skipped,
        "training_s": round(outcome.seconds, 1),
        "commit": str(describe().get("commit", "")),
        "torch": torch.__version__,
        "recipe": dataclasses.asdict(recipe),
    }
    with replacing(weights.with_suffix(".json")) as file:
        file.write((json.dumps(facts, indent=1) + "\n").encode())


def _options(card: MethodCard, recipe: Recipe) -> dict[str, OptionValue]:
    unknown = set(recipe.options) - set(card.options)
    if unknown:
        raise UsageError(f"recipe of {card.name}: its card has no option '{sorted(unknown)[0]}'")
    return {**card.options, **recipe.options}


def _clips(name: str, root: Path | None) -> Sequence[Clip]:
    if datasets.is_path(name) and is_packed(Path(name).expanduser()):
        return Packed(Path(name).expanduser())
    if datasets.is_path(name):
        return datasets.clips(name, root=root)
    dataset, split = datasets.split_off(name)
    return datasets.clips(dataset, split or "train", root)


def checker(method: str, recipe: Recipe) -> Checker:
    """What measures a net in training: the clips that the recipe names."""
    chosen = {on: _clips(on, None) for on in recipe.validation.on}
    few = {on: [clips[i] for i in range(min(recipe.validation.clips, len(clips)))] for on, clips in chosen.items()}
    return Checker(methods.card(method), few)
