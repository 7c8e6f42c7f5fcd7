"""Frames that a run keeps for its report: PNG files beside the rows."""

import errno
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stvsr_bench.data.frames import to_bytes, write_png
from stvsr_bench.errors import CannotWriteError, DataError
from stvsr_bench.rows.names import INPUT, TRUTH, clip_folder, method_folder
from stvsr_bench.schema import Clip, Frames


def save(
    folder: Path, method: tuple[str, str], clip: Clip, lr_SChw: Frames, frames: Sequence[int], sr_SCHW: Frames
) -> None:
    """`<method>/<data set>/<split>/<clip>/<index>.png` of the restored frames; once, the truth and the input beside.

    `method` is its name in rows and its weights' tag; `clip` and `lr_SChw` hold all frames, `sr_SCHW` those of
    `frames`. A folder is there whole or not at all.
    """
    place = clip_folder(clip.dataset, clip.split, clip.name)
    _write(folder / method_folder(*method) / place, frames, sr_SCHW)
    for name, all_frames in ((TRUTH, clip.hr_SCHW), (INPUT, lr_SChw)):
        if count(folder / name / place) != len(frames):
            _write(folder / name / place, frames, all_frames[list(frames)])


def count(folder: Path) -> int:
    """How many frames a folder holds; 0 where there is none."""
    return sum(1 for _ in folder.glob("*.png"))


def _write(folder: Path, frames: Sequence[int], frames_SCHW: Frames) -> None:
    # written beside and renamed: a process that is killed leaves no folder that looks like a shorter clip
    partial = folder.with_name(f".{folder.name[:100]}.{uuid.uuid4().hex[:12]}.part")
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
