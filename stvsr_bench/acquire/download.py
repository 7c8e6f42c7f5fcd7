"""Files brought from the web: resumed where a connection broke off, checked before they get their name.

A download grows as `<name>.part` beside its place, with a note of which version of the file it is; only a complete and
checked file is given its name. Nothing here runs unless a verb says so, and never when `STVSR_BENCH_OFFLINE` is set.
"""

import hashlib
import http.client
import json
import os
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stvsr_bench.data.locking import HeldError, alone
from stvsr_bench.errors import DataError, NotRunnableError, UsageError

Progress = Callable[[int, int], None]  # bytes there, bytes in all (0: not known)

TRIES = 5  # in a row without a new byte
PATIENCE_S = 30.0
BLOCK = 1 << 18
SPARE_BYTES = 64 * 2**20  # left free on the disk
_BROKEN = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError)


@dataclass(frozen=True)
class Wanted:
    """A file on the web and where it goes. `page_is_wrong`: a web page in its place is a fault of the server."""

    url: str
    path: Path
    sha256: str = ""
    page_is_wrong: bool = True

    @property
    def part(self) -> Path:
        """The file while it is incomplete."""
        return self.path.with_name(self.path.name + ".part")

    @property
    def note(self) -> Path:
        """Which version of the file the part is of."""
        return self.path.with_name(self.path.name + ".part.json")


def download(wanted: Wanted, progress: Progress = lambda there, total: None, pause_s: float = 1.0) -> Path:
    """The path of the complete, checked file; what a broken earlier attempt left is gone on with.

    Raises:
        NotRunnableError: STVSR_BENCH_OFFLINE is set, or another process is at it.
        DataError: the server fails, lies or sends a web page, the disk is too small, or the SHA-256 is another.
    """
    check_online(wanted.url)
    if wanted.path.is_file() and (not wanted.sha256 or file_sha256(wanted.path) == wanted.sha256):
        return wanted.path
    try:
        wanted.path.parent.mkdir(parents=True, exist_ok=True)
        lock = wanted.path.with_name(wanted.path.name + ".lock")
        with alone(lock):
            _fetch(wanted, progress, pause_s)
            _finish(wanted)
        lock.unlink(missing_ok=True)
    except HeldError:
        raise NotRunnableError(f"another process is downloading {wanted.path}; wait for it") from None
    except OSError as error:
        raise DataError(f"{wanted.path} cannot be written: {error.strerror or error}") from None
    return wanted.path


def check_online(url: str) -> None:
    """Whether the network may be used for this address.

    Raises:
        NotRunnableError: STVSR_BENCH_OFFLINE is set.
        UsageError: it is no http(s) address.
    """
    if os.environ.get("STVSR_BENCH_OFFLINE", "") not in ("", "0"):
        raise NotRunnableError(
            f"STVSR_BENCH_OFFLINE is set, so {url} is not fetched; unset it or bring the file yourself"
        )
    if urlsplit(url).scheme not in ("http", "https"):
        raise UsageError(f"{url} is no http or https address")


def check_room(folder: Path, needed_bytes: int) -> None:
    """Whether a folder's disk has room.

    Raises:
        DataError: it has not; the sentence says how much is missing.
    """
    free = shutil.disk_usage(folder).free
    if needed_bytes + SPARE_BYTES > free:
        raise DataError(f"{folder} has {free / 1e9:.1f} GB free, but {needed_bytes / 1e9:.1f} GB are needed")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(wanted: Wanted, progress: Progress, pause_s: float) -> None:
    """Bring the part to its full length, through as many connections as it takes while each brings something."""
    failures, complaint, most = 0, "", _length(wanted.part)
    while failures < TRIES:
        try:
            if _one_connection(wanted, progress):
                return
            complaint = "the server ended early"
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (408, 429):  # these two, timeout and too many requests, pass
                raise DataError(f"{wanted.url}: the server answers {error.code} {error.reason}") from None
            complaint = f"the server answers {error.code}"
        except _BROKEN as error:
            complaint = str(getattr(error, "reason", "") or error) or type(error).__name__
        # a connection that brought something is no failure: 82 GB may break off more often than TRIES
        failures = 0 if _length(wanted.part) > most else failures + 1
        most = max(most, _length(wanted.part))
        time.sleep(pause_s * min(failures, 10))
    raise DataError(
        f"{wanted.url} broke off after {_length(wanted.part)} bytes ({complaint}); the same command goes on from there"
    )


def _one_connection(wanted: Wanted, progress: Progress) -> bool:
    """Append what one request brings; whether the file is then complete."""
    note = _read_note(wanted)
    there = _length(wanted.part)
    # identity: ranges of a packed answer would not be ranges of the file
    request = urllib.request.Request(wanted.url, headers={"User-Agent": "stvsr-bench", "Accept-Encoding": "identity"})
    if there:
        request.add_header("Range", f"bytes={there}-")
        if note.get("version"):
            # another version is then sent whole; its end is never put behind the beginning of the old one
            request.add_header("If-Range", str(note["version"]))
    try:
        answer = urllib.request.urlopen(request, timeout=PATIENCE_S)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not there:
            raise
        if note.get("total") == there:
            return True
        wanted.part.unlink()  # nothing after what we have: it is another file by now
        return False
    with answer:
        _check_answer(wanted, answer)
        start, total = _range(answer)
        if start not in (0, there) or (start and note.get("total") not in (0, total)):
            wanted.part.unlink()  # not the range that was asked for, or of another file
            return False
        check_room(wanted.path.parent, max(0, total - start))
        _write_note(wanted, answer, total)
        return _append(wanted, answer, start, total, progress)


def _check_answer(wanted: Wanted, answer: Any) -> None:
    check_online(answer.url)  # a redirect may lead to another scheme
    if wanted.page_is_wrong and answer.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise DataError(f"{wanted.url} answers with a web page, not with {wanted.path.name}")


def _range(answer: Any) -> tuple[int, int]:
    """Where the answer starts (-1: nonsense) and how long the whole file is (0: not told)."""
    length = _whole(answer.headers.get("Content-Length"))
    if answer.status != 206:
        return 0, length
    unit, _, told = (answer.headers.get("Content-Range") or "").partition(" ")
    span, _, total = told.partition("/")
    first = span.partition("-")[0]
    if unit != "bytes" or not first.isdecimal():
        return -1, 0
    return int(first), _whole(total) or int(first) + length


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() else 0


def _append(wanted: Wanted, answer: Any, start: int, total: int, progress: Progress) -> bool:
    """Write what comes, from byte `start` on; whether that was all."""
    there, whole = start, True
    # not "ab": the server decides where its answer starts, and that may be the beginning
    with wanted.part.open("r+b" if start else "wb") as file:
        file.seek(start)
        file.truncate()
        while block := _block(answer):
            # sign-in and quota pages often come with the type of the file
            if there == 0 and wanted.page_is_wrong and block.data.lstrip()[:1] == b"<":
                raise DataError(f"{wanted.url} answers with a web page, not with {wanted.path.name}")
            if not total:
                check_room(wanted.path.parent, len(block.data))
            file.write(block.data)
            there += len(block.data)
            whole = block.whole
            progress(there, total)
    return there == total if total else whole and there > 0


@dataclass(frozen=True)
class _Block:
    data: bytes
    whole: bool


def _block(answer: Any) -> _Block | None:
    """The next bytes; `whole` is false where the connection ended in the middle."""
    try:
        data = answer.read(BLOCK)
    except http.client.IncompleteRead as error:
        return _Block(error.partial, False) if error.partial else None
    return _Block(data, True) if data else None


def _finish(wanted: Wanted) -> None:
    """Give the complete part its name, if it is what it should be."""
    found = file_sha256(wanted.part)
    if wanted.sha256 and found != wanted.sha256:
        wanted.part.unlink()
        wanted.note.unlink(missing_ok=True)
        raise DataError(
            f"{wanted.url} is not the published file: its SHA-256 is {found}, not {wanted.sha256}; it was deleted"
        )
    wanted.part.replace(wanted.path)
    wanted.note.unlink(missing_ok=True)


def _read_note(wanted: Wanted) -> dict[str, Any]:
    """What is known of the part; a part of another address, or of an unknown version, is not gone on with."""
    try:
        note = json.loads(wanted.note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        note = None
    if isinstance(note, dict) and note.get("url") == wanted.url and (note.get("version") or wanted.sha256):
        return note
    wanted.part.unlink(missing_ok=True)
    return {}


def _write_note(wanted: Wanted, answer: Any, total: int) -> None:
    version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
    version = "" if version.startswith("W/") else version  # a weak tag may not guard a range
    wanted.note.write_text(json.dumps({"url": wanted.url, "version": version, "total": total}), encoding="utf-8")


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
