"""Files brought from the web: resumed where a connection broke off, checked before they get their name.

A download grows as `<name>.part` beside its place, with a note of which version of the file it is; only a complete and
checked file is given its name. Nothing here runs unless a verb says so, and never when `STVSR_BENCH_OFFLINE` is set.
"""

import os
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stvsr_bench import hashes
from stvsr_bench.acquire import connection
from stvsr_bench.acquire.connection import (
    BROKEN,
    HEAD,
    Progress,
    SlowError,
    Wanted,
    check_online,
    check_secure,
    is_page,
    length,
)
from stvsr_bench.data.locking import HeldError, alone
from stvsr_bench.errors import DataError, NotRunnableError, counted

__all__ = ["Progress", "Wanted", "check_file", "check_online", "download", "lock_of"]

TRIES = 5  # in a row without a new byte, or too slow


def download(wanted: Wanted, progress: Progress = lambda there, total: None, pause_s: float = 1.0) -> Path:
    """The path of the complete, checked file; what a broken earlier attempt left is continued.

    A file that is there is taken if it has the hash that is known, or if none is known.

    Raises:
        NotRunnableError: STVSR_BENCH_OFFLINE is set, or another process is at it.
        DataError: the server fails, lies or sends a web page, the disk is too small, the file is another than is
            published, or it would come by plain http without a known hash.
    """
    if wanted.path.is_file() and not _wrong(wanted, wanted.path):
        return wanted.path
    check_online(wanted.url)
    check_secure(wanted.url, wanted.proved)
    try:
        with lock_of(wanted.path):
            if wanted.part.is_symlink() or wanted.note.is_symlink():
                raise DataError(f"{wanted.part} is a link; delete it")
            _fetch(wanted, progress, pause_s)
            _finish(wanted)
    except OSError as error:
        raise DataError(f"{wanted.path} cannot be written: {error.strerror or error}") from None
    return wanted.path


@contextmanager
def lock_of(path: Path) -> Iterator[None]:
    """The right to write a file, for one process at a time; its folder is made.

    Raises:
        NotRunnableError: another process has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(path.name + ".lock")
    try:
        with alone(lock, keep=False):
            yield
    except HeldError:
        raise NotRunnableError(f"another process is downloading {path}; wait for it") from None


def check_file(wanted: Wanted, path: Path) -> None:
    """Nothing, if a complete file is what it should be.

    Raises:
        DataError: it is another, or a web page; the sentence says which hash it has.
    """
    if wrong := _wrong(wanted, path):
        raise DataError(f"{wanted.url} {wrong}")


def _wrong(wanted: Wanted, path: Path) -> str:
    """What is wrong with a complete file, "" if nothing: it follows the address in a sentence."""
    if wanted.size and length(path) != wanted.size:
        return f"is not the published file: it has {counted(length(path), 'byte')}, not {wanted.size}"
    if wanted.sha256 and (found := hashes.sha256(path)) != wanted.sha256:
        return f"is not the published file: its SHA-256 is {found}, not {wanted.sha256}"
    if wanted.blob and (found := hashes.blob_id(path)) != wanted.blob:
        return f"is not the published file: its git blob id is {found}, not {wanted.blob}"
    if wanted.page_is_wrong and not wanted.proved and is_page(_head(path)):
        return f"answers with a web page, not with {wanted.path.name}"
    return ""


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def _fetch(wanted: Wanted, progress: Progress, pause_s: float) -> None:
    """Bring the part to its full length, through as many connections as it takes while each brings something."""
    failures, complaint, most = 0, "", length(wanted.part)
    while failures < TRIES:
        slow = False
        try:
            if connection.one_connection(wanted, progress):
                return
            complaint = "the server ended early"
        except SlowError as error:
            slow, complaint = True, f"the server is too slow: {error}"
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (408, 429):  # these two, timeout and too many requests, pass
                raise DataError(f"{wanted.url}: the server answers {error.code} {error.reason}") from None
            complaint = f"the server answers {error.code}"
        except BROKEN as error:
            complaint = connection.cause(error)
        # a connection that brought something is no failure: 82 GB may break off more often than TRIES
        failures = 0 if length(wanted.part) > most and not slow else failures + 1
        most = max(most, length(wanted.part))
        time.sleep(pause_s * min(failures, 10))
    there = length(wanted.part)
    what = f"broke off after {counted(there, 'byte')}" if most else "cannot be downloaded"
    raise DataError(f"{wanted.url} {what} ({complaint}); repeat the command to {'continue' if most else 'try again'}")


def _finish(wanted: Wanted) -> None:
    """Give the complete part its name, if it is what it should be; its bytes are on the disk before."""
    if wrong := _wrong(wanted, wanted.part):
        wanted.part.unlink()
        wanted.note.unlink(missing_ok=True)
        raise DataError(f"{wanted.url} {wrong}; it was deleted")
    with wanted.part.open("r+b") as file:  # Windows syncs no file that is open for reading only
        os.fsync(file.fileno())
    wanted.part.replace(wanted.path)
    wanted.note.unlink(missing_ok=True)
