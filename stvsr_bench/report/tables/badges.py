"""Badges: what kind of numbers a method's are."""

from collections.abc import Sequence

import pandas as pd

from stvsr_bench.report.tables.table import Badge, Cell


def badges_of(mine: pd.DataFrame, cells: Sequence[Cell]) -> tuple[Badge, ...]:
    """What must be said of a method's numbers, in a fixed order."""
    flags = {flag for of in mine["flags"] for flag in of}
    said: dict[Badge, bool] = {
        "untrained": bool(mine["untrained"].any()),
        "mini": bool((mine["tag"] == "mini").all()),
        "partial": any(cell.partial for cell in cells),
        "other data": bool(mine["other_data"].any()),
        "external": "external" in flags,
        "override": "override" in flags,
    }
    return tuple(badge for badge, holds in said.items() if holds)
