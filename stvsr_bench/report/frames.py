"""Frames that a run saved: where they lie, which clips have them, and the same pixels as arrays."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stvsr_bench.report.select import method_label
from stvsr_bench.rows.names import INPUT, TRUTH, clip_folder, method_folder

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


def saved(
    runs: Sequence[Path], clips: Sequence[tuple[str, str, str]], methods: Sequence[tuple[str, str]]
) -> list[Saved]:
    """The clips of which a truth and at least one method were saved, in the order of `clips`."""
    found = []
    for dataset, split, clip in clips:
        for run in runs:
            place = clip_folder(dataset, split, clip)
            truth = run / "frames" / TRUTH / place
            folders = {
                method_label(*method_key): folder
                for method_key in methods
                if (folder := run / "frames" / method_folder(*method_key) / place).is_dir()
            }
            if truth.is_dir() and folders:
                found.append(Saved(dataset, split, clip, folders, truth, run / "frames" / INPUT / place))
                break
    return found


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
