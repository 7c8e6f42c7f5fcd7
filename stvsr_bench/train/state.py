"""What a run must keep to go on as if it had never stopped: written whole or not at all."""

import pickle
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from stvsr_bench.data.atomic import replacing
from stvsr_bench.errors import DataError, UsageError

CHECKPOINT = "checkpoint.pt"
WEIGHTS = "weights.safetensors"


@dataclass
class State:
    """The state after `step` steps. `optimizer` belongs to stage `stage`; `recipe` is the digest of the recipe.

    Samples and the net's own dice (stochastic depth) are functions of the step, so no generator's state is kept.
    """

    recipe: str
    step: int = 0
    stage: int = 0
    skipped: int = 0
    seconds: float = 0.0
    net: dict[str, Tensor] = field(default_factory=dict)
    ema: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    precision: dict[str, Any] = field(default_factory=dict)


def save_state(folder: Path, state: State) -> None:
    """Write the checkpoint of a run."""
    with replacing(folder / CHECKPOINT) as file:
        torch.save(vars(state), file)


def load_state(folder: Path, recipes: Collection[str]) -> State | None:
    """The checkpoint of a run of one of the recipes (their digests), or None where there is none yet.

    Raises:
        DataError: the file is broken.
        UsageError: it belongs to another recipe.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    try:
        # on the CPU first: a checkpoint of cuda:3 opens where there is one card or none; weights_only runs no code
        state = State(**torch.load(path, map_location="cpu", weights_only=True))
    except (RuntimeError, EOFError, TypeError, pickle.UnpicklingError) as error:
        raise DataError(f"{path}: not a checkpoint of this suite, or broken; start anew in another --out") from error
    if state.recipe not in recipes:
        raise UsageError(f"{folder} was trained by another recipe; resume with that one, or give another --out")
    return state


def save_weights(
    path: Path, state_dict: dict[str, Tensor], half: bool = False, metadata: dict[str, str] | None = None
) -> None:
    """Write a state dict as safetensors; `half` stores float32 as float16. Buffers of integers stay as they are.

    `metadata` is what the file says of itself.
    """
    # safetensors stores neither views nor strides
    kept = {name: value.detach().cpu().contiguous() for name, value in state_dict.items()}
    if half:
        kept = {name: value.half() if value.dtype == torch.float32 else value for name, value in kept.items()}
    with replacing(path) as file:
        file.write(save(kept, metadata))


def freeze_all_but(net: nn.Module, letters: str) -> list[nn.Parameter]:
    """The parameters that learn: those whose name contains the letters (none: all). The others ask for no gradient.

    Raises:
        UsageError: no parameter has such a name.
    """
    learning = []
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(letters in name)
        if letters in name:
            learning.append(parameter)
    if not learning:
        raise UsageError(f"trainable = '{letters}': no parameter of this net has that in its name")
    return learning
