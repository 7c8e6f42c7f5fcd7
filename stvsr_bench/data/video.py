"""Frames of video files, decoded by PyAV and converted to RGB by `data/colours.py`: the one reader of video.

Axes: S frames, C channels, H W size. A video is read forwards: asking for later frames continues from where the last
call ended, asking for earlier ones starts again. Frames are turned as the file's header says. What a plain reading
would measure as something else than it shows (fields, HDR, uneven times) is refused unless `Reading` allows it.
"""

import logging
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from av import VideoFrame
from av.error import FFmpegError
from av.filter import Graph

from stvsr_bench.data import colours, cropping, facts, tracks, upright
from stvsr_bench.data.facts import Facts
from stvsr_bench.data.frames import Bytes
from stvsr_bench.errors import DataError, counted
from stvsr_bench.schema import Reading

SUFFIXES = (
    ".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".y4m",
    ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".vob", ".wmv", ".flv", ".3gp", ".ogv", ".mxf", ".dv", ".gif",
)  # fmt: skip

log = logging.getLogger(__name__)


class Video:
    """One track of a video file. Safe to pickle: the open decoder stays behind."""

    def __init__(self, path: Path, reading: Reading | None = None) -> None:
        self.path = path
        self.reading = reading or Reading()
        with tracks.opened(path, self.reading.track):
            pass  # what is no video is said before anything waits for it
        self._facts: Facts | None = None
        self._frames: Iterator[Bytes] | None = None
        self._next = 0
        self._last: tuple[int, int, Bytes] | None = None  # asked for again, it would be decoded from the file's start
        self._lock = threading.Lock()  # one decoder, perhaps several threads

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "reading": self.reading}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"], state["reading"])  # type: ignore[misc]

    @property
    def info(self) -> Facts:
        """What the video is; the first time, the whole of it is decoded to know."""
        if self._facts is None:
            self._facts = facts.of(self.path, self.reading.track)
        return self._facts

    def read(self, start: int, stop: int) -> Bytes:
        """Frames `start` to `stop - 1` as 8-bit RGB (S, H, W, C).

        Raises:
            DataError: the file ends before, is damaged, or changes its size; or it has fields, HDR or uneven times, and
                `reading` does not allow that.
        """
        with self._lock:
            if self._last is None or self._last[:2] != (start, stop):
                check_even(self.path, self.info, self.reading, start, stop)
                self._last = (start, stop, self._decoded(start, stop))
            return self._last[2]

    def _decoded(self, start: int, stop: int) -> Bytes:
        if stop <= start or (stop > self.info.whole and self.info.damage):
            raise DataError(f"{self.path} {self.info.damage or 'has no such frames'}")
        # no seeking: it lands on key frames, by time stamps that need not be true; counting from the start is exact
        if self._frames is None or start < self._next:
            self._frames, self._next = decode(self.path, self.reading), 0
        kept = []
        while self._next < stop:
            frame = next(self._frames, None)
            if frame is None:
                ended, self._frames = self._next, None
                raise DataError(f"{self.path} ends after {counted(ended, 'frame')}, but frame {stop - 1} was asked for")
            if self._next >= start:
                kept.append(frame)
            self._next += 1
        return np.stack(kept)

    def count(self) -> int:
        """How many frames can be decoded; one more where the rest is damaged, so that asking for all says so."""
        return self.info.whole + 1 if self.info.damage else self.info.count

    def flags(self, start: int = 0, stop: int | None = None) -> tuple[str, ...]:
        """What a row should say of how these frames are read; see the function `flags`."""
        return _flags(self.info, self.reading, start, stop)


def decode(path: Path, reading: Reading | None = None) -> Iterator[Bytes]:
    """All frames in order and upright, 8-bit RGB (H, W, C).

    Raises:
        DataError: it is damaged, or a frame is of another size than the first; or it has fields or HDR, and `reading`
            does not allow that.
    """
    first: tuple[int, ...] | None = None
    for i, frame in enumerate(_pictures(path, reading or Reading())):
        first = first or frame.shape
        if frame.shape != first:
            raise DataError(
                f"{path} changes its size at frame {i}, from {first[1]}x{first[0]} to {frame.shape[1]}x{frame.shape[0]}"
            )
        yield frame


def flags(path: Path, reading: Reading | None = None) -> tuple[str, ...]:
    """What a row should say of how a video is read; nothing for a folder of pictures.

    `matrix-assumed:bt709`: the file does not say which matrix its luma and chroma were made with. `cropped`,
    `turned-90-right` and the like: as the header says. `bits:10`: rounded to 8. `hdr:PQ`: stored values as they are.
    `deinterlaced`, `vfr`: allowed by an option. `track:2`: not the first.
    `lossy-truth:h264/crf=23.0`: coded with loss, and how, as far as the stream says it.

    Raises:
        DataError: it is damaged.
    """
    if not path.is_file():
        return ()
    reading = reading or Reading()
    return _flags(facts.of(path, reading.track), reading)


def colours_of(path: Path, reading: Reading | None = None) -> str:
    """Which matrix and range a video's colours are read by and how these were chosen; "" for a folder of pictures.

    Raises:
        DataError: it is damaged.
    """
    return facts.of(path, (reading or Reading()).track).colours if path.is_file() else ""


def _flags(found: Facts, reading: Reading, start: int = 0, stop: int | None = None) -> tuple[str, ...]:
    allowed = ("deinterlaced",) if reading.deinterlace and found.interlaced else ()
    chosen = (f"track:{reading.track}",) if reading.track > 1 else ()
    return (*found.flags(start, stop), *allowed, *chosen)


def check_even(path: Path, found: Facts, reading: Reading, start: int = 0, stop: int | None = None) -> None:
    """Refuse frames whose true ones are not in the middle of those given.

    Raises:
        DataError: a distance is more than a quarter off the usual one, and that is not allowed.
    """
    at = None if reading.allow_vfr else found.uneven(start, stop)
    if at is None:
        return
    distances = np.diff(found.ticks[start:stop]) * float(found.tick)
    raise DataError(
        f"{path} has a variable frame rate: frame {at} comes {distances[at - start - 1]:.4g} s after the one before, "
        f"the usual distance is {np.median(distances):.4g} s, so that true frames are not in the middle of those "
        "given; --allow-vfr measures it as if they were"
    )


def check_fields(path: Path, found: Facts, reading: Reading) -> None:
    """Refuse interlaced video.

    Raises:
        DataError: frames are two fields, and that is not allowed.
    """
    if found.interlaced and not reading.deinterlace:
        raise DataError(_interlaced(path, f"{found.interlaced} of {counted(found.count, 'frame')}"))


def _interlaced(path: Path, which: str) -> str:
    return (
        f"{path} is interlaced ({which}): each frame is two fields of different times; --deinterlace makes whole "
        "frames of them (bwdif, one for each)"
    )


def check_brightness(path: Path, transfer: int, reading: Reading) -> None:
    """Refuse HDR.

    Raises:
        DataError: its transfer characteristics are PQ or HLG, and that is not allowed.
    """
    if (kind := facts.HDR.get(int(transfer))) and reading.hdr != "as-is":
        raise DataError(
            f"{path} is HDR ({kind}); metrics and networks expect SDR values. --hdr as-is "
            "uses its values as they are stored, without tone mapping"
        )


def frames(path: Path, stream: Any, walk: facts.Walk, reading: Reading) -> Iterator[VideoFrame]:
    """The frames of a walk, with fields made whole where that is allowed.

    Raises:
        DataError: a frame is two fields, or HDR, and that is not allowed.
    """
    weave: _Weave | None = None
    for index, frame in enumerate(walk):
        if index == 0:
            check_brightness(path, frame.color_trc, reading)
            if frame.color_trc in (0, 2):
                check_brightness(path, stream.codec_context.color_trc, reading)
            if reading.deinterlace:
                weave = _Weave(stream, frame, facts.has_fields(stream))
        if not reading.deinterlace and (frame.interlaced_frame or facts.has_fields(stream)):
            raise DataError(_interlaced(path, f"frame {index}"))
        yield from (frame,) if weave is None else weave.push(frame)
    if weave is not None:
        yield from weave.push(None)


class _Weave:
    """ffmpeg's bwdif: a whole frame for each frame of two fields; others pass as they are."""

    def __init__(self, stream: Any, frame: VideoFrame, every: bool) -> None:
        self.graph = Graph()
        source = self.graph.add_buffer(template=stream, time_base=frame.time_base)
        bwdif = self.graph.add("bwdif", f"mode=send_frame:deint={'all' if every else 'interlaced'}")
        sink = self.graph.add("buffersink")
        source.link_to(bwdif)
        bwdif.link_to(sink)
        self.graph.configure()

    def push(self, frame: VideoFrame | None) -> Iterator[VideoFrame]:
        """The frames that are ready; None at the end."""
        self.graph.vpush(frame)
        while True:
            try:
                yield self.graph.vpull()
            except (BlockingIOError, EOFError):  # it looks one frame ahead
                return


def _pictures(path: Path, reading: Reading) -> Iterator[Bytes]:
    damaged = FFmpegError  # bound here: a decoder left open ends after its module
    convert = colours.usual_rgb if reading.conversion == "usual" else colours.rgb
    with tracks.opened(path, reading.track) as (container, stream):
        walk = facts.Walk(container, stream)
        turn, crop = None, cropping.crop_of(container, stream)
        try:
            for frame in frames(path, stream, walk, reading):
                if walk.why:
                    raise DataError(f"{path} is damaged after {counted(walk.whole or 0, 'frame')}: {walk.why}")
                turn = upright.turn_of(frame) if turn is None else turn
                yield upright.upright(cropping.cropped(convert(frame), crop), turn)
                if colours.depth(frame) > 8:
                    _say_rounded(path, colours.depth(frame))
        except damaged as error:
            raise DataError(f"{path} is damaged: {error.strerror}") from None
        except colours.MatrixError as error:
            raise DataError(f"{path}: {error}") from None
        if walk.why:
            raise DataError(f"{path} is damaged after {counted(walk.whole or 0, 'frame')}: {walk.why}")


@lru_cache(maxsize=1000)
def _say_rounded(path: Path, bits: int) -> None:
    """Once a file, not once a frame."""
    log.warning("%s: its %d bits are rounded to 8, as every truth and result is", path, bits)
