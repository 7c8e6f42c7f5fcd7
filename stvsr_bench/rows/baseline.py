"""A run made the baseline: all of it or nothing, and what that drops is known before.

The files are first written beside, into `.new-baseline`, whose rename is the moment from which the new baseline holds;
then they are moved to their places. A process that dies before leaves the old baseline as it was; one that dies after
leaves the moving to `finish`, which whoever opens the baseline calls first. Other files of the folder stay.
"""

import json
import shutil
import uuid
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from stvsr_bench.errors import BenchError, DataError, NotRunnableError, UsageError
from stvsr_bench.rows import store
from stvsr_bench.rows.gate_costs import lost_profiles, place_of
from stvsr_bench.rows.gate_rows import values_of
from stvsr_bench.rows.judgement import Names
from stvsr_bench.rows.lines import line_of
from stvsr_bench.rows.matching import match
from stvsr_bench.schema import Row

_STAGED = ".new-baseline"
_NAMES = "names.json"
_COPIED = ("env.json", "profile.jsonl", "run.toml")
# facts of an earlier baseline say nothing of these rows
_REPLACED = ("rows-*.jsonl", *_COPIED, "manifest.json", "failures.jsonl", "superseded.jsonl")


def dropped(baseline: Path, run: Path) -> list[str]:
    """What the baseline holds and would no longer hold after `update`, one line each; none where there is none.

    Raises:
        DataError: the run cannot be read.
        NotRunnableError: it holds no row, or one that a baseline cannot hold.
        UsageError: the run is the baseline, or lies in it.
    """
    rows = _rows(baseline, run)
    finish(baseline)
    if not baseline.is_dir():
        return []
    try:
        old, profiles = store.read_rows(baseline), store.profiles(baseline)
    except BenchError as error:
        return [f"a baseline that cannot be read: {error}"]
    names = Names(old, rows)
    found = match(old, rows)
    gone = [*found.missing, *(row for row, _ in found.unclear)]
    lines = [f"row of {names.method(row)} on {names.place(row)}" for row in gone]
    for a, b in found.pairs:
        lost = [metric for metric in (*a.values, *a.scalars) if values_of(b, metric) is None]
        lines += [f"{metric} of {names.method(a)} on {names.place(a)}" for metric in lost]
    left_out = lost_profiles(profiles, store.profiles(run))
    lines += [f"profile of {one.get('method')} at {place_of(one)}" for one in left_out]
    return lines + [f"file {name}" for name in _held(baseline) if name in _REPLACED[-3:]]


def update(baseline: Path, run: Path) -> int:
    """Make the run the baseline: its rows and facts replace what was there, all at once. The number of rows.

    Raises:
        DataError: the run cannot be read.
        NotRunnableError: it holds no row or one that a baseline cannot hold, or the folder cannot be written.
        UsageError: the run is the baseline, or lies in it.
    """
    rows = _rows(baseline, run)
    finish(baseline)
    text = b"".join(line_of(row) + b"\n" for row in sorted(rows, key=_order))
    files: dict[str, bytes] = {store.rows_file(baseline).name: text}
    try:
        files |= {name: (run / name).read_bytes() for name in _COPIED if (run / name).is_file()}
    except OSError as error:
        raise DataError(f"{run} cannot be read: {error.strerror}") from None
    if "profile.jsonl" in files:  # a profile that is being written now has half a last line
        files["profile.jsonl"] = files["profile.jsonl"][: files["profile.jsonl"].rfind(b"\n") + 1]
    _stage(baseline, files)
    finish(baseline)
    for left in baseline.glob(f"{_STAGED}.*.part"):  # by a process that died
        shutil.rmtree(left, ignore_errors=True)
    return len(rows)


def finish(baseline: Path) -> None:
    """Complete an update that was cut off after the new baseline was whole; nothing where there is none.

    Raises:
        DataError: what is left of it cannot be read.
        NotRunnableError: the folder cannot be written.
    """
    staged = baseline / _STAGED
    if not staged.is_dir():
        return
    names = _listed(staged)
    try:
        for name in _held(baseline):
            if name not in names:
                (baseline / name).unlink()
        for name in names:
            if (staged / name).exists():  # else it was moved before the last process died
                (staged / name).replace(baseline / name)
        done = staged.rename(_beside(baseline))
    except OSError as error:
        raise NotRunnableError(f"cannot write {baseline}: {error.strerror}") from None
    shutil.rmtree(done, ignore_errors=True)


def _listed(staged: Path) -> list[str]:
    """The files of a new baseline; a folder from elsewhere may hold any list, and must reach no other file."""
    names = store.read_json(staged / _NAMES).get("names")
    known = isinstance(names, list) and all(
        isinstance(name, str) and Path(name).name == name and any(fnmatchcase(name, pattern) for pattern in _REPLACED)
        for name in names
    )
    if not (names and known):
        raise DataError(f"{staged} has no new baseline; remove that folder")
    return list(names)


def _rows(baseline: Path, run: Path) -> list[Row]:
    """The rows of a run that may become the baseline."""
    here, there = baseline.resolve(), run.resolve()
    if here == there or here in there.parents:
        raise UsageError(f"{run} is {baseline} itself or a folder in it; name another folder for the baseline")
    rows = store.read_rows(run)
    if not rows:
        raise NotRunnableError(f"{run} has no row; an empty baseline would accept everything")
    return rows


def _order(row: Row) -> tuple[str, ...]:
    return row.method, row.weights, row.dataset, row.split, row.clip, row.protocol_key


def _held(baseline: Path) -> list[str]:
    return sorted(path.name for pattern in _REPLACED for path in baseline.glob(pattern) if path.is_file())


def _beside(baseline: Path) -> Path:
    return baseline / f"{_STAGED}.{uuid.uuid4().hex[:12]}.part"


def _stage(baseline: Path, files: Mapping[str, bytes]) -> None:
    """The files of a new baseline in a folder of their own; with its name they become what holds."""
    part = _beside(baseline)
    listed: Mapping[str, Any] = {"names": sorted(files)}
    try:
        for name, content in {**files, _NAMES: json.dumps(listed).encode()}.items():
            store.write_atomic(part / name, content)
        part.rename(baseline / _STAGED)
    except OSError as error:
        raise NotRunnableError(f"cannot write {baseline}: {error.strerror}; the baseline is as it was") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
