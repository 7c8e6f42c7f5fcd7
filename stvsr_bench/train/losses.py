"""What training makes small. Sums run over batch, frames, channels and pixels, as the papers' trainers do."""

import torch
from torch import Tensor

from stvsr_bench.train.recipe import Recipe


def charbonnier(sr_BSCHW: Tensor, hr_BSCHW: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Sum of sqrt(d^2 + epsilon) over every value: L1 with a rounded tip.

    `epsilon` stands under the root as it is: 1e-6 there is the 1e-3 of papers that write sqrt(d^2 + epsilon^2).
    """
    return torch.sqrt((sr_BSCHW - hr_BSCHW).square() + epsilon).sum()


def l1(sr_BSCHW: Tensor, hr_BSCHW: Tensor) -> Tensor:
    """Sum of |d| over every value."""
    return (sr_BSCHW - hr_BSCHW).abs().sum()


def loss_of(recipe: Recipe, sr_BSCHW: Tensor, hr_BSCHW: Tensor, processes: int = 1) -> Tensor:
    """The recipe's loss of this process' share of a batch, scaled so that gradients do not depend on `processes`.

    Several processes average their gradients; a sum over the whole batch is `processes` times that average.
    """
    # in float16 the square of one grey level (1.5e-5) is subnormal, and the sum over a batch passes 65,504
    sr_BSCHW = sr_BSCHW.float()
    if recipe.loss == "charbonnier":
        total = charbonnier(sr_BSCHW, hr_BSCHW, recipe.epsilon)
    else:
        total = l1(sr_BSCHW, hr_BSCHW)
    return total * processes if recipe.reduction == "sum" else total / sr_BSCHW.numel()
