"""Badges: what kind of numbers a method's are."""

from collections import defaultdict
from collections.abc import Sequence

import pandas as pd

from stvsr_bench.report.labels import MethodKey
from stvsr_bench.report.tables.table import Badge, Cell


def badges_of(mine: pd.DataFrame, cells: Sequence[Cell]) -> tuple[Badge, ...]:
    """What must be said of a method's numbers, in a fixed order."""
    flags = {flag for of in mine["flags"] for flag in of}
    said: dict[Badge, bool] = {
        "untrained": bool(mine["untrained"].any()),
        "mini": bool((mine["tag"] == "mini").all()),
        "partial": any(cell.partial for cell in cells),
        "other data": bool(mine["other_data"].any()),
        "mixed code": bool(mixed_code(mine)),
        "external": "external" in flags,
        "override": "override" in flags,
    }
    return tuple(badge for badge, holds in said.items() if holds)


def mixed_code(part: pd.DataFrame) -> set[MethodKey]:
    """Methods whose clips of one split were not all measured with one code: their means are of no method that is.

    As after an edit and `run --limit 3`; rows of earlier versions do not say their code.
    """
    codes: dict[tuple[str, ...], set[tuple[str, str]]] = defaultdict(set)
    columns = part[["method", "weights", "dataset", "split", "protocol_key", "row"]]
    for *of, row in columns.itertuples(index=False, name=None):
        if code := row.made.get("code"):
            codes[tuple(of)].add((code, row.made.get("card", "")))
    return {(of[0], of[1]) for of, found in codes.items() if len(found) > 1}
