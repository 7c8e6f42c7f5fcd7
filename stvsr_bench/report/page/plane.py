"""What the page's document says of planes and time responses: where their numbers stand, in drawing order."""

import math
from collections.abc import Sequence
from typing import Any

from stvsr_bench.report.plane import Plane
from stvsr_bench.report.response import Response
from stvsr_bench.report.select import method_label
from stvsr_bench.report.tables.table import display, shown


def plane(of: Plane) -> dict[str, Any]:
    """One plane: `at` holds, for each time scale and scale, the table and column of its numbers, or None."""
    spots = [[of.spots.get((scale, time_scale)) for scale in of.scales] for time_scale in of.times]
    return {
        "place": f"{of.family}, {of.place}",
        "said": of.explained,
        "metric": of.metric,
        "title": of.how.label,
        "decimals": of.how.decimals,
        "better": of.how.better,
        "frames": of.frames,
        "scales": [f"x{scale}" for scale in of.scales],
        "times": [f"x{time_scale}" for time_scale in of.times],
        "methods": [method_label(*method) for method in of.methods],
        "best": [method_label(*method) for method in of.best_two or ()],
        "at": [[None if spot is None else [spot.table, spot.column] for spot in line] for line in spots],
    }


def response(of: Response) -> dict[str, Any]:
    """One time response; values that are no number are None."""
    how = display(of.metric)
    return {
        "place": f"{of.protocol}, {of.dataset} {of.split}",
        "metric": of.metric,
        "title": how.title,
        "label": of.label,
        "clips": of.clips,
        "times": [str(t) for t in of.times],
        "curves": [
            {
                "label": method_label(*curve.method) + (" (untrained)" if curve.untrained else ""),
                "values": [value if math.isfinite(value) else None for value in curve.values],
                "texts": [shown(value, how) for value in curve.values],
                "clips": max(curve.clips),
            }
            for curve in of.curves
        ],
    }


def parts(planes: Sequence[Plane], responses: Sequence[Response]) -> dict[str, Any]:
    """Both, as the document holds them."""
    return {"planes": [plane(of) for of in planes], "responses": [response(of) for of in responses]}
