import csv
import dataclasses
import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.errors import BenchError, DataError, UsageError
from stvsr_bench.schema import Clip, MethodCard
from stvsr_bench.train.devices import Machine
from stvsr_bench.train.loop import Listeners, Trainer
from stvsr_bench.train.recipe import Recipe, Validation
from stvsr_bench.train.samples import Footage
from stvsr_bench.train.state import CHECKPOINT

ONE = Machine("cpu", threads=1)
CARD = MethodCard(name="tiny", title="Tiny", kind="stvsr", net="model:TinyNet", time="any")


class Fresh:
    """Trainers that all start from the same net."""

    def __init__(self, net: nn.Module, clips: list[Clip]) -> None:
        self.net, self.clips = net, clips
        self.start = {name: value.clone() for name, value in net.state_dict().items()}

    def trainer(self, recipe: Recipe, folder: Path, machine: Machine = ONE, card: MethodCard = CARD) -> Trainer:
        folder.mkdir(exist_ok=True)
        net = type(self.net)()
        net.load_state_dict(self.start)
        footage = Footage(self.clips)
        return Trainer(net, recipe, lambda stage: footage, card, folder, machine)


@pytest.fixture
def fresh(tiny_net: nn.Module, tiny_clips: list[Clip]) -> Fresh:
    return Fresh(tiny_net, tiny_clips)


def losses(folder: Path) -> list[tuple[str, ...]]:
    with (folder / "losses.csv").open() as file:
        return [tuple(row[:5]) for row in csv.reader(file)]  # all but the seconds


def assert_same(one: nn.Module, other: nn.Module) -> None:
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_the_loss_falls(fresh: Fresh, tiny_recipe: Recipe, tmp_path: Path) -> None:
    fresh.trainer(tiny_recipe, tmp_path).run()
    values = [float(row[3]) for row in losses(tmp_path)[1:]]
    assert len(values) == 20
    assert sum(values[-5:]) < sum(values[:5])


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_killed_at_13_and_resumed_gives_the_same_20(
    ema: float, fresh: Fresh, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    recipe = dataclasses.replace(tiny_recipe, ema=ema)
    whole = fresh.trainer(recipe, tmp_path / "whole").run()

    def kill(step: int, loss: float, seconds: float) -> None:
        if step == 13:
            raise MemoryError("killed")

    with pytest.raises(MemoryError):
        fresh.trainer(recipe, tmp_path / "killed").run(listeners=Listeners(tell=kill))
    resumed = fresh.trainer(recipe, tmp_path / "killed")
    assert resumed.resume() == 10  # the last checkpoint
    outcome = resumed.run()
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
    assert_same(outcome.net, whole.net)


def test_resuming_in_the_second_stage_gives_the_same_end(fresh: Fresh, in_two_stages: Recipe, tmp_path: Path) -> None:
    whole = fresh.trainer(in_two_stages, tmp_path / "whole").run()
    for until in (6, 8):
        folder = tmp_path / str(until)
        fresh.trainer(in_two_stages, folder).run(until=until)
        resumed = fresh.trainer(in_two_stages, folder)
        assert resumed.resume() == until
        assert_same(resumed.run().net, whole.net)
        assert losses(folder) == losses(tmp_path / "whole")


def test_a_recipe_that_gained_a_stage_goes_on_as_if_it_had_always_had_it(
    fresh: Fresh, in_two_stages: Recipe, tmp_path: Path
) -> None:
    whole = fresh.trainer(in_two_stages, tmp_path / "whole").run()
    first = dataclasses.replace(in_two_stages, stages=in_two_stages.stages[:1])
    fresh.trainer(first, tmp_path / "lengthened").run()
    longer = fresh.trainer(in_two_stages, tmp_path / "lengthened")
    assert longer.resume() == first.steps < in_two_stages.steps
    assert_same(longer.run().net, whole.net)
    assert losses(tmp_path / "lengthened") == losses(tmp_path / "whole")
    with pytest.raises(UsageError, match="another recipe"):
        fresh.trainer(first, tmp_path / "lengthened").resume()


def test_a_stage_trains_only_what_it_names(fresh: Fresh, in_two_stages: Recipe, tmp_path: Path) -> None:
    fresh.trainer(in_two_stages, tmp_path).run(until=6)
    trainer = fresh.trainer(in_two_stages, tmp_path)
    trainer.resume()
    before = {name: value.clone() for name, value in trainer.net.state_dict().items()}
    after = trainer.run().net.state_dict()
    assert torch.equal(before["conv.weight"], after["conv.weight"])
    assert not torch.equal(before["modulation"], after["modulation"])


def test_weights_decay_by_the_rate_whatever_their_gradient(fresh: Fresh, tiny_recipe: Recipe, tmp_path: Path) -> None:
    fresh.start["modulation"] = torch.ones(1)  # at the middle it has a gradient of zero
    trainer = fresh.trainer(dataclasses.replace(tiny_recipe, weight_decay=0.5), tmp_path)
    left = trainer.run().net.state_dict()["modulation"]
    assert float(left) == pytest.approx(math.prod(1 - 0.5 * tiny_recipe.stages[0].lr_at(n) for n in range(1, 21)))


def test_a_stop_by_signal_finishes_the_step_and_keeps_it(fresh: Fresh, tiny_recipe: Recipe, tmp_path: Path) -> None:
    def press(step: int, loss: float, seconds: float) -> None:
        if step == 7:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fresh.trainer(tiny_recipe, tmp_path).run(listeners=Listeners(tell=press))
    assert fresh.trainer(tiny_recipe, tmp_path).resume() == 7


def test_a_gradient_that_is_no_number_skips_the_step(fresh: Fresh, tiny_recipe: Recipe, tmp_path: Path) -> None:
    trainer = fresh.trainer(dataclasses.replace(tiny_recipe, clip_norm=1.0), tmp_path)
    calls = 0

    def poison(grad: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return grad * float("nan") if calls in (2, 3) else grad

    trainer.net.conv.weight.register_hook(poison)
    outcome = trainer.run(until=6)
    assert outcome.skipped == 2
    assert all(bool(value.isfinite().all()) for value in outcome.net.state_dict().values())


def test_a_run_that_diverges_ends_with_a_sentence(fresh: Fresh, tiny_recipe: Recipe, tmp_path: Path) -> None:
    stage = dataclasses.replace(tiny_recipe.stages[0], steps=60)
    trainer = fresh.trainer(dataclasses.replace(tiny_recipe, stages=[stage]), tmp_path)
    trainer.net.conv.weight.register_hook(lambda grad: grad * float("nan"))
    with pytest.raises(BenchError, match="diverged"):
        trainer.run()


def test_a_checkpoint_of_another_recipe_is_refused(fresh: Fresh, tiny_recipe: Recipe, tmp_path: Path) -> None:
    fresh.trainer(tiny_recipe, tmp_path).run(until=5)
    with pytest.raises(UsageError, match="another recipe"):
        fresh.trainer(dataclasses.replace(tiny_recipe, seed=1), tmp_path).resume()


def test_a_net_of_several_scales_learns_at_the_size_of_its_batch(
    fresh: Fresh, tiny_net: nn.Module, tiny_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    plain = type(tiny_net).forward

    def sized(self: nn.Module, lr_BTChw: Tensor, times: Tensor | None = None, size: Any = None) -> Tensor:
        sizes.append(size)
        return F.interpolate(plain(self, lr_BTChw, times).flatten(0, 1), size).unflatten(0, (len(lr_BTChw), -1))

    monkeypatch.setattr(type(tiny_net), "forward", sized)
    stage = dataclasses.replace(tiny_recipe.stages[0], scales=[2, "5/2"])
    recipe = dataclasses.replace(tiny_recipe, stages=[stage])
    anywhere = dataclasses.replace(CARD, scale=[1, 16])
    fresh.trainer(recipe, tmp_path / "a", card=anywhere).run(until=8)
    assert set(sizes) == {(16, 16), (20, 20)}
    with pytest.raises(UsageError, match="tiny is not trained at scale 2"):
        fresh.trainer(recipe, tmp_path / "b")
    with pytest.raises(ValueError, match="a crop of 9 is not a whole number of pixels at scale 5/2"):
        dataclasses.replace(stage, crop=9)


def test_a_broken_checkpoint_is_one_sentence(fresh: Fresh, tiny_recipe: Recipe, tmp_path: Path) -> None:
    fresh.trainer(tiny_recipe, tmp_path).run(until=5)
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match="broken"):
        fresh.trainer(tiny_recipe, tmp_path).resume()


def test_the_average_is_not_the_net(fresh: Fresh, tiny_recipe: Recipe, tmp_path: Path) -> None:
    trainer = fresh.trainer(dataclasses.replace(tiny_recipe, ema=0.9), tmp_path)
    outcome = trainer.run(until=10)
    assert not torch.equal(outcome.net.conv.weight, trainer.net.conv.weight)


def test_bfloat16_trains_and_keeps_float32_weights(fresh: Fresh, tiny_recipe: Recipe, tmp_path: Path) -> None:
    outcome = fresh.trainer(dataclasses.replace(tiny_recipe, precision="bf16"), tmp_path).run(until=3)
    assert outcome.net.conv.weight.dtype == torch.float32


def test_validation_is_written_where_it_is_due(fresh: Fresh, tiny_recipe: Recipe, tmp_path: Path) -> None:
    recipe = dataclasses.replace(tiny_recipe, validation=Validation(["toy"], clips=1, every=8))
    values = dict.fromkeys(("frames", "psnr_y_db", "psnr_y_given_db", "psnr_y_between_db", "ssim_y"), 1.0)
    seen = []

    def check(net: nn.Module, step: int) -> dict[str, dict[str, float]]:
        seen.append((step, net.training))
        return {"toy": values}

    trainer = fresh.trainer(recipe, tmp_path)
    trainer.run(listeners=Listeners(check=check))
    assert seen == [(8, False), (16, False), (20, False)]
    assert trainer.net.training is False
    assert [row.split(",")[0] for row in (tmp_path / "validation.csv").read_text().split()[1:]] == ["8", "16", "20"]


def test_tensorboard_events_are_written_when_asked_for(fresh: Fresh, tiny_recipe: Recipe, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    fresh.trainer(tiny_recipe, tmp_path, dataclasses.replace(ONE, tensorboard=True)).run(until=2)
    assert list((tmp_path / "tensorboard").glob("events.*"))
