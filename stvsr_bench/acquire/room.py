"""Whether a disk has room for what comes."""

import shutil
from pathlib import Path

from stvsr_bench.errors import DataError

SPARE_BYTES = 64 * 2**20  # left free on the disk


def free_bytes(folder: Path) -> int:
    """What is free on the disk that a folder is on, or will be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_room(folder: Path, needed_bytes: int) -> None:
    """Whether a folder's disk has room.

    Raises:
        DataError: it has not; the sentence says how much is missing.
    """
    free = shutil.disk_usage(folder).free
    if needed_bytes + SPARE_BYTES > free:
        raise DataError(f"{folder} has {free / 1e9:.1f} GB free, but {needed_bytes / 1e9:.1f} GB are needed")
