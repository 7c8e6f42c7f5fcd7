"""LPIPS and DISTS of the frames of a clip.

The files that they need are data: `backbones.py` says where they lie, `lpips.py` and `trunks.py` are the networks.
Axes: S frames, C channels, H W size; features are (S, C, H, W) of a stage.

Zhang et al., CVPR 2018 (LPIPS v0.1); Ding et al., TPAMI 2020 (DISTS). Import only to compute: this needs torch.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stvsr_bench.metrics import color
from stvsr_bench.metrics import lpips as network
from stvsr_bench.metrics.backbones import Trunk, package_file
from stvsr_bench.metrics.ssim import check_size
from stvsr_bench.metrics.trunks import features, read, trunk_state

SMALLEST = 32  # of DISTS
_DISTS_MEAN, _DISTS_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, of frames in [0, 1]


def lpips(trunk: Trunk, sr_SCHW: Any, hr_SCHW: Any) -> NDArray[np.float64]:
    """LPIPS v0.1 of each frame, shape (S,): 0 for equal frames, larger is further. Frames are rounded to 8 bits.

    Raises:
        NotRunnableError: the trunk or the heads are not on this machine; the sentence says how to install them.
        ClipError: frames smaller than a layer can see.
    """
    net = network.network(trunk)
    sr, hr = color.checked(sr_SCHW, hr_SCHW)
    check_size(hr.shape[-2:], network.SMALLEST if trunk == "alexnet" else SMALLEST, "LPIPS")
    # one frame at a time: the first layer of a 1080p frame takes 33 MB
    sides = zip(sr, hr, strict=True)
    return np.array([net.distance(*(net.features(color.levels(side)) for side in frame)) for frame in sides])


def dists(sr_SCHW: Any, hr_SCHW: Any) -> NDArray[np.float64]:
    """DISTS of each frame, shape (S,): 0 for equal frames; likeness of structure and of texture statistics.

    Raises:
        NotRunnableError: the VGG16 trunk or the heads are not on this machine.
    """
    weights, (alpha, beta) = trunk_state("vgg16"), _dists_heads()
    total = alpha.sum() + beta.sum()
    sr, hr = _tensors(sr_SCHW, hr_SCHW, SMALLEST)
    # the frame itself is the zeroth stage, as in the paper: so that no two frames have equal features
    sides = [(x, *features("vgg16", weights, _normalised(x, _DISTS_MEAN, _DISTS_STD), smooth=True)) for x in (sr, hr)]
    alike = torch.zeros(len(sr), dtype=torch.float64)
    start = 0
    for a, b in zip(*sides, strict=True):
        stop = start + a.shape[1]
        texture, structure = _likeness(a, b)
        alike += ((alpha[start:stop] * texture + beta[start:stop] * structure).sum(dim=1) / total).double()
        start = stop
    return np.asarray((1 - alike).numpy())


@lru_cache(maxsize=1)
def _dists_heads() -> tuple[Tensor, Tensor]:
    state = read(package_file("DISTS_pytorch", "weights.pt"))
    return state["alpha"].float().reshape(-1, 1, 1).squeeze(), state["beta"].float().reshape(-1, 1, 1).squeeze()


def _tensors(sr_SCHW: Any, hr_SCHW: Any, smallest: int) -> tuple[Tensor, Tensor]:
    sr, hr = color.checked(sr_SCHW, hr_SCHW)
    check_size(hr.shape[-2:], smallest=smallest, name="DISTS")
    as_bytes = [np.stack([color.levels(frame) for frame in side]) for side in (sr, hr)]
    return torch.from_numpy(as_bytes[0]).float() / 255, torch.from_numpy(as_bytes[1]).float() / 255


def _normalised(x_SCHW: Tensor, mean: tuple[float, ...], deviation: tuple[float, ...]) -> Tensor:
    return (x_SCHW - torch.tensor(mean).reshape(1, 3, 1, 1)) / torch.tensor(deviation).reshape(1, 3, 1, 1)


def _likeness(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Likeness of the means and of the variations of each channel, both (S, C)."""
    mean_a, mean_b = a.mean(dim=(2, 3)), b.mean(dim=(2, 3))
    texture = (2 * mean_a * mean_b + 1e-6) / (mean_a**2 + mean_b**2 + 1e-6)
    var_a = ((a - mean_a[..., None, None]) ** 2).mean(dim=(2, 3))
    var_b = ((b - mean_b[..., None, None]) ** 2).mean(dim=(2, 3))
    covariance = (a * b).mean(dim=(2, 3)) - mean_a * mean_b
    return texture, (2 * covariance + 1e-6) / (var_a + var_b + 1e-6)
