"""Quality against cost, with the Pareto front: what no other method beats in both."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stvsr_bench.report.figures.drawing import STYLE, legend_above, line_styles, log_axis, new
from stvsr_bench.report.tables.marks import FEWEST_CLIPS
from stvsr_bench.report.tables.table import Line, Table, display


@dataclass(frozen=True)
class Point:
    """One method in a figure of quality against cost."""

    name: str
    cost: float
    value: float
    half: float | None
    untrained: bool


def short(line: Line) -> str:
    """The method's name with its weights, as a legend shows it; untrained methods say so."""
    name = line.method if line.weights in ("", "none") else f"{line.method}@{line.weights}"
    return f"{name} (untrained)" if "untrained" in line.badges else name


def shared(table: Table, fact: str, metric: str) -> tuple[list[Line], list[int]]:
    """The methods with this cost that were not measured in part, and the columns that all of them have a value in."""
    mine = [i for i, of in enumerate(table.columns) if of.metric == metric and of.frames == "all"]
    lines = [
        line for line in table.lines if line.facts.get(fact, -1) >= 0 and not any(line.cells[i].partial for i in mine)
    ]
    keep = [i for i in mine if all(line.cells[i].value is not None for line in lines)]
    return lines, keep


def points(table: Table, fact: str, metric: str) -> list[Point]:
    """Each method's cost and its mean over the splits that every one of them was measured on."""
    lines, keep = shared(table, fact, metric)
    if not keep:
        return []
    return [
        Point(
            name=short(line),
            cost=line.facts[fact],
            value=sum(line.cells[i].value or 0.0 for i in keep) / len(keep),
            half=_half(line, keep),
            untrained="untrained" in line.badges,
        )
        for line in lines
    ]


def front(of: Sequence[Point]) -> list[Point]:
    """The methods that no other method beats in both cost and quality, cheapest first; untrained ones take no part."""
    best: list[Point] = []
    for point in sorted((p for p in of if not p.untrained), key=lambda p: (p.cost, -p.value)):
        if not best or point.value > best[-1].value:
            best.append(point)
    return best


def quality_against_cost(table: Table, fact: str, metric: str = "psnr_y") -> Figure | None:
    """Quality against runtime, parameters or GMACs; nothing when fewer than two methods have both."""
    of = points(table, fact, metric)
    if len(of) < 2:
        return None
    with matplotlib.rc_context(STYLE):
        figure, axes = new()
        _scatter(axes, of, line_styles([short(line) for line in table.lines]))
        how, cost = display(metric), table.fact(fact)
        log = min(point.cost for point in of) > 0  # blend+bicubic has no parameters, and a logarithm no zero
        axes.margins(0.18)
        if log:
            log_axis(axes)
        else:
            axes.set_xlim(left=-0.06 * max(point.cost for point in of) or None)
        axes.set_xlabel(cost.label + (", log scale" if log else ""))
        datasets = dict.fromkeys(table.columns[i].dataset for i in shared(table, fact, metric)[1])
        axes.set_ylabel(f"{how.label}, {', '.join(datasets)}")
    return figure


def _scatter(axes: Axes, of: Sequence[Point], styles: dict[str, tuple[str, str]]) -> None:
    ahead = front(of)
    if len(ahead) > 1:
        axes.plot([p.cost for p in ahead], [p.value for p in ahead], "-", color="0.6", zorder=1, label="Pareto front")
    for point in of:
        colour, marker = styles[point.name]
        face = "none" if point.untrained else colour
        axes.errorbar(
            point.cost,
            point.value,
            yerr=point.half,
            fmt=marker,
            color=colour,
            markerfacecolor=face,
            elinewidth=0.8,
            capsize=2,
            label=point.name,
        )
    legend_above(axes)


def _half(line: Line, keep: Sequence[int]) -> float | None:
    halves = [line.cells[i].half if line.cells[i].n >= FEWEST_CLIPS else None for i in keep]
    known = [half for half in halves if half is not None]
    # independent splits: the mean's variance is the sum of theirs over the square of their number
    return sum(half**2 for half in known) ** 0.5 / len(keep) if len(known) == len(keep) else None
