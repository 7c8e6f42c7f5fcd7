"""The frames of a video restored window by window, never across a cut, in memory that does not grow with its length.

Axes: T frames given, S frames wanted, C channels, h w low and H W high resolution.
"""

import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np

from stvsr_bench import protocols
from stvsr_bench.opencv import portable
from stvsr_bench.restore import forward
from stvsr_bench.schema import EvalProtocol, Frames, Method, Settings

if TYPE_CHECKING:
    from stvsr_bench.data.frames import Bytes

CUT_MOVED = 0.15  # share of the luma histogram that moves at a cut, at the least,
CUT_CHANGE = 0.25  # and how much the picture changes there (twice the mean difference, or that share)
CUT_RISE = (
    3.0  # ... and how far one of the two exceeds its usual value: fast motion changes pixels, hardly the histogram
)
log = logging.getLogger(__name__)
STILL = 0.02  # no smaller change is taken as usual


class CutDetector:
    """Says where a new scene begins: the luma histogram changes, and far more than it usually does."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._usual_moved = self._usual_change = STILL

    @portable()
    def __call__(self, frame_hwC: "Bytes") -> bool:
        """Whether this frame begins a new scene."""
        luma = cv2.cvtColor(frame_hwC, cv2.COLOR_RGB2GRAY)
        # a histogram hardly changes with motion, a small picture hardly with noise: a cut changes both
        histogram = cv2.calcHist([luma], [0], None, [64], [0, 256]).ravel() / luma.size
        small = cv2.resize(luma, (32, 18), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        if self._last is None:
            self._last, self._small = histogram, small
            return False
        moved = float(np.abs(histogram - self._last).sum() / 2)
        changed = max(moved, 2 * float(np.abs(small - self._small).mean()))
        rises = changed > CUT_RISE * self._usual_change or moved > CUT_RISE * self._usual_moved
        cut = changed > CUT_CHANGE and moved > CUT_MOVED and rises
        if not cut:
            self._usual_change = 0.8 * self._usual_change + 0.2 * max(changed, STILL)
            self._usual_moved = 0.8 * self._usual_moved + 0.2 * max(moved, STILL)
        self._last, self._small = histogram, small
        return cut


def restored(
    method: Method,
    frames: Iterable["Bytes | Frames"],
    settings: Settings,
    cuts: list[int] | None = None,
    protocol: EvalProtocol | None = None,
    skip: int = 0,
    how: dict[str, str] | None = None,
) -> Iterator[tuple[Frames, int]]:
    """(sr_CHW, frames read so far): `time_scale` frames for each frame read, never interpolated across a cut.

    `frames` are (H, W, C), 8-bit or float32 in [0, 1]. Where a scene or the video ends, the last frame is held, so that
    the length in seconds stays. The first `skip` restored frames are left out, and not computed where that can be.
    `how` is filled with what had to be done on the way; see `clip.Restored`.
    """
    detect = CutDetector()
    scene = _Scene(method, protocol or protocols.get(protocols.DEFAULT), settings, skip, {} if how is None else how)
    count = 0
    for count, frame in enumerate(frames, start=1):
        small: Bytes = np.rint(frame * 255).astype(np.uint8) if frame.dtype == np.float32 else frame.astype(np.uint8)
        if detect(small):
            if cuts is not None:
                cuts.append(count - 1)
            yield from ((sr_CHW, count) for sr_CHW in scene.end())
        yield from ((sr_CHW, count) for sr_CHW in scene.add(frame))
    yield from ((sr_CHW, count) for sr_CHW in scene.end())


class _Scene:
    """Frames of one scene after the other, restored a window at a time; windows share a frame."""

    def __init__(
        self, method: Method, protocol: EvalProtocol, settings: Settings, skip: int, how: dict[str, str]
    ) -> None:
        self.method, self.protocol, self.settings, self.skip = method, protocol, settings, skip
        self.fewest, most = method.card.frames_in
        stream = method.card.stream
        self.window = min(max(stream.window, self.fewest), most)
        self.context = min(stream.context, (most - self.window) // 2)
        self.how = how  # of the whole video: tiles that memory forced stay
        self.held: list[Frames] = []
        self.before = 0  # how many of those held are context alone
        self.started = False

    def add(self, frame: "Bytes | Frames") -> Iterator[Frames]:
        """The next frame of the scene; what a full window gives."""
        scaled = frame.astype(np.float32) / np.float32(255) if frame.dtype == np.uint8 else frame
        self.held.append(np.ascontiguousarray(scaled.transpose(2, 0, 1), np.float32))
        if len(self.held) == self.before + self.window + self.context:
            last = self.before + self.window - 1
            yield from self._window(self.held, self._from(), last * self.protocol.time_scale + 1)
            self.before = min(self.context, last)
            self.held, self.started = self.held[last - self.before :], True

    def end(self) -> Iterator[Frames]:
        """The frames of the scene that no full window reached, and the last one held until the scene's end."""
        held, before, first, started = self.held, self.before, self._from(), self.started
        self.held, self.before, self.started = [], 0, False
        again = self.protocol.time_scale - 1
        if len(held) == before + 1:
            # one frame alone has no gap to fill: it is doubled, and the second is the same frame
            here = before * self.protocol.time_scale
            filled = held * 2 if len(held) == 1 else held
            yield from self._window(filled, here, here + 1, repeat=again + (not started))
        elif held:
            yield from self._window(held, first, last=again)

    def _from(self) -> int:
        """The first restored frame of what is held that is not written yet: the window before wrote the shared one."""
        return self.before * self.protocol.time_scale + int(self.started)

    def _window(
        self, frames: list[Frames], begin: int, end: int | None = None, repeat: int = 1, last: int = 0
    ) -> Iterator[Frames]:
        """The restored frames `begin` to `end` of a window, each `repeat` times, and the last one `last` times more."""
        wanted = range(len(frames) + (len(frames) - 1) * (self.protocol.time_scale - 1))[begin:end]
        count = len(wanted) * repeat + last
        if self.skip >= count:
            self.skip -= count
            return
        had = "fall_back" in self.how
        filled = frames + frames[-1:] * (self.fewest - len(frames))
        sr_SCHW = forward(self.method, np.stack(filled), self.protocol, self.settings, self.how)
        if "fall_back" in self.how and not had:
            log.warning("memory ran out; from here on frames go in tiles of %s", self.how["tile"])
        for number, index in enumerate([index for index in wanted for _ in range(repeat)] + [wanted[-1]] * last):
            if number >= self.skip:
                yield sr_SCHW[index]
        self.skip = 0
