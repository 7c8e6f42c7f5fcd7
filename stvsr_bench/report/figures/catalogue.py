"""Every figure of a report. To add one: a function that gives a `Figure` or None, and its line in `FIGURES`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from stvsr_bench.report.figures import breakdown, pareto, scaling
from stvsr_bench.report.figures.ablation import ablation
from stvsr_bench.report.tables.cost import Profile
from stvsr_bench.report.tables.ranking import ranking
from stvsr_bench.report.tables.table import Table
from stvsr_bench.report.tidy import by_position
from stvsr_bench.rows.names import path_component


@dataclass(frozen=True)
class Source:
    """What figures are drawn from: one table, the tidy lines that it was made of, and the profiles."""

    table: Table
    tidy: pd.DataFrame
    profiles: Sequence[Profile]


Drawn = (
    Figure | None | Mapping[str, Figure | None]
)  # one, none where there is nothing to show, or several by the end of a name


def _position(of: Source) -> Figure | None:
    return breakdown.by_frame_position(by_position(of.tidy, "psnr_y"))


def _seconds(of: Source) -> dict[str, Figure | None]:
    """One for each data set: clips of another size take another time."""
    drawn = {dataset: pareto.quality_against_cost(of.table.of_dataset(dataset), f"seconds:{dataset}")
             for dataset in of.table.datasets}  # fmt: skip
    return drawn if len(drawn) > 1 else dict(zip([""], drawn.values(), strict=True))


def _best_two(of: Source) -> Figure | None:
    ranked = ranking(of.table)
    return breakdown.clip_against_clip(of.tidy, ranked[1], ranked[0]) if len(ranked) > 1 else None


# by file name, in the order of drawing
FIGURES: dict[str, Callable[[Source], Drawn]] = {
    "psnr-seconds": _seconds,
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
        for end, figure in made.items() if isinstance(made, Mapping) else [("", made)]:
            if figure is not None:
                yield f"{name}-{path_component(end)}" if end else name, figure
