"""LPIPS and DISTS with a backbone that the user gives: the trunk is a file of theirs, nothing is downloaded.

The small learned heads are read, as data, from the installed packages `lpips` and `DISTS_pytorch`; their code (and
torchvision) is not imported. `backbones.py` says where the files lie.
Axes: S frames, C channels, H W size; features are (S, C, H, W) of a stage.

Zhang et al., CVPR 2018 (LPIPS v0.1); Ding et al., TPAMI 2020 (DISTS). Import only to compute: this needs torch.
"""

import pickle
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stvsr_bench.errors import NotRunnableError
from stvsr_bench.metrics import color
from stvsr_bench.metrics.backbones import Trunk, backbone, package_file
from stvsr_bench.metrics.ssim import check_size

State = dict[str, Tensor]
SMALLEST = 32
# (index of the layer in torchvision's `features`, stride, padding) of the convolutions of each stage; every stage but
# the first begins with a pooling where the flag says so
_ALEX: tuple[tuple[bool, tuple[tuple[int, int, int], ...]], ...] = (
    (False, ((0, 4, 2),)),
    (True, ((3, 1, 2),)),
    (True, ((6, 1, 1),)),
    (False, ((8, 1, 1),)),
    (False, ((10, 1, 1),)),
)
_VGG: tuple[tuple[bool, tuple[tuple[int, int, int], ...]], ...] = (
    (False, ((0, 1, 1), (2, 1, 1))),
    (True, ((5, 1, 1), (7, 1, 1))),
    (True, ((10, 1, 1), (12, 1, 1), (14, 1, 1))),
    (True, ((17, 1, 1), (19, 1, 1), (21, 1, 1))),
    (True, ((24, 1, 1), (26, 1, 1), (28, 1, 1))),
)
_STAGES = {"alexnet": _ALEX, "vgg16": _VGG}
# LPIPS shifts and scales frames in [-1, 1] by its own numbers, DISTS frames in [0, 1] by ImageNet's
_LPIPS_SHIFT, _LPIPS_SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_DISTS_MEAN, _DISTS_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def lpips(trunk: Trunk, sr_SCHW: Any, hr_SCHW: Any) -> NDArray[np.float64]:
    """LPIPS v0.1 of each frame, shape (S,): 0 for equal frames, larger is further. Frames are rounded to 8 bits.

    Raises:
        NotRunnableError: the trunk or the heads are not on this machine; the sentence says how to bring them.
    """
    weights, heads = _trunk(trunk), _lpips_heads(trunk)
    sr, hr = (2 * frames - 1 for frames in _tensors(sr_SCHW, hr_SCHW))
    scores = torch.zeros(len(sr), dtype=torch.float64)
    features = (_features(trunk, weights, _normalised(x, _LPIPS_SHIFT, _LPIPS_SCALE)) for x in (sr, hr))
    for head, a, b in zip(heads, *features, strict=True):
        difference = (_unit(a) - _unit(b)) ** 2
        scores += functional.conv2d(difference, head).mean(dim=(1, 2, 3)).double()
    return np.asarray(scores.numpy())


def dists(sr_SCHW: Any, hr_SCHW: Any) -> NDArray[np.float64]:
    """DISTS of each frame, shape (S,): 0 for equal frames; likeness of structure and of texture statistics.

    Raises:
        NotRunnableError: the VGG16 trunk or the heads are not on this machine.
    """
    weights, (alpha, beta) = _trunk("vgg16"), _dists_heads()
    total = alpha.sum() + beta.sum()
    sr, hr = _tensors(sr_SCHW, hr_SCHW)
    # the frame itself is the zeroth stage, as in the paper: so that no two frames have equal features
    sides = [(x, *_features("vgg16", weights, _normalised(x, _DISTS_MEAN, _DISTS_STD), smooth=True)) for x in (sr, hr)]
    alike = torch.zeros(len(sr), dtype=torch.float64)
    start = 0
    for a, b in zip(*sides, strict=True):
        stop = start + a.shape[1]
        texture, structure = _likeness(a, b)
        alike += ((alpha[start:stop] * texture + beta[start:stop] * structure).sum(dim=1) / total).double()
        start = stop
    return np.asarray((1 - alike).numpy())


@lru_cache(maxsize=2)
def _trunk(trunk: Trunk) -> State:
    path = backbone(trunk)
    state = _load(path)
    wanted = [f"features.{i}.{part}" for _, layers in _STAGES[trunk] for i, *_ in layers for part in ("weight", "bias")]
    absent = [name for name in wanted if name not in state]
    if absent:
        raise NotRunnableError(f"{path.name} is no torchvision state dict of {trunk}: it has no {absent[0]}")
    return {name: state[name].float() for name in wanted}


@lru_cache(maxsize=2)
def _lpips_heads(trunk: Trunk) -> list[Tensor]:
    name = {"alexnet": "alex", "vgg16": "vgg"}[trunk]
    state = _load(package_file("lpips", f"weights/v0.1/{name}.pth"))
    return [state[f"lin{stage}.model.1.weight"].float() for stage in range(5)]


@lru_cache(maxsize=1)
def _dists_heads() -> tuple[Tensor, Tensor]:
    state = _load(package_file("DISTS_pytorch", "weights.pt"))
    return state["alpha"].float().reshape(-1, 1, 1).squeeze(), state["beta"].float().reshape(-1, 1, 1).squeeze()


def _load(path: Path) -> State:
    try:
        state: State = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise NotRunnableError(f"{path.name} cannot be read as weights: {reason}") from None
    return state


def _tensors(sr_SCHW: Any, hr_SCHW: Any) -> tuple[Tensor, Tensor]:
    sr, hr = color.checked(sr_SCHW, hr_SCHW)
    check_size(hr.shape[-2:], smallest=SMALLEST, name="a learned metric")
    as_bytes = [np.stack([color.levels(frame) for frame in side]) for side in (sr, hr)]
    return torch.from_numpy(as_bytes[0]).float() / 255, torch.from_numpy(as_bytes[1]).float() / 255


def _normalised(x_SCHW: Tensor, mean: tuple[float, ...], deviation: tuple[float, ...]) -> Tensor:
    return (x_SCHW - torch.tensor(mean).reshape(1, 3, 1, 1)) / torch.tensor(deviation).reshape(1, 3, 1, 1)


def _features(trunk: Trunk, weights: State, x: Tensor, smooth: bool = False) -> Iterator[Tensor]:
    """The rectified output of each of the five stages; `smooth` pools by a Hann window instead of the maximum."""
    size = 3 if trunk == "alexnet" else 2
    for pooled, layers in _STAGES[trunk]:
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


def _unit(features: Tensor) -> Tensor:
    # the small number is added to the norm, not inside the root: so the heads were trained
    return features / (features.pow(2).sum(dim=1, keepdim=True).sqrt() + 1e-10)


def _likeness(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Likeness of the means and of the variations of each channel, both (S, C)."""
    mean_a, mean_b = a.mean(dim=(2, 3)), b.mean(dim=(2, 3))
    texture = (2 * mean_a * mean_b + 1e-6) / (mean_a**2 + mean_b**2 + 1e-6)
    var_a = ((a - mean_a[..., None, None]) ** 2).mean(dim=(2, 3))
    var_b = ((b - mean_b[..., None, None]) ** 2).mean(dim=(2, 3))
    covariance = (a * b).mean(dim=(2, 3)) - mean_a * mean_b
    return texture, (2 * covariance + 1e-6) / (var_a + var_b + 1e-6)
