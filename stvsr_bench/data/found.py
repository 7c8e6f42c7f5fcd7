"""Where the frames of one clip lie: a folder of pictures or a stretch of a video file. `data/sources.py` finds them.

Nothing is decoded here.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from stvsr_bench import hashes
from stvsr_bench.data import frames, numbers, video
from stvsr_bench.data.elsewhere import check_here
from stvsr_bench.data.listing import is_picture, listing
from stvsr_bench.errors import DataError
from stvsr_bench.schema import Reading

STRETCHES = (31, 25, 19, 13, 7)  # frames of one clip of a long video: 6 k + 1, as windows of seven fit without a rest
STRETCH_BYTES = 2**30  # float32; larger pictures make shorter clips


@dataclass(frozen=True)
class FrameFiles:
    """A clip of pictures, in order."""

    paths: tuple[Path, ...]

    def read(self) -> frames.Bytes:
        """The frames, 8-bit RGB (S, H, W, C)."""
        return frames.read(self.paths)

    def flags(self) -> tuple[str, ...]:
        """What a row should say of how the frames are read: nothing."""
        return ()


@dataclass(frozen=True)
class VideoStretch:
    """Frames `start` to `stop - 1` of a video file, and how it may be read; no frames of a file that is no video."""

    path: Path
    start: int
    stop: int
    reading: Reading = field(default_factory=Reading)

    def read(self) -> frames.Bytes:
        """The frames, 8-bit RGB (S, H, W, C)."""
        check_here(self.path)
        return _video(self.path, self.reading, _trace(self.path)).read(self.start, self.stop)

    def flags(self) -> tuple[str, ...]:
        """What a row should say of how the frames are read, e.g. which matrix was assumed."""
        return _video(self.path, self.reading, _trace(self.path)).flags(self.start, self.stop)


Source = FrameFiles | VideoStretch


@dataclass(frozen=True)
class Found:
    """One clip: a folder of pictures (`files` is empty), or a stretch of a video, or why it is neither (`broken`)."""

    folder: Path
    stretch: VideoStretch | None = None
    broken: str = ""

    def source(self, files: Sequence[str] = (), every: int = 1) -> Source:
        """Where its frames lie: the named files, else all pictures in order, every n-th of them.

        Raises:
            DataError: there is nothing to read, or the order of the pictures is unclear.
        """
        if self.broken:
            raise DataError(self.broken)
        if self.stretch is not None:
            return self.stretch
        if files:
            return FrameFiles(tuple(self.folder / file for file in files))
        return FrameFiles(tuple(in_order(self.folder)[::every]))


def in_order(folder: Path) -> list[Path]:
    """The pictures of a folder by the numbers in their names; see `data/numbers.py`.

    Raises:
        DataError: two have the same number, one is missing in between, or it is unclear what counts the frames.
    """
    paths = listing(folder).pictures
    if not paths:
        raise DataError(f"{folder} contains no pictures ({', '.join(frames.SUFFIXES)})")
    found = numbers.ordered(folder, paths)
    if not numbers.steady(found.numbers):
        steps = [second - first for first, second in pairwise(found.numbers)]
        usual = max(set(steps), key=lambda step: (steps.count(step), -step))
        # even steps are no gap: 0000, 0004, 0008 are frames of a film at a quarter of its rate
        at = next(i for i, step in enumerate(steps) if step != usual)
        raise DataError(
            f"{folder}: a frame is missing between the numbers {found.numbers[at]} and {found.numbers[at + 1]} "
            f"(others are {usual} apart); if the numbers are none of frames, name the files 00000.png, 00001.png, ..."
        )
    return list(found.paths)


def has_pictures(folder: Path) -> bool:
    """Whether there is such a folder, with a picture in it."""
    with suppress(OSError):  # no rights to look
        return folder.is_dir() and any(is_picture(path) for path in folder.iterdir())
    return False


def stretches(path: Path, name: str, reading: Reading) -> Iterator[tuple[str, Found]]:
    """A video as clips: whole if it is short, else stretch by stretch. What cannot be read is said by reading it."""
    try:
        opened = video.Video(path, reading)
        count, info = opened.count(), opened.info
    except DataError:
        yield name, Found(path.parent, VideoStretch(path, 0, 0, reading))
        return
    frame_bytes = info.width * info.height * 3 * 4
    longest = next((length for length in STRETCHES if length * frame_bytes <= STRETCH_BYTES), STRETCHES[-1])
    if count <= longest:
        yield name, Found(path.parent, VideoStretch(path, 0, count, reading))
        return
    for start in range(0, count - 2, longest):  # a rest of one or two frames has nothing to interpolate
        stretch = VideoStretch(path, start, min(start + longest, count), reading)
        yield f"{name}-{start:06d}", Found(path.parent, stretch)


@lru_cache(maxsize=2)
def _video(path: Path, reading: Reading, _trace: object) -> video.Video:
    """The open video, so that stretch after stretch is read without starting again.

    In a notebook the file may be another one the next time that it is read.
    """
    return video.Video(path, reading)


def _trace(path: Path) -> object:
    try:
        return hashes.trace(path.stat())
    except OSError:  # opening it says what is wrong
        return None
