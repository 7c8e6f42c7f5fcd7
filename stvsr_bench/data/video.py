"""Frames of video files, decoded by PyAV and converted to RGB by `data/colours.py`: the one reader of video.

Axes: S frames, C channels, H W size. A video is read forwards: asking for later frames continues from where the last
call ended, asking for earlier ones starts again.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from stvsr_bench.data import colours
from stvsr_bench.data.frames import MAX_PIXELS, Bytes
from stvsr_bench.errors import DataError

SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".y4m")


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says of itself. `count` is the number of frames; 0 when the file does not know."""

    width: int
    height: int
    count: int
    fps: float


class Video:
    """One video file. Safe to pickle: the open decoder stays behind."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.info = probe(path)
        self._flags: tuple[str, ...] | None = None
        self._frames: Iterator[Bytes] | None = None
        self._next = 0
        self._last: tuple[int, int, Bytes] | None = None  # asked for again, it would be decoded from the file's start
        self._lock = threading.Lock()  # one decoder, perhaps several threads

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]

    def read(self, start: int, stop: int) -> Bytes:
        """Frames `start` to `stop - 1` as 8-bit RGB (S, H, W, C).

        Raises:
            DataError: the file ends before, is damaged, or changes its size.
        """
        with self._lock:
            if self._last is None or self._last[:2] != (start, stop):
                self._last = (start, stop, self._decoded(start, stop))
            return self._last[2]

    def _decoded(self, start: int, stop: int) -> Bytes:
        # no seeking: it lands on key frames, by time stamps that need not be true; counting from the start is exact
        if self._frames is None or start < self._next:
            self._frames, self._next = decode(self.path), 0
        kept = []
        while self._next < stop:
            frame = next(self._frames, None)
            if frame is None:
                ended, self._frames = self._next, None
                raise DataError(f"{self.path} ends after {ended} frames, but frame {stop - 1} was asked for")
            if self._next >= start:
                kept.append(frame)
            self._next += 1
        return np.stack(kept)

    def count(self) -> int:
        """How many frames the file says it has; counted where it does not say."""
        return self.info.count or _packets(self.path)  # Matroska stores no number of frames

    def flags(self) -> tuple[str, ...]:
        """What a row should say of how the frames are read; see the function `flags`."""
        if self._flags is None:
            self._flags = flags(self.path)
        return self._flags


def probe(path: Path) -> VideoInfo:
    """Size, number of frames and rate of a video file, without decoding it.

    Raises:
        DataError: it is missing, empty, or no video.
    """
    _check_file(path)
    with _container(path) as container:
        stream = container.streams.video[0]
        info = VideoInfo(stream.width, stream.height, stream.frames, float(stream.average_rate or 0))
    if not 0 < info.width * info.height <= MAX_PIXELS:
        raise DataError(f"{path} says its frames are {info.width}x{info.height}, which cannot be")
    return info


def decode(path: Path) -> Iterator[Bytes]:
    """All frames in order, 8-bit RGB (H, W, C).

    Raises:
        DataError: it is damaged, or a frame is of another size than the first.
    """
    _check_file(path)
    first: tuple[int, ...] | None = None
    for i, frame in enumerate(_pictures(path)):
        first = first or frame.shape
        if frame.shape != first:
            raise DataError(
                f"{path} changes its size at frame {i}, from {first[1]}x{first[0]} to {frame.shape[1]}x{frame.shape[0]}"
            )
        yield frame


def flags(path: Path) -> tuple[str, ...]:
    """What a row should say of how a video is read; nothing for a folder of pictures.

    `matrix-assumed:bt709`: the file does not say which matrix its luma and chroma were made with.

    Raises:
        DataError: it is damaged.
    """
    if not path.is_file():
        return ()
    with _container(path) as container:
        try:
            first = next(container.decode(container.streams.video[0]), None)
            matrix = None if first is None else colours.assumed(first)
        except FFmpegError as error:
            raise DataError(f"{path} is damaged: {error.strerror}") from None
    return () if matrix is None else (f"matrix-assumed:{matrix}",)


def _check_file(path: Path) -> None:
    try:
        empty = path.stat().st_size == 0
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if empty or not path.is_file():
        raise DataError(f"{path} is {'empty (0 bytes)' if empty else 'no file'}")


def _packets(path: Path) -> int:
    """The number of frames as stored, without decoding one."""
    with _container(path) as container:
        try:
            # PyAV ends with an empty packet that flushes the decoder
            return sum(packet.size > 0 for packet in container.demux(container.streams.video[0]))
        except FFmpegError as error:
            raise DataError(f"{path} is damaged: {error.strerror}") from None


def _pictures(path: Path) -> Iterator[Bytes]:
    damaged = FFmpegError  # bound here: a decoder left open ends after its module
    with _container(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"  # several frames at a time; PyAV's default is slices of one
        try:
            for frame in container.decode(stream):
                yield colours.rgb(frame)
        except damaged as error:
            raise DataError(f"{path} is damaged: {error.strerror}") from None
        except colours.MatrixError as error:
            raise DataError(f"{path}: {error}") from None


@contextlib.contextmanager
def _container(path: Path) -> Iterator[Any]:
    try:
        container = av.open(str(path))
    except FFmpegError as error:
        raise DataError(f"{path} is no video that can be read: {error.strerror}") from None
    with container:
        if not container.streams.video:
            raise DataError(f"{path} holds no video stream")
        yield container
