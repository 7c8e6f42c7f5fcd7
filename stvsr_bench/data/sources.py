"""Where the frames of clips lie: folders of pictures and stretches of video files, found under a root.

Nothing is decoded here. Frames are ordered by the last number in their file name, not by its letters.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from stvsr_bench.data import frames, video
from stvsr_bench.errors import DataError
from stvsr_bench.schema import Reading

HR_NAMES = frozenset({"gt", "hr", "truth", "sharp", "target", "original"})  # folders of true frames, in any case
STRETCHES = (31, 25, 19, 13, 7)  # frames of one clip of a long video: 6 k + 1, as windows of seven fit without a rest
STRETCH_BYTES = 2**30  # float32; larger pictures make shorter clips
_NUMBER = re.compile(r"\d+")


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
        return _video(self.path, self.reading).read(self.start, self.stop)

    def flags(self) -> tuple[str, ...]:
        """What a row should say of how the frames are read, e.g. which matrix was assumed."""
        return _video(self.path, self.reading).flags(self.start, self.stop)


Source = FrameFiles | VideoStretch


@dataclass(frozen=True)
class Found:
    """One clip under a root: a folder of pictures (`files` is empty), or a stretch of a video."""

    folder: Path
    stretch: VideoStretch | None = None

    def source(self, files: Sequence[str] = (), every: int = 1) -> Source:
        """Where its frames lie: the named files, else all pictures in order, every n-th of them."""
        if self.stretch is not None:
            return self.stretch
        if files:
            return FrameFiles(tuple(self.folder / file for file in files))
        return FrameFiles(tuple(in_order(self.folder)[::every]))


def find(root: Path, reading: Reading | None = None) -> dict[str, Found]:
    """All clips under a folder by name, in order of their names; a single video or folder of pictures is a clip too.

    Where some folders are called GT, HR, truth or sharp, only pictures in those are clips and that part of the path is
    no part of the name. Hidden folders are passed over. A file that is no video is a clip that cannot be read.

    Raises:
        DataError: there is no such folder, or no clip in it.
    """
    if root.is_file():
        return dict(_stretches(root, root.stem, reading or Reading()))
    if not root.is_dir():
        raise DataError(f"{root} is no folder; give the folder that holds the clips with --root or --dataset")
    found: dict[str, Found] = {}
    for folder, videos, pictures in _walk(root, root, frozenset()):
        parts = folder.relative_to(root).parts
        if pictures >= 2:
            found["/".join(parts) or root.resolve().name] = Found(folder)
        for path in videos:
            found.update(_stretches(path, "/".join((*parts, path.stem)), reading or Reading()))
    found = _only_true_frames(found)
    if not found:
        raise DataError(
            f"{root} holds no clips: neither folders of at least 2 pictures ({', '.join(frames.SUFFIXES)}) nor videos"
        )
    return dict(sorted(found.items(), key=lambda item: _natural(item[0])))


def in_order(folder: Path) -> list[Path]:
    """The pictures of a folder by the last number in their names.

    Raises:
        DataError: two have the same number, or one is missing in between.
    """
    try:
        paths = [path for path in folder.iterdir() if path.suffix.lower() in frames.SUFFIXES and path.name[0] != "."]
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from None
    if not paths:
        raise DataError(f"{folder} holds no pictures ({', '.join(frames.SUFFIXES)})")
    numbered = sorted((_number(path), path.name, path) for path in paths)
    for (first, name, _), (second, other, _) in pairwise(numbered):
        if first == second:
            raise DataError(
                f"{folder}: {name} and {other} both have the number {first}; a clip has one picture a frame"
            )
    _check_no_gap(folder, [number for number, _, _ in numbered])
    return [path for _, _, path in numbered]


def has_pictures(folder: Path) -> bool:
    """Whether there is such a folder, with a picture in it."""
    return folder.is_dir() and any(path.suffix.lower() in frames.SUFFIXES for path in folder.iterdir())


def _check_no_gap(folder: Path, numbers: list[int]) -> None:
    steps = [second - first for first, second in pairwise(numbers)]
    # even steps are no gap: 0000, 0004, 0008 are frames of a film at a quarter of its rate
    if steps and (step := min(steps)) != max(steps):
        at = next(i for i, found in enumerate(steps) if found != step)
        raise DataError(f"{folder}: a frame is missing between the numbers {numbers[at]} and {numbers[at + 1]}")


def _number(path: Path) -> int:
    numbers = _NUMBER.findall(path.stem)
    if not numbers:
        raise DataError(f"{path}: frames need a number in their file name, to be put in order")
    # the last one: `hr_2x_0010` is frame 10. As numbers, not letters: hr_10 comes after hr_9 (metrics.md, 1: read LR)
    return int(numbers[-1][:18])


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part[:18]), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _walk(folder: Path, root: Path, seen: frozenset[Path]) -> Iterator[tuple[Path, list[Path], int]]:
    """Every folder under `root`, its videos and its number of pictures; links are followed, but never in a circle."""
    real = folder.resolve()
    if real in seen:
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from None
    shown = [entry for entry in entries if not entry.name.startswith(".")]
    files = [Path(entry.path) for entry in shown if entry.is_file()]
    videos = [path for path in files if path.suffix.lower() in video.SUFFIXES]
    yield folder, videos, sum(path.suffix.lower() in frames.SUFFIXES for path in files)
    for entry in shown:
        if entry.is_dir():
            yield from _walk(Path(entry.path), root, seen | {real})


def _only_true_frames(found: dict[str, Found]) -> dict[str, Found]:
    """Clips in GT, HR, ... folders alone where there are such, named without that part."""
    kept: dict[str, Found] = {}
    for name, clip in found.items():
        parts = name.split("/")
        rest = [part for part in parts if part.lower() not in HR_NAMES]
        if len(rest) < len(parts):
            kept["/".join(rest) or clip.folder.parent.name] = clip
    return kept or found


def _stretches(path: Path, name: str, reading: Reading) -> Iterator[tuple[str, Found]]:
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
def _video(path: Path, reading: Reading) -> video.Video:
    """The open video, so that stretch after stretch is read without starting again."""
    return video.Video(path, reading)
