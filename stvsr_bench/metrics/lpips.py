"""LPIPS v0.1 as maps, as a mean, and pooled by a flow (FloLPIPS): the learned distance of two pictures.

The AlexNet trunk and its heads are data inside an installed wheel (`backbones.LPIPS_ALEX`), or a trunk of the user's
with the heads of the package `lpips`. Nothing is downloaded, no package's code is run.
Axes: C channels, H W size of a picture, h w size of a layer.

Zhang et al., CVPR 2018 (LPIPS); Danier et al., 2022 (FloLPIPS). Import only to compute: this needs torch.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stvsr_bench.errors import ClipError, NotRunnableError
from stvsr_bench.metrics import backbones
from stvsr_bench.metrics.backbones import LPIPS_ALEX, Trunk
from stvsr_bench.metrics.trunks import ALEX, STAGES, State, features, read, trunk_state

SMALLEST = 31  # below, a layer of AlexNet has no pixel
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of RGB in [-1, 1]; LPIPS' own, not ImageNet's
Pooling = NDArray[np.float64]


@dataclass(frozen=True)
class Lpips:
    """The network in one precision."""

    trunk: Trunk
    weights: State
    heads: list[Tensor]
    dtype: torch.dtype = torch.float32

    def features(self, levels_CHW: NDArray[np.uint8]) -> list[Tensor]:
        """Each layer's features of a picture of 8 bits, of unit length at each pixel, (1, C, h, w)."""
        picture = torch.from_numpy(np.ascontiguousarray(levels_CHW))[None].to(self.dtype) / 127.5 - 1
        shift, scale = (torch.tensor(of, dtype=self.dtype).reshape(1, 3, 1, 1) for of in (SHIFT, SCALE))
        with torch.no_grad():
            return [_unit(layer) for layer in features(self.trunk, self.weights, (picture - shift) / scale)]

    def maps(self, first: list[Tensor], second: list[Tensor]) -> list[Tensor]:
        """Each layer's map of distances, (h, w), of two pictures' features."""
        with torch.no_grad():
            return [
                functional.conv2d((a - b) ** 2, head)[0, 0]
                for head, a, b in zip(self.heads, first, second, strict=True)
            ]

    def distance(self, first: list[Tensor], second: list[Tensor]) -> float:
        """LPIPS of two pictures by their features: the sum over layers of the mean of the map."""
        return math.fsum(float(of.double().mean()) for of in self.maps(first, second))


def pooled(maps: list[Tensor], difference_HW2: NDArray[np.float32]) -> float:
    """FloLPIPS: maps weighted by how much the two flows differ; the weights of a layer sum to 1.

    The difference is resized to the layer first, then its length is taken (and its values are not scaled).

    Raises:
        ClipError: the flows are equal everywhere, so that the weights are 0/0.
    """
    if not np.any(difference_HW2):
        raise ClipError("FloLPIPS has no value: the flows of two frames are equal everywhere, its weights are 0/0")
    flow = torch.from_numpy(np.ascontiguousarray(difference_HW2)).permute(2, 0, 1)[None].to(maps[0].dtype)
    total = 0.0
    for of in maps:
        small = functional.interpolate(flow, size=tuple(of.shape), mode="bilinear", align_corners=False)[0].double()
        weight = (small**2).sum(0).sqrt()
        total += float((weight / weight.sum() * of.double()).sum())
    return total


def network(trunk: Trunk, dtype: torch.dtype = torch.float32) -> Lpips:
    """LPIPS with a trunk.

    Raises:
        NotRunnableError: trunk or heads are not on this machine; the sentence says how to install them.
    """
    if trunk == "alexnet" and backbones.missing("alexnet", "lpips"):
        return _packaged(LPIPS_ALEX.path(), dtype)
    name = {"alexnet": "alex", "vgg16": "vgg"}[trunk]
    state = read(backbones.package_file("lpips", f"weights/v0.1/{name}.pth"))
    heads = [state[f"lin{stage}.model.1.weight"].to(dtype) for stage in range(len(STAGES[trunk]))]
    return Lpips(trunk, {key: value.to(dtype) for key, value in trunk_state(trunk).items()}, heads, dtype)


@lru_cache(maxsize=2)
def _packaged(path: Path, dtype: torch.dtype) -> Lpips:
    """Trunk and heads from one file, whose convolutions are numbered 0 to 4."""
    found: Any = read(path)
    convolutions = [layer for _, layers in ALEX for layer in layers]
    weights: State = {}
    for (index, stride, padding), layer in zip(convolutions, found["trunk"], strict=True):
        if (layer["stride"], layer["padding"]) != (stride, padding):
            raise NotRunnableError(f"{path.name} has other strides than AlexNet")
        weights[f"features.{index}.weight"] = layer["weight"].to(dtype)
        weights[f"features.{index}.bias"] = layer["bias"].to(dtype)
    return Lpips("alexnet", weights, [head.to(dtype) for head in found["lin"]], dtype)


def _unit(layer: Tensor) -> Tensor:
    # the small number is added to the norm, not inside the root: so the heads were trained
    return layer / (layer.pow(2).sum(dim=1, keepdim=True).sqrt() + 1e-10)
