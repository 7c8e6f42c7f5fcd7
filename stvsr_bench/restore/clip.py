"""One method, one clip of any length or size: windows, padding, tiling, flip-test, fall-back when memory runs out.

The suite, not the method, owns all of this, because it is where published code differs.
Axes: B batch, T frames given, S frames wanted, C channels, h w low and H W high resolution.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stvsr_bench import protocols
from stvsr_bench.data.windows import Window, distinct, given_frames, index_windows
from stvsr_bench.errors import ClipError, UsageError
from stvsr_bench.schema import EvalProtocol, Frames, Method, Settings

LrFrames = Callable[[int], Frames]  # index -> (C, h, w)
_HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Restored:
    """Frames of one clip at high resolution, which of them had an input frame, and how they were made."""

    frames: list[int]
    sr_SCHW: Frames
    given: list[bool]
    how: dict[str, str] = field(default_factory=dict)


def pick_device(name: str) -> str:
    """A torch device that is there: "auto" is CUDA, else Metal, else the CPU.

    Raises:
        UsageError: the device asked for does not exist here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind = name.partition(":")[0]
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind not in available:
        raise UsageError(f"unknown device '{name}'; write cpu, cuda, cuda:1, mps or auto")
    if not available[kind]:
        raise UsageError(f"device '{name}' is not available on this machine; use --device cpu or auto")
    return name


def place(method: Method, settings: Settings) -> Method:
    """The method with its network on the device, in the memory layout and compiled as asked."""
    net = method.net.to(settings.device)
    if settings.channels_last:
        for parameter in net.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    if settings.compile:
        net.compile()
    return replace(method, net=net)


def restore(method: Method, lr_SChw: Frames, protocol: EvalProtocol, settings: Settings | None = None) -> Restored:
    """All frames that the protocol's windows reach, as the network returns them (not clamped, not rounded).

    `lr_SChw` holds the low-resolution version of every frame of the clip; the protocol decides which are given.

    Raises:
        ClipError: the clip is too short, or the network returns another shape or values that are not finite.
    """
    settings = settings or Settings()
    windows = index_windows(len(lr_SChw), protocol)
    used: dict[str, str] = {}
    pairs = dict(stream(method, lambda index: lr_SChw[index], windows, protocol, settings, used))
    frames = sorted(pairs)
    given = given_frames(windows)
    return Restored(frames, np.stack([pairs[index] for index in frames]), [i in given for i in frames], used)


def stream(
    method: Method,
    lr_at: LrFrames,
    windows: list[Window],
    protocol: EvalProtocol,
    settings: Settings,
    used: dict[str, str] | None = None,
) -> Iterator[tuple[int, Frames]]:
    """(index, sr_CHW) of each frame, once, in the order of the windows; memory does not grow with the clip.

    `used` is filled with what had to be done (padding, tiles). Where windows overlap the first result is kept.
    """
    protocols.check(method.card, protocol)
    used = {} if used is None else used
    seen: set[int] = set()
    for window in distinct(windows):
        lr_TChw = np.stack([lr_at(index) for index in window.given])
        sr_SCHW = forward(method, lr_TChw, protocol, settings, used)
        for position, index in enumerate(window.wanted):
            if index not in seen:
                seen.add(index)
                yield index, sr_SCHW[position]
        seen = {index for index in seen if index >= window.wanted[0]}


def forward(
    method: Method, lr_TChw: Frames, protocol: EvalProtocol, settings: Settings, used: dict[str, str]
) -> Frames:
    """sr_SCHW of one window, float32, with flip-test and tiles as asked."""
    lr_BTChw = torch.from_numpy(np.ascontiguousarray(lr_TChw, dtype=np.float32))[None].to(settings.device)
    sr = _tiled(method, lr_BTChw, protocol, settings, used)
    if protocol.flip_test:
        flips = [(-1,), (-2,), (-1, -2)]
        flipped = [_tiled(method, lr_BTChw.flip(f), protocol, settings, used).flip(f) for f in flips]
        sr = torch.stack([sr, *flipped]).mean(0)
    if not _finite(sr):
        raise ClipError(f"{method.spec} returned values that are not finite (NaN or infinity)")
    return sr[0].numpy()


def _finite(sr: Tensor) -> bool:
    """Whether every value is finite. A finite sum says so in one pass; only where it is not are all looked at."""
    return bool(torch.isfinite(sr.sum())) or bool(torch.isfinite(sr).all())


def _tiled(
    method: Method, lr_BTChw: Tensor, protocol: EvalProtocol, settings: Settings, used: dict[str, str]
) -> Tensor:
    """The window whole, or in tiles; halves the tile as long as memory runs out, and says so in `used`."""
    tile = settings.tile
    while True:
        try:
            if tile and tile < max(lr_BTChw.shape[-2:]):
                used["tile"] = f"{tile}-{settings.tile_overlap}"
                return _in_tiles(method, lr_BTChw, protocol, settings, tile)
            return _padded(method, lr_BTChw, protocol, settings, used)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not settings.fall_back or not _is_out_of_memory(error):
                raise
            tile = (tile or max(lr_BTChw.shape[-2:])) // 2
            if tile <= 2 * settings.tile_overlap:
                raise ClipError(f"{method.spec} runs out of memory even in tiles of {2 * tile} pixels") from None
            used["fall_back"] = "out of memory"
            if lr_BTChw.is_cuda:
                torch.cuda.empty_cache()


def _is_out_of_memory(error: BaseException) -> bool:
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
            sr = _padded(method, part, protocol, settings, {})
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
    return [*range(0, size - tile, step), size - tile]


def _ramp(start: int, length: int, size: int, overlap: int, scale: int) -> Tensor:
    """Weights (length * scale,): 1 inside, falling over the overlap at edges that are not the picture's own."""
    position = torch.arange(length * scale, dtype=torch.float32)
    ramp = torch.ones(length * scale)
    if start > 0:
        ramp = torch.minimum(ramp, (position + 0.5) / (overlap * scale))
    if start + length < size:
        ramp = torch.minimum(ramp, (length * scale - position - 0.5) / (overlap * scale))
    return ramp.clamp(min=1e-3)


def _padded(
    method: Method, lr_BTChw: Tensor, protocol: EvalProtocol, settings: Settings, used: dict[str, str]
) -> Tensor:
    """The network on the window, padded at the right and bottom to the size that protocol and method want, cut back."""
    card = method.card
    height, width = lr_BTChw.shape[-2:]
    multiple = math.lcm(card.multiple_of, protocol.pad_multiple or 1)
    down, right = -height % multiple, -width % multiple
    if down or right:
        mode = protocol.pad if protocol.pad_multiple else card.pad
        used["pad"] = f"{mode} {right}x{down}"
        lr_BTChw = pad(lr_BTChw, right, down, mode)
    sr = _call(method, lr_BTChw, protocol, settings)
    scale = protocol.scale
    return sr[..., : height * scale, : width * scale]


def pad(frames_BTChw: Tensor, right: int, down: int, mode: str) -> Tensor:
    """Frames with pixels added at the right and bottom."""
    if mode == "zeros":
        return F.pad(frames_BTChw, (0, right, 0, down))
    flat = F.pad(frames_BTChw.flatten(0, 1), (0, right, 0, down), mode=mode)
    return flat.reshape(*frames_BTChw.shape[:2], *flat.shape[1:])


def _call(method: Method, lr_BTChw: Tensor, protocol: EvalProtocol, settings: Settings) -> Tensor:
    given = lr_BTChw.shape[1]
    gaps = protocol.time_scale - 1
    times = None
    if gaps != 1:
        times = (torch.arange(1, gaps + 1, device=lr_BTChw.device) / protocol.time_scale)[None].to(lr_BTChw.dtype)
    half = _HALVES.get(settings.precision)
    with torch.inference_mode(), torch.autocast(lr_BTChw.device.type, dtype=half, enabled=half is not None):
        sr = method.net(lr_BTChw) if times is None else method.net(lr_BTChw, times)
    scale = protocol.scale
    height, width = lr_BTChw.shape[-2:]
    wanted = (lr_BTChw.shape[0], given + (given - 1) * gaps, 3, height * scale, width * scale)
    if not isinstance(sr, Tensor) or tuple(sr.shape) != wanted:
        got = tuple(sr.shape) if isinstance(sr, Tensor) else type(sr).__name__
        raise ClipError(f"{method.spec} returned {got}, the protocol wants {wanted} (B, S, C, H, W)")
    return sr.float().cpu()
