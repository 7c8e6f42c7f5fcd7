"""Every figure of a report. To add one: a function that gives a `Figure` or None, and its line in `FIGURES`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from stvsr_bench.escape import slug
from stvsr_bench.report.figures import breakdown, pareto, plane, response, scaling
from stvsr_bench.report.figures.ablation import ablation
from stvsr_bench.report.plane import Plane
from stvsr_bench.report.response import Response
from stvsr_bench.report.tables.cost import Profile
from stvsr_bench.report.tables.ranking import ranking
from stvsr_bench.report.tables.table import Table
from stvsr_bench.report.tidy import by_position


@dataclass(frozen=True)
class Source:
    """What figures are drawn from: one table, the tidy lines that it was made of, and the profiles.

    `planes` and `responses` are those of all tables of the report.
    """

    table: Table
    tidy: pd.DataFrame
    profiles: Sequence[Profile]
    planes: Sequence[Plane] = ()
    responses: Sequence[Response] = ()


# one, none where there is nothing to show, or several by the end of a name
Drawn = Figure | None | Mapping[str, Figure | None] | Iterable[tuple[str, Figure]]


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
    "plane": lambda of: plane.figures(of.planes),
    "time-response": lambda of: response.figures(of.responses),
}


def drawn(of: Source) -> Iterator[tuple[str, Figure]]:
    """Each figure that has something to show, with its file name; one at a time, for each holds its drawing."""
    for name, draw in FIGURES.items():
        for end, figure in _several(draw(of)):
            if figure is not None:
                yield f"{name}-{slug(end)}" if end else name, figure


def _several(made: Drawn) -> Iterable[tuple[str, Figure | None]]:
    if isinstance(made, Figure) or made is None:
        return [("", made)]
    return made.items() if isinstance(made, Mapping) else made
