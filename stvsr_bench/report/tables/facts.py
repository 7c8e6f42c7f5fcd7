"""What stands beside a method's numbers: its cost as facts, and badges that say what kind of numbers they are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from stvsr_bench.report.select import MethodKey
from stvsr_bench.report.tables.cost import Profile, frame_ms, of_kind
from stvsr_bench.report.tables.table import Badge, Cell


def facts_of(mine: pd.DataFrame, profiles: Sequence[Profile], method_key: MethodKey) -> dict[str, float]:
    """Parameters (M), GMACs, runtime (ms per output frame), memory (MiB) and seconds per clip, as far as known."""
    facts: dict[str, float] = {}
    params = _params(mine)
    if params is not None:
        facts["params"] = params / 1e6
    profile = profile_of(profiles, method_key, params)
    if profile:
        facts.setdefault("params", _number(profile.get("params")) / 1e6)
        facts["gmacs"] = _number(profile.get("gmacs"))
        facts["runtime_ms"] = _number(frame_ms(profile))
        facts["memory_mib"] = _number(profile.get("peak_memory_mib"))
    seconds = mine["seconds"].dropna()
    if len(seconds):
        facts["seconds"] = float(seconds.median())
    return {name: value for name, value in facts.items() if not np.isnan(value)}


def badges_of(
    mine: pd.DataFrame, cells: Sequence[Cell], profiles: Sequence[Profile], method_key: MethodKey
) -> tuple[Badge, ...]:
    """What must be said of a method's numbers, in a fixed order."""
    flags = {flag for of in mine["flags"] for flag in of}
    machines = {str(profile.get("machine")) for profile in of_kind(profiles)}
    own = profile_of(profiles, method_key, _params(mine))
    said: dict[Badge, bool] = {
        "untrained": bool(mine["untrained"].any()),
        "mini": method_key[1] == "mini",
        "partial": "partial" in flags or any(cell.partial for cell in cells),
        "external": "external" in flags,
        "override": "override" in flags,
        "other machine": len(machines) > 1 and own is not None and str(own.get("machine")) != _usual(profiles),
    }
    return tuple(badge for badge, holds in said.items() if holds)


def profile_of(profiles: Sequence[Profile], method_key: MethodKey, params: float | None) -> Profile | None:
    """The first profile of a method with these weights, else of a network of as many parameters.

    Speed does not depend on the values of weights, but weights may bring a smaller network of the same name.
    """
    mine = [profile for profile in of_kind(profiles) if profile.get("method") == method_key[0]]
    exact = [profile for profile in mine if profile.get("weights") == method_key[1]]
    alike = [profile for profile in mine if params is not None and profile.get("params") == params]
    return next(iter(exact or alike), None)


def _params(mine: pd.DataFrame) -> float | None:
    known = mine["params"].dropna()
    return float(known.iloc[0]) if len(known) else None


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _usual(profiles: Sequence[Profile]) -> str:
    """The machine of most profiles, the first of them where several are as frequent."""
    machines = [str(profile.get("machine")) for profile in of_kind(profiles)]
    return max(dict.fromkeys(machines), key=machines.count)
