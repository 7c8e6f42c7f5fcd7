"""Rows against a baseline, with a tolerance per metric: pass, or the list of what moved.

Quality is compared clip by clip, within what `tolerances` allows between two such rows; parameters and multiply-adds
must be equal; runtime is compared only where both sides were measured on one host, by a paired test. What the baseline
holds and the run does not is missing. A comparison in which nothing was measured is a failure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from stvsr_bench.errors import UsageError, counted
from stvsr_bench.rows import gate_costs, gate_rows, store
from stvsr_bench.rows.baseline import finish
from stvsr_bench.rows.judgement import Judgement, Move, Names, Side, Used
from stvsr_bench.rows.lean import whole
from stvsr_bench.rows.made import WORDS, changed, said
from stvsr_bench.rows.matching import Matched, doubled, match
from stvsr_bench.rows.tolerances import Allowed, Limits, allowed, checked, part
from stvsr_bench.schema import Row

Pair = tuple[Row, Row]


def judge(baseline: Path, run: Path, tolerances: Mapping[str, float] | None = None, runtime: bool = True) -> Judgement:
    """What moved between a baseline and a run.

    `tolerances` replaces the defaults per metric; a metric without one must be there and finite or infinite, and is
    not compared.

    Raises:
        DataError: one of them is no run.
        UsageError: a tolerance of an unknown metric, of one that the baseline does not hold, or that is no number.
    """
    given = checked(tolerances or {})
    finish(baseline)
    return compare(side(baseline), side(run), given, runtime)


def compare(before: Side, after: Side, given: Mapping[str, float], runtime: bool = True) -> Judgement:
    """What moved between two sides; `given` are tolerances that were checked, none for the defaults.

    Raises:
        UsageError: a tolerance of a metric that the baseline does not hold.
    """
    _held(given, before.rows)
    names = Names(before.rows, after.rows)
    found = match(before.rows, after.rows)
    moves = _unpaired(before, after, found, names)
    compared = 0
    limits = _Limits()
    for a, b in map(_whole, found.pairs):
        within = (
            Allowed(given, 0.0, "given with --tolerance")
            if given
            else allowed(a, b, before.facts_of(a), after.facts_of(b))
        )
        some, count = gate_rows.compare(a, b, within.limits, names)
        moves += some
        compared += count
        limits.add(a, within, names)
    notes = _made(found.pairs, names) + _fingerprints(before, after, found.pairs, names) + limits.notes()
    moves += gate_costs.costs(before, after)
    if runtime:
        moves += gate_costs.runtime(before, after, found.pairs, names, notes)
    if not found.pairs:
        notes.append("nothing was measured: the baseline and the run share no row")
    elif not compared:
        notes.append("nothing was measured: the baseline and the run share no metric that has a tolerance")
    return Judgement(compared, moves, notes, limits.used())


def side(run: Path) -> Side:
    """A run folder as a side of a comparison.

    Raises:
        DataError: there is no run, or a file of it cannot be read.
    """
    return Side(store.read_rows(run), store.environments(run), store.profiles(run))


def _held(given: Iterable[str], rows: Sequence[Row]) -> None:
    """Refuse a tolerance that would judge nothing."""
    held = {metric for row in rows for metric in (*row.values, *row.scalars)} if given else set()
    for metric in given if rows else ():
        if metric not in held:
            raise UsageError(
                f"tolerance of {metric}: no row of the baseline has it, so nothing would be compared; the baseline has "
                + ", ".join(sorted(held))
            )


def _unpaired(before: Side, after: Side, found: Matched, names: Names) -> list[Move]:
    """Rows that only one side has, that several files of weights may have replaced, or that are there several times."""
    moves = [
        Move("missing", names.method(row), names.place(row), "row", before="measured", after="not measured")
        for row in found.missing  # a clip that got lost would otherwise raise the mean of those that are left
    ]
    moves += [
        Move(
            "changed", names.method(row), names.place(row), "weights", row.contents[:12],
            " or ".join(sha256[:12] for sha256 in candidates) + ": nothing says which replaced it",
        )
        for row, candidates in found.unclear
    ]  # fmt: skip
    for where, rows in (("baseline", before.rows), ("run", after.rows)):
        for row, count in doubled(rows):
            what = f"{counted(count, 'row')} in the {where}, one is wanted"
            moves.append(Move("doubled", names.method(row), names.place(row), what))
    return moves + [Move("new", names.method(row), names.place(row), "row") for row in found.new]


def _whole(pair: Pair) -> Pair:
    return whole(pair[0]), whole(pair[1])


class _Limits:
    """The tolerances that were applied, each once, and the metrics that have none."""

    def __init__(self) -> None:
        # the reason names the limits: rows with one reason have one set
        self._by_reason: dict[str, tuple[Limits, Counter[str]]] = {}
        self._without: dict[str, None] = {}

    def add(self, row: Row, within: Allowed, names: Names) -> None:
        """Those of one row of the baseline."""
        self._by_reason.setdefault(within.why, (within.limits, Counter()))[1][names.method(row)] += 1
        for metric in (*row.values, *row.scalars):
            # PSNR is the same number as the squared error that it is made of
            if metric not in within.limits and metric.replace("mse", "psnr") not in within.limits:
                self._without[metric] = None

    def used(self) -> list[Used]:
        """For each reason its tolerances, and of which methods how many rows they are."""
        return [Used(why, limits, tuple(of), of.total()) for why, (limits, of) in self._by_reason.items()]

    def notes(self) -> list[str]:
        """Metrics of the baseline that have no tolerance."""
        said = "not compared, for no tolerance is known of it (--tolerance METRIC=NUMBER gives one): "
        return [said + ", ".join(self._without)] if self._without else []


def _made(pairs: Sequence[Pair], names: Names) -> list[str]:
    """What made rows otherwise than those of the baseline; no verdict, for a change of code is what a gate is for."""
    found: dict[str, set[str]] = {}
    for a, b in pairs:
        if a.made and b.made and (what := changed(a.made, b.made)):
            found.setdefault(names.method(a), set()).update(what)
    same: dict[str, list[str]] = {}
    for method, parts in found.items():
        same.setdefault(said([name for name in WORDS if name in parts]), []).append(method)
    return [f"other than when the baseline was measured: {what}, of {', '.join(of)}" for what, of in same.items()]


def _fingerprints(before: Side, after: Side, pairs: Sequence[Pair], names: Names) -> list[str]:
    """Methods whose frames are no longer the same to the bit, however little they moved, and the versions of torch.

    The squared error of the luma of every frame, exact, is the fingerprint of what a method returned.
    """
    clips: dict[str, list[bool]] = {}
    torch: dict[str, dict[str, None]] = {}
    for a, b in pairs:
        old, new = a.values.get("mse_y"), b.values.get("mse_y")
        if old is not None and new is not None:
            method = names.method(a)
            clips.setdefault(method, []).append(old != new)
            known = [str(part(facts, "versions").get("torch", "")) for facts in (before.facts_of(a), after.facts_of(b))]
            torch.setdefault(method, {})[" -> ".join(dict.fromkeys(known))] = None
    return [
        f"output of {method} is not bit-equal on {sum(moved)} of {counted(len(moved), 'clip')} "
        f"(torch {', '.join(torch[method])})"
        for method, moved in clips.items()
        if any(moved)
    ]
