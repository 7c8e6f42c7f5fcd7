"""A picture or a map of features read along a flow (backward warp): the one warp of every method here.

Axes: B batch, C channels, H W size. A flow is (B, 2, H, W), x before y, in pixels.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Outside = Literal["border", "zeros"]  # the border's pixel; nothing (each of the four neighbours that is outside is 0)


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


def warp(picture_BCHW: Tensor, flow_B2HW: Tensor, outside: Outside = "border", mode: str = "bilinear") -> Tensor:
    """The picture read where the flow points, (B, C, H, W), in its own type."""
    # half precision cannot hold a pixel's place: a column beyond 256 would be read pixels away
    precise = torch.promote_types(picture_BCHW.dtype, torch.float32)
    moved_BCHW = F.grid_sample(
        picture_BCHW.to(precise), places(flow_B2HW.to(precise)), mode=mode, padding_mode=outside, align_corners=True
    )
    return moved_BCHW.to(picture_BCHW.dtype)
