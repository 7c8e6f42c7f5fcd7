"""Whether frames show what the truth shows: not turned or mirrored, in its levels, at its place, of this clip.

Input frames alone are compared, as interpolated ones may be anywhere. Axes: S frames, H W size.

Measured on 75 clips (`mini`, `openclips`, pictures of scikit-image that move, patterns, dark and flat frames), each
restored in 18 ways down to blur, noise, other brightness and black frames, in and out of order (docs/measured.md).
"""

import threading
from collections.abc import Callable, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import ClipError
from stvsr_bench.opencv import portable
from stvsr_bench.schema import Frames

Grey = NDArray[np.uint8]
Small = NDArray[np.float64]
SMALL, TINY = (112, 64), (28, 16)  # width and height; of the second, restoring leaves the mean levels alone
MOST = 8  # frames are looked at, over the whole clip
# how much of what changes by turning the truth is there the other way round: 1 of a right frame, -1 of a turned one
TURNED, ASYMMETRY, LIKE = -0.5, 4.0, 0.7  # right results: -0.02 and above; mean squared change, in levels squared
# levels 16 to 235 for 0 to 255, and the other way
LIMITED, EXPANDED = (219 / 255, 16.0), (255 / 219, -16 * 255 / 219)
# levels off that line at either end, R squared, levels that the line moves at one end
OFF_LINE, LINE, FAR = 2.5, 0.99, 3.0
UNCUT, LEAST_CELLS = (32, 220), 32  # levels of the truth that no range cuts off; cells of a tiny frame that have such
REACH, WINDOW = 4, (640, 384)  # pixels of shift that are tried, and the middle of the picture that they are tried in
MOVED_DB, AGREE = 0.6, 0.75  # right results that are not shifted: below 0.5 dB
UNLIKE, CONTRAST = 0.3, 4.0  # correlation with the truth, and its standard deviation in levels
NEAR, OTHER_DB, OTHER_LIKE = 4.0, 6.0, 0.9  # mean squared levels of own tiny frames; against those of another clip
KEPT = 4  # times what is compared to one side of a clip, so that none is read again for the next clip
_LUMA: Final = 255 * np.array([0.299, 0.587, 0.114])
_TURNS: Final[dict[str, tuple[slice, slice]]] = {
    "upside down": (slice(None, None, -1), slice(None)),
    "mirrored": (slice(None), slice(None, None, -1)),
    "turned by 180 degrees": (slice(None, None, -1), slice(None, None, -1)),
}


def check(sr_SHW: Grey, hr_SHW: Grey, given: Sequence[bool], clip: str) -> list[str]:
    """Flags: `shifted:+1,-2` (right and down, in pixels, of the truth), `unlike-truth:0.05` (the correlation).

    Raises:
        ClipError: frames are turned or mirrored, or of another range of levels.
    """
    chosen = _spread([i for i, is_given in enumerate(given) if is_given] or list(range(len(given))))
    sr_SHW, hr_SHW = sr_SHW[chosen], hr_SHW[chosen]
    sr, hr = _small(sr_SHW, SMALL), _small(hr_SHW, SMALL)
    _check_turned(sr, hr, clip)
    _check_levels(_small(sr_SHW, TINY), _small(hr_SHW, TINY), clip)
    flags = []
    if shift := _shift(sr_SHW, hr_SHW):
        flags.append("shifted:{:+d},{:+d}".format(*shift))
    if hr.std() >= CONTRAST and (alike := _alike(sr, hr)) < UNLIKE:
        flags.append(f"unlike-truth:{alike:.2f}")
    return flags


class Others:
    """Finds results that are named like another clip of their split.

    Results that fit their clip well, as nearly all do, cost nothing; others are compared with their neighbours, `reach`
    clips before and after, which are read for this by `read` where they were not yet. Not with all that were seen: then
    what is found would depend on how many clips are looked at at once.
    """

    def __init__(self, names: Sequence[str], read: Callable[[str], Frames | None], reach: int) -> None:
        self._names = names
        self._read = read
        self._reach = reach
        self._seen: dict[str, Small] = {}
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def check(self, sr_SCHW: Frames, hr_SCHW: Frames, given: Sequence[tuple[int, int]], clip: str) -> None:
        """`given` are the frames with an input: which one of the restored, and which one of the true ones.

        Raises:
            ClipError: the frames fit another clip and not this one.
        """
        if not given:
            return
        chosen = [given[0], given[len(given) // 2], given[-1]]
        frames = [true for _, true in chosen]
        made = tiny(sr_SCHW[[restored for restored, _ in chosen]])
        own = tiny(hr_SCHW[frames])
        self._keep(clip, own, len(hr_SCHW))
        away = _apart(made, own)
        if away < NEAR:
            return
        for name in self._candidates(clip):
            other = self._of(name, frames, len(hr_SCHW))
            if other is None:
                continue
            there = max(_apart(made, other), 1e-9)
            gain = 10 * np.log10(away / there)
            if gain > OTHER_DB and _alike(made, other) > OTHER_LIKE:
                raise ClipError(
                    f"{clip}: the frames fit the truth of {name} better ({gain:.1f} dB, on small pictures); are the "
                    "results named like other clips?"
                )

    def _candidates(self, clip: str) -> list[str]:
        at = self._names.index(clip)
        near = range(max(0, at - self._reach), min(len(self._names), at + self._reach + 1))
        return [self._names[i] for i in sorted(near, key=lambda i: abs(i - at)) if i != at]

    def _of(self, name: str, frames: list[int], count: int) -> Small | None:
        """Frames of a clip that has as many; results of one that has not are refused for their number."""
        if self._counts.get(name, count) != count:
            return None
        # of a long video's stretches every other one has its inputs a frame later, which is near enough
        if (seen := self._seen.get(name)) is not None:
            return seen
        if (hr_SCHW := self._read(name)) is None:
            return None
        if len(hr_SCHW) != count:
            self._counts[name] = len(hr_SCHW)
            return None
        self._keep(name, found := tiny(hr_SCHW[frames]), count)
        return found

    def _keep(self, name: str, small: Small, count: int) -> None:
        """For the clips that come next; of 20000 clips all would be 220 MB."""
        with self._lock:
            self._counts[name] = count
            self._seen[name] = small
            while len(self._seen) > KEPT * (self._reach + 1):
                del self._seen[next(iter(self._seen))]


def tiny(frames_SCHW: Frames) -> Small:
    """Luma of frames, in levels, as pictures so small that restoring leaves them as they are."""
    # made small before luma, and without `portable`: a tenth of the time, and no row has a number of this
    small = np.array([[cv2.resize(plane, TINY, interpolation=cv2.INTER_AREA) for plane in of] for of in frames_SCHW])
    grey: Small = np.einsum("sc...,c->s...", small.astype(np.float64), _LUMA)
    return grey


def _spread(indices: Sequence[int]) -> list[int]:
    places = np.unique(np.linspace(0, len(indices) - 1, min(len(indices), MOST)).round().astype(int))
    return [indices[place] for place in places]


@portable()
def _small(frames_SHW: Grey, size: tuple[int, int]) -> Small:
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA).astype(np.float64) for frame in frames_SHW])


def _check_turned(sr: Small, hr: Small, clip: str) -> None:
    for name, (rows, columns) in _TURNS.items():
        turned = hr[:, rows, columns]
        away = hr - turned
        if np.square(away).mean() < ASYMMETRY:
            continue
        there = 2 * float((sr * away).mean() / np.square(away).mean())
        if there < TURNED and _alike(sr, turned) > LIKE:
            raise ClipError(
                f"{clip}: the frames are {name}, compared with the truth; write them as they are to be seen "
                "(rows from top to bottom)"
            )


def _check_levels(sr: Small, hr: Small, clip: str) -> None:
    for (slope, start), what in (
        (LIMITED, "have levels 16 to 235 where the truth has 0 to 255 (the limited range of video)"),
        (EXPANDED, "have levels 0 to 255 where the truth has 16 to 235 (limited range was taken off twice)"),
    ):
        if _on_line(sr, hr, slope, start):
            raise ClipError(f"{clip}: the frames {what}; convert them to the truth's range")


def _on_line(sr: Small, hr: Small, slope: float, start: float) -> bool:
    """Whether the levels are those of the truth times `slope` plus `start`, and not the truth's own."""
    # what a wider range cuts off at both ends is no line
    kept = (hr > UNCUT[0]) & (hr < UNCUT[1]) if slope > 1 else np.ones_like(hr, bool)
    if kept.sum() < LEAST_CELLS * len(hr):
        return False
    x, y = hr[kept], sr[kept]
    ends = np.array([x.min(), x.max()])
    apart = np.abs((slope - 1) * ends + start).max()  # from the truth's own levels
    if not x.var() or not y.var() or apart < FAR:
        return False
    found = float(((x - x.mean()) * (y - y.mean())).mean() / x.var())
    fits = found**2 * x.var() / y.var() > LINE
    off = np.abs((found - slope) * ends + (y.mean() - found * x.mean()) - start).max()
    return bool(fits and off < min(OFF_LINE, apart / 4))


def _shift(sr_SHW: Grey, hr_SHW: Grey) -> tuple[int, int] | None:
    """By how much all frames lie right of the truth and below it; None where they do not."""
    height, width = hr_SHW.shape[1:]
    h, w = min(height, WINDOW[1]) - 2 * REACH, min(width, WINDOW[0]) - 2 * REACH
    if min(h, w) < 2 * REACH or len(sr_SHW) < 2:  # one frame may be of another time, and the camera moves
        return None
    y, x = (height - h) // 2, (width - w) // 2
    steps = range(-REACH, REACH + 1)
    error = np.array([
        [[cv2.norm(sr[y + dy : y + dy + h, x + dx : x + dx + w], hr, cv2.NORM_L2SQR) for dx in steps] for dy in steps]
        for sr, hr in zip(sr_SHW, hr_SHW[:, y : y + h, x : x + w], strict=True)
    ])  # fmt: skip
    total = error.sum(0)
    best = int(total.argmin())
    dy, dx = divmod(best, len(steps))
    here, there = float(total[REACH, REACH]), float(total[dy, dx])
    agree = np.mean(error.reshape(len(error), -1).argmin(1) == best)
    # at the border of what is tried, other brightness on a gradient looks like a shift
    inside = 0 < dy < 2 * REACH and 0 < dx < 2 * REACH
    if not inside or agree < AGREE or here - there < h * w * len(error) or here < there * 10 ** (MOVED_DB / 10):
        return None
    return dx - REACH, dy - REACH


def _apart(first: Small, second: Small) -> float:
    """Mean squared difference but for brightness: in a fade, results that are too bright are those of a later clip."""
    return float((first - second).var())


def _alike(first: Small, second: Small) -> float:
    """Correlation of two clips; 0 of one that has one level."""
    a, b = first - first.mean(), second - second.mean()
    scale = float(np.sqrt(np.square(a).mean() * np.square(b).mean()))
    return float((a * b).mean()) / scale if scale else 0.0
