"""The lines of a run's files: what a row looks like on disk, and how it is read back without trusting it.

A row's line begins with its key and what made it, so that resuming reads the beginning of each line and no values, and
ends with a digest of all before it: a line that was edited, cut or mixed with another is an error and never a number.
"""

import hashlib
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from stvsr_bench.errors import DataError, counted
from stvsr_bench.schema import SCHEMA_VERSION, Row

ROWS = TypeAdapter(Row)
MARK = b"\xef\xbb\xbf"
_TEXT = rb'"((?:[^"\\]|\\.)*)"'
_PLACE = ("method", "weights", "dataset", "split", "clip", "protocol", "protocol_key")
# pydantic writes fields in the order of the class: these are the first ones of every line
_HEAD = re.compile(
    rb'\{"key":' + _TEXT + rb',"made":(\{[^{}]*\}),"stamp":' + _TEXT
    + b"".join(b',"%s":' % name.encode() + _TEXT for name in _PLACE)
)  # fmt: skip
LARGEST = 1e9  # of a metric's values: the largest is MSE's, 65025
_MOST = {"motion_px": 1e6, "params": 1e15, "seconds": 1e9, "size": 1e6, "frames": 1e9}
_DIGEST = re.compile(rb',"digest":"([0-9a-f]{16})"\}$')


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a row: which row it is, what made it, and the stamp of its data; see `schema.Row`."""

    key: str
    made: Mapping[str, str]
    stamp: str
    method: str
    weights: str
    dataset: str
    split: str
    clip: str
    protocol: str
    protocol_key: str

    @property
    def slot(self) -> tuple[str, ...]:
        """What a person asked for by name; two rows of one slot differ in the files that the names meant."""
        return self.method, self.weights, self.dataset, self.split, self.clip, self.protocol_key


def line_of(row: Row) -> bytes:
    """The line of a row, without its end."""
    body = ROWS.dump_json(row)[:-1]
    return body + b',"digest":"' + _digest(body) + b'"}'


def line_of_facts(facts: Mapping[str, Any]) -> bytes:
    """The line of a failure or a profile, without its end; a digest is its last field, as in a row.

    Raises:
        ValueError: a fact is no number that JSON knows (NaN, infinity).
    """
    body = json.dumps(facts, allow_nan=False)[:-1].encode()
    return body + b', "digest": "' + _digest(body) + b'"}'


def facts_of(where: str, line: bytes) -> dict[str, Any]:
    """The facts of a line; one of an older suite has no digest.

    Raises:
        DataError: it is not a JSON object, or was edited.
    """
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not valid JSON: {error}") from None
    if not isinstance(found, dict):
        raise DataError(f"{where} is not a JSON object")
    said = found.pop("digest", None)
    if said is not None and str(said).encode() != _digest(json.dumps(found)[:-1].encode()):
        raise DataError(f"{where}: the digest at its end is not that of the line; was it edited?")
    return found


def row_of(path: Path, number: int, line: bytes) -> Row:
    """The row of a line.

    Raises:
        DataError: it is no row, of a newer suite, was edited, or says something that cannot be.
    """
    where = f"{path}, line {number}"
    row, said, whole = _parsed(where, line)
    if row.schema_version > SCHEMA_VERSION:
        raise DataError(_newer(where, row.schema_version))
    if said and not whole and _digest(ROWS.dump_json(row)[:-1]) != said:
        raise DataError(f"{where}: the digest at its end is not that of the row; was it edited?")
    if not said and row.schema_version > 1:
        raise DataError(f"{where}: the digest at its end is missing; was it edited?")
    if wrong := _impossible(row):
        raise DataError(f"{where}: {wrong}; was it edited?")
    return row


def head_of(path: Path, number: int, line: bytes, known: dict[bytes, Mapping[str, str]]) -> Head:
    """The beginning of a line; `known` keeps what was parsed for the next line, for a run's rows are made alike.

    Raises:
        DataError: the line is no row.
    """
    found = _HEAD.match(line)
    try:
        if found is None or not line.endswith(b"}"):
            return _head_of_json(json.loads(line))  # of an older suite, or written by another program
        key, made, stamp, *place = found.groups()
        if made not in known:
            known[made] = json.loads(made)
        return Head(_text(key), known[made], _text(stamp), *map(_text, place))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DataError(f"{path}, line {number}: the key of a row cannot be read; was it edited?") from None


def complete_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not empty, with their numbers, without what ends them; none if there is no file.

    The last one is left out where it was written in part. Git and editors on Windows change the ends of lines and put
    a byte-order mark in front: neither makes a row less of a row.
    """
    return ((number, text) for number, _, text in placed_lines(path))


def placed_lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """As `complete_lines`, with the byte at which each line begins: number, byte, text."""
    if not path.is_file():
        return
    begin = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.removeprefix(MARK).strip() if number == 1 else line.strip()
            if text and (line.endswith(b"\n") or is_object(text)):
                yield number, begin, text
            begin += len(line)


def is_object(text: bytes) -> bool:
    """Whether a line without an end is whole all the same: an editor may have taken the last newline away."""
    with suppress(ValueError, RecursionError):
        return isinstance(json.loads(text), dict)
    return False


def cut_half_line(path: Path) -> None:
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
        if is_object(file.read().strip()):
            file.write(b"\n")
        elif position < size:
            file.truncate(position)


def _parsed(where: str, line: bytes) -> tuple[Row, bytes, bool]:
    """The row, the digest that its line names (b"" for none), and whether the bytes before it are those digested."""
    end = _DIGEST.search(line)
    if end is not None and _digest(line[: end.start()]) == end[1]:
        return _validated(where, line[: end.start()] + b"}"), end[1], True
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    # spaces or another order of fields: a program that rewrites JSON changes no row
    said = fields.pop("digest", "") if isinstance(fields, dict) else ""
    text = json.dumps(fields).encode() if said else line
    return _validated(where, text), str(said).encode(), False


def _validated(where: str, text: bytes) -> Row:
    try:
        return ROWS.validate_json(text)
    except ValidationError as error:
        if (version := _schema_version(text)) > SCHEMA_VERSION:
            raise DataError(_newer(where, version)) from None
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "line"
        raise DataError(f"{where}: a row cannot be read ({field}: {first['msg']}); was it edited?") from None


def _newer(where: str, version: int) -> str:
    return (
        f"{where}: written by a newer stvsr-bench (its rows have schema {version}, this one reads up to "
        f"{SCHEMA_VERSION}); update stvsr-bench"
    )


def _impossible(row: Row) -> str:
    """What cannot be of a row that reads well; "" for nothing."""
    frames = len(row.frames)
    if not frames:
        return "it has no frame"
    lengths = {"given": len(row.given), **{name: len(values) for name, values in row.values.items()}}
    if wrong := next((name for name, length in lengths.items() if length != frames), None):
        return f"{wrong} has {lengths[wrong]} entries for {counted(frames, 'frame')}"
    # a sum is NaN where a value is, and -inf where one is: a look at each would cost ten times as much
    for name, total in {**{name: _total(name, values) for name, values in row.values.items()}, **row.scalars}.items():
        if math.isnan(total) or total == -math.inf:
            return f"{name} is {total}, which no metric gives"
    if wrong := _out_of_range(row):
        return wrong
    if row.key != row.own_key:
        return f"its key is not that of its method, weights, clip and protocol ({row.own_key})"
    return ""


def _out_of_range(row: Row) -> str:
    """What is larger or smaller than anything that was measured; "" for nothing. A page has 32 bits for a number."""
    for name, values in (*row.values.items(), ("scalars", row.scalars.values())):
        for value in values:
            if LARGEST < abs(value) < math.inf:
                return f"{name} has {value:g}, which no metric gives"
    numbers = {"motion_px": (row.motion_px or 0.0,), "params": (row.params or 0,), "seconds": row.seconds.values()}
    numbers |= {"size": row.size, "frames": (min(row.frames, default=0), max(row.frames, default=0))}
    for name, values in numbers.items():
        for value in values:
            if not 0 <= value <= _MOST[name]:
                return f"{name} has {str(value)[:24]}, which cannot be"
    return ""


def _total(name: str, values: Sequence[float]) -> float:
    """The sum of a metric's values; NaN only where one is and the metric has a value for every frame."""
    total = sum(values)
    if not math.isnan(total):
        return total
    from stvsr_bench.metrics import has_gaps  # OpenCV, which listing the rows of most runs does not need

    return sum(value for value in values if not math.isnan(value)) if has_gaps(name) else total


def _schema_version(line: bytes) -> int:
    """What a row that cannot be read says of its schema; 0 where it says nothing."""
    with suppress(ValueError, RecursionError):
        found = json.loads(line)
        version = found.get("schema_version") if isinstance(found, dict) else None
        return version if isinstance(version, int) else 0
    return 0


def _head_of_json(fields: dict[str, Any]) -> Head:
    made, stamp = fields.get("made", {}), fields.get("stamp", "")
    return Head(str(fields["key"]), made, stamp, *(str(fields.get(name, "")) for name in _PLACE))


def _text(part: bytes) -> str:
    return str(json.loads(b'"' + part + b'"')) if b"\\" in part else part.decode()


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:16].encode()
