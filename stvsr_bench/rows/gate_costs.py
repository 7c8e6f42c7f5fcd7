"""What the same numbers cost: multiply-adds of profiles, which must be equal, and seconds, by a paired test."""

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from scipy import stats

from stvsr_bench import environment, protocols
from stvsr_bench.errors import counted
from stvsr_bench.rows.judgement import Move, Names, Side, Verdict
from stvsr_bench.rows.tolerances import Facts, part
from stvsr_bench.schema import Row
from stvsr_bench.schema.scale import canonical

SLOWER = 1.10  # a median slowdown below this is noise, whatever the test says
P_VALUE = 0.01
MIN_CLIPS = 8  # the smallest p of the paired test is 2 / 2^n: 0.016 of 7 clips, 0.008 of 8


def costs(before: Side, after: Side) -> list[Move]:
    """Parameters and multiply-adds of profiles on the same input must be equal; a profile must not get lost."""
    moves = []
    new = {_profile(p): p for p in after.profiles}
    for old in before.profiles:
        fresh = new.get(_profile(old))
        method, where = str(old.get("method")), place_of(old)
        if fresh is None:
            moves.append(Move("missing", method, where, "profile", "measured", "not measured"))
            continue
        for fact in ("params", "gmacs"):
            if old.get(fact) is not None and old[fact] != fresh.get(fact):
                moves.append(Move("changed", method, where, fact, f"{old[fact]}", f"{fresh.get(fact)}"))
    return moves


def lost_profiles(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The profiles that only the first has."""
    there = {_profile(profile) for profile in after}
    return [profile for profile in before if _profile(profile) not in there]


def place_of(profile: Mapping[str, Any]) -> str:
    """The input that a profile is of: `32x56, 4 frames`, height first."""
    size = profile.get("size")
    sides = "x".join(map(str, size)) if isinstance(size, list) else str(size)
    return f"{sides}, {counted(profile.get('frames') or 0, 'frame')}"


def _profile(profile: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("kind", "method", "size", "frames", "precision")
    return (*(json.dumps(profile.get(name)) for name in names), *map(str, task_of(profile)))


def task_of(profile: Mapping[str, Any]) -> protocols.Task:
    """The scale and time scale that a profile is of; one from before profiles said it made x4 or what its sizes say."""
    size, made = (
        profile.get("size") or [1],
        profile.get("size_out") or [4 * side for side in profile.get("size") or [1]],
    )
    return canonical(profile.get("scale") or Fraction(made[0], size[0])), int(profile.get("time_scale") or 2)


def runtime(before: Side, after: Side, pairs: Sequence[tuple[Row, Row]], names: Names, notes: list[str]) -> list[Move]:
    """Methods that became slower on the same host: paired over clips, a median of more than 10 %, p < 0.01."""
    # a clip is restored once for all protocols of one restoring half: its seconds are one time, not several; x4 and x2
    # in time is other work than x2 and x6, so a median is of one of them
    times: dict[tuple[str, str], dict[tuple[str, ...], tuple[float, float]]] = {}
    elsewhere = set()
    for a, b in pairs:
        old, new = a.seconds.get("restore", 0.0), b.seconds.get("restore", 0.0)
        if not (0 < old < np.inf and 0 < new < np.inf):
            continue
        if _comparable_times(before.facts_of(a), after.facts_of(b), a, b):
            clip = (a.dataset, a.split, a.clip, a.restoring_key)
            times.setdefault((names.method(a), protocols.words(a.protocol)), {})[clip] = old, new
        else:
            elsewhere.add(names.method(a))
    if elsewhere:
        notes.append("runtime not compared (another host, torch or threads): " + ", ".join(sorted(elsewhere)))
    moves = []
    for (method, task), of_clips in times.items():
        old_s, new_s = np.array(list(of_clips.values())).T
        move = _slower(method, task, old_s, new_s, notes)
        if move is not None:
            moves.append(move)
    return moves


def _slower(method: str, task: str, old: np.ndarray, new: np.ndarray, notes: list[str]) -> Move | None:
    """The change of a method's seconds over clips; None where it may be noise."""
    ratio = float(np.median(new / old))
    if max(ratio, 1 / ratio) < SLOWER:
        return None
    at = f" ({task})" if task else ""
    if len(old) < MIN_CLIPS:
        notes.append(f"runtime of {method}{at}: x{ratio:.2f}, {counted(len(old), 'clip')}; {MIN_CLIPS} are needed")
        return None
    # ratios, for a clip of 4 s and one of 0.1 s count alike; a rank test, for times have long tails
    p = float(stats.wilcoxon(np.log(new / old)).pvalue)
    if p >= P_VALUE:
        return None
    verdict: Verdict = "regressed" if ratio > 1 else "improved"
    after = f"{np.median(new):.3g} s (x{ratio:.2f}, p = {p:.1g})"
    return Move(verdict, method, f"{counted(len(old), 'clip')}{at}", "runtime", f"{np.median(old):.3g} s", after)


def _comparable_times(before: Facts, after: Facts, a: Row, b: Row) -> bool:
    """Whether two times differ by nothing but the code: one host and torch, as many threads."""
    hosts = [environment.runtime_id(part(facts, "machine")) for facts in (before, after)]
    versions = [part(facts, "versions").get("torch") for facts in (before, after)]
    same_way = all(a.how.get(name) == b.how.get(name) for name in ("threads", "device"))
    return bool(hosts[0]) and hosts[0] == hosts[1] and versions[0] == versions[1] and same_way
