"""A look inside an attention: which points of the other frames a pixel takes, and whether they are where it moved to.

A net can be looked into when it has `look(lr_BTChw, target)`, which gives one `Look` for every other frame.
Axes: B batch, T frames given, S frames, G groups, K sampled points, h w low and H W high resolution.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from stvsr_bench.data.atomic import replacing
from stvsr_bench.data.degrade import lr_cached
from stvsr_bench.errors import UsageError
from stvsr_bench.schema import Clip, Method

BINS_PX = (0.0, 2.0, 4.0, 8.0, 16.0, 32.0, float("inf"))  # true displacement between two frames, hr pixels

Floats = NDArray[np.float64]


class Look(Protocol):
    """What a target frame takes from frame `frame`; see `methods/stdan/model.py` for the shapes."""

    @property
    def frame(self) -> int: ...
    @property
    def points(self) -> Tensor: ...
    @property
    def weights(self) -> Tensor: ...
    @property
    def share(self) -> Tensor: ...


class Open(Protocol):
    """A net that can be looked into."""

    def look(self, lr_BTChw: Tensor, target: int) -> Sequence[Look]: ...


@dataclass(frozen=True)
class Facts:
    """One motion bin of one split: means over pixels and pairs of frames whose true displacement lies in the bin.

    Distances are in hr pixels, from the true place: `error_px` of the weighted mean of the points kept, `nearest_px` of
    the nearest sampled point, `still_px` of the pixel's own place (what a net without motion would score; the mean
    displacement). `outside` is the share of sampled points outside the frame, `share` the weight of the frame.
    """

    split: str
    low_px: float
    high_px: float
    pixels: int
    error_px: float
    nearest_px: float
    still_px: float
    outside: float
    share: float


@dataclass(frozen=True)
class Spread:
    """How frame weights are spread over the other frames, a mean over pixels: 1 is even, 0 one frame alone."""

    split: str
    clip: str
    frame: int
    entropy: float
    frames_used: float
    outside: float


def opened(method: Method) -> Open:
    """The net of a method, if it can be looked into.

    Raises:
        UsageError: it has no attention that shows itself.
    """
    if not hasattr(method.net, "look"):
        raise UsageError(f"{method.spec} has no attention to look into; stdan has")
    return cast(Open, method.net)


def read(method: Method, clip: Clip, target: int) -> Sequence[Look]:
    """What frame `target` of a clip takes from every other frame."""
    frames = len(clip.hr_SCHW)
    if not 0 <= target < frames:
        raise UsageError(f"frame {target}: {clip.name} has frames 0 to {frames - 1}")
    lr_SChw = lr_cached(clip.hr_SCHW, "bicubic", method.card.usual)
    lr_BTChw = torch.from_numpy(np.ascontiguousarray(lr_SChw[::2]))[None]
    height, width = lr_BTChw.shape[-2:]
    multiple = method.card.grid(method.card.usual)
    padded = F.pad(lr_BTChw, (0, -width % multiple, 0, -height % multiple))
    return opened(method).look(padded, target)


def displacement(flow_FHW2: NDArray[np.float32], first: int, last: int) -> Floats:
    """Where each pixel of frame `first` has moved to in the later frame `last`: (H, W, 2), x then y, hr pixels.

    The forward flows are followed one after the other, each read bilinearly where the pixel is by then.
    """
    height, width = flow_FHW2.shape[1:3]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float64)
    moved = np.zeros((height, width, 2))
    for i in range(first, last):
        moved += _read(flow_FHW2[i], ys + moved[..., 1], xs + moved[..., 0])
    return moved


def _read(flow_HW2: NDArray[np.float32], ys: Floats, xs: Floats) -> Floats:
    height, width = flow_HW2.shape[:2]
    # align_corners=False puts pixel centres at halves: x = 0 is 1/width - 1, not -1
    grid = np.stack([(2 * xs + 1) / width - 1, (2 * ys + 1) / height - 1], axis=-1)
    flow = torch.from_numpy(flow_HW2).permute(2, 0, 1)[None].double()
    read = F.grid_sample(flow, torch.from_numpy(grid)[None], padding_mode="border", align_corners=False)
    return np.asarray(read[0].permute(1, 2, 0))


def outside_share(look: Look) -> Floats:
    """Per pixel, the share of the sampled points that lie outside the frame, (h, w)."""
    points = look.points[0].double()
    height, width = points.shape[-2:]
    y = points[:, :, 0] + torch.arange(height).view(1, 1, -1, 1)
    x = points[:, :, 1] + torch.arange(width).view(1, 1, 1, -1)
    out = (y < 0) | (y > height - 1) | (x < 0) | (x > width - 1)
    return np.asarray(out.double().mean((0, 1)))


def spread(looks_of_frame: Sequence[Look]) -> tuple[float, float]:
    """Entropy of the frame weights over its largest value, and how many frames that amounts to, means over pixels."""
    shares = torch.stack([look.share[0] for look in looks_of_frame]).double()
    entropy = -(shares * shares.clamp_min(1e-12).log()).sum(0)  # 0 log 0 is 0
    return float(entropy.mean() / np.log(len(looks_of_frame))), float(entropy.exp().mean())


def followed(method: Method, clip: Clip, targets: Iterable[int]) -> tuple[list[Floats], list[Spread]]:
    """Per pixel and pair of frames of a clip with known flow: columns as the distances of `Facts`; and the spreads.

    Only later frames are compared with the truth, for the flow is known forwards.
    """
    if clip.flow_FHW2 is None:
        raise UsageError(f"{clip.dataset} does not know its true motion; mini does")
    columns: list[Floats] = []
    spreads = []
    for target in targets:
        seen = read(method, clip, target)
        outside = float(np.mean([outside_share(look).mean() for look in seen]))
        spreads.append(Spread(clip.split, clip.name, target, *spread(seen), outside))
        for look in seen:
            if look.frame > target:
                columns.append(
                    _compared(look, displacement(clip.flow_FHW2, target, look.frame), int(method.card.usual))
                )
    return columns, spreads


def _compared(look: Look, true_HW2: Floats, scale: int) -> Floats:
    """One row a pixel that is still in the picture: still, error, nearest (hr px), outside, share."""
    height, width = (side // scale for side in true_HW2.shape[:2])
    # an lr pixel moves by the mean of the hr pixels that it covers
    true_hw2 = true_HW2.reshape(height, scale, width, scale, 2).mean((1, 3))
    true = torch.from_numpy(true_hw2[..., ::-1].copy()).permute(2, 0, 1)  # vertical, horizontal
    points = look.points[0, ..., :height, :width].double() * scale
    weights = look.weights[0, :, :height, :width].double()
    mean = (points.mean(0) * weights[:, None]).sum(0)  # groups alike, points by their share
    distance = (points - true).square().sum(2).sqrt()
    y = torch.arange(height).view(-1, 1) * scale + true[0]
    x = torch.arange(width).view(1, -1) * scale + true[1]
    inside = (y >= 0) & (y <= (height - 1) * scale) & (x >= 0) & (x <= (width - 1) * scale)
    values = [
        true.square().sum(0).sqrt(),
        (mean - true).square().sum(0).sqrt(),
        distance.amin((0, 1)),
        torch.from_numpy(outside_share(look))[:height, :width],
        look.share[0, :height, :width].double(),
    ]
    return np.stack([np.asarray(value[inside]) for value in values], axis=1)


def by_motion(split: str, columns: Sequence[Floats]) -> list[Facts]:
    """The means of every motion bin that has pixels."""
    table = np.concatenate(columns)
    found = []
    for low, high in pairwise(BINS_PX):
        rows = table[(table[:, 0] >= low) & (table[:, 0] < high)]
        if len(rows):
            still, error, nearest, outside, share = (float(v) for v in rows.mean(0))
            found.append(Facts(split, low, high, len(rows), error, nearest, still, outside, share))
    return found


def write_table(path: Path, rows: Sequence[Facts] | Sequence[Spread]) -> None:
    """Rows as CSV, a column a field."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(rows[0])], lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: round(v, 5) if isinstance(v, float) else v for k, v in asdict(row).items()} for row in rows)
    with replacing(path) as file:
        file.write(text.getvalue().encode())
