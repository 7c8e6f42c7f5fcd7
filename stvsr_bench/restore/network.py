"""One call of a method's network: its times, its precision, and whether it returned what the protocol wants.

Axes: B batch, T frames given, S frames wanted, C channels, h w low and H W high resolution.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from stvsr_bench.errors import ClipError
from stvsr_bench.restore.kept import ended_by_nothing, kept
from stvsr_bench.schema import EvalProtocol, Method, Settings

_ALIKE = 0.9  # squared correlation from which frames are the input again, however scaled
_GREY_LEVELS = 100.0
_HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def enlarged(size: Sequence[int], protocol: EvalProtocol) -> tuple[int, int]:
    """(H, W) of low-resolution pixels (h, w) at the protocol's scale; both are whole on the protocol's grid."""
    scale = protocol.ratio
    return int(size[0] * scale), int(size[1] * scale)


def call(method: Method, lr_BTChw: Tensor, protocol: EvalProtocol, settings: Settings) -> Tensor:
    """sr_BSCHW of one call, float32 on the CPU, as the network returns it.

    Raises:
        ClipError: the network returned something else than frames of the shape that the protocol wants, or tried to
            end the process.
    """
    given = lr_BTChw.shape[1]
    gaps = protocol.time_scale - 1
    # at the midpoint no times are passed: a network that knows no other time need not take them
    given_to_it = [lr_BTChw]
    if gaps > 1:
        times = torch.arange(1, gaps + 1, device=lr_BTChw.device) / protocol.time_scale
        given_to_it.append(times[None].to(lr_BTChw.dtype))
    height, width = enlarged(lr_BTChw.shape[-2:], protocol)
    size = {"size": (height, width)} if method.card.continuous else {}
    half = _HALVES.get(settings.precision)
    precision = torch.autocast(lr_BTChw.device.type, dtype=half, enabled=half is not None)
    with kept() as changed, ended_by_nothing(method.spec), torch.inference_mode(), precision:
        sr = method.net(*given_to_it, **size)
    method.changes.update(changed)
    wanted = (lr_BTChw.shape[0], given + (given - 1) * gaps, 3, height, width)
    if not isinstance(sr, Tensor) or tuple(sr.shape) != wanted:
        got = tuple(sr.shape) if isinstance(sr, Tensor) else type(sr).__name__
        raise ClipError(f"{method.spec} returned {got}, the protocol wants {wanted} (B, S, C, H, W)")
    if not sr.is_floating_point():
        raise ClipError(f"{method.spec} returned {sr.dtype}, not floating-point values from 0 to 1")
    # scored as float32: sums of squared grey levels overflow float16, whose largest number is 65504
    return sr.float().cpu()


def wrong_range(sr_BSCHW: Tensor, lr_BTChw: Tensor, time_scale: int) -> str:
    """What a network returns instead of values from 0 to 1, in words; "" where it does not look so.

    Its frames at the times of the input, shrunk to the input's size, are a straight line of the input: of slope 1, or
    of 255 or 2 where it works in grey levels or from -1 to 1. A network overshoots at edges, and an untrained one
    returns anything, so the values alone say little.
    """
    given = sr_BSCHW[:, ::time_scale].flatten(0, 1).float()
    small = torch.nn.functional.adaptive_avg_pool2d(given, (lr_BTChw.shape[-2], lr_BTChw.shape[-1])).double().flatten()
    lr = lr_BTChw.cpu().double().flatten()
    lr_off, sr_off = lr - lr.mean(), small - small.mean()
    spread, together = float(lr_off @ lr_off), float(lr_off @ sr_off)
    if spread < 1e-4 * lr.numel() or together**2 < _ALIKE * spread * float(sr_off @ sr_off):
        return ""
    slope = together / spread
    offset = float(small.mean()) - slope * float(lr.mean())
    if slope > _GREY_LEVELS:
        return "values from 0 to 255; divide by 255"
    if abs(slope - 2) < 0.4 and abs(offset + 1) < 0.3:
        return "values from -1 to 1; add 1 and divide by 2"
    return ""
