"""A window in overlapping tiles: asked for, or the answer to memory that ran out.

The picture is padded once, then cut into tiles on the grid that the network wants, so that no tile is ever padded by
itself: zeros inside the picture cost up to 2.7 dB. Axes: B batch, T frames given, h w low resolution.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from stvsr_bench import protocols
from stvsr_bench.errors import ClipError
from stvsr_bench.restore.network import call, enlarged
from stvsr_bench.restore.padding import padded
from stvsr_bench.schema import EvalProtocol, Method, Settings, TileNeeds, on_grid


@dataclass(frozen=True)
class Tiling:
    """Tiles of `size` pixels of which neighbours share `overlap`; both multiples of the grid, size the larger."""

    size: int
    overlap: int

    @classmethod
    def on(cls, grid: int, size: int, overlap: int) -> "Tiling":
        """The nearest tiles that lie on the grid; see `schema.on_grid`."""
        return cls(*on_grid(grid, size, overlap))

    @classmethod
    def read(cls, text: str) -> "Tiling":
        """The tiling that was written as `56-16`."""
        size, _, overlap = text.partition("-")
        return cls(int(size), int(overlap))

    def __str__(self) -> str:
        return f"{self.size}-{self.overlap}"


def tiled(method: Method, lr_BTChw: Tensor, protocol: EvalProtocol, settings: Settings, how: dict[str, str]) -> Tensor:
    """sr_BSCHW of the window, whole or in tiles; where memory runs out in smaller tiles, as far as these are safe.

    `how` is filled: `pad`; `tile`, the tiles that were used (`56-16`); `tile_flag`, what is doubtful about them;
    `fall_back`. A clip whose `how` says that memory ran out stays with its tiles.

    Raises:
        ClipError: memory runs out, and no smaller tile is safe.
    """
    height, width = lr_BTChw.shape[-2:]
    grid = protocols.grid(method.card, protocol)
    picture = padded(method.card, lr_BTChw, protocol, how)
    tiling = Tiling.on(grid, settings.tile, settings.tile_overlap) if settings.tile else None
    if "fall_back" in how:
        tiling = Tiling.read(how["tile"])
    while True:
        if tiling is not None:
            how["tile"] = str(tiling)
        try:
            if tiling is None or tiling.size >= max(picture.shape[-2:]):
                sr = call(method, picture, protocol, settings)
            else:
                sr = _in_tiles(method, picture, protocol, settings, tiling)
                how.update(_flag(method.card.tiles, tiling))  # only now: tiles that ran out of memory made no frame
            tall, wide = enlarged((height, width), protocol)
            return sr[..., :tall, :wide]
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not settings.fall_back or not _is_out_of_memory(error):
                raise
        tiling = _smaller(method, tiling, picture, settings, grid)
        how["fall_back"] = "out of memory"
        # what the failed try had allocated stays reserved in the cache and is missing to the smaller tiles; only
        # here, after the error and all that its traceback held are gone, can the cache let go of it
        if lr_BTChw.is_cuda:
            torch.cuda.empty_cache()


def _flag(needs: TileNeeds, tiling: Tiling) -> dict[str, str]:
    """What a row must say of such tiles: "tile-unsafe", "tile-unmeasured" or "tile-below-least"; nothing else."""
    if needs.safe is False:
        return {"tile_flag": "tile-unsafe"}
    if needs.safe is None:
        return {"tile_flag": "tile-unmeasured"}
    below = tiling.size < needs.least or tiling.overlap < needs.overlap
    return {"tile_flag": "tile-below-least"} if below else {}


def _smaller(method: Method, now: Tiling | None, picture_BTChw: Tensor, settings: Settings, grid: int) -> Tiling:
    """Tiles of about half the size, never smaller than the card's least.

    Raises:
        ClipError: there are none; the sentence says what would work instead.
    """
    needs = method.card.tiles
    side = max(picture_BTChw.shape[-2:])
    whole = now is None or now.size >= side
    tried = side if now is None else min(now.size, side)
    overlap = max(settings.tile_overlap, needs.overlap)
    least = Tiling.on(grid, needs.least + grid - 1, overlap)
    if needs.safe is not False and least.size < tried:
        return Tiling.on(grid, max(tried // 2, least.size), overlap)
    where = "on whole frames" if whole else f"in tiles of {tried} pixels"
    if needs.safe is False:
        why = "its numbers change in tiles of every size, so it takes none by itself"
    else:
        why = f"smaller tiles than {least} would change its numbers"
    raise ClipError(
        f"{method.spec} ran out of memory {where}, and {why}; use smaller frames, --precision bf16 or a --device "
        "with more memory"
    )


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # the CPU's allocator, Metal and cuBLAS raise a plain RuntimeError and say it in words
    words = ("not enough memory", "can't allocate memory", "out of memory", "STATUS_ALLOC_FAILED")
    return any(each in str(error) for each in words)


def _in_tiles(method: Method, lr_BTChw: Tensor, protocol: EvalProtocol, settings: Settings, tiling: Tiling) -> Tensor:
    """Overlapping tiles, each weighted by a ramp that falls to 0 before the tile's inner edges."""
    height, width = lr_BTChw.shape[-2:]
    tall, wide = enlarged((height, width), protocol)
    total: Tensor | None = None
    weight = torch.zeros(tall, wide)
    for top in _starts(height, tiling):
        for left in _starts(width, tiling):
            part = lr_BTChw[..., top : top + tiling.size, left : left + tiling.size]
            sr = call(method, part, protocol, settings)
            if total is None:
                total = torch.zeros(*sr.shape[:3], tall, wide)
            down, right = enlarged((top, left), protocol)
            rows, columns = slice(down, down + sr.shape[-2]), slice(right, right + sr.shape[-1])
            seam = int(tiling.overlap * protocol.ratio)
            ramp = _ramp(sr.shape[-2], top > 0, top + part.shape[-2] < height, seam)[:, None]
            ramp = ramp * _ramp(sr.shape[-1], left > 0, left + part.shape[-1] < width, seam)
            total[..., rows, columns] += sr * ramp
            weight[rows, columns] += ramp
    assert total is not None
    return total / weight


def _starts(size: int, tiling: Tiling) -> list[int]:
    """Where the tiles of a side begin, on the grid: each shares at least the overlap with the next."""
    if size <= tiling.size:
        return [0]
    # the last tile ends with the picture: it overlaps more, instead of being smaller
    return [*range(0, size - tiling.size, tiling.size - tiling.overlap), size - tiling.size]


def _ramp(length: int, begins_inside: bool, ends_inside: bool, overlap: int) -> Tensor:
    """Weights (length,) of high-resolution pixels: 1 inside; at edges that are not the picture's own they fall to 0.

    A network errs most where its tile ends. So the outer quarter of the overlap counts nothing, and the weights rise
    over the middle half; there the neighbour's fall. The sum of both is 1.
    """
    edge = (torch.arange(length, dtype=torch.float32) + 0.5) / max(overlap, 1)
    rise = (2 * edge - 0.5).clamp(0, 1)
    ramp = torch.ones(length)
    if begins_inside:
        ramp = ramp * rise
    if ends_inside:
        ramp = ramp * rise.flip(0)
    return ramp
