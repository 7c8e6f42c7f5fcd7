import dataclasses

import pytest
import torch

from stvsr_bench.train.losses import charbonnier, loss_of
from stvsr_bench.train.recipe import Recipe


def test_charbonnier_is_summed_with_epsilon_under_the_root() -> None:
    sr, hr = torch.tensor([[0.5, 1.0]]), torch.tensor([[0.5, 0.0]])
    assert charbonnier(sr, hr).item() == pytest.approx(1e-3 + (1 + 1e-6) ** 0.5)


@pytest.mark.parametrize("loss", ["charbonnier", "l1"])
def test_a_sum_counts_every_process_and_a_mean_does_not(loss: str, tiny_recipe: Recipe) -> None:
    sr, hr = torch.rand(1, 2, 3, 4, 4), torch.rand(1, 2, 3, 4, 4)
    summed = dataclasses.replace(tiny_recipe, loss=loss)
    averaged = dataclasses.replace(summed, reduction="mean")
    assert loss_of(summed, sr, hr, 2) == 2 * loss_of(summed, sr, hr)
    assert loss_of(averaged, sr, hr, 2).item() == pytest.approx(loss_of(summed, sr, hr).item() / sr.numel())
