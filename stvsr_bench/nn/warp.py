"""Backward warping: a map read where a flow points.

Axes: B batch, C channels, H W size. A flow is (B, 2, H, W), x before y, in pixels.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor


def places(flow_B2HW: Tensor, first_row: int = 0, of_rows: int | None = None) -> Tensor:
    """Where each pixel points, (B, H, W, 2), in the [-1, 1] units of `grid_sample` with `align_corners`.

    A flow of some rows of a larger picture says its `first_row` there and how many rows the picture has.
    """
    rows, width = flow_B2HW.shape[-2:]
    # half precision cannot hold a pixel's place
    flow_B2HW = flow_B2HW.to(torch.promote_types(flow_B2HW.dtype, torch.float32))
    height = of_rows or rows
    y = torch.arange(first_row, first_row + rows, dtype=flow_B2HW.dtype, device=flow_B2HW.device)[:, None]
    x = torch.arange(width, dtype=flow_B2HW.dtype, device=flow_B2HW.device)[None]
    across = (x + flow_B2HW[:, 0]) * (2 / max(width - 1, 1)) - 1
    down = (y + flow_B2HW[:, 1]) * (2 / max(height - 1, 1)) - 1
    return torch.stack([across, down], dim=-1)


def warp(
    map_BCHW: Tensor, flow_B2HW: Tensor, mode: str = "bilinear", padding: Literal["border", "zeros"] = "border"
) -> Tensor:
    """The map read where the flow points, (B, C, H, W); outside is the border's pixel, or zero."""
    place = places(flow_B2HW)
    moved = F.grid_sample(map_BCHW.to(place.dtype), place, mode=mode, padding_mode=padding, align_corners=True)
    return moved.to(map_BCHW.dtype)
