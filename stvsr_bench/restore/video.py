"""A video in, a video of larger frames and doubled frame rate out, in memory that does not grow with its length.

Axes: T frames given, S frames wanted, C channels, h w low and H W high resolution.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np

from stvsr_bench import protocols
from stvsr_bench.data import colours
from stvsr_bench.data.frames import from_bytes, to_bytes
from stvsr_bench.errors import DataError, UsageError
from stvsr_bench.opencv import portable
from stvsr_bench.restore import forward
from stvsr_bench.schema import Frames, Method, Settings

if TYPE_CHECKING:
    from stvsr_bench.data.frames import Bytes

WINDOW = 4  # frames given at a time, as the methods were trained
CUT_MOVED = 0.15  # share of the luma histogram that moves at a cut, at the least,
CUT_CHANGE = 0.25  # and how much the picture changes there (twice the mean difference, or that share)
CUT_RISE = (
    3.0  # ... and how far one of the two exceeds its usual value: fast motion changes pixels, hardly the histogram
)
STILL = 0.02  # no smaller change is taken as usual


@dataclass(frozen=True)
class Done:
    """What was written."""

    frames_in: int
    frames_out: int
    cuts: list[int]
    size: tuple[int, int]
    fps: float
    audio: bool


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
    method: Method, frames: Iterable["Bytes"], settings: Settings, cuts: list[int] | None = None
) -> Iterator[tuple[Frames, int]]:
    """(sr_CHW, frames read so far): two frames for each frame read, never interpolated across a cut.

    Where a scene or the video ends, the last frame is held, so that the length in seconds stays.
    """
    detect = CutDetector()
    buffer: list[Frames] = []
    started = False
    count = 0
    for count, frame in enumerate(frames, start=1):
        if detect(frame):
            if cuts is not None:
                cuts.append(count - 1)
            yield from ((sr_CHW, count) for sr_CHW in _finish(method, buffer, started, settings))
            buffer, started = [], False
        buffer.append(from_bytes(frame[None])[0])
        if len(buffer) == WINDOW:
            sr_SCHW = _window(method, buffer, settings)
            # windows share a frame: the first of this one was written as the last of the one before
            yield from ((sr_CHW, count) for sr_CHW in sr_SCHW[started:])
            buffer, started = buffer[-1:], True
    yield from ((sr_CHW, count) for sr_CHW in _finish(method, buffer, started, settings))


def _finish(method: Method, buffer: list[Frames], started: bool, settings: Settings) -> Iterator[Frames]:
    """The frames of a scene that no full window reached, and the last one held once more."""
    if not buffer:
        return
    # one frame alone has no gap to fill: it is doubled, and the second is the same frame
    if len(buffer) == 1:
        last = _window(method, buffer * 2, settings)[0]
        if not started:
            yield last
        yield last
        return
    sr_SCHW = _window(method, buffer, settings)
    yield from sr_SCHW[started:]
    yield sr_SCHW[-1]


def _window(method: Method, frames: list[Frames], settings: Settings) -> Frames:
    return forward(method, np.stack(frames), protocols.get(protocols.DEFAULT), settings, {})


def upscale(
    method: Method,
    source: Path,
    target: Path,
    settings: Settings,
    on_frame: Callable[[int], None],
    crf: int = 16,
    limit: int = 0,
) -> Done:
    """The restored video, written beside its place and moved there when it is whole; sound is copied.

    Raises:
        DataError: the source is no readable video, or the target cannot be written.
    """
    protocols.check(method.card, protocols.get(protocols.DEFAULT))
    if target.suffix.lower() not in (".mp4", ".mkv", ".mov"):
        raise UsageError(f"{target}: write a video, name it .mp4, .mkv or .mov")
    if target.resolve() == source.resolve():
        raise UsageError(f"{target} is the source itself; choose another name")
    # the suffix stays the last part of the name: the container is chosen by it
    partial = target.with_name(f".{target.stem}.part{target.suffix}")
    try:
        with av.open(str(source)) as given, av.open(str(partial), "w") as made:
            done = _transcode(method, given, made, settings, on_frame, crf, limit)
        partial.replace(target)
        return done
    except colours.MatrixError as error:
        raise DataError(f"{source}: {error}") from None
    except (av.FFmpegError, OSError) as error:
        raise DataError(f"{source} -> {target}: {error}") from None
    finally:
        partial.unlink(missing_ok=True)


def frame_count(source: Path) -> int:
    """How many frames a video says it has; 0 if it does not say.

    Raises:
        DataError: it is no readable video.
    """
    try:
        with av.open(str(source)) as given:
            if not given.streams.video:
                raise DataError(f"{source} holds no video")
            stream = given.streams.video[0]
            return int(stream.frames or (given.duration or 0) / 1e6 * float(stream.average_rate or 0))
    except (av.FFmpegError, OSError) as error:
        raise DataError(f"{source} is no readable video: {error}") from None


def _transcode(
    method: Method,
    given: Any,
    made: Any,
    settings: Settings,
    on_frame: Callable[[int], None],
    crf: int,
    limit: int,
) -> Done:
    stream = given.streams.video[0]
    rate = Fraction(stream.average_rate or 25)
    scale = int(method.card.usual)
    size = (stream.width * scale, stream.height * scale)
    # chromaloc=1: chroma lies between its four pixels, as `yuv420` makes it, and not at the left ones
    encoder = {"crf": str(crf), "preset": "medium", "x264-params": "chromaloc=1"}
    video = made.add_stream("libx264", rate=rate * 2, options=encoder)
    video.width, video.height, video.pix_fmt = *size, "yuv420p"
    matrix = _tag(video, stream)
    sound = made.add_stream_from_template(given.streams.audio[0]) if given.streams.audio else None
    cuts: list[int] = []
    written = read = 0
    for sr_CHW, read in restored(method, _decoded(given, made, stream, sound, limit), settings, cuts):
        made.mux(video.encode(colours.yuv420(to_bytes(sr_CHW[None])[0], matrix)))
        written += 1
        on_frame(read)
    made.mux(video.encode(None))
    return Done(read, written, cuts, size, float(rate * 2), sound is not None)


def _tag(video: Any, stream: Any) -> colours.Matrix:
    """Write into the new video what its colours are; the matrix that its frames must be made with.

    The source's matrix where it states one, else the one that players take for the new size. Primaries and transfer are
    those of the source: its RGB values are restored as they are.
    """
    given, made = stream.codec_context, video.codec_context
    matrix = colours.stated(given.colorspace) or colours.usual(video.width, video.height)
    made.colorspace, made.color_range = colours.H273[matrix], colours.LIMITED
    made.color_primaries, made.color_trc = given.color_primaries, given.color_trc
    return matrix


def _decoded(given: Any, made: Any, stream: Any, sound: Any, limit: int) -> Iterator["Bytes"]:
    """Frames of the video in order; packets of sound go through to the new file as they come."""
    count = 0
    streams = [stream, *(given.streams.audio[:1] if sound is not None else [])]
    for packet in given.demux(streams):
        if packet.stream.type == "audio":
            # the packet that flushes a decoder has no time and no data
            if packet.dts is not None:
                packet.stream = sound
                made.mux(packet)
            continue
        for frame in packet.decode():
            yield colours.rgb(frame)
            count += 1
            if limit and count >= limit:
                return
