"""The training loop: one process or several, stopped and resumed at will, always the same numbers.

Axes: B batch, T frames given, S frames wanted, C channels, h w low and H W high resolution.
"""

import dataclasses
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from stvsr_bench import ending
from stvsr_bench.errors import BenchError, UsageError
from stvsr_bench.schema import MethodCard, digest, ratio
from stvsr_bench.train.devices import Machine, join
from stvsr_bench.train.logs import Logs
from stvsr_bench.train.losses import loss_of
from stvsr_bench.train.recipe import Leg, Recipe, Stage, legs
from stvsr_bench.train.samples import Footage, Samples, Share, batches
from stvsr_bench.train.state import State, freeze_all_but, load_state, save_state

PATIENCE = 40  # gradients in a row that may fail to be numbers; float16 needs some to find its scale

Check = Callable[[nn.Module, int], dict[str, dict[str, float]]]
FootageOf = Callable[[Stage], Footage]
Tell = Callable[[int, float, float], None]


@dataclass(frozen=True)
class Outcome:
    """What a run ended with. `net` holds the averaged weights where the recipe asks for an average."""

    net: nn.Module
    steps: int
    skipped: int
    seconds: float
    is_main: bool


@dataclass(frozen=True)
class Listeners:
    """Who hears of a run: `check` measures the net now and then, `tell` is told every step, loss and seconds."""

    check: Check | None = None
    tell: Tell | None = None


class Trainer:
    """One run of one recipe on one net, in one folder."""

    def __init__(
        self, net: nn.Module, recipe: Recipe, footage_of: FootageOf, card: MethodCard, folder: Path, machine: Machine
    ) -> None:
        self.net, self.recipe, self.footage_of, self.card = net.train(), recipe, footage_of, card
        self.folder, self.machine = folder, machine
        self.fabric = join(recipe.precision, machine)
        self.share = Share(self.fabric.global_rank, self.fabric.world_size)
        for stage in recipe.stages:
            if stage.batch % self.share.processes:
                raise UsageError(f"a batch of {stage.batch} cannot be shared by {self.share.processes} processes")
            for scale in stage.scales:
                if not (card.continuous and card.makes(ratio(scale))):
                    raise UsageError(f"stage {stage.name}: {card.name} is not trained at scale {scale}")
        self.average: AveragedModel | None = None
        if recipe.ema:  # torch's own average: buffers are copied, not averaged
            self.average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema))  # type: ignore[no-untyped-call]
        self.state = State(recipe=identity(recipe))
        self.failed_in_a_row = 0

    def resume(self) -> int:
        """Take up the folder's checkpoint; how many steps it had. Stages may have been added to its recipe since."""
        # every shorter recipe with the same first stages gave the same weights up to here
        ends = range(1, len(self.recipe.stages) + 1)
        known = [identity(dataclasses.replace(self.recipe, stages=self.recipe.stages[:end])) for end in ends]
        found = load_state(self.folder, known)
        if found is not None:
            self.state = dataclasses.replace(found, recipe=self.state.recipe)
            self.net.load_state_dict(found.net)
            if self.average is not None:
                self.average.load_state_dict(found.ema)
        return self.state.step

    def run(self, until: int = 0, listeners: Listeners | None = None) -> Outcome:
        """Train to step `until` (0: the recipe's last), from wherever the state is."""
        until = min(until, self.recipe.steps) if until else self.recipe.steps
        with self._logs() as logs:
            for leg in legs(self.recipe):
                if self.state.step < min(leg.last, until):
                    self._run_leg(leg, min(leg.last, until), logs, listeners or Listeners())
        self.fabric.barrier()
        return Outcome(
            self._result().eval(), self.state.step, self.state.skipped, self.state.seconds, self.fabric.is_global_zero
        )

    def _result(self) -> nn.Module:
        return self.net if self.average is None else self.average.module

    @contextmanager
    def _logs(self) -> Iterator[Logs | None]:
        if not self.fabric.is_global_zero:
            yield None
            return
        with Logs(self.folder, self.state.step, self.machine.tensorboard) as logs:
            yield logs

    def _run_leg(self, leg: Leg, last: int, logs: Logs | None, listeners: Listeners) -> None:
        net, optimizer = self._set_up(leg)
        samples = Samples(self.footage_of(leg.stage), self.recipe, leg.stage, self.card.usual)
        # counted within the stage, from 1: a sample's number then does not depend on the stages before
        steps = range(self.state.step + 1 - leg.first + 1, last - leg.first + 2)
        with polite(self.share.processes) as asked_to_stop:
            for lr_BTChw, hr_BSCHW in batches(samples, steps, self.share, self.machine.workers):
                started = time.perf_counter()
                step = self.state.step + 1
                loss, norm = self._learn(net, optimizer, leg, step, lr_BTChw, hr_BSCHW)
                spent = time.perf_counter() - started
                self.state.step, self.state.stage = step, leg.index
                self.state.seconds += spent
                if logs is None:
                    continue
                logs.step(step, leg.stage.name, leg.stage.lr_at(step - leg.first + 1), loss, norm, round(spent, 4))
                if listeners.tell is not None:
                    listeners.tell(step, loss, spent)
                if step == last or step % self.recipe.checkpoint_every == 0 or asked_to_stop():
                    self._keep(optimizer)
                if asked_to_stop():  # after the checkpoint, before a validation that may take minutes
                    raise KeyboardInterrupt
                self._check(listeners.check, logs, step)

    def _set_up(self, leg: Leg) -> tuple[Any, Any]:
        """The net and the optimiser of a stage, as they were left."""
        learning = freeze_all_but(self.net, leg.stage.trainable)
        # a stage begins with fresh moments; lr is set before every step, so what stands here is never used
        # decay apart from the gradient, as papers mean it; without decay it is Adam
        adam = torch.optim.AdamW(learning, lr=1.0, betas=self.recipe.betas, weight_decay=self.recipe.weight_decay)
        net, optimizer = self.fabric.setup(self.net, adam)
        if self.state.stage == leg.index and self.state.optimizer:  # resumed in the middle of this stage
            optimizer.load_state_dict(self.state.optimizer)
            self.fabric.strategy.precision.load_state_dict(self.state.precision)
        return net, optimizer

    def _learn(
        self, net: Any, optimizer: Any, leg: Leg, step: int, lr_BTChw: Tensor, hr_BSCHW: Tensor
    ) -> tuple[float, float]:
        """One step: the loss per value over the whole batch, and the length of the gradient."""
        for group in optimizer.param_groups:
            group["lr"] = leg.stage.lr_at(step - leg.first + 1)
        # the net's dice depend on the step alone, so that a resumed run throws the same
        torch.manual_seed(self.recipe.seed * 1_000_003 + step * self.share.processes + self.share.rank)
        asked = None if leg.stage.times is None else torch.tensor([leg.stage.times], device=self.fabric.device)
        lr_here, hr_here = self.fabric.to_device((lr_BTChw, hr_BSCHW))
        size = {"size": tuple(hr_here.shape[-2:])} if self.card.continuous else {}
        loss = loss_of(self.recipe, net(lr_here, asked, **size), hr_here, self.share.processes)
        self.fabric.backward(loss)
        limit = self.recipe.clip_norm or float("inf")  # without a limit too: the norm is logged and tells divergence
        norm = self.fabric.clip_gradients(self.net, optimizer, max_norm=limit, error_if_nonfinite=False)
        assert norm is not None
        self._advance(optimizer, bool(norm.isfinite()))
        values = 1 if self.recipe.reduction == "mean" else hr_here.numel() * self.share.processes
        mean: Any = self.fabric.all_reduce(loss.detach() / values, reduce_op="mean")
        return float(mean), float(norm)

    def _advance(self, optimizer: Any, finite: bool) -> None:
        """Step, unless the gradient is not a number: the same decision in every process, for gradients are shared."""
        self.failed_in_a_row = 0 if finite else self.failed_in_a_row + 1
        self.state.skipped += not finite
        if self.failed_in_a_row >= PATIENCE:
            raise BenchError(
                f"training diverged: {PATIENCE} gradients in a row were not finite; lower lr or set clip_norm"
            )
        if finite or self.recipe.precision == "16":  # float16's scaler skips by itself, and learns from it
            optimizer.step()
        if finite and self.average is not None:
            self.average.update_parameters(self.net)
        optimizer.zero_grad(set_to_none=True)

    def _keep(self, optimizer: Any) -> None:
        self.state.net = self.net.state_dict()
        self.state.ema = {} if self.average is None else self.average.state_dict()
        self.state.optimizer = optimizer.state_dict()
        self.state.precision = self.fabric.strategy.precision.state_dict()
        save_state(self.folder, self.state)

    def _check(self, check: Check | None, logs: Logs, step: int) -> None:
        every = self.recipe.validation.every
        if check is None or not every or (step % every and step != self.recipe.steps):
            return
        net = self._result().eval()
        for on, values in check(net, step).items():
            logs.check(step, on, values)
        net.train()


@contextmanager
def polite(processes: int) -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C (or SIGTERM, or SIGHUP) asked to stop: the step is finished and kept first, unless asked twice.

    Several processes would hear it at different steps and wait for each other for ever; they keep torch's own ways.
    """
    heard: list[int] = []

    def hear(number: int, frame: object) -> None:
        if heard:
            raise KeyboardInterrupt
        heard.append(number)

    if processes > 1 or threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, *ending.signals())}
    try:
        yield lambda: bool(heard)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def identity(recipe: Recipe) -> str:
    """A digest of what decides the weights: two runs of equal identity may go on from each other's checkpoint."""
    watching = ("validation", "checkpoint_every", "storage", "notes")
    fields = {name: value for name, value in dataclasses.asdict(recipe).items() if name not in watching}
    for stage in fields["stages"]:
        if not stage["scales"]:  # came later: recipes without it keep their identity
            del stage["scales"]
    return digest(fields)
