"""A run on disk: `manifest.json` and `rows-<worker>.jsonl`, append-only; what is done, what is missing.

Each worker appends to a file of its own and the reader merges, so sharing out needs no lock. A line is written and
synced as a whole; a half-written last line (a killed process, a full disk) is dropped by the reader and cut off by the
next writer. Any other line that is no row is an error: a row that is skipped would change a mean without a word.
What a line looks like is `rows.lines`'.
"""

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Set
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from stvsr_bench.data.atomic import synced, whole
from stvsr_bench.data.locking import HeldError, alone
from stvsr_bench.errors import DataError, NotRunnableError
from stvsr_bench.rows.lean import Shared
from stvsr_bench.rows.lines import (
    MARK,
    Head,
    complete_lines,
    cut_half_line,
    facts_of,
    head_of,
    line_of,
    placed_lines,
    row_of,
)
from stvsr_bench.schema import Row

SUPERSEDED = "superseded.jsonl"


class Appender:
    """Appends JSON lines to one file, each synced to disk before the next clip is begun."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            cut_half_line(path)
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
            synced(self._file)
        except OSError as error:
            self._undo(start)
            raise NotRunnableError(f"cannot write {self.path}: {error.strerror}; the rows so far are safe") from None

    def row(self, row: Row) -> None:
        """Append one row."""
        self.line(line_of(row))

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


def heads(run: Path) -> Iterator[Head]:
    """The beginnings of all complete rows, in the order of files and lines; no row is parsed.

    Raises:
        DataError: a line that is no row, and not the half-written last one.
    """
    known: dict[bytes, Mapping[str, str]] = {}
    for path, number, line in _lines(run):
        yield head_of(path, number, line, known)


def done(run: Path) -> set[str]:
    """Keys of all complete rows of a run, without parsing a row.

    Raises:
        DataError: a line that is no row, and not the half-written last one.
    """
    return {head.key for head in heads(run)}


def measured(row: Row) -> set[str]:
    """The metrics of a row, and those that this clip cannot have (a true flow that no one knows)."""
    return {*row.values, *row.scalars, *row.how.get("left_out", "").split(",")}


def read_rows(run: Path) -> list[Row]:
    """All rows of a run, in the order of files and lines; of rows with equal keys the last one counts.

    Raises:
        DataError: there is no run in this folder, or a line is no row and not the half-written last one.
    """
    rows: dict[str, Row] = {}
    for row in stream_rows(run):
        # the later row moves to the end, so that order is that of the last measurement
        rows.pop(row.key, None)
        rows[row.key] = row
    return list(rows.values())


def stream_rows(run: Path, keys: Set[str] | None = None) -> Iterator[Row]:
    """The rows of a run one by one, all or those of some keys; a row measured again comes twice, the valid one last.

    Raises:
        DataError: there is no run in this folder, or a line is no row and not the half-written last one.
    """
    _there(run)
    known: dict[bytes, Mapping[str, str]] = {}
    shared = Shared()
    for path, number, line in _lines(run):
        if keys is None or head_of(path, number, line, known).key in keys:
            yield shared.row(row_of(path, number, line))


class Place(NamedTuple):
    """Where a row lies on disk, so that one can be read when its turn comes."""

    path: Path
    number: int
    begin: int

    def row(self) -> Row:
        """The row that begins here.

        Raises:
            DataError: it is no row any more.
        """
        with self.path.open("rb") as file:
            file.seek(self.begin)
            return row_of(self.path, self.number, file.readline().removeprefix(MARK).strip())


def places(run: Path) -> dict[str, Place]:
    """Where the valid row of each key lies, in the order of `read_rows`; some hundred bytes for each.

    Raises:
        DataError: there is no run in this folder, or the key of a row cannot be read.
    """
    _there(run)
    known: dict[bytes, Mapping[str, str]] = {}
    found: dict[str, Place] = {}
    for path in sorted(run.glob("rows-*.jsonl")):
        for number, begin, line in placed_lines(path):
            key = head_of(path, number, line, known).key
            found.pop(key, None)
            found[key] = Place(path, number, begin)
    return found


def supersede(run: Path, keys: Set[str]) -> int:
    """Move the rows of some keys to `superseded.jsonl`, where no reader looks; how many there were.

    They are written there before they are taken away: a process that is killed between the two loses nothing.
    """
    known: dict[bytes, Mapping[str, str]] = {}
    moved = 0
    for path in sorted(run.glob("rows-*.jsonl")) if keys else ():
        kept: list[bytes] = []
        gone: list[bytes] = []
        for number, line in complete_lines(path):
            (gone if head_of(path, number, line, known).key in keys else kept).append(line)
        if gone:
            with Appender(run / SUPERSEDED) as old:
                old.line(b"\n".join(gone))
            write_atomic(path, b"".join(line + b"\n" for line in kept))
        moved += len(gone)
    return moved


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a file; empty if there is none.

    Raises:
        DataError: the file holds no JSON object.
    """
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not valid JSON: {error}; delete it, the rows are safe") from None
    if not isinstance(found, dict):
        raise DataError(f"{path} is not a JSON object; delete it, the rows are safe")
    return found


def environments(run: Path) -> dict[str, dict[str, Any]]:
    """What `env.json` says of each machine and its versions, by the name that rows have for it.

    Raises:
        DataError: the file is damaged.
    """
    found = read_json(run / "env.json")
    if not all(isinstance(facts, dict) for facts in found.values()):
        raise DataError(f"{run / 'env.json'} has something other than facts; delete it, the rows are safe")
    return found


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """All complete lines of a JSON-lines file as dicts; none if there is no file.

    Raises:
        DataError: a line before the last is no JSON, or was edited.
    """
    return [facts_of(f"{path}, line {number}", line) for number, line in complete_lines(path)]


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


def sweep(run: Path) -> None:
    """Delete what killed processes left half written in a run folder, which is held alone."""
    for pattern in (".*.part", "frames/*/*/*/*/.*.part"):
        for left in run.glob(pattern):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """A JSON file, readable and in a fixed order of keys."""
    write_atomic(path, json.dumps(value, indent=2, sort_keys=True, default=str) + "\n")


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold a run folder alone; two runs that write one folder would double its rows.

    Raises:
        NotRunnableError: another process holds it, or it cannot be written.
    """
    with ExitStack() as held:
        try:
            run.mkdir(parents=True, exist_ok=True)
            held.enter_context(alone(run / ".lock"))
        except HeldError as error:
            who = f" ({error})" if str(error) else ""
            raise NotRunnableError(
                f"{run} is in use by another stvsr-bench{who}; wait for it, stop it, "
                "or choose another folder with --out"
            ) from None
        except OSError as error:
            raise NotRunnableError(f"cannot write {run}: {error.strerror}") from None
        yield


def _there(run: Path) -> None:
    if not run.is_dir():
        raise DataError(f"no run in {run}: the folder does not exist; start one with stvsr-bench run")


def _lines(run: Path) -> Iterator[tuple[Path, int, bytes]]:
    for path in sorted(run.glob("rows-*.jsonl")):
        yield from ((path, number, line) for number, line in complete_lines(path))
