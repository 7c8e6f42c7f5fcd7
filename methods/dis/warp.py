"""What flows say: forward projection, where two flows agree, which pixels they leave the frame from.

Axes: B batch, C channels, H W size. A flow is (B, 2, H, W), x before y, in pixels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from stvsr_bench.nn.splat import Landing
from stvsr_bench.nn.warp import places, warp

SLACK_PX2 = 8.0  # a round trip that misses by about this (squared, in pixels) still counts as agreement,
SLACK_SHARE = 0.2  # and more where the motion is large
ENOUGH = 0.01  # weight at which a projected pixel is taken as it is; full trust from both sides adds up to 1


def inside(flow_B2HW: Tensor) -> Tensor:
    """1 where the flow points into the frame (half a pixel of grace), else 0; (B, 1, H, W)."""
    height, width = flow_B2HW.shape[-2:]
    grace = flow_B2HW.new_tensor([1 + 1 / max(width - 1, 1), 1 + 1 / max(height - 1, 1)])
    return (places(flow_B2HW).abs() <= grace).all(-1)[:, None].to(flow_B2HW)


def agreement(there_B2HW: Tensor, back_B2HW: Tensor) -> Tensor:
    """How well the way back undoes the way there, (B, 1, H, W): 1 perfectly, towards 0 where something is hidden."""
    return_B2HW = warp(back_B2HW, there_B2HW)
    miss = (there_B2HW + return_B2HW).square().sum(1, keepdim=True)
    length = (there_B2HW.square() + return_B2HW.square()).sum(1, keepdim=True)
    return torch.exp(-miss / (SLACK_PX2 + SLACK_SHARE * length))


def splat(values_BCHW: Tensor, flow_B2HW: Tensor, weight_B1HW: Tensor) -> tuple[Tensor, Tensor]:
    """Values thrown along the flow onto the four nearest pixels: their weighted sum and the sum of weights."""
    load = torch.cat([values_BCHW * weight_B1HW, weight_B1HW], dim=1)
    height, width = load.shape[-2:]
    total = Landing(flow_B2HW, (height, width)).add(load, torch.zeros_like(load))
    return total[:, :-1], total[:, -1:]


def filled(sum_BCHW: Tensor, weight_B1HW: Tensor) -> Tensor:
    """The weighted mean; pixels that little or nothing hit take it from ever coarser pictures."""
    mean = sum_BCHW / weight_B1HW.clamp_min(1e-6)
    if bool((weight_B1HW >= ENOUGH).all()) or max(sum_BCHW.shape[-2:]) == 1:
        return mean
    coarse = filled(_halved(sum_BCHW), _halved(weight_B1HW))
    coarse = F.interpolate(coarse, size=sum_BCHW.shape[-2:], mode="bilinear", align_corners=False)
    sure = (weight_B1HW / ENOUGH).clamp(max=1)
    return sure * mean + (1 - sure) * coarse


def _halved(x_BCHW: Tensor) -> Tensor:
    return F.avg_pool2d(x_BCHW, 2, ceil_mode=True, count_include_pad=False)
