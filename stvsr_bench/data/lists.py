"""Lists of clips, as data sets publish them: one relative path on a line, or several.

A list is recognised by its SHA-256 whatever its blank lines, line ends or order, because the same entries are hashed
in the forms that the known files have.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stvsr_bench import words
from stvsr_bench.data.elsewhere import instead, pointer
from stvsr_bench.errors import DataError
from stvsr_bench.schema import SplitList

# BasicSR's meta_info goes on with frames and size, or with the size alone
_ABOUT = re.compile(r"(\d+ ?)?(\(\d+(, ?\d+)*\))?")
_ENTRY = re.compile(r"[^\x00-\x1f\\]{1,300}")
# as published files end: VideoINR's of Adobe240 without a line end, STDAN's medium and slow with a blank line, which
# STDAN's own script takes for a clip of no name (../shared/specs/metrics.md, 1)
_ENDINGS = ("", "\n", "\n\n")
MAX_BYTES = 64 * 2**20


@dataclass(frozen=True)
class ClipList:
    """The entries of a list; `by` are those who published just these (none: unknown), `sha256` is that of the set."""

    entries: list[str]
    by: frozenset[str]
    sha256: str
    path: Path | None = None


def parse(text: str, where: str) -> list[str]:
    """The entries of a list in order, one or several on a line. Blank lines and those that begin with # are skipped.

    Raises:
        DataError: an entry is no relative path, or is there twice; a line goes on with what is no entry; or there is
            no entry.
    """
    entries: dict[str, int] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        for entry in _entries(line, f"{where}, line {number}"):
            if not _is_inside(entry):
                hint = "; write / in place of \\" if "\\" in entry else ""
                raise DataError(f"{where}, line {number}: {entry[:80]!r} is not a relative path of a clip{hint}")
            if entry in entries:
                raise DataError(f"{where}, line {number}: {entry} is already on line {entries[entry]}")
            entries[entry] = number
    if not entries:
        raise DataError(f"{where} names no clip")
    return list(entries)


def _entries(line: str, where: str) -> list[str]:
    """The entries of a line, without a prefix that leads to them."""
    fields = [] if line.lstrip().startswith("#") else _of_spreadsheet(line).split()
    if not fields or _ABOUT.fullmatch(" ".join(fields[1:])):
        return [_below_sequences(field) for field in fields[:1]]
    found = [_below_sequences(field) for field in re.split(r"[,;\s]+", line.strip(" \t\r,;"))]
    if len({_shape(entry) for entry in found}) > 1:
        raise DataError(
            f"{where}: '{' '.join(fields)[:80]}' is not an entry: what follows {fields[0][:80]!r} does not look like a "
            "clip; write one clip per line"
        )
    return found


def _of_spreadsheet(line: str) -> str:
    """A line without what a spreadsheet puts around an entry: quotes, empty cells behind it, frames in a cell."""
    return re.sub(r"^([^\s,;]+/[^\s,;]+)[,;](?=\d+$)", r"\1 ", line.strip(" \t\r,;").replace('"', "").strip(" \t,;"))


def _below_sequences(entry: str) -> str:
    """An entry without the path to the data set: `/data/vimeo/sequences/00001/0266`, `./00001/0266`, `00001/0266/`."""
    return re.sub(r"^(.*/)?sequences/(?=.)", "", entry.removeprefix("./")).removesuffix("/")


def _shape(entry: str) -> str:
    """What an entry looks like: `9/9` of `00001/0266`, `a-9` of `clip-7`."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", entry))


def read(path: Path, known: Mapping[str, SplitList]) -> ClipList:
    """A list file, recognised where it is one of the `known` (by author).

    Raises:
        DataError: it cannot be read, or is no list.
    """
    try:
        if found := instead(path.stat().st_mode):
            raise DataError(f"{path} is {found}, not a list")
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path} is too large to be a list of clips")
        text = words.read_text(path)
    except (OSError, UnicodeError) as error:
        raise DataError(f"{path} cannot be read as a list: {getattr(error, 'strerror', None) or error}") from None
    if said := pointer(text.encode()):
        raise DataError(f"{path} {said}")
    if text.lstrip().startswith("<"):
        raise DataError(f"{path} is a web page, not a list of clips; delete it and download the list again")
    entries = parse(text, str(path))
    return ClipList(entries, identify(entries, known), digest(entries), path)


def identify(entries: Sequence[str], known: Mapping[str, SplitList]) -> frozenset[str]:
    """Whose list these entries are, by any form in which it was published; empty if nobody's."""
    digests = {
        hashlib.sha256(("\n".join(order) + end).encode()).hexdigest()
        # the order is not the list: VideoINR and BasicSR hold Zooming Slow-Mo's sets (../shared/specs/protocols.md, 1)
        for order in (entries, sorted(entries))
        for end in _ENDINGS
    }
    return frozenset(by for by, published in known.items() if published.sha256 in digests)


def digest(entries: Sequence[str]) -> str:
    """SHA-256 of the set of entries: sorted, one a line."""
    return hashlib.sha256("\n".join(sorted(entries)).encode()).hexdigest()


def _is_inside(entry: str) -> bool:
    parts = entry.split("/")
    return bool(_ENTRY.fullmatch(entry)) and not any(part in ("", ".", "..") for part in parts) and ":" not in entry
