"""The authors' checkpoint of LIIF with the EDSR-baseline encoder (82 tensors) under our names, and back."""

from collections.abc import Mapping

import torch
from torch import Tensor

from stvsr_bench.nn.keys import AuthorsKeys

from .model import Liif

# EDSR's colour shift, to and from the mean of DIV2K: in every file, used by nothing in LIIF
MEAN = (0.4488, 0.4371, 0.4040)
_UNUSED = {
    "encoder.sub_mean.weight": torch.eye(3).reshape(3, 3, 1, 1),
    "encoder.sub_mean.bias": -torch.tensor(MEAN),
    "encoder.add_mean.weight": torch.eye(3).reshape(3, 3, 1, 1),
    "encoder.add_mean.bias": torch.tensor(MEAN),
}

KEYS = AuthorsKeys(
    "LIIF",
    Liif,
    [
        (r"^encoder\.head\.", "encoder.head.0."),
        (r"^encoder\.blocks\.(\d+)\.conv1\.", r"encoder.body.\1.body.0."),
        (r"^encoder\.blocks\.(\d+)\.conv2\.", r"encoder.body.\1.body.2."),
        (r"^encoder\.tail\.", "encoder.body.16."),
        (r"^function\.first\.", "imnet.layers.0."),
        (r"^function\.hidden\.0\.", "imnet.layers.2."),
        (r"^function\.hidden\.1\.", "imnet.layers.4."),
        (r"^function\.hidden\.2\.", "imnet.layers.6."),
        (r"^function\.last\.", "imnet.layers.8."),
    ],
)


def from_authors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' state dict under our names, without the numbers that nothing uses.

    Raises:
        WeightsError: a key or shape is not LIIF's.
    """
    return KEYS.from_authors({key: tensor for key, tensor in state.items() if key not in _UNUSED})


def to_authors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our state dict under the authors' names, for their code to load."""
    return KEYS.to_authors(state) | {key: tensor.clone() for key, tensor in _UNUSED.items()}
