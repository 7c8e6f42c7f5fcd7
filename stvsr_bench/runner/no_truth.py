"""The report of restored videos whose truth nobody has: what `score FOLDER` without `--dataset` does.

No rows are made: a row is of a truth and a protocol, and these have neither.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.data import facts, frames, video
from stvsr_bench.data.listing import is_video, listing
from stvsr_bench.errors import ClipError, UsageError
from stvsr_bench.metrics import no_truth
from stvsr_bench.restore.video import CutDetector
from stvsr_bench.runner.external.numbering import Numbered
from stvsr_bench.schema import Reading


@dataclass(frozen=True)
class Of:
    """One video's report, and what is known of how it was stored (`about`)."""

    name: str
    about: dict[str, str]
    report: no_truth.Report

    def lines(self) -> list[str]:
        """In words, a line for each thing."""
        return no_truth.lines(self.name, self.report, self.about)

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {"name": self.name, **self.about, **asdict(self.report)}


def reports(folder: Path, reading: Reading) -> Iterator[Of]:
    """The report of each video or folder of pictures; of pictures or one video alone, of these.

    Raises:
        UsageError: there is nothing that can be read.
        DataError: a video or picture is damaged, or its frames have different sizes.
    """
    for path in _places(folder):
        pictures = _of_video(path, reading) if path.is_file() else _of_folder(path)
        yield Of(path.name, _about(path, reading), no_truth.report(_with_cuts(pictures, path)))


def _places(folder: Path) -> list[Path]:
    if folder.is_file() and is_video(folder):
        return [folder]
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is neither a folder nor a video; write stvsr-bench score FOLDER, or add --dataset DATASET"
        )
    there = listing(folder)
    if there.pictures:
        return [folder]
    inside = [path for path in sorted(folder.iterdir()) if path.is_dir() and listing(path).pictures]
    found = sorted([*inside, *there.videos])
    if not found:
        raise UsageError(f"{folder} contains no pictures, no videos and no folder of pictures")
    return found


def _of_video(path: Path, reading: Reading) -> Iterator[NDArray[np.uint8]]:
    yield from video.decode(path, reading)


def _of_folder(path: Path) -> Iterator[NDArray[np.uint8]]:
    for picture in Numbered(path).paths.values():
        yield frames.read_one(picture)


def _with_cuts(pictures: Iterator[NDArray[np.uint8]], path: Path) -> Iterator[tuple[NDArray[np.uint8], bool]]:
    detect = CutDetector()
    size: tuple[int, ...] = ()
    for index, frame_HWC in enumerate(pictures):
        size = size or frame_HWC.shape
        if frame_HWC.shape != size:
            raise ClipError(f"{path}: frame {index} is {frame_HWC.shape[:2]}, the first is {size[:2]} (H, W)")
        yield np.ascontiguousarray(frame_HWC.transpose(2, 0, 1)), detect(frame_HWC)


def _about(path: Path, reading: Reading) -> dict[str, str]:
    """How a video was coded and how its colours were read; nothing of pictures."""
    if not path.is_file():
        return {}
    found = facts.of(path, reading.track)
    lossy = f"coded with loss ({found.lossy})" if found.lossy else ""
    return {"lossy-input": lossy, "colours": found.colours}
