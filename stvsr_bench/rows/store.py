"""A run on disk: `manifest.json` and `rows-<worker>.jsonl`, append-only; what is done, what is missing.

Each worker appends to a file of its own and the reader merges, so sharing out needs no lock. A line is written and
synced as a whole; a half-written last line (a killed process, a full disk) is dropped by the reader and cut off by the
next writer. Any other line that is no row is an error: a row that is skipped would change a mean without a word.
Rows start with their key, so that resuming reads keys without parsing rows.
"""

import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from stvsr_bench.data.atomic import whole
from stvsr_bench.errors import DataError, NotRunnableError
from stvsr_bench.schema import SCHEMA_VERSION, Row

ROWS = TypeAdapter(Row)
# pydantic writes fields in the order of the class, and `key` is the first: no JSON is parsed to resume
_KEY_START = b'{"key":"'
_MARK = b"\xef\xbb\xbf"


class Appender:
    """Appends JSON lines to one file, each synced to disk before the next clip is begun."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _cut_half_line(path)
            # append mode: two processes that ignore the lock interleave lines, not bytes
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise NotRunnableError(f"cannot write {path}: {error.strerror}") from None

    def line(self, text: bytes) -> None:
        """Write one line and wait until it is on disk.

        Raises:
            NotRunnableError: the disk is full or read-only; what was written before stays valid.
        """
        start = self._file.tell()
        try:
            written = self._file.write(text + b"\n")
            # an unbuffered write may write less than asked without an error
            if written != len(text) + 1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            # a clip costs seconds to minutes, a sync milliseconds: a lost machine may lose one clip and no more
            os.fsync(self._file.fileno())
        except OSError as error:
            self._undo(start)
            raise NotRunnableError(f"cannot write {self.path}: {error.strerror}; the rows so far are safe") from None

    def row(self, row: Row) -> None:
        """Append one row."""
        self.line(ROWS.dump_json(row))

    def _undo(self, start: int) -> None:
        """Cut a half-written line off; where even that fails, the reader drops it."""
        with suppress(OSError):
            self._file.truncate(start)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self._file.close()
        except OSError:
            if error is None:
                raise


def rows_file(run: Path, worker: str = "main") -> Path:
    """Where a worker appends its rows."""
    return run / f"rows-{worker}.jsonl"


def done(run: Path, metrics: Iterable[str] = ()) -> set[str]:
    """Keys of all complete rows of a run that hold the metrics, without parsing a row where none is asked for.

    Raises:
        DataError: a line that is no row, and not the half-written last one.
    """
    needed = set(metrics)
    if needed:
        return {row.key for row in read_rows(run) if needed <= _measured(row)} if run.is_dir() else set()
    return {_key(path, number, line) for path, number, line in _lines(run)}


def _key(path: Path, number: int, line: bytes) -> str:
    end = line.find(b'"', len(_KEY_START))
    try:
        if line.startswith(_KEY_START) and line.endswith(b"}") and end > 0:
            return line[len(_KEY_START) : end].decode()
        return str(json.loads(line)["key"])  # written by another program: spaces, or another order of fields
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DataError(f"{path}, line {number}: the key of a row cannot be read; was it edited?") from None


def _measured(row: Row) -> set[str]:
    """The metrics of a row, and those that this clip cannot have (a true flow that no one knows)."""
    return {*row.values, *row.scalars, *row.how.get("left_out", "").split(",")}


def read_rows(run: Path) -> list[Row]:
    """All rows of a run, in the order of files and lines; of rows with equal keys the last one counts.

    Raises:
        DataError: there is no run in this folder, or a line is no row and not the half-written last one.
    """
    if not run.is_dir():
        raise DataError(f"no run in {run}: the folder does not exist; start one with stvsr-bench run")
    rows: dict[str, Row] = {}
    for path, number, line in _lines(run):
        row = _row(path, number, line)
        # the later row moves to the end, so that order is that of the last measurement
        rows.pop(row.key, None)
        rows[row.key] = row
    return list(rows.values())


def _row(path: Path, number: int, line: bytes) -> Row:
    try:
        row = ROWS.validate_json(line)
    except ValidationError as error:
        if (version := _schema_version(line)) > SCHEMA_VERSION:
            raise DataError(
                f"{path}, line {number}: written by a newer stvsr-bench (its rows have schema {version}, this one "
                f"reads up to {SCHEMA_VERSION}); update stvsr-bench"
            ) from None
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "line"
        raise DataError(
            f"{path}, line {number}: a row cannot be read ({where}: {first['msg']}); was it edited?"
        ) from None
    lengths = {"given": len(row.given), **{name: len(values) for name, values in row.values.items()}}
    if wrong := next((name for name, length in lengths.items() if length != len(row.frames)), None):
        raise DataError(
            f"{path}, line {number}: {wrong} has {lengths[wrong]} entries for {len(row.frames)} frames; was it edited?"
        )
    return row


def _schema_version(line: bytes) -> int:
    """What a row that cannot be read says of its schema; 0 where it says nothing."""
    with suppress(ValueError, RecursionError):
        found = json.loads(line)
        version = found.get("schema_version") if isinstance(found, dict) else None
        return version if isinstance(version, int) else 0
    return 0


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a file; empty if there is none.

    Raises:
        DataError: the file holds no JSON object.
    """
    return _object(path, path.read_bytes()) if path.is_file() else {}


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """All complete lines of a JSON-lines file as dicts; none if there is no file.

    Raises:
        DataError: a line before the last is no JSON.
    """
    return [_object(path, line) for _, line in complete_lines(path)]


def _object(path: Path, text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise DataError(f"{path} is no JSON object")
    return found


def read_failures(run: Path) -> list[dict[str, Any]]:
    """What failed and was not done since, one dict per clip: `key, method, dataset, split, clip, error`.

    Raises:
        DataError: a line before the last is damaged.
    """
    finished = done(run)
    entries = read_jsonl(run / "failures.jsonl")
    if not all(isinstance(entry.get("key"), str) for entry in entries):
        raise DataError(f"{run / 'failures.jsonl'}: an entry has no key; was it edited?")
    latest = {entry["key"]: entry for entry in entries}
    return [entry for key, entry in latest.items() if key not in finished]


def profiles(run: Path) -> list[dict[str, Any]]:
    """The lines of `profile.jsonl`: cost of each method on each machine."""
    return read_jsonl(run / "profile.jsonl")


def write_atomic(path: Path, content: str | bytes) -> None:
    """The file with this content, or the file as it was: never half of it.

    Raises:
        NotRunnableError: the folder cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        with whole(path) as file:
            file.write(data)
    except OSError as error:
        raise NotRunnableError(f"cannot write {path}: {error.strerror}") from None


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """A JSON file, readable and in a fixed order of keys."""
    write_atomic(path, json.dumps(value, indent=2, sort_keys=True, default=str) + "\n")


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold a run folder alone; two runs that write one folder would double its rows.

    Raises:
        NotRunnableError: another process holds it, or it cannot be written.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        # released by the system when the process dies, unlike a file that says "locked"
        lock = FileLock(run / ".lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise NotRunnableError(
            f"{run} is in use by another stvsr-bench; wait for it, stop it, or choose another folder with --out"
        ) from None
    except OSError as error:
        raise NotRunnableError(f"cannot write {run}: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()


def _lines(run: Path) -> Iterator[tuple[Path, int, bytes]]:
    for path in sorted(run.glob("rows-*.jsonl")):
        yield from ((path, number, line) for number, line in complete_lines(path))


def complete_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not empty, with their numbers, without what ends them; none if there is no file.

    The last one is left out where it was written in part. Git and editors on Windows change the ends of lines and put
    a byte-order mark in front: neither makes a row less of a row.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.removeprefix(_MARK).strip() if number == 1 else line.strip()
            if text and (line.endswith(b"\n") or _is_object(text)):
                yield number, text


def _is_object(text: bytes) -> bool:
    """Whether a line without an end is whole all the same: an editor may have taken the last newline away."""
    with suppress(ValueError, RecursionError):
        return isinstance(json.loads(text), dict)
    return False


def _cut_half_line(path: Path) -> None:
    """Drop what follows the last complete line, or end it where it is whole: the next one starts on its own."""
    if not path.is_file():
        return
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        position = size
        while position:
            step = min(4096, position)
            file.seek(position - step)
            found = file.read(step).rfind(b"\n")
            if found >= 0:
                position = position - step + found + 1
                break
            position -= step
        file.seek(position)
        if _is_object(file.read().strip()):
            file.write(b"\n")
        elif position < size:
            file.truncate(position)
