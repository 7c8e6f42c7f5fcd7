"""Every figure of a report. To add one: a function that gives a `Figure` or None, and its line in `FIGURES`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from stvsr_bench.report.figures import breakdown, pareto, scaling
from stvsr_bench.report.figures.ablation import ablation
from stvsr_bench.report.tables.cost import Profile
from stvsr_bench.report.tables.ranking import ranking
from stvsr_bench.report.tables.table import Table
from stvsr_bench.report.tidy import by_position
from stvsr_bench.schema import Row


@dataclass(frozen=True)
class Source:
    """What figures are drawn from: one table, and the rows and tidy lines of its protocol key."""

    table: Table
    tidy: pd.DataFrame
    rows: Sequence[Row]
    profiles: Sequence[Profile]


Drawn = Figure | None | dict[str, Figure]  # one, none where there is nothing to show, or several by the end of a name


def _position(of: Source) -> Figure | None:
    shown = {(line.method, line.weights) for line in of.table.lines}
    return breakdown.by_frame_position(by_position([r for r in of.rows if (r.method, r.weights) in shown], "psnr_y"))


def _best_two(of: Source) -> Figure | None:
    ranked = ranking(of.table)
    return breakdown.clip_against_clip(of.tidy, ranked[1], ranked[0]) if len(ranked) > 1 else None


# by file name, in the order of drawing
FIGURES: dict[str, Callable[[Source], Drawn]] = {
    "psnr-seconds": lambda of: pareto.quality_against_cost(of.table, "seconds"),
    "psnr-runtime": lambda of: pareto.quality_against_cost(of.table, "runtime_ms"),
    "psnr-params": lambda of: pareto.quality_against_cost(of.table, "params"),
    "psnr-gmacs": lambda of: pareto.quality_against_cost(of.table, "gmacs"),
    "psnr-position": _position,
    "psnr-motion": lambda of: breakdown.against_motion(of.tidy),
    "motion": lambda of: breakdown.motion_histogram(of.tidy),
    "sweep-size-runtime": lambda of: scaling.sweep(of.profiles, "runtime_ms", "size"),
    "sweep-size-memory": lambda of: scaling.sweep(of.profiles, "memory_mib", "size"),
    "sweep-frames-runtime": lambda of: scaling.sweep(of.profiles, "runtime_ms", "frames"),
    "sweep-frames-memory": lambda of: scaling.sweep(of.profiles, "memory_mib", "frames"),
    "top-t": lambda of: scaling.top_t(of.profiles),
    "ablation": lambda of: ablation(of.tidy),
    "clip-against-clip": _best_two,
}


def drawn(of: Source) -> Iterator[tuple[str, Figure]]:
    """Each figure that has something to show, with its file name; one at a time, for each holds its drawing."""
    for name, draw in FIGURES.items():
        made = draw(of)
        for end, figure in made.items() if isinstance(made, dict) else [("", made)]:
            if figure is not None:
                yield f"{name}-{end}" if end else name, figure
