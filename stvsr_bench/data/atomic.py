"""Files that appear whole or not at all: written beside their place, then moved into it."""

import errno
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from stvsr_bench import notes
from stvsr_bench.errors import DataError

# what file systems say that do not know of syncing: FUSE, network drives, /dev/shm of some containers
NOT_KNOWN = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
# Windows replaces no file that another program has open: a scanner of viruses, for some milliseconds after each writing
_SHARED = os.name != "nt"
_PATIENCE_S = (0.01, 0.05, 0.2, 1.0)


def synced(file: BinaryIO | FileIO) -> None:
    """Wait until what was written is on the disk, where the file system knows how to tell.

    Raises:
        OSError: the disk is full or failing.
    """
    file.flush()
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in NOT_KNOWN:
            raise
        notes.once(
            f"this file system does not say when a file is on its disk ({error.strerror}): a power cut may lose it"
        )


def put(partial: Path, path: Path) -> None:
    """Give a whole file its name.

    Raises:
        OSError: it cannot be moved; on Windows, another program has `path` open for more than a second.
    """
    for wait_s in () if _SHARED else _PATIENCE_S:
        try:
            partial.replace(path)
        except PermissionError:
            time.sleep(wait_s)
        else:
            return
    partial.replace(path)


@contextmanager
def replacing(path: Path, durable: bool = True) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block ends well, and leaves nothing behind when it does not.

    `durable` waits until the bytes are on the disk, so that even a power cut leaves the whole file or none.

    Raises:
        DataError: the folder cannot be made or written, or the disk is full.
    """
    try:
        with whole(path, durable) as file:
            yield file
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None


@contextmanager
def whole(path: Path, durable: bool = True) -> Iterator[BinaryIO]:
    """As `replacing`, for who has a sentence of its own to say.

    Raises:
        OSError: the folder cannot be made or written, or the disk is full.
    """
    partial = beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield file
            if durable:
                synced(file)
        put(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def beside(path: Path, suffix: str = "") -> Path:
    """Where what becomes `path` is written first: a name that nobody can foresee, or has a file or link under.

    A name of its own for every writer: of two processes at one file the last wins, and neither reads half of the
    other's. `suffix` comes last, for who tells by it what to write.
    """
    # the dot keeps it out of folders of frames; 100 letters, since a name may have 255 bytes
    return path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:12]}.part{suffix}")


@contextmanager
def moved_when_whole(path: Path, suffix: str = "") -> Iterator[Path]:
    """As `whole`, for a library that opens its file by its name: that name, which becomes `path`."""
    partial = beside(path, suffix)
    try:
        yield partial
        put(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
