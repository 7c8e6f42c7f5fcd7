import dataclasses
import json
from pathlib import Path

import pytest

from stvsr_bench import methods
from stvsr_bench.cli import call
from stvsr_bench.errors import USAGE
from stvsr_bench.train import ablate

ABLATION = """
preset = "paper"
[stage]
steps = 2
batch = 1
crop = 8
lr = 1e-3
[validation]
on = ["{clips}"]
clips = 2
[[variants]]
name = "as is"
asks = "base"
[[variants]]
name = "L1 loss"
asks = "loss"
loss = "l1"
"""


@pytest.fixture
def ablated(toy: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "outside" / "methods" / "toy"
    recipe = (folder / "train.toml").read_text().replace("vimeo90k:train", str(toy))
    (folder / "train.toml").write_text(recipe)
    (folder / "ablations.toml").write_text(ABLATION.format(clips=toy))
    return folder


def test_every_variant_is_trained_measured_and_compared_with_the_first(ablated: Path, tmp_path: Path) -> None:
    out = tmp_path / "ablation"
    assert call(["ablate", "toy", "--out", str(out), "--threads", "1", "-q"]) == 0
    rows = json.loads((out / "ablation.json").read_text())
    assert [(row["variant"], row["steps"], row["clips"]) for row in rows] == [("as is", 2, 2), ("L1 loss", 2, 2)]
    assert rows[0]["difference_db"][0] == 0
    assert rows[1]["training_loss"] != rows[0]["training_loss"]
    assert rows[0]["params"] == sum(p.numel() for p in methods.build("toy@none").net.parameters())
    assert "L1 loss" in (out / "ablation.md").read_text()


def test_a_variant_that_is_done_is_not_trained_again(ablated: Path, tmp_path: Path) -> None:
    first = ablate.run("toy", tmp_path / "ablation")
    again = ablate.run("toy", tmp_path / "ablation")
    for one, two in zip(first, again, strict=True):
        assert dataclasses.replace(one, runtime_ms=0) == dataclasses.replace(two, runtime_ms=0)


def test_a_method_without_ablations_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["ablate", "bicubic"]) == USAGE
    assert "ablations.toml" in capsys.readouterr().err


def test_stdans_variants_build_and_differ_as_they_say() -> None:
    ablation = ablate.read("stdan")
    recipes = {v.name: ablate.recipe_of("stdan", ablation, v) for v in ablation.variants}
    base = recipes[ablation.variants[0].name]
    assert {recipe.stages[0].steps for recipe in recipes.values()} == {base.stages[0].steps}
    assert recipes["k=5"].options["kernel"] == 5
    assert recipes["L1 loss"].loss == "l1"
    assert "aggregate.leave" not in recipes["no aggregation"].straight.zero
