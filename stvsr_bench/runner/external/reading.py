"""The wanted frames of one clip out of somebody's results, all there, in order and of the truth's size.

Axes: S frames, H W size, C channels; 8-bit RGB.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stvsr_bench.data import frames as pictures
from stvsr_bench.data import video
from stvsr_bench.data.elsewhere import check_here
from stvsr_bench.errors import ClipError, counted
from stvsr_bench.runner.external.numbering import Numbered, names_of, too_many
from stvsr_bench.runner.external.places import Place
from stvsr_bench.schema import Reading

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Handed:
    """Frames as they were handed in, and the name of each for messages: that of its file, or its place in the video."""

    pixels_SHWC: pictures.Bytes
    names: tuple[str, ...]


class Reader:
    """Reads clip after clip; a whole video that serves several clips is decoded once."""

    def __init__(self, reading: Reading | None = None) -> None:
        self._reading = reading or Reading(allow_vfr=True)
        self._video: video.Video | None = None
        self._said: set[str] = set()

    def read(self, place: Place, indices: Sequence[int], needed: Sequence[int], total: int, clip: str) -> Handed:
        """Frames `indices` of a place, counted from its first.

        `needed` are the frames that must be there, `total` is the number of true ones.

        Raises:
            ClipError, DataError: frames are missing, or there are more than true ones; one cannot be read.
        """
        if not place.path.is_dir():
            check_here(place.path)
            read = self._cut_out if place.whole else self._decoded
            frames_SHWC = read(place.path, indices, needed, total, clip)
            return Handed(frames_SHWC, tuple(f"frame {index}" for index in indices))
        numbered = Numbered(place.path)
        self._say_passed_over(place.path, numbered.passed_over)
        paths = numbered.chosen(indices, needed, total, clip)
        return Handed(pictures.read(paths), tuple(path.name for path in paths))

    def _cut_out(
        self, path: Path, indices: Sequence[int], needed: Sequence[int], total: int, clip: str
    ) -> pictures.Bytes:
        if self._video is None or self._video.path != path:
            self._video = video.Video(path, self._reading)
        _check_count(path, self._video.count(), needed, total, clip)
        frames_SHWC = self._video.read(indices[0], indices[-1] + 1)
        return frames_SHWC[[index - indices[0] for index in indices]]

    def _decoded(
        self, path: Path, indices: Sequence[int], needed: Sequence[int], total: int, clip: str
    ) -> pictures.Bytes:
        wanted, kept, count = set(indices), [], 0
        for count, frame in enumerate(video.decode(path, self._reading), start=1):
            if count - 1 in wanted:
                kept.append(frame)
        _check_count(path, count, needed, total, clip)
        return np.stack(kept)

    def _say_passed_over(self, folder: Path, paths: Sequence[Path]) -> None:
        """Once for each kind of file, not in every clip."""
        new = [path for path in paths if path.suffix.lower() not in self._said]
        if new:
            self._said |= {path.suffix.lower() for path in new}
            kinds = ", ".join(pictures.SUFFIXES)
            log.warning("%s: %s passed over, no picture that is read (%s)", folder, names_of(new), kinds)


def cropped(handed: Handed, full: tuple[int, int], kept: tuple[int, int], clip: str) -> pictures.Bytes:
    """The frames cut as the truth was, from `full` height and width to `kept`; those of the size `kept` as they are.

    Raises:
        ClipError: they are of neither size.
    """
    size = handed.pixels_SHWC.shape[1:3]
    if size in (full, kept):
        return handed.pixels_SHWC[:, : kept[0], : kept[1]]
    wanted = f"{full[1]}x{full[0]}" + (f" (cut to {kept[1]}x{kept[0]})" if kept != full else "")
    raise ClipError(f"{clip}: frames are {size[1]}x{size[0]}, the truth is {wanted}; give frames of the truth's size")


def _check_count(path: Path, count: int, needed: Sequence[int], total: int, clip: str) -> None:
    if count > total:
        raise ClipError(too_many(path.name, count, clip, total))
    if count <= needed[-1]:
        raise ClipError(
            f"{path.name} has {counted(count, 'frame')}, the truth of {clip} has {total} and "
            f"{needed[-1] + 1} of them are needed"
        )
