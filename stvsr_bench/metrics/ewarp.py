"""Warping error in two published forms; the flow is part of the name, the masks are those of Lai et al.

`ewarp` is EvalCrafter's formula: frames of half size, the flow of the scored video itself, squared errors summed over
three channels and divided by visible points, times 1000. `ewarp_lai` is that of Lai et al. (ECCV 2018): full size, the
flow and masks of the true video, divided by three times the visible points. Both take RGB in [0, 1] of 8-bit frames.
The flow is never RAFT or FlowNet2, which the papers used: values compare only under one flow.
Axes: S frames, P = S - 1 pairs, C channels, H W size; flow is x then y, in pixels.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import ClipError
from stvsr_bench.metrics.pictures import Flow, FlowName, Pair, Pictures, halves, padded

Plane = NDArray[np.float64]
Mask = NDArray[np.bool_]
SMALLEST = 64  # half of it is what an optical flow needs
EVALCRAFTER_SCALE = 1000.0  # vsreval's; EvalCrafter itself prints the plain number


def hidden(forward_HW2: NDArray[np.float32], back_HW2: NDArray[np.float32]) -> Mask:
    """Points of a frame that are not in the next one: the flow there and the flow back do not meet, (H, W)."""
    there, back = forward_HW2.astype(np.float64), sampled(back_HW2.astype(np.float64), forward_HW2)
    apart = np.sum((there + back) ** 2, axis=-1)
    occluded: Mask = apart > 0.01 * (np.sum(there**2, axis=-1) + np.sum(back**2, axis=-1)) + 0.5
    return occluded


def on_boundary(forward_HW2: NDArray[np.float32]) -> Mask:
    """Points where the flow changes to the next column or row: a motion boundary, (H, W)."""
    flow = forward_HW2.astype(np.float64)
    change = np.zeros(flow.shape[:2])
    change[:, :-1] += np.sum(np.diff(flow, axis=1) ** 2, axis=-1)
    change[:-1] += np.sum(np.diff(flow, axis=0) ** 2, axis=-1)
    boundary: Mask = change > 0.01 * np.sum(flow**2, axis=-1) + 0.002
    return boundary


def sampled(picture_HWC: Plane, flow_HW2: NDArray[np.float32]) -> Plane:
    """The picture where the flow points to, bilinear, places clamped to it; in float64 (OpenCV rounds to 1/32 px)."""
    height, width = flow_HW2.shape[:2]
    x = np.clip(np.arange(width)[None] + flow_HW2[..., 0].astype(np.float64), 0, width - 1)
    y = np.clip(np.arange(height)[:, None] + flow_HW2[..., 1].astype(np.float64), 0, height - 1)
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left)[..., None], (y - top)[..., None]
    upper = picture_HWC[top, left] * (1 - across) + picture_HWC[top, right] * across
    lower = picture_HWC[bottom, left] * (1 - across) + picture_HWC[bottom, right] * across
    moved: Plane = upper * (1 - down) + lower * down
    return moved


def squared_error(now_CHW: Plane, later_CHW: Plane, flow_HW2: NDArray[np.float32], seen_HW: Mask) -> float:
    """The sum over channels and visible points of the squared step along the flow."""
    now, later = now_CHW.transpose(1, 2, 0), later_CHW.transpose(1, 2, 0)
    return float(np.sum((sampled(later, flow_HW2) - now)[seen_HW] ** 2))


def evalcrafter(frames_SCHW: Plane, flow_PHW2: Flow, seen_PHW: Mask) -> float:
    """EvalCrafter's number (not times 1000); a pair of which nothing is visible counts 0, as there."""
    return _mean(frames_SCHW, flow_PHW2, seen_PHW, 1)


def lai(frames_SCHW: Plane, flow_PHW2: Flow, seen_PHW: Mask) -> float:
    """The number of Lai et al.; a pair of which nothing is visible counts 0, as there."""
    return _mean(frames_SCHW, flow_PHW2, seen_PHW, 3)


def _mean(frames_SCHW: Plane, flow_PHW2: Flow, seen_PHW: Mask, channels: int) -> float:
    errors = []
    for now, later, flow, seen in zip(frames_SCHW, frames_SCHW[1:], flow_PHW2, seen_PHW, strict=False):
        points = channels * int(seen.sum())
        errors.append(squared_error(now, later, flow, seen) / points if points else 0.0)
    return float(np.mean(errors))


def visible(forward_PHW2: Flow, back_PHW2: Flow) -> Mask:
    """Points that count: seen in both frames and not on a motion boundary, (P, H, W)."""
    pairs = zip(forward_PHW2, back_PHW2, strict=True)
    return np.stack([~(hidden(forward, back) | on_boundary(forward)) for forward, back in pairs])


def _own(name: str, flow: FlowName, of: Callable[[Pair], Pictures], pair: Pair) -> float:
    pictures = of(pair)
    if min(pictures.frames_SCHW.shape[-2:]) < SMALLEST:
        height, width = pictures.frames_SCHW.shape[-2:]
        raise ClipError(f"ewarp halves frames and needs {SMALLEST}x{SMALLEST} px, these are {height}x{width}")
    half = pictures.halved
    forward = half.flow(flow)
    seen = _counted(name, pair, visible(forward, half.flow(flow, back=True)))
    return EVALCRAFTER_SCALE * evalcrafter(half.frames_SCHW, forward, seen)


def _own_true(name: str, of: Callable[[Pair], Pictures], pair: Pair) -> float:
    assert pair.flow_PHW2 is not None
    flow = pair.flow_PHW2.transpose(0, 3, 1, 2).astype(np.float64)
    # a length of two pixels is one of half the size
    small = np.ascontiguousarray(padded(halves(flow) / 2).transpose(0, 2, 3, 1)).astype(np.float32)
    whole = padded(halves(pair.truly_visible[:, None].astype(np.float64)))[:, 0] == 1
    seen = _counted(name, pair, whole & ~np.stack([on_boundary(of_pair) for of_pair in small]))
    return EVALCRAFTER_SCALE * evalcrafter(of(pair).halved.frames_SCHW, small, seen)


def _lai(name: str, flow: FlowName, of: Callable[[Pair], Pictures], pair: Pair) -> float:
    forward = pair.hr.flow(flow)
    seen = _counted(name, pair, visible(forward, pair.hr.flow(flow, back=True)))
    return lai(of(pair).levels_SCHW / 255.0, forward, seen)


def _lai_true(name: str, of: Callable[[Pair], Pictures], pair: Pair) -> float:
    assert pair.flow_PHW2 is not None
    boundary = np.stack([on_boundary(flow) for flow in pair.flow_PHW2])
    seen = _counted(name, pair, pair.truly_visible & ~boundary)
    return lai(of(pair).levels_SCHW / 255.0, pair.flow_PHW2, seen)


def _counted(name: str, pair: Pair, seen_PHW: Mask) -> Mask:
    """The mask, its share kept for the row.

    Raises:
        ClipError: no point of any pair is visible; 0 would be a perfect score for having measured nothing.
    """
    if not seen_PHW.any():
        raise ClipError("no point of the clip is visible in two neighbouring frames: there is no warping error")
    pair.masked[name] = 1 - float(seen_PHW.mean())
    return seen_PHW


def _sr(pair: Pair) -> Pictures:
    return pair.sr


def _hr(pair: Pair) -> Pictures:
    return pair.hr


def _metrics(name: str, flow: FlowName) -> dict[str, Callable[[Pair], float]]:
    names = {
        f"{form}_{name}{end}": (form, of) for form in ("ewarp", "ewarp_lai") for end, of in (("", _sr), ("_hr", _hr))
    }
    return {key: partial(_own if form == "ewarp" else _lai, key, flow, of) for key, (form, of) in names.items()}


TRUE_FLOW: dict[str, Callable[[Pair], float]] = {
    "ewarp_true_flow": partial(_own_true, "ewarp_true_flow", _sr),
    "ewarp_true_flow_hr": partial(_own_true, "ewarp_true_flow_hr", _hr),
    "ewarp_lai_true_flow": partial(_lai_true, "ewarp_lai_true_flow", _sr),
    "ewarp_lai_true_flow_hr": partial(_lai_true, "ewarp_lai_true_flow_hr", _hr),
}
DIS: dict[str, Callable[[Pair], float]] = _metrics("dis_medium", "dis_medium")
SPYNET: dict[str, Callable[[Pair], float]] = _metrics("spynet", "spynet")
