"""Figures from tables and tidy rows: PSNR against cost with its Pareto front, and what the other files of plots add.

Every figure is a PNG and a PDF of one column's width (3.4 in) with letters of 7 to 8 pt, in colours that remain
apart for colour-blind readers (Okabe-Ito) and with a marker of their own, so that they survive grey print too.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

import matplotlib

matplotlib.use("Agg")
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from stvsr_bench.report.tables.marks import FEWEST_CLIPS
from stvsr_bench.report.tables.table import FACTS, Line, Table, display

COLUMN_IN = 3.4
TEXT_IN = 7.0
DPI = 200
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C7A00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "pdf.fonttype": 42,
    "svg.hashsalt": "stvsr-bench",
    "text.parse_math": False,
}


@dataclass(frozen=True)
class Point:
    """One method in a figure of quality against cost."""

    name: str
    cost: float
    value: float
    half: float | None
    untrained: bool


def save(figure: Figure, path: Path) -> list[Path]:
    """The PNG and PDF that were written, with equal bytes for an equal figure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    png, pdf = path.with_suffix(".png"), path.with_suffix(".pdf")
    with matplotlib.rc_context(STYLE):
        figure.set_dpi(DPI)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once; each format would do it again, and draw twice
        agg: Any = FigureCanvasAgg(figure)
        with _whole(png) as part:
            agg.print_png(part, metadata={"Software": None})
        vector: Any = FigureCanvasPdf(figure)
        with _whole(pdf) as part:
            vector.print_pdf(part, metadata={"CreationDate": None})
    return [png, pdf]


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    part = path.with_name(f".{path.name}.part")
    yield part
    part.replace(path)


def new(width_in: float = COLUMN_IN, height_in: float = 2.5, rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    """A figure without a window and its axes (an array when there are several)."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width_in, height_in))
        return figure, figure.subplots(rows, columns)


def line_styles(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """A colour and a marker for each name, by its place in the alphabet: the same in every figure of a report."""
    return dict(zip(sorted(names), zip(cycle(COLOURS), cycle(MARKERS), strict=False), strict=False))


def log_axis(axes: Axes, which: Literal["x", "y"] = "x") -> None:
    """A logarithmic axis with ticks at 1, 2 and 5 (at 1 only over many decades), written as plain numbers."""
    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 300 * low else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def short(line: Line) -> str:
    """The method's name with its weights, as a legend shows it; untrained methods say so."""
    name = line.method if line.weights in ("", "none") else f"{line.method}@{line.weights}"
    return f"{name} (untrained)" if "untrained" in line.badges else name


def shared(table: Table, fact: str, metric: str) -> tuple[list[Line], list[int]]:
    """The methods with this cost that were not measured in part, and the columns that all of them have a value in."""
    lines = [line for line in table.lines if line.facts.get(fact, -1) >= 0 and "partial" not in line.badges]
    keep = [
        i
        for i, of in enumerate(table.columns)
        if of.metric == metric and of.frames == "all" and all(line.cells[i].value is not None for line in lines)
    ]
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
        how, cost = display(metric), FACTS[fact]
        log = min(point.cost for point in of) > 0
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


def legend_above(axes: Axes) -> None:
    """The legend over the axes, where it hides nothing."""
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, handlelength=1.2, borderaxespad=0.2)


def _half(line: Line, keep: Sequence[int]) -> float | None:
    halves = [line.cells[i].half if line.cells[i].n >= FEWEST_CLIPS else None for i in keep]
    known = [half for half in halves if half is not None]
    # independent splits: the mean's variance is the sum of theirs over the square of their number
    return sum(half**2 for half in known) ** 0.5 / len(keep) if len(known) == len(keep) else None
