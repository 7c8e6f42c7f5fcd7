"""The rectified features of AlexNet and VGG16 at the five stages that learned metrics look at.

Axes: S frames, C channels, H W size. Import only to compute: this needs torch.
"""

import pickle
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from stvsr_bench.errors import NotRunnableError
from stvsr_bench.metrics.backbones import Trunk, backbone

State = dict[str, Tensor]
# (index of the layer in torchvision's `features`, stride, padding) of the convolutions of each stage; every stage but
# the first begins with a pooling where the flag says so
ALEX: tuple[tuple[bool, tuple[tuple[int, int, int], ...]], ...] = (
    (False, ((0, 4, 2),)),
    (True, ((3, 1, 2),)),
    (True, ((6, 1, 1),)),
    (False, ((8, 1, 1),)),
    (False, ((10, 1, 1),)),
)
VGG: tuple[tuple[bool, tuple[tuple[int, int, int], ...]], ...] = (
    (False, ((0, 1, 1), (2, 1, 1))),
    (True, ((5, 1, 1), (7, 1, 1))),
    (True, ((10, 1, 1), (12, 1, 1), (14, 1, 1))),
    (True, ((17, 1, 1), (19, 1, 1), (21, 1, 1))),
    (True, ((24, 1, 1), (26, 1, 1), (28, 1, 1))),
)
STAGES = {"alexnet": ALEX, "vgg16": VGG}


@lru_cache(maxsize=2)
def trunk_state(trunk: Trunk) -> State:
    """The convolutions of the trunk that the user gave, by their names in torchvision.

    Raises:
        NotRunnableError: there is none, or it is another file.
    """
    path = backbone(trunk)
    state = read(path)
    wanted = [f"features.{i}.{part}" for _, layers in STAGES[trunk] for i, *_ in layers for part in ("weight", "bias")]
    absent = [name for name in wanted if name not in state]
    if absent:
        raise NotRunnableError(f"{path.name} is not a torchvision state dict of {trunk}: it has no {absent[0]}")
    return {name: state[name].float() for name in wanted}


def read(path: Path) -> State:
    """A file of weights, as data.

    Raises:
        NotRunnableError: it cannot be read.
    """
    try:
        state: State = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise NotRunnableError(f"{path.name} cannot be read as weights: {reason}") from None
    return state


def features(trunk: Trunk, weights: State, x: Tensor, smooth: bool = False) -> Iterator[Tensor]:
    """The rectified output of each of the five stages; `smooth` pools by a Hann window instead of the maximum."""
    size = 3 if trunk == "alexnet" else 2
    for pooled, layers in STAGES[trunk]:
        if pooled:
            x = _hann_pooled(x) if smooth else functional.max_pool2d(x, size, 2)
        for index, stride, padding in layers:
            name = f"features.{index}"
            x = functional.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride, padding).relu()
        yield x


def _hann_pooled(x: Tensor) -> Tensor:
    """Half the size, by the root of the weighted mean square over 3x3 (Hann window)."""
    taps = torch.tensor([0.25, 0.5, 0.25])  # the paper's pooling against aliasing, instead of VGG's maximum
    window = (taps[:, None] * taps[None]).expand(x.shape[1], 1, 3, 3)
    return (functional.conv2d(x**2, window, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()
