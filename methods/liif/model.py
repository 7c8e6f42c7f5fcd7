"""LIIF: a picture as a function of continuous coordinates, asked for any output size.

An encoder (EDSR-baseline without its upsampler) makes features of the frame, once. For each pixel that is asked for, a
small network sees the features around one of the four nearest LR pixels, how far that pixel is, and how large the
asked pixel is; its four answers are blended by area.

Axes: B batch, T frames, C features, h w low and H W high resolution, K hidden features; n pixels of a side of the
output, r c rows and columns of one piece of it; 2 the sides before and after; 1 stands for a batch of one.
Paper: Chen et al., arXiv 2012.09161. Nothing but h, w, H, W enters: there is no number called "scale".
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stvsr_bench.errors import UsageError
from stvsr_bench.nn.pyramid import conv3
from stvsr_bench.nn.residual import residual_trunk

from .corners import Axis, axis

HIDDEN = 256
LEAST_AREA = 1e-9  # the authors' own; decides only where a query is in the very middle of the last LR pixel
# memory for the hidden features of one piece of the output. On a CPU they should stay in the cache: of 1 to 512 MiB
# 4 MiB was fastest, 64 MiB took 1.2 and 512 MiB 1.5 times as long; a GPU wants fewer and larger calls (not measured)
BUDGET_BYTES = {"cpu": 4 * 2**20, "cuda": 256 * 2**20}
COPIES = 2  # of them in memory at once: what goes into a layer, and what comes out
DEFAULT_SCALE = 4  # where no size is asked for


class Liif(nn.Module):
    """Each frame by itself, at any size."""

    def __init__(self, features: int = 64, blocks: int = 16, budget_bytes: int | None = None) -> None:
        super().__init__()
        self.encoder = Encoder(features, blocks)
        self.function = PixelFunction(features, budget_bytes)

    def forward(self, frames_BTChw: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """The frames at `size` = (H, W), in [0, 1], (B, T, 3, H, W); four times as large without it.

        Raises:
            UsageError: the size is not two whole numbers above zero.
        """
        height, width = frames_BTChw.shape[-2:]
        tall, wide = (DEFAULT_SCALE * height, DEFAULT_SCALE * width) if size is None else size
        if min(tall, wide) < 1 or (tall, wide) != (int(tall), int(wide)):
            raise UsageError(f"liif: the size must be two whole numbers above zero (height, width), got {size}")
        rows, columns = axis(height, int(tall)), axis(width, int(wide))
        # frame by frame: no frame needs another, and features of one are enough memory
        answers = [
            self.function(self.encoder(each), rows, columns) for each in torch.split(frames_BTChw.flatten(0, 1), 1)
        ]
        # clipped here, not by the suite alone: the published test clips before anything else
        frames_BTCHW = (torch.cat(answers) * 0.5 + 0.5).clamp(0, 1)
        return torch.unflatten(frames_BTCHW, 0, frames_BTChw.shape[:2])


class Encoder(nn.Module):
    """EDSR-baseline's features of a frame."""

    def __init__(self, features: int, blocks: int) -> None:
        super().__init__()
        self.head = conv3(3, features)
        self.blocks = residual_trunk(features, blocks)
        self.tail = conv3(features, features)

    def forward(self, frame_1Chw: Tensor) -> Tensor:
        """Features (1, C, h, w) of a frame in [0, 1]."""
        # not by EDSR's mean of DIV2K, which is in the file of weights and never used
        shallow_1Chw = self.head((frame_1Chw - 0.5) / 0.5)
        deep_1Chw: Tensor = shallow_1Chw + self.tail(self.blocks(shallow_1Chw))
        return deep_1Chw


class PixelFunction(nn.Module):
    """The RGB of every output pixel, in [-1, 1] or a little beyond, from the features around its four LR pixels.

    The output is computed in pieces whose hidden features need at most `budget_bytes` (None: the device's in
    `BUDGET_BYTES`), but one pixel at least.
    """

    def __init__(self, features: int, budget_bytes: int | None) -> None:
        super().__init__()
        self.budget_bytes = budget_bytes
        # it sees the features of 3x3 LR pixels, then the offset (y, x) and the cell (y, x)
        self.first = nn.Linear(9 * features + 4, HIDDEN)
        self.hidden = nn.ModuleList(nn.Linear(HIDDEN, HIDDEN) for _ in range(3))
        self.last = nn.Linear(HIDDEN, 3)

    def forward(self, feat_1Chw: Tensor, rows: Axis, columns: Axis) -> Tensor:
        """The picture (1, 3, H, W), blended and not clipped."""
        around_hwK, (offset_y_K, offset_x_K) = self._around(feat_1Chw, rows.cell, columns.cell)
        down, across = Side.of(rows, offset_y_K), Side.of(columns, offset_x_K)
        tall, wide = self._piece(around_hwK, columns.pixel_2n.shape[1])
        strips = [
            torch.cat([self._blended(around_hwK, strip, part) for part in across.split(wide)], dim=1)
            for strip in down.split(tall)
        ]
        return torch.cat(strips).permute(2, 0, 1)[None]

    def _piece(self, around_hwK: Tensor, width: int) -> tuple[int, int]:
        """Rows and columns of a piece."""
        usual = BUDGET_BYTES.get(around_hwK.device.type, BUDGET_BYTES["cuda"])
        budget_bytes = usual if self.budget_bytes is None else self.budget_bytes
        pixels = max(1, budget_bytes // (COPIES * HIDDEN * around_hwK.element_size()))
        wide = min(pixels, width)
        return pixels // wide, wide

    def _around(self, feat_1Chw: Tensor, cell_y: float, cell_x: float) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """What the first layer makes of each LR pixel's surroundings and of the cell; its weights of the offset.

        The layer is linear, and its part of the features is a 3x3 convolution: made once for each LR pixel and not
        for each of the queries around it, which saves 43 % of all work. Only the order of sums is another.
        """
        features = feat_1Chw.shape[1]
        parts = torch.split(self.first.weight, [9 * features, 1, 1, 1, 1], dim=1)
        around, offset_y_K1, offset_x_K1, cell_y_K1, cell_x_K1 = parts
        bias_K = self.first.bias + (cell_y * cell_y_K1 + cell_x * cell_x_K1)[:, 0]
        around_1Khw = F.conv2d(feat_1Chw, torch.unflatten(around, 1, (features, 3, 3)), bias_K, padding=1)
        return around_1Khw[0].permute(1, 2, 0).contiguous(), (offset_y_K1[:, 0], offset_x_K1[:, 0])

    def _blended(self, around_hwK: Tensor, down: "Side", across: "Side") -> Tensor:
        """One piece (r, c, 3): four answers, each weighted with the area of the corner diagonally opposite."""
        areas_22rc = (down.offset_2n[:, None, :, None] * across.offset_2n[:, None]).abs() + LEAST_AREA
        shares_22rc = areas_22rc.flip(0, 1) / areas_22rc.sum((0, 1))
        total_rc3: Tensor | None = None
        for y in (0, 1):
            for x in (0, 1):
                hidden_rcK = around_hwK[down.pixel_2n[y, :, None], across.pixel_2n[x]]
                hidden_rcK = hidden_rcK.add_(down.seen_2nK[y, :, None]).add_(across.seen_2nK[x]).relu_()
                for layer in self.hidden:
                    hidden_rcK = F.relu(layer(hidden_rcK), inplace=True)
                part_rc3 = self.last(hidden_rcK) * shares_22rc[y, x, ..., None]
                total_rc3 = part_rc3 if total_rc3 is None else total_rc3 + part_rc3
        assert total_rc3 is not None
        return total_rc3


@dataclass(frozen=True)
class Side:
    """An axis, or a part of it, on the device: LR pixels, offsets, and what the first layer adds for the offsets."""

    pixel_2n: Tensor
    offset_2n: Tensor
    seen_2nK: Tensor

    @staticmethod
    def of(axis: Axis, weight_K: Tensor) -> "Side":
        """The whole axis; `weight_K` is the first layer's weight of this axis' offset."""
        # half precision cannot hold a pixel's place
        precise = torch.promote_types(weight_K.dtype, torch.float32)
        offset_2n = torch.from_numpy(axis.offset_2n).to(weight_K.device, precise)
        return Side(torch.from_numpy(axis.pixel_2n).to(weight_K.device), offset_2n, offset_2n[..., None] * weight_K)

    def split(self, pixels: int) -> list["Side"]:
        """Parts of so many pixels, in order."""
        halves = (torch.split(tensor, pixels, dim=1) for tensor in (self.pixel_2n, self.offset_2n, self.seen_2nK))
        return [Side(*parts) for parts in zip(*halves, strict=True)]
