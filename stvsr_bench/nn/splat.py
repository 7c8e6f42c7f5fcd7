"""Forward splatting: every pixel is thrown along its flow onto the four pixels around the place where it lands.

Axes: B batch, C channels, H W size. A flow is (B, 2, H, W), x before y, in pixels. What lands outside is lost, and
nothing is divided by the weights. Source: softmax splatting (Niklaus and Liu), as MoTIF and BF-STVSR use it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Corner:
    """One of the four pixels around each landing place: bilinear weight, whether it is in the picture, its index."""

    share_BQ: Tensor
    inside_BQ: Tensor
    index_BQ: Tensor


class Landing:
    """Where the pixels of some rows of a picture land on the whole of it: what all splats of one flow share."""

    def __init__(self, flow_B2RW: Tensor, size: tuple[int, int], first_row: int = 0) -> None:
        self.size = size
        # half precision cannot hold a pixel's place
        flow_B2RW = flow_B2RW.to(torch.promote_types(flow_B2RW.dtype, torch.float32))
        rows, width = flow_B2RW.shape[-2:]
        y = torch.arange(first_row, first_row + rows, dtype=flow_B2RW.dtype, device=flow_B2RW.device)
        x = torch.arange(width, dtype=flow_B2RW.dtype, device=flow_B2RW.device)
        self.y = (y[:, None] + flow_B2RW[:, 1]).flatten(1)
        self.x = (x + flow_B2RW[:, 0]).flatten(1)

    def corners(self) -> Iterator[Corner]:
        """Upper left, upper right, lower left, lower right."""
        height, width = self.size
        for y_near in (self.y.floor(), self.y.floor() + 1):
            for x_near in (self.x.floor(), self.x.floor() + 1):
                share = (1 - (self.y - y_near).abs()) * (1 - (self.x - x_near).abs())
                inside = (y_near >= 0) & (y_near < height) & (x_near >= 0) & (x_near < width)
                # whole numbers are clamped, so that a flow that is no number reads no foreign memory
                row, column = y_near.long().clamp(0, height - 1), x_near.long().clamp(0, width - 1)
                yield Corner(share * inside, inside, row * width + column)

    def add(self, values_BCRW: Tensor, onto_BCHW: Tensor) -> Tensor:
        """`onto`, changed in place: plus the weighted values. Differentiable in the values and in the flow."""
        # in place: the sums of a 1280x720 picture of MoTIF are half a gigabyte
        flat, values = onto_BCHW.flatten(2), values_BCRW.flatten(2).to(onto_BCHW.dtype)
        for corner in self.corners():
            at = corner.index_BQ[:, None].expand_as(values)
            flat.scatter_add_(2, at, values * corner.share_BQ[:, None])
        return onto_BCHW

    def highest(self, values_B1RW: Tensor, onto_B1HW: Tensor) -> Tensor:
        """The larger of `onto` and the largest weighted value; no gradient."""
        with torch.no_grad():
            flat, values = onto_B1HW.flatten(2), values_B1RW.flatten(2).to(onto_B1HW.dtype)
            for corner in self.corners():
                part = (values * corner.share_BQ[:, None]).masked_fill(~corner.inside_BQ[:, None], -torch.inf)
                flat = flat.scatter_reduce(2, corner.index_BQ[:, None], part, "amax")
            return torch.unflatten(flat, 2, self.size)

    def count(self, onto_B1HW: Tensor) -> Tensor:
        """`onto` plus 1 for each corner that falls on a pixel, whatever its weight; no gradient."""
        with torch.no_grad():
            flat = onto_B1HW.flatten(2)
            for corner in self.corners():
                flat = flat.scatter_add(2, corner.index_BQ[:, None], corner.inside_BQ[:, None].to(flat.dtype))
            return torch.unflatten(flat, 2, self.size)
