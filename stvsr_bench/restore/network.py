"""One call of a method's network: its times, its precision, and whether it returned what the protocol wants.

Axes: B batch, T frames given, S frames wanted, C channels, h w low and H W high resolution.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from stvsr_bench.errors import ClipError
from stvsr_bench.schema import EvalProtocol, Method, Settings

_HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def enlarged(size: Sequence[int], protocol: EvalProtocol) -> tuple[int, int]:
    """(H, W) of low-resolution pixels (h, w) at the protocol's scale; both are whole on the protocol's grid."""
    scale = protocol.ratio
    return int(size[0] * scale), int(size[1] * scale)


def call(method: Method, lr_BTChw: Tensor, protocol: EvalProtocol, settings: Settings) -> Tensor:
    """sr_BSCHW of one call, float32 on the CPU, as the network returns it.

    Raises:
        ClipError: the network returned something else than frames of the shape that the protocol wants.
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
    with torch.inference_mode(), torch.autocast(lr_BTChw.device.type, dtype=half, enabled=half is not None):
        sr = method.net(*given_to_it, **size)
    wanted = (lr_BTChw.shape[0], given + (given - 1) * gaps, 3, height, width)
    if not isinstance(sr, Tensor) or tuple(sr.shape) != wanted:
        got = tuple(sr.shape) if isinstance(sr, Tensor) else type(sr).__name__
        raise ClipError(f"{method.spec} returned {got}, the protocol wants {wanted} (B, S, C, H, W)")
    # scored as float32: sums of squared grey levels overflow float16, whose largest number is 65504
    return sr.float().cpu()
