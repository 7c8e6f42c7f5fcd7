"""DIS optical flow between two frames, in both directions, on 8-bit luma.

Axes: C channels, H W size. A flow is (1, 2, H, W), x before y, in pixels of the frames given.
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Grey = NDArray[np.uint8]

LUMA = (0.299, 0.587, 0.114)
COMFORTABLE = 192  # px of the shorter side: DIS loses small motion on smaller frames, so those are enlarged first
LARGEST_FACTOR = 4
SMALLEST = 32  # px; under this DIS has no room for its scales


def flows(before_CHW: Tensor, after_CHW: Tensor) -> tuple[Tensor, Tensor]:
    """The flow from `before` to `after` and the flow back, in the frames' dtype and device."""
    before, after = grey(before_CHW), grey(after_CHW)
    factor = min(max(round(COMFORTABLE / min(before.shape)), 1), LARGEST_FACTOR)
    return _flow(before, after, factor).to(before_CHW), _flow(after, before, factor).to(before_CHW)


def grey(frame_CHW: Tensor) -> Grey:
    """The luma of one RGB frame, rounded to 8 bits."""
    weights_C11 = frame_CHW.new_tensor(LUMA)[:, None, None]
    luma_HW = (frame_CHW.clamp(0, 1) * weights_C11).sum(0)
    whole: Grey = (luma_HW * 255).round().byte().cpu().numpy()
    return whole


def _flow(first: Grey, second: Grey, factor: int) -> Tensor:
    height, width = first.shape
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = dis.calc(_enlarged(first, factor), _enlarged(second, factor), np.empty(0))
    flow = flow[: height * factor, : width * factor]
    flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA) / factor
    return torch.from_numpy(np.ascontiguousarray(flow)).permute(2, 0, 1)[None]


def _enlarged(frame: Grey, factor: int) -> Grey:
    if factor > 1:
        frame = cv2.resize(frame, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    missing = [max(0, SMALLEST - side) for side in frame.shape]
    return np.pad(frame, ((0, missing[0]), (0, missing[1])), mode="edge")
