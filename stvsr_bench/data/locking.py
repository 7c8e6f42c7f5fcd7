"""A folder held by one process at a time, by the system's own locks: they end with the process that holds them."""

import errno
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from stvsr_bench import notes
from stvsr_bench.data.atomic import NOT_KNOWN

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NO_LOCKS = (*NOT_KNOWN, errno.ENOLCK)  # network drives without their lock daemon, some FUSE
LOOK_S = 0.05


class HeldError(Exception):
    """Another process holds the lock; the text says which one, where it is known."""


@contextmanager
def alone(path: Path, patience_s: float = 0.0, keep: bool = True) -> Iterator[None]:
    """Hold a lock file, waiting so long for another process; where the file system knows no locks that is said.

    Without `keep` the file is deleted at the end, while it is still held.

    Raises:
        HeldError: another process holds it.
        OSError: the file cannot be made.
    """
    if fcntl is None:
        try:
            with FileLock(path, timeout=patience_s):
                yield
        except Timeout:
            raise HeldError("") from None
        if not keep:
            with suppress(OSError):  # another process looks at it now, and Windows deletes no open file
                path.unlink(missing_ok=True)
        return
    descriptor = _taken(path, patience_s)
    try:
        yield
    finally:
        if not keep:
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _taken(path: Path, patience_s: float) -> int:
    """A descriptor of the lock file, held."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            _wait(descriptor, path, patience_s)
            # who held it may have deleted it: then this file has no name, and another process can hold a new one
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _wait(descriptor: int, path: Path, patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise HeldError(_holder(descriptor)) from None
            time.sleep(LOOK_S)
            continue
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            notes.once(
                f"the file system of {path.parent} has no locks ({error.strerror}): "
                "make sure that no two commands write there at the same time"
            )
            return
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        return


def _holder(descriptor: int) -> str:
    said = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip()
    return said if said.startswith("process ") else ""
