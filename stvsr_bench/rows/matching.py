"""Which row of a run is which row of its baseline.

Rows match by method, tag and SHA-256 of the weights (or the folder of somebody's frames), data set, split, clip and
protocol. Of a tag with another file the SHA-256 is another: where a tag had one file that is gone and has one that is
new, the new one replaced it, and their rows are compared. Where there are several, nothing says which replaced which.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stvsr_bench.schema import Row

Identity = tuple[str, ...]


@dataclass
class Matched:
    """The rows of a baseline and of a run, paired and not."""

    pairs: list[tuple[Row, Row]] = field(default_factory=list)
    missing: list[Row] = field(default_factory=list)
    new: list[Row] = field(default_factory=list)
    unclear: list[tuple[Row, tuple[str, ...]]] = field(default_factory=list)  # and what may have replaced its weights


def identity(row: Row) -> Identity:
    """What no two rows of a run may share."""
    return row.method, row.weights, row.dataset, row.split, row.clip, row.protocol_key, row.contents


def doubled(rows: Sequence[Row]) -> list[tuple[Row, int]]:
    """One row of each identity that has several, and how many: which of them is meant nobody can say."""
    counts = Counter(map(identity, rows))
    if len(counts) == len(rows):
        return []
    return [(row, counts[key]) for key, row in _by_identity(rows).items() if counts[key] > 1]


def match(before: Sequence[Row], after: Sequence[Row]) -> Matched:
    """Pairs in the order of their identities; of doubled rows the last one."""
    old, new = _by_identity(before), _by_identity(after)
    replaced = _replaced(old.values(), new.values())
    places = {key[:-1] for key in new} if replaced else set()
    found, taken = Matched(), set()
    for key in sorted(old):
        row = old[key]
        candidates, sure = replaced.get((row.method, row.weights, row.contents), ((), False))
        partner = (*key[:-1], candidates[0]) if sure else key
        if partner in new:
            found.pairs.append((row, new[partner]))
            taken.add(partner)
        elif candidates and not sure and key[:-1] in places:
            found.unclear.append((row, candidates))
        else:
            found.missing.append(row)
    found.new = [row for key, row in new.items() if key not in taken]
    return found


def _by_identity(rows: Iterable[Row]) -> dict[Identity, Row]:
    return {identity(row): row for row in rows}


def _replaced(before: Iterable[Row], after: Iterable[Row]) -> dict[tuple[str, str, str], tuple[tuple[str, ...], bool]]:
    """Files of weights that the run no longer has: those that may have replaced each, and whether that is sure.

    Over the whole run and not clip by clip: a file that was measured on one clip was not replaced on another.
    """
    old: dict[tuple[str, str], set[str]] = defaultdict(set)
    new: dict[tuple[str, str], set[str]] = defaultdict(set)
    for files, rows in ((old, before), (new, after)):
        for row in rows:
            files[row.method, row.weights].add(row.contents)
    found = {}
    for (method, tag), files_then in old.items():
        gone, came = files_then - new[method, tag], tuple(sorted(new[method, tag] - files_then))
        for sha256 in gone if came else ():
            found[method, tag, sha256] = came, len(gone) == len(came) == 1
    return found
