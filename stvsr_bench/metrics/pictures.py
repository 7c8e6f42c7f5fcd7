"""Both sides of a clip as metrics of motion see them: luma, RGB, flows; each is computed when a metric first asks.

Axes: S frames, P = S - 1 pairs, C channels, H W size; flow is x then y, in pixels. Flows of OpenCV are computed on
8-bit full-range luma, SpyNet's on RGB.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from stvsr_bench.metrics import color
from stvsr_bench.metrics.psnr import psnr_of_mse
from stvsr_bench.opencv import dis_flow

Flow = NDArray[np.float32]  # (P, H, W, 2)
Grey = NDArray[np.uint8]
FlowName = Literal["dis_medium", "spynet"]
SAME_SURFACE = 10.0  # levels: a larger step of hr along its true flow means that the point is hidden in the next frame
# TecoGAN's parameters, which later papers kept
FARNEBACK = (0.5, 3, 15, 3, 5, 1.2, 0)  # pyr_scale, levels, winsize, iterations, poly_n, poly_sigma, flags


@dataclass(frozen=True)
class Pictures:
    """One side of a clip as the temporal metrics see it."""

    frames_SCHW: NDArray[Any]
    whole_levels: bool = True  # rounded to 8 bits first; not so for halved frames

    @cached_property
    def levels_SCHW(self) -> NDArray[np.uint8]:
        """All channels in 8 bits."""
        return np.stack([color.levels(frame) for frame in self.frames_SCHW]).astype(np.uint8, copy=False)

    @cached_property
    def halved(self) -> "Pictures":
        """The 8-bit frames at half the size as EvalCrafter makes them, float in [0, 1].

        Means of 2x2 pixels, an odd last row or column is dropped; then edges are repeated up to multiples of 8.
        """
        return Pictures(padded(halves(self.levels_SCHW / 255.0)), whole_levels=False)

    @cached_property
    def luma_SHW(self) -> NDArray[np.float64]:
        """BT.601 luma in levels, not rounded."""
        return np.stack([color.in_levels(color.levels(frame), color.STUDIO_Y) for frame in self.frames_SCHW])

    @cached_property
    def grey_SHW(self) -> Grey:
        """8-bit luma in 0..255, what the flows work on."""
        greys = [np.rint(color.in_levels(color.levels(frame), color.FULL_Y)) for frame in self.frames_SCHW]
        return np.stack(greys).astype(np.uint8)

    @cached_property
    def dis(self) -> Flow:
        """DIS flow (preset medium) of each frame to the next."""
        return np.stack([dis_flow(first, second) for first, second in pairwise(self.grey_SHW)])

    @cached_property
    def dis_back(self) -> Flow:
        """DIS flow (preset medium) of each frame, but the first, to the one before."""
        return np.stack([dis_flow(second, first) for first, second in pairwise(self.grey_SHW)])

    @cached_property
    def spynet(self) -> Flow:
        """SpyNet's flow of each frame to the next."""
        return self._learned(pairwise)

    @cached_property
    def spynet_back(self) -> Flow:
        """SpyNet's flow of each frame, but the first, to the one before."""
        return self._learned(lambda frames: ((b, a) for a, b in pairwise(frames)))

    def _learned(self, pairs: Callable[[Any], Any]) -> Flow:
        from stvsr_bench.metrics import learned_flow  # torch

        rgb_SCHW = self.levels_SCHW / np.float32(255) if self.whole_levels else self.frames_SCHW.astype(np.float32)
        return learned_flow.flows(list(pairs(rgb_SCHW)))

    def flow(self, name: FlowName, back: bool = False) -> Flow:
        """A flow by its name, of each frame to the next; `back`: of each but the first to the one before."""
        if name == "dis_medium":
            return self.dis_back if back else self.dis
        return self.spynet_back if back else self.spynet

    @cached_property
    def farneback(self) -> Flow:
        """Farneback flow of each frame to the next."""
        nothing: Any = None  # no first guess
        flows = [cv2.calcOpticalFlowFarneback(a, b, nothing, *FARNEBACK) for a, b in pairwise(self.grey_SHW)]
        return np.stack(flows).astype(np.float32)


@dataclass(frozen=True)
class Pair:
    """Both sides of a clip, and the true flow of hr (frame to next) where the data set knows it."""

    sr: Pictures
    hr: Pictures
    flow_PHW2: Flow | None = None
    keep_infinite: bool = False  # the protocol's policy for pairs without an error
    # share of the points that a metric's mask left out, by the metric; filled as metrics are computed
    masked: dict[str, float] = field(default_factory=dict)
    found: dict[str, tuple[float, float]] = field(default_factory=dict)  # what several metrics look for, by its name

    @cached_property
    def tdiff_db_P(self) -> NDArray[np.float64]:
        """PSNR of what changes from each frame to the next, in dB; `inf` where both sides change alike."""
        error = np.diff(self.sr.luma_SHW, axis=0) - np.diff(self.hr.luma_SHW, axis=0)
        return psnr_of_mse(np.mean(error**2, axis=(1, 2)))

    @cached_property
    def visible(self) -> NDArray[np.bool_]:
        """Points of a frame that are there in the next one too: forward and backward DIS flow of hr agree."""
        # the occlusion test of Lai et al. (ECCV 2018), without their mask of motion boundaries
        back = np.stack([warp(b, f) for b, f in zip(self.hr.dis_back, self.hr.dis, strict=True)])
        apart = np.sum((self.hr.dis + back) ** 2, axis=-1)
        length = np.sum(self.hr.dis**2 + back**2, axis=-1)
        agree: NDArray[np.bool_] = (apart < 0.01 * length + 0.5) & inside(self.hr.dis)
        return agree

    @cached_property
    def truly_visible(self) -> NDArray[np.bool_]:
        """Points of a frame that the true flow leads to the same surface in the next one (hr keeps its luma there)."""
        assert self.flow_PHW2 is not None
        step = np.abs(steps(self.hr, self.flow_PHW2))
        return (step <= SAME_SURFACE) & inside(self.flow_PHW2)


def steps(pictures: Pictures, flow_PHW2: Flow) -> NDArray[np.float32]:
    """Luma of each point in the next frame minus its luma in this one, (P, H, W)."""
    luma_SHW = pictures.luma_SHW.astype(np.float32)
    return np.stack(
        [warp(later, flow) - now for now, later, flow in zip(luma_SHW, luma_SHW[1:], flow_PHW2, strict=False)]
    )


def warp(picture: NDArray[np.float32], flow_HW2: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture sampled where the flow points to, bilinear, edges repeated."""
    height, width = flow_HW2.shape[:2]
    x = np.arange(width, dtype=np.float32)[None] + flow_HW2[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow_HW2[..., 1]
    moved = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.float32)


def inside(flow_PHW2: Flow) -> NDArray[np.bool_]:
    """Points whose flow ends in the picture, (P, H, W)."""
    height, width = flow_PHW2.shape[1:3]
    x = np.arange(width)[None, None] + flow_PHW2[..., 0]
    y = np.arange(height)[None, :, None] + flow_PHW2[..., 1]
    within: NDArray[np.bool_] = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return within


def halves(x_SCHW: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of 2x2, (S, C, H // 2, W // 2): bilinear at a factor of 0.5 without antialiasing is the same."""
    height, width = (side // 2 * 2 for side in x_SCHW.shape[-2:])
    even = x_SCHW[..., :height, :width]
    mean: NDArray[np.float64] = (
        even[..., ::2, ::2] + even[..., 1::2, ::2] + even[..., ::2, 1::2] + even[..., 1::2, 1::2]
    ) / 4
    return mean


def padded(x_SCHW: NDArray[Any], multiple: int = 8) -> NDArray[Any]:
    """Edges repeated up to a multiple: half before, the rest after."""
    missing = [(multiple - side % multiple) % multiple for side in x_SCHW.shape[-2:]]
    return np.pad(x_SCHW, [(0, 0), (0, 0), *((n // 2, n - n // 2) for n in missing)], mode="edge")
