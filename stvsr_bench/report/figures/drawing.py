"""How every figure looks and is written: size, colours, markers, axes, legend, PNG and PDF.

Every figure is a PNG and a PDF of one column's width (3.4 in) with letters of 7 to 8 pt, in colours that remain
apart for colour-blind readers (Okabe-Ito) and with a marker of their own, so that they survive grey print too.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

import matplotlib

matplotlib.use("Agg")  # before any other part of it: a report is made on machines without a display
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from stvsr_bench.data.atomic import moved_when_whole

COLUMN_IN = 3.4  # a column of IEEE or CVPR is 3.5 or 3.25 in wide: letters keep their size when it is included
TEXT_IN = 7.0  # both columns
DPI = 200
# Okabe-Ito; its yellow is too pale for a line on white, so a dark mustard stands last in its place
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
    "pdf.fonttype": 42,  # TrueType: the Type 3 fonts of matplotlib's default are refused by IEEE's checks
    "svg.hashsalt": "stvsr-bench",
    "text.parse_math": False,  # a method may be called `$x_1$`
}


def save(figure: Figure, path: Path) -> list[Path]:
    """The PNG and PDF that were written, with equal bytes for an equal figure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # not with_suffix, which would cut `spread-clips.v2-all` at its dot: two figures would be one file
    png, pdf = (path.with_name(f"{path.name}.{kind}") for kind in ("png", "pdf"))
    with matplotlib.rc_context(STYLE):
        figure.set_dpi(DPI)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once; each format would do it again, and draw twice
        # no version of matplotlib and no date in the files: equal rows give equal bytes
        agg: Any = FigureCanvasAgg(figure)
        with moved_when_whole(png) as part:
            agg.print_png(part, metadata={"Software": None})
        vector: Any = FigureCanvasPdf(figure)
        with moved_when_whole(pdf) as part:
            vector.print_pdf(part, metadata={"CreationDate": None})
    return [png, pdf]


def new(width_in: float = COLUMN_IN, height_in: float = 2.5, rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    """A figure without a window and its axes (an array when there are several)."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width_in, height_in))
        return figure, figure.subplots(rows, columns)


def line_styles(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """A colour and a marker for each name, by its place in the alphabet: the same in every figure of a report."""
    # both repeat after eight: a ninth method can no longer be told from the first
    return dict(zip(sorted(names), zip(cycle(COLOURS), cycle(MARKERS), strict=False), strict=False))


def draw_lines(axes: Axes, lines: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """Points joined by a line of its own colour and marker for each name."""
    for name, (colour, marker) in line_styles(list(lines)).items():
        xs, ys = zip(*lines[name], strict=True)
        axes.plot(xs, ys, f"{marker}-", color=colour, label=name)


def log_axis(axes: Axes, which: Literal["x", "y"] = "x") -> None:
    """A logarithmic axis with ticks at 1, 2 and 5 (at 1 only over many decades), written as plain numbers."""
    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 300 * low else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def legend_above(axes: Axes) -> None:
    """The legend over the axes, where it hides nothing."""
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, handlelength=1.2, borderaxespad=0.2)
