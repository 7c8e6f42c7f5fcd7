"""Frames that a run saved: where they lie, which clips have them, and the same pixels as arrays."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stvsr_bench.report.select import method_label
from stvsr_bench.rows.frames import place_of
from stvsr_bench.rows.names import INPUT, TRUTH
from stvsr_bench.schema import Row

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Saved:
    """The saved frames of one clip: `folders` by method label, the truth and the input apart."""

    dataset: str
    split: str
    clip: str
    folders: dict[str, Path]
    truth: Path
    given: Path

    @property
    def place(self) -> str:
        """Data set, split and clip as one name."""
        return f"{self.dataset}/{self.split}/{self.clip}"


def saved(runs: Sequence[Path], rows: Sequence[Row]) -> list[Saved]:
    """The clips of which a truth and at least one method were saved, in the order of the rows.

    The rows are those of one protocol: under another one, other frames were restored.
    """
    clips: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        clips.setdefault((row.dataset, row.split, row.clip), []).append(row)
    found = (_saved(run, alike) for alike in clips.values() for run in _holding(runs, alike))
    return [one for one in found if one is not None]


def _holding(runs: Sequence[Path], rows: Sequence[Row]) -> Sequence[Path]:
    """The first run that kept frames of a clip: those of two runs may be of two films."""
    return next(([run] for run in runs if _saved(run, rows) is not None), [])


def _saved(run: Path, rows: Sequence[Row]) -> Saved | None:
    places = {method_label(row.method, row.weights): place_of(run, row) for row in rows}
    folders = {name: place.folder for name, place in places.items() if place.folder.is_dir()}
    if not folders:
        return None
    beside = places[next(iter(folders))]
    if not beside.beside(TRUTH).is_dir():
        return None
    first = rows[0]
    return Saved(first.dataset, first.split, first.clip, folders, beside.beside(TRUTH), beside.beside(INPUT))


def paths(folder: Path) -> dict[int, Path]:
    """The PNG files of a folder by frame index."""
    numbered = [(re.fullmatch(r"\d+", path.stem), path) for path in sorted(folder.glob("*.png"))]
    return {int(match.group()): path for match, path in numbered if match}


def read(path: Path) -> Bytes:
    """One frame as 8-bit RGB, (H, W, 3)."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def read_all(folder: Path) -> tuple[list[int], Bytes]:
    """The indices and frames (S, H, W, 3) of a folder."""
    of = paths(folder)
    return list(of), np.stack([read(path) for path in of.values()])
