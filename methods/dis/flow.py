"""DIS optical flow between two frames, in both directions, on 8-bit luma.

Axes: C channels, H W size. A flow is (1, 2, H, W), x before y, in pixels of the frames given.
"""

import cv2
import numpy as np
import torch
from torch import Tensor

from stvsr_bench.opencv import Grey, dis_flow, portable

LUMA = (0.299, 0.587, 0.114)
# these, and the constants of model.py and warp.py, were searched on train clips alone (README beside this file)
COMFORTABLE = 192  # px of the shorter side: DIS loses small motion on smaller frames, so those are enlarged first
LARGEST_FACTOR = 4
SMALLEST = 32  # px; under this DIS has no room for its scales


def flows(before_CHW: Tensor, after_CHW: Tensor) -> tuple[Tensor, Tensor]:
    """The flow from `before` to `after` and the flow back, in the frames' dtype and device."""
    before, after = grey(before_CHW), grey(after_CHW)
    factor = min(max(round(COMFORTABLE / min(before.shape)), 1), LARGEST_FACTOR)
    with portable():  # IPP's cubic resize differs by one grey level between CPUs; DIS turns that into 0.3 dB
        return _flow(before, after, factor).to(before_CHW), _flow(after, before, factor).to(before_CHW)


def grey(frame_CHW: Tensor) -> Grey:
    """The luma of one RGB frame, rounded to 8 bits."""
    red, green, blue = frame_CHW.clamp(0, 1)
    luma_HW = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue  # not `sum`: it may add in another order on another CPU
    whole: Grey = (luma_HW * 255).round().byte().cpu().numpy()
    return whole


def _flow(first: Grey, second: Grey, factor: int) -> Tensor:
    height, width = first.shape
    flow = dis_flow(_enlarged(first, factor), _enlarged(second, factor))
    flow = flow[: height * factor, : width * factor]
    small = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA) / factor
    return torch.from_numpy(np.ascontiguousarray(small)).permute(2, 0, 1)[None]


def _enlarged(frame: Grey, factor: int) -> Grey:
    if factor > 1:
        frame = cv2.resize(frame, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    missing = [max(0, SMALLEST - side) for side in frame.shape]
    return np.pad(frame, ((0, missing[0]), (0, missing[1])), mode="edge")
