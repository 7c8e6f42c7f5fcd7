"""tOF as TecoGAN, BF-STVSR and V3 compute it, and tLP: three scripts, three numbers under one name in papers.

All take Farneback's flow (constants of TecoGAN) of neighbouring frames of each side and the mean distance of the two
flows. They differ in the grey picture, the crop and the pairs. Axes: S frames, C channels, H W size.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import ClipError
from stvsr_bench.metrics.pictures import FARNEBACK, Pair, Pictures

Greys = Sequence[NDArray[Any]]
SMALLEST = 48  # TecoGAN's crop leaves nothing of a smaller side


def tof_tecogan(pair: Pair) -> float:
    """TecoGAN: grey of whole levels, flows cropped by its rule, the first two and last two frames left out."""
    kept = _tecogan_frames(pair)
    rows, columns = (_crop(side) for side in pair.hr.levels_SCHW.shape[-2:])
    return _distance(_grey(pair.sr, kept), _grey(pair.hr, kept), (rows, columns))


def tof_bfstvsr(pair: Pair) -> float:
    """BF-STVSR (and XVFI's grey): grey not rounded, all neighbouring pairs, no crop."""
    return _distance(_grey_exact(pair.sr), _grey_exact(pair.hr))


def tof_v3(pair: Pair) -> float:
    """V3: grey as OpenCV reads a PNG, all neighbouring pairs, no crop."""
    return _distance(_grey_of_png(pair.sr), _grey_of_png(pair.hr))


def tlp_all(pair: Pair) -> float:
    """TecoGAN's tLP x100 over whole frames and all neighbouring pairs."""
    return _tlp(pair, slice(None), (slice(None), slice(None)))


def tlp_tecogan(pair: Pair) -> float:
    """TecoGAN's tLP x100 as its script has it: cropped by its rule, the first two and last two frames left out."""
    rows, columns = (_crop(side) for side in pair.hr.levels_SCHW.shape[-2:])
    return _tlp(pair, _tecogan_frames(pair), (rows, columns))


def _tlp(pair: Pair, kept: slice, crop: tuple[slice, slice]) -> float:
    """100 times the mean difference of how far neighbouring frames of hr and of sr are apart by LPIPS."""
    from stvsr_bench.metrics import lpips  # torch

    net = lpips.network("alexnet")
    sides = [side.levels_SCHW[kept][:, :, crop[0], crop[1]] for side in (pair.sr, pair.hr)]
    if min(sides[1].shape[-2:]) < lpips.SMALLEST:
        height, width = sides[1].shape[-2:]
        raise ClipError(
            f"tLP needs frames of at least {lpips.SMALLEST}x{lpips.SMALLEST} px, these are {height}x{width}"
        )
    steps = []
    for frames_SCHW in sides:
        features = (net.features(frame_CHW) for frame_CHW in frames_SCHW)  # one at a time: they are large
        steps.append([net.distance(first, second) for first, second in pairwise(features)])
    sr, hr = np.array(steps)
    return 100 * float(np.mean(np.abs(hr - sr)))


def _tecogan_frames(pair: Pair) -> slice:
    """Frames 2 to S - 3.

    Raises:
        ClipError: these are fewer than two.
    """
    count = len(pair.hr.frames_SCHW)
    if count < 6:
        raise ClipError(f"TecoGAN leaves out the first two and last two frames: of {count} no pair is left, 6 have one")
    return slice(2, count - 2)


def _crop(side: int) -> slice:
    """TecoGAN's part of a side: the largest multiple of 32 that leaves 16 pixels, from the middle.

    Raises:
        ClipError: nothing is left.
    """
    length = side // 32 * 32
    while length > side - 16:
        length -= 32
    if length <= 0:
        raise ClipError(f"TecoGAN's crop leaves nothing of a side of {side} px; {SMALLEST} have some")
    first = (side - length) // 2
    return slice(first, first + length)


def _distance(sr: Greys, hr: Greys, crop: tuple[slice, slice] = (slice(None), slice(None))) -> float:
    nothing: Any = None  # no first guess
    means = []
    for (sr_now, sr_later), (hr_now, hr_later) in zip(pairwise(sr), pairwise(hr), strict=True):
        flows = [
            np.asarray(cv2.calcOpticalFlowFarneback(now, later, nothing, *FARNEBACK))
            for now, later in ((sr_now, sr_later), (hr_now, hr_later))
        ]
        difference = (flows[0] - flows[1])[crop]
        means.append(float(np.hypot(difference[..., 0], difference[..., 1]).mean(dtype=np.float64)))
    return math.fsum(means) / len(means)


def _hwc(pictures: Pictures, kept: slice = slice(None)) -> list[NDArray[np.uint8]]:
    return [np.ascontiguousarray(frame_CHW.transpose(1, 2, 0)) for frame_CHW in pictures.levels_SCHW[kept]]


def _grey(pictures: Pictures, kept: slice) -> Greys:
    return [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in _hwc(pictures, kept)]


def _grey_exact(pictures: Pictures) -> Greys:
    return [cv2.cvtColor(frame.astype(np.float32), cv2.COLOR_RGB2GRAY) for frame in _hwc(pictures)]


def _grey_of_png(pictures: Pictures) -> Greys:
    # the reader of PNG files makes its own grey: on half of the pixels one level off OpenCV's conversion
    settings = [cv2.IMWRITE_PNG_COMPRESSION, 0]
    files = (cv2.imencode(".png", frame[..., ::-1], settings)[1] for frame in _hwc(pictures))
    return [np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE)) for file in files]


TOF: dict[str, Callable[[Pair], float]] = {
    "tof_tecogan": tof_tecogan,
    "tof_bfstvsr": tof_bfstvsr,
    "tof_v3": tof_v3,
}
TLP: dict[str, Callable[[Pair], float]] = {"tlp_alex": tlp_all, "tlp_tecogan": tlp_tecogan}
