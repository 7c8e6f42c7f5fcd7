"""FloLPIPS of a clip: LPIPS weighted by where the motion of sr is wrong; the flow is part of the name.

The paper's program takes PWC-Net's flow, which no package carries, and frames that passed 4:2:0; here the flow is
another and frames are RGB of 8 bits, so the number is not the paper's. Danier et al., 2022.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from stvsr_bench.errors import ClipError
from stvsr_bench.metrics.pictures import FlowName, Pair


def flolpips(flow: FlowName, pair: Pair) -> float:
    """The mean over neighbouring frames of LPIPS of the first, weighted by the difference of both flows to the next.

    Raises:
        ClipError: the flows of a pair are equal everywhere, as for output that equals the truth: the value is 0/0.
    """
    from stvsr_bench.metrics import lpips  # torch

    if min(pair.hr.levels_SCHW.shape[-2:]) < lpips.SMALLEST:
        raise ClipError(f"FloLPIPS needs frames of at least {lpips.SMALLEST}x{lpips.SMALLEST} px")
    net = lpips.network("alexnet")
    difference_PHW2 = pair.hr.flow(flow) - pair.sr.flow(flow)
    frames = zip(pair.sr.levels_SCHW, pair.hr.levels_SCHW, difference_PHW2, strict=False)
    maps = ((net.maps(net.features(sr), net.features(hr)), difference) for sr, hr, difference in frames)
    return float(np.mean([lpips.pooled(of, difference) for of, difference in maps]))


FLOLPIPS: dict[str, Callable[[Pair], float]] = {
    "flolpips_dis_medium": partial(flolpips, "dis_medium"),
    "flolpips_spynet": partial(flolpips, "spynet"),
}
