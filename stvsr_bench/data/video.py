"""Frames of video files, by PyAV (extra `video`) or OpenCV; both give the same pixels (ffmpeg's RGB conversion).

Axes: S frames, C channels, H W size. A video is read forwards: asking for later frames goes on from where the last
call ended, asking for earlier ones starts again.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

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
        # Matroska stores no number of frames
        return self.info.count or (_packets(self.path) if find_spec("av") else sum(1 for _ in decode(self.path)))


def probe(path: Path) -> VideoInfo:
    """Size, number of frames and rate of a video file, without decoding it.

    Raises:
        DataError: it is missing, empty, or no video.
    """
    _check_file(path)
    info = _probe_av(path) if find_spec("av") else _probe_cv2(path)
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
    for i, frame in enumerate(_decode_av(path) if find_spec("av") else _decode_cv2(path)):
        first = first or frame.shape
        if frame.shape != first:
            raise DataError(
                f"{path} changes its size at frame {i}, from {first[1]}x{first[0]} to {frame.shape[1]}x{frame.shape[0]}"
            )
        yield frame


def _check_file(path: Path) -> None:
    try:
        empty = path.stat().st_size == 0
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if empty or not path.is_file():
        raise DataError(f"{path} is {'empty (0 bytes)' if empty else 'no file'}")


def _probe_av(path: Path) -> VideoInfo:
    with _container(path) as container:
        stream = container.streams.video[0]
        return VideoInfo(stream.width, stream.height, stream.frames, float(stream.average_rate or 0))


def _packets(path: Path) -> int:
    """The number of frames as stored, without decoding one."""
    import av

    with _container(path) as container:
        try:
            # PyAV ends with an empty packet that flushes the decoder
            return sum(packet.size > 0 for packet in container.demux(container.streams.video[0]))
        except av.error.FFmpegError as error:
            raise DataError(f"{path} is damaged: {error.strerror}") from None


def _decode_av(path: Path) -> Iterator[Bytes]:
    from av.error import FFmpegError  # bound here: a decoder left open ends after its module

    with _container(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"  # several frames at a time; PyAV's default is slices of one
        try:
            for frame in container.decode(stream):
                yield frame.to_ndarray(format="rgb24")
        except FFmpegError as error:
            raise DataError(f"{path} is damaged: {error.strerror}") from None


@contextlib.contextmanager
def _container(path: Path) -> Iterator[Any]:
    import av

    try:
        container = av.open(str(path))
    except av.error.FFmpegError as error:
        raise DataError(f"{path} is no video that can be read: {error.strerror}") from None
    with container:
        if not container.streams.video:
            raise DataError(f"{path} holds no video stream")
        yield container


def _probe_cv2(path: Path) -> VideoInfo:
    with _capture(path) as capture:
        asked = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_COUNT)
        # a number that OpenCV does not know may be negative
        width, height, count = (max(0, int(capture.get(what))) for what in asked)
        return VideoInfo(width, height, count, float(capture.get(cv2.CAP_PROP_FPS)))


def _decode_cv2(path: Path) -> Iterator[Bytes]:
    with _capture(path) as capture:
        while True:
            there, frame = capture.read()
            if not there:
                return
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


@contextlib.contextmanager
def _capture(path: Path) -> Iterator[cv2.VideoCapture]:
    # FFmpeg only: other backends would take "frame%03d.png" in a name for a pattern
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise DataError(f"{path} is no video that OpenCV can read; pip install 'stvsr-bench[video]' reads more")
        yield capture
    finally:
        capture.release()
