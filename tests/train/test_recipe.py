from pathlib import Path

import pytest

from stvsr_bench import methods, plugins
from stvsr_bench.errors import CardError, UnknownNameError
from stvsr_bench.schema.scale import ratio
from stvsr_bench.train import recipe as recipes
from stvsr_bench.train.recipe import Stage, legs

TRAINED = [name for name in methods.names() if (plugins.find("methods", name).path / "train.toml").is_file()]


def test_four_cosines_restart_at_the_full_rate_as_the_papers_do() -> None:
    stage = Stage(steps=600, batch=1, lr=4e-4, lr_min=1e-7, periods=[150] * 4, restart_weights=[1.0, 1.0, 1.0])
    assert stage.lr_at(75) == pytest.approx((4e-4 + 1e-7) / 2)
    assert stage.lr_at(149) < 1e-6
    assert [stage.lr_at(150 * k) for k in (1, 2, 3)] == pytest.approx([4e-4] * 3)
    assert stage.lr_at(600) == pytest.approx(1e-7)


def test_warm_up_rises_to_the_rate() -> None:
    stage = Stage(steps=100, batch=1, lr=1.0, warmup=4)
    assert [stage.lr_at(step) for step in (1, 2, 3, 4)] == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_a_restart_weight_scales_the_rate_of_its_period() -> None:
    stage = Stage(steps=20, batch=1, lr=1.0, lr_min=0.0, periods=[10, 10], restart_weights=[0.5])
    assert stage.lr_at(10) == pytest.approx(0.5)


def test_time_scale_gives_the_times_between() -> None:
    assert Stage(steps=1, batch=1, lr=1.0).times is None
    multi = Stage(steps=1, batch=1, lr=1.0, frames_in=2, time_scale=6)
    assert multi.times == pytest.approx([1 / 6, 2 / 6, 0.5, 4 / 6, 5 / 6])
    assert multi.frames_out == 7


def test_stages_follow_one_another(in_two_stages: recipes.Recipe) -> None:
    assert [(leg.first, leg.last) for leg in legs(in_two_stages)] == [(1, 6), (7, 10)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[paper]\ndata = ["x"]\nstages = []\n', "at least one stage"),
        ('[paper]\ndata = ["x"]\nlos = "l1"\n[[paper.stages]]\nsteps=1\nbatch=1\nlr=1.0\n', "los"),
        ('[paper]\ndata = ["x"]\n[[paper.stages]]\nsteps=0\nbatch=1\nlr=1.0\n', "at least 1"),
        ("[paper", "TOML"),
    ],
)
def test_a_wrong_recipe_is_one_sentence_that_names_the_key(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "train.toml"
    path.write_text(text)
    with pytest.raises(CardError, match=said):
        recipes.read(path, "paper")


def test_an_unknown_preset_lists_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "train.toml"
    path.write_text('[mini]\ndata = ["x"]\n[[mini.stages]]\nsteps=1\nbatch=1\nlr=1.0\n')
    with pytest.raises(UnknownNameError, match="mini"):
        recipes.read(path, "minni")


@pytest.mark.parametrize("name", TRAINED)
def test_every_shipped_recipe_reads_and_fits_its_card(name: str) -> None:
    shipped = recipes.presets(plugins.find("methods", name).path / "train.toml")
    wanted = {"paper", "mini"} if "mini" in methods.card(name).weights else {"paper"}
    assert wanted <= set(shipped)
    for each in shipped.values():
        assert set(each.options) <= set(methods.card(name).options)


@pytest.mark.parametrize("name", [name for name in TRAINED if name != "safa"])
def test_the_papers_recipe_holds_the_papers_values(name: str) -> None:
    paper = recipes.read(plugins.find("methods", name).path / "train.toml", "paper")
    first = paper.stages[0]
    assert (paper.loss, paper.reduction, paper.epsilon, paper.betas) == ("charbonnier", "sum", 1e-6, (0.9, 0.99))
    frames = 2 if methods.card(name).continuous else 4
    assert (first.crop, first.frames_in, first.lr_min) == (64 if name == "rstt" else 32, frames, 1e-7)
    # steps, batch, lr of the first stage
    values = {
        "stdan": (600_000, 18, 2e-4),
        "zsm": (600_000, 16, 4e-4),
        "tmnet": (600_000, 24, 4e-4),
        "rstt": (2_000_000, 7, 2e-4),
        "videoinr": (450_000, 24, 1e-4),
        "motif": (450_000, 24, 1e-4),
        "bfstvsr": (600_000, 32, 1e-4),
    }
    assert (first.steps, first.batch, first.lr) == values[name]


@pytest.mark.parametrize("name", [name for name in TRAINED if methods.card(name).continuous])
def test_recipes_of_continuous_networks_ask_for_what_the_network_makes(name: str) -> None:
    paper = recipes.read(plugins.find("methods", name).path / "train.toml", "paper")
    assert sum(stage.steps for stage in paper.stages) == 600_000
    for stage in paper.stages:
        assert stage.frames_out == 9
        sizes = [stage.crop * ratio(scale) for scale in stage.scales]
        assert all(size % methods.card(name).hr_multiple_of == 0 for size in sizes)


def test_safas_recipe_is_adamw_with_warm_up() -> None:
    paper = recipes.read(plugins.find("methods", "safa").path / "train.toml", "paper")
    (stage,) = paper.stages
    assert (paper.loss, paper.betas, paper.weight_decay, paper.transpose) == ("l1", (0.9, 0.999), 1e-4, False)
    assert (stage.batch, stage.crop, stage.frames_out) == (24, 32, 9)
    # the limit of the norm is 1 for the sum of three means
    assert paper.clip_norm * 3 == pytest.approx(1, abs=1e-3)
    assert stage.lr_at(1000) == pytest.approx(1e-4, rel=1e-3)
    assert stage.lr_at(stage.steps) == pytest.approx(2e-6)


def test_rstts_rate_is_halved_at_restarts_that_come_before_a_period_ends() -> None:
    (stage,) = recipes.read(plugins.find("methods", "rstt").path / "train.toml", "paper").stages
    seen = [stage.lr_at(step) for step in (400_000, 800_000, 1_200_000)]
    assert seen == pytest.approx([1e-4] * 3)
    ends = [stage.lr_at(step - 1) for step in (400_000, 800_000, 1_200_000, 2_000_001)]
    assert ends == pytest.approx([1e-7, 5.0e-5, 7.5e-5, 5.0e-5], rel=0.01)
