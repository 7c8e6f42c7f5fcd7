"""One method, one clip of any length or size: windows, padding, tiling, flip-test, fall-back when memory runs out.

The suite, not the method, owns all of this, because it is where published code differs.
Axes: B batch, T frames given, S frames wanted, C channels, h w low and H W high resolution.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from stvsr_bench import protocols
from stvsr_bench.data.windows import Windows, windows_of
from stvsr_bench.errors import ClipError
from stvsr_bench.restore.network import wrong_range
from stvsr_bench.restore.tiles import tiled
from stvsr_bench.schema import EvalProtocol, Frames, Method, Settings

LrFrames = Callable[[int], Frames]  # index -> (C, h, w)


@dataclass(frozen=True)
class Restored:
    """Frames of one clip at high resolution: those of `windows.frames`, in that order.

    `how` says what had to be done on the way (`window`; `pad`, `tile`, `tile_flag`, `fall_back`: see `tiles.tiled`).
    `Settings.name_after` makes the method's name in rows of it, and `tile_flag` is a flag of the row.
    """

    windows: Windows
    sr_SCHW: Frames
    how: dict[str, str] = field(default_factory=dict)


def restore(method: Method, lr_SChw: Frames, protocol: EvalProtocol, settings: Settings | None = None) -> Restored:
    """All frames that the protocol's windows reach, as the network returns them (not clamped, not rounded).

    `lr_SChw` holds the low-resolution version of every frame of the clip; the protocol decides which are given.

    Raises:
        ClipError: the clip is too short, or the network returns another shape or values that are not finite.
    """
    windows = windows_of(len(lr_SChw), protocol, method.card.frames_in)
    how = {"window": windows.fitted} if windows.fitted else {}
    pairs = dict(stream(method, lambda index: lr_SChw[index], windows, protocol, settings or Settings(), how))
    return Restored(windows, np.stack([pairs[index] for index in windows.frames]), how)


def stream(
    method: Method,
    lr_at: LrFrames,
    windows: Windows,
    protocol: EvalProtocol,
    settings: Settings,
    how: dict[str, str] | None = None,
) -> Iterator[tuple[int, Frames]]:
    """(index, sr_CHW) of each frame, once, in the order of the windows; memory does not grow with the clip.

    `how` is filled with what had to be done (padding, tiles).
    """
    protocols.check(method.card, protocol)
    how = {} if how is None else how
    for window, kept in zip(windows.passes, windows.kept, strict=True):
        lr_TChw = np.stack([lr_at(index) for index in window.given])
        sr_SCHW = forward(method, lr_TChw, protocol, settings, how)
        for position, index in enumerate(window.wanted):
            if index in kept:
                yield index, sr_SCHW[position]


def forward(method: Method, lr_TChw: Frames, protocol: EvalProtocol, settings: Settings, how: dict[str, str]) -> Frames:
    """sr_SCHW of one window, float32, with flip-test and tiles as asked.

    Raises:
        ClipError: the network returns another shape or values that are not finite.
    """
    # one window at a time: a batch of windows would add in another order and need the memory of all of them
    lr_BTChw = torch.from_numpy(np.ascontiguousarray(lr_TChw, dtype=np.float32))[None].to(settings.device)
    sr = tiled(method, lr_BTChw, protocol, settings, how)
    if protocol.flip_test:
        # as the ZSM family's code has it: the mean of four views in float, before rounding (EDSR's has eight)
        flips = [(-1,), (-2,), (-1, -2)]
        flipped = [tiled(method, lr_BTChw.flip(f), protocol, settings, how).flip(f) for f in flips]
        sr = torch.stack([sr, *flipped]).mean(0)
    if not _finite(sr):
        raise ClipError(f"{method.spec} returned values that are not finite (NaN or infinity)")
    if wrong := wrong_range(sr, lr_BTChw, protocol.time_scale):
        raise ClipError(f"{method.spec} returned {wrong}: values must be from 0 to 1")
    return sr[0].numpy()


def _finite(sr: Tensor) -> bool:
    """Whether every value is finite. A finite sum says so in one pass; only where it is not are all looked at."""
    return bool(torch.isfinite(sr.sum())) or bool(torch.isfinite(sr).all())
