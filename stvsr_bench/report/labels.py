"""How methods are called in everything that people read: two networks never share a name.

A row names its weights by a tag (`best.pth`), and a folder of somebody's frames by the name that was typed. Where rows
of one such name have several contents (SHA-256 of the weights, digest of the frames), some digits of it are added:
`stdan@best.pth#5f54`. While the name is unique it stays plain.
"""

from collections import defaultdict
from collections.abc import Sequence

from stvsr_bench.schema import Row, digest

MethodKey = tuple[str, str]  # method, weights
FEWEST_DIGITS = 4
_LISTED = 5
# rows of schema 1: what made them is not known, so they are never averaged with rows that say it
OLDER = " (older rows)"


def method_label(method: str, weights: str) -> str:
    """A method with its weights, as a table, a page or a figure names it."""
    return f"{method}@{weights}" if weights else method


def listed(names: Sequence[str]) -> str:
    """Names in one sentence: the first five, and how many more there are."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def labels(rows: Sequence[Row]) -> list[MethodKey]:
    """What each row is called among these rows."""
    contents: dict[MethodKey, set[str]] = defaultdict(set)
    for row in rows:
        if row.contents:
            contents[_network(row)].add(_digits(row.contents))
    ends = {network: _shortest(of) for network, of in contents.items() if len(of) > 1}
    mixed = len({row.incomplete for row in rows}) > 1
    known: dict[MethodKey, MethodKey] = {}  # a label for each network, not for each of a million rows
    made = (_label(row, ends.get(_network(row), 0), mixed) for row in rows)
    return [known.setdefault(label, label) for label in made]


def _network(row: Row) -> MethodKey:
    # `stdan [bf16]` is the network of `stdan`: they get their digits together, or neither does
    return row.method.split(" [", 1)[0], row.weights


def _digits(contents: str) -> str:
    """Hexadecimal digits that stand for the contents: those of its one file, where it has only one."""
    files = [part for part in contents.split("+") if part != "-"]
    return files[0] if len(files) == 1 else digest(contents)


def _shortest(of: set[str]) -> int:
    """How many digits keep them apart."""
    longest = max(map(len, of))
    return next((n for n in range(FEWEST_DIGITS, longest) if len({one[:n] for one in of}) == len(of)), longest)


def _label(row: Row, digits: int, mixed: bool) -> MethodKey:
    end = f"#{_digits(row.contents)[:digits]}" if digits and row.contents else ""
    end += OLDER if mixed and row.incomplete else ""
    return (row.method, row.weights + end) if row.weights else (row.method + end, "")
