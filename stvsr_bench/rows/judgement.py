"""What a gate found: the moves, the tolerances that it used, and the two sides that it compared."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from stvsr_bench.rows.tolerances import Facts
from stvsr_bench.schema import Row

Verdict = Literal["regressed", "improved", "changed", "missing", "doubled", "new"]


@dataclass(frozen=True)
class Move:
    """One thing that is not as it was."""

    verdict: Verdict
    method: str
    where: str
    what: str
    before: str = ""
    after: str = ""

    @property
    def bad(self) -> bool:
        """Whether it trips the gate."""
        return self.verdict not in ("improved", "new")


@dataclass(frozen=True)
class Used:
    """One set of tolerances that was applied: to how many rows of which methods, and why this one."""

    why: str
    limits: Mapping[str, float]
    methods: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class Judgement:
    """Everything a gate found: how many values were compared, within which tolerances, and what moved."""

    compared: int
    moves: list[Move] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    used: list[Used] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Something was measured, and nothing bad moved."""
        return self.compared > 0 and not any(move.bad for move in self.moves)


@dataclass(frozen=True)
class Side:
    """One side of the comparison: its rows, the facts of the environments behind them, the profiles."""

    rows: Sequence[Row]
    facts: Mapping[str, Facts]
    profiles: Sequence[Mapping[str, Any]]

    def facts_of(self, row: Row) -> Facts:
        """What is known of the environment that made a row; nothing where its entry is gone."""
        found = self.facts.get(row.env)
        return found if isinstance(found, Mapping) else {}


class Names:
    """How rows are called in a summary: as short as keeps the rows of both sides apart."""

    def __init__(self, before: Sequence[Row], after: Sequence[Row]) -> None:
        tags = {(row.method, row.weights) for row in (*before, *after)}
        self._tagged = _repeated(method for method, _ in tags)
        # on one side: a file that replaced another is no second file
        self._files = _of_several_files(before) | _of_several_files(after)
        self._several_protocols = len({row.protocol_key for row in (*before, *after)}) > 1

    def method(self, row: Row) -> str:
        """The method; with its tag where it has several, and the start of the SHA-256 where a tag has several files."""
        several = (row.method, row.weights) in self._files
        tag = f"@{row.weights}" if row.weights and (several or row.method in self._tagged) else ""
        return f"{row.method}{tag}" + (f"#{row.contents[:8] or 'unknown'}" if several else "")

    def place(self, row: Row) -> str:
        """Data set, split and clip; with the protocol where there are several."""
        protocol = f" ({row.protocol_key})" if self._several_protocols else ""
        return f"{row.dataset}/{row.split}/{row.clip}{protocol}"


def _of_several_files(rows: Sequence[Row]) -> set[Hashable]:
    """Method and tag where several files of weights carry the tag."""
    return _repeated((method, tag) for method, tag, _ in {(r.method, r.weights, r.contents) for r in rows})


def _repeated(things: Iterable[Hashable]) -> set[Hashable]:
    return {thing for thing, count in Counter(things).items() if count > 1}
