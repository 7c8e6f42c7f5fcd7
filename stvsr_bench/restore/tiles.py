"""A window in overlapping tiles: asked for, or the answer to memory that ran out.

Axes: B batch, T frames given, h w low resolution.
"""

import torch
from torch import Tensor

from stvsr_bench.errors import ClipError
from stvsr_bench.restore.padding import padded
from stvsr_bench.schema import EvalProtocol, Method, Settings


def tiled(method: Method, lr_BTChw: Tensor, protocol: EvalProtocol, settings: Settings, how: dict[str, str]) -> Tensor:
    """The window whole, or in tiles; halves the tile as long as memory runs out, and says so in `how`."""
    tile = settings.tile
    while True:
        try:
            if tile and tile < max(lr_BTChw.shape[-2:]):
                how["tile"] = f"{tile}-{settings.tile_overlap}"
                return _in_tiles(method, lr_BTChw, protocol, settings, tile)
            return padded(method, lr_BTChw, protocol, settings, how)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not settings.fall_back or not _is_out_of_memory(error):
                raise
            tile = (tile or max(lr_BTChw.shape[-2:])) // 2
            if tile <= 2 * settings.tile_overlap:
                raise ClipError(f"{method.spec} runs out of memory even in tiles of {2 * tile} pixels") from None
            how["fall_back"] = "out of memory"
            # what the failed try had allocated stays reserved in the cache and is missing to the smaller tiles
            if lr_BTChw.is_cuda:
                torch.cuda.empty_cache()


def _is_out_of_memory(error: BaseException) -> bool:
    # the CPU allocator raises a plain RuntimeError and says it in words
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return "not enough memory" in str(error) or "can't allocate memory" in str(error)


def _in_tiles(method: Method, lr_BTChw: Tensor, protocol: EvalProtocol, settings: Settings, tile: int) -> Tensor:
    """Overlapping tiles, each weighted by a ramp that falls to the tile's inner edges."""
    height, width = lr_BTChw.shape[-2:]
    scale = protocol.scale
    total: Tensor | None = None
    weight = torch.zeros(height * scale, width * scale)
    for top in _starts(height, tile, settings.tile_overlap):
        for left in _starts(width, tile, settings.tile_overlap):
            part = lr_BTChw[..., top : top + tile, left : left + tile]
            sr = padded(method, part, protocol, settings, {})
            if total is None:
                total = torch.zeros(*sr.shape[:3], height * scale, width * scale)
            rows = slice(top * scale, top * scale + sr.shape[-2])
            columns = slice(left * scale, left * scale + sr.shape[-1])
            ramp = _ramp(top, part.shape[-2], height, settings.tile_overlap, scale)[:, None]
            ramp = ramp * _ramp(left, part.shape[-1], width, settings.tile_overlap, scale)
            total[..., rows, columns] += sr * ramp
            weight[rows, columns] += ramp
    assert total is not None
    return total / weight


def _starts(size: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin: evenly enough that each shares at least `overlap` pixels with the next."""
    if size <= tile:
        return [0]
    step = max(1, tile - overlap)
    # the last tile ends with the picture: it overlaps more, instead of being smaller
    return [*range(0, size - tile, step), size - tile]


def _ramp(start: int, length: int, size: int, overlap: int, scale: int) -> Tensor:
    """Weights (length * scale,): 1 inside, falling over the overlap at edges that are not the picture's own."""
    position = torch.arange(length * scale, dtype=torch.float32)
    ramp = torch.ones(length * scale)
    if start > 0:
        ramp = torch.minimum(ramp, (position + 0.5) / (overlap * scale))
    if start + length < size:
        ramp = torch.minimum(ramp, (length * scale - position - 0.5) / (overlap * scale))
    # never 0: where two ramps met in zeros the sum of weights would be 0 too
    return ramp.clamp(min=1e-3)
