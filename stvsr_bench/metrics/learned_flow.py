"""SpyNet's optical flow of two frames, with the weights that BasicVSR carries. Import only to compute: it needs torch.

Axes: P pairs, C channels, H W size; flow is x then y, in pixels. Ranjan and Black, arXiv 1611.00850.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stvsr_bench.errors import NotRunnableError
from stvsr_bench.metrics.backbones import SPYNET
from stvsr_bench.metrics.trunks import read
from stvsr_bench.nn.spynet import SpyNet


def flows(pairs: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> NDArray[np.float32]:
    """The flow of each pair of frames (C, H, W), RGB in [0, 1], to its second: (P, H, W, 2).

    Raises:
        NotRunnableError: the weights are not installed.
    """
    net = _network(SPYNET.path())
    found = []
    with torch.no_grad():
        for first, second in pairs:
            flow = net.pair(*(torch.from_numpy(np.ascontiguousarray(side))[None] for side in (first, second)))
            found.append(flow[0].permute(1, 2, 0).numpy())
    return np.stack(found)


@lru_cache(maxsize=1)
def _network(path: Path) -> SpyNet:
    found: Any = read(path)
    state = {
        re.sub(r"^spynet\.(?:basic_module\.(\d)\.basic_module\.)?", _ours, name): value
        for name, value in found["params"].items()
        if name.startswith("spynet.")
    }
    net = SpyNet().eval()
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise NotRunnableError(f"{path.name} has no SpyNet: {str(error).splitlines()[0]}") from None
    return net


def _ours(found: re.Match[str]) -> str:
    return f"levels.{found[1]}." if found[1] else ""
