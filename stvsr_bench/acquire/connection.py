"""One request of a download: what is asked, what the answer may be, and its bytes put behind those that are there.

No claim of a server is believed: a range, a length, a version or a kind that does not fit ends the connection, and
what would mix two files is thrown away.
"""

import errno
import http.client
import json
import os
import queue
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from stvsr_bench.acquire.room import check_room
from stvsr_bench.errors import DataError, NotRunnableError, UsageError, counted

Progress = Callable[[int, int], None]  # bytes there, bytes in all (0: not known)

PATIENCE_S = 30.0  # without any byte
LEAST_BYTES_S = 1024  # a server that is slower, over a window, is left
WINDOW_S = 60.0
ANSWER_S = 120.0  # for the whole head of an answer: each byte of it may come within PATIENCE_S
BLOCK = 1 << 18
HEAD = 1024  # bytes that are looked at for a web page
BROKEN = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError)
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")  # byte-order marks of UTF-8 and UTF-16
_PAGES = ("text/html", "application/xhtml+xml")
_CAUSES = {
    errno.ECONNREFUSED: "the server refuses the connection",
    errno.ECONNRESET: "the server broke the connection off",
    errno.ENETUNREACH: "there is no network",
    errno.ENETDOWN: "there is no network",
    errno.EHOSTUNREACH: "no way leads to the server",
}
HERE = ("127.0.0.1", "localhost", "::1")


class SlowError(Exception):
    """A server that sends so little that the file would never come."""


@dataclass(frozen=True)
class Wanted:
    """A file on the web and where it goes, with the SHA-256, the git blob id and the size that it must have ("", 0: not
    known). `page_is_wrong`: a web page in its place is a fault of the server."""

    url: str
    path: Path
    sha256: str = ""
    page_is_wrong: bool = True
    blob: str = ""
    size: int = 0

    @property
    def proved(self) -> bool:
        """Whether its content is known beforehand."""
        return bool(self.sha256 or self.blob)

    @property
    def part(self) -> Path:
        """The file while it is incomplete."""
        return self.path.with_name(self.path.name + ".part")

    @property
    def note(self) -> Path:
        """Which version of the file the part is of."""
        return self.path.with_name(self.path.name + ".part.json")


def check_online(url: str) -> None:
    """Whether the network may be used for this address.

    Raises:
        NotRunnableError: STVSR_BENCH_OFFLINE is set.
        UsageError: it is no http(s) address.
    """
    check_network(url)
    if urlsplit(url).scheme not in ("http", "https"):
        raise UsageError(f"{url} is not an http or https address")


def check_network(what: str) -> None:
    """Whether the network may be used at all, for what is named.

    Raises:
        NotRunnableError: STVSR_BENCH_OFFLINE is set.
    """
    if os.environ.get("STVSR_BENCH_OFFLINE", "") not in ("", "0"):
        raise NotRunnableError(
            f"STVSR_BENCH_OFFLINE is set, so {what} is not downloaded; unset it, or put the file there yourself"
        )


def check_secure(url: str, proved: bool) -> None:
    """Whether what comes from this address can be believed: over TLS, from this machine, or with a known hash.

    Raises:
        DataError: plain http, and nothing to compare the file with.
    """
    parts = urlsplit(url)
    if parts.scheme == "http" and not proved and parts.hostname not in HERE:
        raise DataError(
            f"{url} is plain http and no hash of the file is known, so anybody between could change it; "
            "download the file by https"
        )


def one_connection(wanted: Wanted, progress: Progress) -> bool:
    """Append what one request brings; whether the file is then complete.

    Raises:
        DataError: the answer is no file, or is not to be believed.
        SlowError, OSError, http.client.HTTPException: the connection failed; another may do better.
    """
    note = _read_note(wanted)
    there = length(wanted.part)
    try:
        answer = _answer(wanted, _request(wanted, there, str(note.get("version") or "")))
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
        if start not in (0, there) or (start and _is_of_another(wanted, note, _version(answer), total)):
            wanted.part.unlink(missing_ok=True)  # not the range that was asked for, or of another file
            return False
        if wanted.size and total and total != wanted.size:
            raise DataError(
                f"{wanted.url} is not the published file: it has {counted(total, 'byte')}, not {wanted.size}"
            )
        check_room(wanted.path.parent, max(0, total - start))
        _write_note(wanted, _version(answer), total)
        return _append(wanted, answer, start, total, progress)


def cause(error: BaseException) -> str:
    """Why a connection failed, in words; the system's own where there are no better ones."""
    reason = getattr(error, "reason", None)
    under = reason if isinstance(reason, BaseException) else error
    if isinstance(under, socket.gaierror):
        return "the host is not known: there is no network, or the address is wrong"
    if isinstance(under, ssl.SSLCertVerificationError):
        return f"the certificate of the server is not valid: {under.verify_message}"
    if isinstance(under, TimeoutError):
        return f"no answer within {PATIENCE_S:.0f} s"
    if isinstance(under, http.client.BadStatusLine) and not isinstance(under, http.client.RemoteDisconnected):
        return "it is not a web server"  # the error's own text is what it sent
    named = _CAUSES.get(getattr(under, "errno", None) or 0)
    return named or str(reason or error) or type(error).__name__


def is_page(head: bytes) -> bool:
    """Whether a file begins as a web page (HTML or XML) does; no data set or checkpoint does."""
    for mark in _MARKS:
        head = head.removeprefix(mark)
    return head.lstrip(b" \t\r\n\0\x0b\x0c").startswith(b"<")


def length(path: Path) -> int:
    """Bytes of a file, 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextmanager
def opened(path: Path, flags: int) -> Iterator[IO[bytes]]:
    """A file to be written; a link in its place, which somebody else may have put there, is an OSError."""
    with open(os.open(path, flags | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666), "r+b") as file:  # noqa: PTH123
        yield file


def _request(wanted: Wanted, there: int, version: str) -> urllib.request.Request:
    # identity: ranges of a packed answer would not be ranges of the file
    request = urllib.request.Request(wanted.url, headers={"User-Agent": "stvsr-bench", "Accept-Encoding": "identity"})
    if there:
        request.add_header("Range", f"bytes={there}-")
        if version:
            # another version is then sent whole; its end is never put behind the beginning of the old one
            request.add_header("If-Range", version)
    return request


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Redirects that are looked at before they are followed: Python's own would go to ftp, and from https to http."""

    def __init__(self, proved: bool) -> None:
        self.proved = proved

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme not in ("http", "https"):
            raise DataError(f"{req.full_url} leads to {newurl}, which is not an http or https address")
        check_secure(newurl, self.proved)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _answer(wanted: Wanted, request: urllib.request.Request) -> Any:
    """The answer, once its head is there: read in a thread, since a head that trickles in would never time out."""
    opener = urllib.request.build_opener(_Redirects(wanted.proved))
    results: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            results.put(opener.open(request, timeout=PATIENCE_S))
        except BaseException as error:  # noqa: BLE001 - it is raised again where somebody waits for it
            results.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        found = results.get(timeout=ANSWER_S)
    except queue.Empty:
        raise SlowError(f"no answer within {ANSWER_S:.0f} s") from None
    if isinstance(found, OSError) and not isinstance(found, BROKEN):
        raise urllib.error.URLError(found)  # a plain OSError would be taken for one of the disk
    if isinstance(found, BaseException):
        raise found
    return found


def _check_answer(wanted: Wanted, answer: Any) -> None:
    if wanted.page_is_wrong and answer.headers.get_content_type() in _PAGES:
        raise DataError(f"{wanted.url} answers with a web page, not with {wanted.path.name}")
    encoding = (answer.headers.get("Content-Encoding") or "identity").strip().lower()
    # servers say gzip of an archive that is one itself: where the hash is known, it decides
    if encoding != "identity" and not wanted.proved:
        raise DataError(f"{wanted.url} sends the file compressed ({encoding}), although the request forbids it")


def _range(answer: Any) -> tuple[int, int]:
    """Where the answer starts (-1: nonsense) and how long the whole file is (0: not told)."""
    told = _whole(answer.headers.get("Content-Length"))
    if answer.status != 206:
        return 0, told
    unit, _, span = (answer.headers.get("Content-Range") or "").partition(" ")
    span, _, total = span.partition("/")
    first = span.partition("-")[0]
    if unit != "bytes" or not _is_whole(first):
        return -1, 0
    return int(first), _whole(total) or int(first) + told


def _is_of_another(wanted: Wanted, note: dict[str, Any], version: str, total: int) -> bool:
    """Whether the rest that a server sends is that of another file than the part is of, as far as it says."""
    if note.get("total") not in (0, total):
        return True
    known = str(note.get("version") or "")
    # a server may leave the version out of a rest; only a hash can then tell
    return version != known and (bool(version and known) or not wanted.proved)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def _whole(text: str | None) -> int:
    return int(text) if text and _is_whole(text) else 0


def _append(wanted: Wanted, answer: Any, start: int, total: int, progress: Progress) -> bool:
    """Write what comes, from byte `start` on; whether that was all."""
    there, whole = start, True
    since, before = time.monotonic(), start
    # not O_APPEND: the server decides where its answer starts, and that may be the beginning
    with opened(wanted.part, os.O_RDWR) as file:
        file.seek(start)
        file.truncate()
        while block := _block(answer):
            # sign-in and quota pages often come with the type of the file
            if there == 0 and wanted.page_is_wrong and is_page(block.data[:HEAD]):
                raise DataError(f"{wanted.url} answers with a web page, not with {wanted.path.name}")
            if not total:
                check_room(wanted.path.parent, len(block.data))
            file.write(block.data)
            there += len(block.data)
            whole = block.whole
            if wanted.size and there > wanted.size:  # where no length was said, it might never end
                wanted.part.unlink(missing_ok=True)
                raise DataError(
                    f"{wanted.url} is not the published file: it has more than {counted(wanted.size, 'byte')}"
                )
            if total and there > total:
                break
            progress(there, total)
            if (spent := time.monotonic() - since) > WINDOW_S:
                if there - before < LEAST_BYTES_S * spent:
                    raise SlowError(f"{(there - before) / spent:.0f} bytes per second")
                since, before = time.monotonic(), there
    return there == total if total else whole and there > 0


@dataclass(frozen=True)
class _Block:
    data: bytes
    whole: bool


def _block(answer: Any) -> _Block | None:
    """The next bytes; `whole` is false where the connection ended in the middle."""
    try:
        # what is there, and not BLOCK bytes however long they take: a trickle must be seen
        data = answer.read1(BLOCK)
    except http.client.IncompleteRead as error:
        return _Block(error.partial, False) if error.partial else None
    except BROKEN:
        raise
    except OSError as error:
        raise urllib.error.URLError(error) from None  # as above: this is the network, not the disk
    return _Block(data, True) if data else None


def _version(answer: Any) -> str:
    version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
    return "" if version.startswith("W/") else str(version)  # a weak tag may not guard a range


def _read_note(wanted: Wanted) -> dict[str, Any]:
    """What is known of the part; a part of another address, or of an unknown version, is not continued."""
    try:
        note = json.loads(wanted.note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        note = None
    if isinstance(note, dict) and note.get("url") == wanted.url and (note.get("version") or wanted.proved):
        return note
    wanted.part.unlink(missing_ok=True)
    return {}


def _write_note(wanted: Wanted, version: str, total: int) -> None:
    with opened(wanted.note, os.O_RDWR | os.O_TRUNC) as file:
        file.write(json.dumps({"url": wanted.url, "version": version, "total": total}).encode())
