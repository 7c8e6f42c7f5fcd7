"""Frames that a run keeps for its report: PNG files beside the rows."""

import errno
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stvsr_bench.data.atomic import beside
from stvsr_bench.data.frames import from_bytes, read, to_bytes, write_png
from stvsr_bench.errors import CannotWriteError, DataError
from stvsr_bench.rows.names import INPUT, TRUTH, clip_folder, frames_folder, method_folder
from stvsr_bench.schema import Clip, Frames, Row

_TOLD_APART = re.compile("#[0-9a-f]{4,64}$")  # how a report names one of two files of one name


@dataclass(frozen=True)
class Place:
    """Where the frames of one method on one clip lie, under one way of restoring."""

    run: Path
    restoring_key: str
    method: str
    weights: str
    contents: str
    clip: tuple[str, str, str]

    @property
    def folder(self) -> Path:
        """`frames/<restoring key>/<method>/<data set>/<split>/<clip>`."""
        return self.beside(method_folder(self.method, self.weights, self.contents))

    def beside(self, name: str) -> Path:
        """The folder of the same clip under another name (`TRUTH`, `INPUT`)."""
        return frames_folder(self.run, self.restoring_key, name) / clip_folder(*self.clip)


def place_of(run: Path, row: Row) -> Place:
    """Where the frames of a row lie, if they were kept."""
    clip = (row.dataset, row.split, row.clip)
    if row.incomplete:  # of a suite that kept the frames of all protocols, and of all files of one name, in one folder
        return Place(run, "", row.method, row.weights, "", clip)
    weights = _TOLD_APART.sub("", row.weights) if row.contents else row.weights
    return Place(run, row.restoring_key, row.planned, weights, row.contents, clip)


def save(place: Place, clip: Clip, lr_SChw: Frames, frames: Sequence[int], sr_SCHW: Frames) -> None:
    """`<index>.png` of the restored frames in their folder; once, the truth and the input beside.

    `clip` and `lr_SChw` hold all frames, `sr_SCHW` those of `frames`. A folder is there whole or not at all.
    """
    _write(place.folder, frames, sr_SCHW)
    for name, all_frames in ((TRUTH, clip.hr_SCHW), (INPUT, lr_SChw)):
        if count(place.beside(name)) != len(frames):
            _write(place.beside(name), frames, all_frames[list(frames)])


def load(place: Place, frames: Sequence[int], size: tuple[int, int]) -> Frames | None:
    """sr_SCHW of these frames as they were saved (8 bits a value); None where they are not all there, of this size."""
    paths = [place.folder / f"{index:05d}.png" for index in frames]
    if count(place.folder) != len(frames) or not all(path.is_file() for path in paths):
        return None
    try:
        found = from_bytes(read(paths))
    except DataError:
        return None
    return found if found.shape[-2:] == size else None


def forget(place: Place, truth: bool = False) -> None:
    """Take away frames whose row no longer holds; with `truth`, those of the data beside them too."""
    for folder in (place.folder, *((place.beside(TRUTH), place.beside(INPUT)) if truth else ())):
        shutil.rmtree(folder, ignore_errors=True)


def count(folder: Path) -> int:
    """How many frames a folder holds; 0 where there is none."""
    return sum(1 for _ in folder.glob("*.png"))


def _write(folder: Path, frames: Sequence[int], frames_SCHW: Frames) -> None:
    # written beside and renamed: a process that is killed leaves no folder that looks like a shorter clip
    partial = beside(folder)
    try:
        for index, frame_HWC in zip(frames, to_bytes(np.asarray(frames_SCHW)), strict=True):
            write_png(partial / f"{index:05d}.png", frame_HWC)
        shutil.rmtree(folder, ignore_errors=True)  # a rename replaces no folder that has files
        _put(partial, folder)
    except (OSError, DataError) as error:
        why = getattr(error, "strerror", None) or error
        raise CannotWriteError(f"cannot keep frames in {folder}: {why}; the rows so far are safe") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _put(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError as error:
        # another worker was faster (the truth of a clip is every method's): its frames are the same
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
