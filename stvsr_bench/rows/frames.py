"""Frames that a run keeps for its report: PNG files beside the rows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stvsr_bench.data.frames import to_bytes, write_png
from stvsr_bench.rows.names import INPUT, TRUTH, clip_folder, method_folder
from stvsr_bench.schema import Clip, Frames


def save(
    folder: Path, method: tuple[str, str], clip: Clip, lr_SChw: Frames, frames: Sequence[int], sr_SCHW: Frames
) -> None:
    """`<method>/<data set>/<split>/<clip>/<index>.png` of the restored frames; once, the truth and the input beside.

    `method` is its name in rows and its weights' tag; `clip` and `lr_SChw` hold all frames, `sr_SCHW` those of
    `frames`.
    """
    place = clip_folder(clip.dataset, clip.split, clip.name)
    _write(folder / method_folder(*method) / place, frames, sr_SCHW)
    for name, all_frames in ((TRUTH, clip.hr_SCHW), (INPUT, lr_SChw)):
        if not (folder / name / place).is_dir():
            _write(folder / name / place, frames, all_frames[list(frames)])


def _write(folder: Path, frames: Sequence[int], frames_SCHW: Frames) -> None:
    for index, frame_HWC in zip(frames, to_bytes(np.asarray(frames_SCHW)), strict=True):
        write_png(folder / f"{index:05d}.png", frame_HWC)
