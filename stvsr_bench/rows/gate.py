"""Rows against a baseline, with a tolerance per metric: pass, or the list of what moved.

Quality is compared clip by clip, within what `tolerances` allows between two such rows; parameters and multiply-adds
must be equal; runtime is compared only where both sides were measured on one host, by a paired test. A comparison in
which nothing was measured is a failure.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy import stats

from stvsr_bench import environment
from stvsr_bench.errors import NotRunnableError
from stvsr_bench.rows import store
from stvsr_bench.rows.tolerances import Allowed, Facts, allowed
from stvsr_bench.schema import Row

SLOWER = 1.10  # a median slowdown below this is noise, whatever the test says
P_VALUE = 0.01
MIN_CLIPS = 6  # below this no paired test can reach P_VALUE

Verdict = Literal["regressed", "improved", "changed", "missing", "new"]


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
        return self.verdict in ("regressed", "changed", "missing")


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
    """One side of the comparison: rows by identity, the facts of the environments behind them, the profiles."""

    rows: Mapping[tuple[str, ...], Row]
    facts: Mapping[str, Facts]
    profiles: Sequence[Mapping[str, Any]]

    def facts_of(self, row: Row) -> Facts:
        """What is known of the environment that made a row; nothing where its entry is gone."""
        found = self.facts.get(row.env)
        return found if isinstance(found, Mapping) else {}


def judge(baseline: Path, run: Path, tolerances: Mapping[str, float] | None = None, runtime: bool = True) -> Judgement:
    """What moved between a baseline and a run.

    `tolerances` replaces the defaults per metric; a metric without one is not compared.

    Raises:
        DataError: one of them is no run.
    """
    before, after = _side(baseline), _side(run)
    # a clip that got lost would otherwise raise the mean of those that are left
    common = before.rows.keys() & after.rows.keys()
    moves = [
        Move("missing", row.method, _place(row), "row", before="measured", after="not measured")
        for key, row in before.rows.items()
        if key not in common
    ]
    moves += [Move("new", row.method, _place(row), "row") for key, row in after.rows.items() if key not in common]
    compared = 0
    limits = {key: _allowed(before, after, key, tolerances) for key in sorted(common)}
    for key, within in limits.items():
        found, count = _quality(before.rows[key], after.rows[key], within.limits)
        moves += found
        compared += count
    notes = _fingerprints(before, after, sorted(common))
    moves += _costs(before, after)
    if runtime:
        moves += _runtime(before, after, sorted(common), notes)
    if not compared:
        notes.append("nothing was measured: the baseline and the run share no row")
    return Judgement(compared, moves, notes, _used(before, limits))


def update(baseline: Path, run: Path) -> int:
    """Make the run the baseline: its rows and facts replace what was there. The number of rows.

    Raises:
        NotRunnableError: the run holds no row, or the folder cannot be written.
    """
    rows = store.read_rows(run)
    if not rows:
        raise NotRunnableError(f"{run} holds no row; a baseline of nothing would pass everything")
    text = b"".join(store.ROWS.dump_json(row) + b"\n" for row in sorted(rows, key=_identity))
    store.write_atomic(store.rows_file(baseline), text)
    # rows of shards would be read beside the new file, and the later one counts
    for stale in baseline.glob("rows-*.jsonl"):
        if stale != store.rows_file(baseline):
            stale.unlink()
    for name in ("env.json", "profile.jsonl", "run.toml"):
        (baseline / name).unlink(missing_ok=True)  # facts of an earlier baseline say nothing of these rows
        if (run / name).is_file():
            shutil.copyfile(run / name, baseline / name)
    return len(rows)


def _side(run: Path) -> Side:
    rows = {_identity(row): row for row in store.read_rows(run)}
    return Side(rows, store.read_json(run / "env.json"), store.profiles(run))


def _identity(row: Row) -> tuple[str, ...]:
    return row.method, row.weights, row.dataset, row.split, row.clip, row.protocol_key


def _place(row: Row) -> str:
    return f"{row.dataset}/{row.split}/{row.clip}"


def _allowed(before: Side, after: Side, key: tuple[str, ...], tolerances: Mapping[str, float] | None) -> Allowed:
    if tolerances:
        return Allowed(tolerances, 0.0, "given with --tolerance")
    a, b = before.rows[key], after.rows[key]
    return allowed(a, b, before.facts_of(a), after.facts_of(b))


def _used(before: Side, limits: Mapping[tuple[str, ...], Allowed]) -> list[Used]:
    """The tolerances that were applied, each once."""
    # the reason names the limits: rows with one reason have one set
    by_reason: dict[str, list[tuple[str, ...]]] = {}
    for key, within in limits.items():
        by_reason.setdefault(within.why, []).append(key)
    return [
        Used(why, limits[keys[0]].limits, tuple(dict.fromkeys(before.rows[key].method for key in keys)), len(keys))
        for why, keys in by_reason.items()
    ]


def _quality(a: Row, b: Row, limits: Mapping[str, float]) -> tuple[list[Move], int]:
    """What moved in one clip, and how many metrics were compared."""
    moves, compared = [], 0
    if a.weights_sha256 != b.weights_sha256:
        moves.append(Move("changed", a.method, _place(a), "weights", a.weights_sha256[:12], b.weights_sha256[:12]))
    # means over other frames are other quantities, whatever their difference
    if a.frames != b.frames:
        moves.append(Move("changed", a.method, _place(a), "frames scored", str(len(a.frames)), str(len(b.frames))))
        return moves, 1
    if a.params != b.params:
        moves.append(Move("changed", a.method, _place(a), "parameters", f"{a.params}", f"{b.params}"))
    for metric, limit in limits.items():
        if metric not in a.values:
            continue
        if metric not in b.values:
            moves.append(Move("missing", a.method, _place(a), metric))
            continue
        compared += 1
        move = _moved(a, b, metric, limit)
        if move is not None:
            moves.append(move)
    return moves, compared


def _moved(a: Row, b: Row, metric: str, limit: float) -> Move | None:
    first, second = np.asarray(a.values[metric]), np.asarray(b.values[metric])
    finite = np.isfinite(first) & np.isfinite(second)
    # a frame equal to the truth has infinite PSNR: no mean shows that it ceased to be, so it is a change of its own
    if (np.isfinite(first) != np.isfinite(second)).any():
        return Move("changed", a.method, _place(a), f"{metric}: infinite frames", f"{(~finite).sum()}", "differ")
    if not finite.any():
        return None
    old, new = float(first[finite].mean()), float(second[finite].mean())
    if abs(new - old) <= limit:
        return None
    # papers print two decimals of dB and four of SSIM; a move that the gate stops must be visible
    digits = 4 if metric.startswith("psnr") else 6
    verdict: Verdict = "regressed" if new < old else "improved"
    return Move(verdict, a.method, _place(a), metric, f"{old:.{digits}f}", f"{new:.{digits}f} ({new - old:+.2g})")


def _fingerprints(before: Side, after: Side, common: Sequence[tuple[str, ...]]) -> list[str]:
    """Methods whose frames are no longer the same to the bit, however little they moved, and the versions of torch.

    The squared error of the luma of every frame, exact, is the fingerprint of what a method returned.
    """
    clips: dict[str, list[bool]] = {}
    torch: dict[str, set[str]] = {}
    for key in common:
        a, b = before.rows[key], after.rows[key]
        if "mse_y" in a.values and "mse_y" in b.values:
            clips.setdefault(a.method, []).append(a.values["mse_y"] != b.values["mse_y"])
            known = tuple(
                str(facts.get("versions", {}).get("torch", "")) for facts in (before.facts_of(a), after.facts_of(b))
            )
            torch.setdefault(a.method, set()).add(" -> ".join(dict.fromkeys(known)))
    return [
        f"output of {method} is not bit-equal on {sum(moved)} of {len(moved)} clips (torch {', '.join(torch[method])})"
        for method, moved in clips.items()
        if any(moved)
    ]


def _costs(before: Side, after: Side) -> list[Move]:
    """Parameters and multiply-adds of profiles on the same input must be equal; a profile must not get lost."""
    moves = []
    new = {_profile(p): p for p in after.profiles}
    for old in before.profiles:
        fresh = new.get(_profile(old))
        where = f"{old.get('size')} x {old.get('frames')} frames"
        if fresh is None:
            moves.append(Move("missing", str(old["method"]), where, "profile", "measured", "not measured"))
            continue
        for fact in ("params", "gmacs"):
            if old.get(fact) is not None and old[fact] != fresh.get(fact):
                moves.append(Move("changed", str(old["method"]), where, fact, f"{old[fact]}", f"{fresh.get(fact)}"))
    return moves


def _profile(profile: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("kind", "method", "size", "frames", "precision")
    return tuple(json.dumps(profile.get(name)) for name in names)


def _runtime(before: Side, after: Side, common: Sequence[tuple[str, ...]], notes: list[str]) -> list[Move]:
    """Methods that became slower on the same host: paired over clips, a median of more than 10 %, p < 0.01."""
    pairs: dict[str, list[tuple[float, float]]] = {}
    elsewhere = set()
    for key in common:
        a, b = before.rows[key], after.rows[key]
        if "restore" in a.seconds and "restore" in b.seconds:
            if _comparable_times(before.facts_of(a), after.facts_of(b), a, b):
                pairs.setdefault(a.method, []).append((a.seconds["restore"], b.seconds["restore"]))
            else:
                elsewhere.add(a.method)
    if elsewhere:
        notes.append("runtime not compared (another host, torch or threads): " + ", ".join(sorted(elsewhere)))
    moves = []
    for method, seconds in pairs.items():
        old, new = np.array(seconds).T
        ratio = float(np.median(new / old))
        if len(old) < MIN_CLIPS or max(ratio, 1 / ratio) < SLOWER:
            continue
        # ratios, for a clip of 4 s and one of 0.1 s count alike; a rank test, for times have long tails
        p = float(stats.wilcoxon(np.log(new / old)).pvalue)
        if p < P_VALUE:
            verdict: Verdict = "regressed" if ratio > 1 else "improved"
            after_text = f"{np.median(new):.3g} s (x{ratio:.2f}, p = {p:.1g})"
            moves.append(Move(verdict, method, f"{len(old)} clips", "runtime", f"{np.median(old):.3g} s", after_text))
    return moves


def _comparable_times(before: Facts, after: Facts, a: Row, b: Row) -> bool:
    """Whether two times differ by nothing but the code: one host and torch, as many threads."""
    hosts = [environment.runtime_id(facts.get("machine") or {}) for facts in (before, after)]
    versions = [(facts.get("versions") or {}).get("torch") for facts in (before, after)]
    same_way = all(a.how.get(name) == b.how.get(name) for name in ("threads", "device"))
    return bool(hosts[0]) and hosts[0] == hosts[1] and versions[0] == versions[1] and same_way
