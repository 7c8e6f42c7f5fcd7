"""Heat maps of planes: quality over scale (across) and time scale (up), a panel per method, and the best two's gain."""

from collections.abc import Iterator, Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from stvsr_bench.report.figures.breakdown import label
from stvsr_bench.report.figures.drawing import COLUMN_IN, STYLE, TEXT_IN, new
from stvsr_bench.report.plane import Plane, Point
from stvsr_bench.report.tables.table import shown

CELL_IN = 0.45  # a number of five digits at 7 pt
_MARGIN_IN = 0.6  # of a panel, for its ticks
_FRAMES = {"all": "all frames", "given": "input frames", "between": "interpolated frames"}
_DARK = 0.45  # luminance under which letters are white


def figures(planes: Sequence[Plane]) -> Iterator[tuple[str, Figure]]:
    """Two figures for each plane of the first metric, by file name: its methods, and the gain of the best one."""
    # the other metrics are in plane.csv, plane.tex and on the page: figures of all of them would be too many to read
    for plane in planes:
        if plane.metric == planes[0].metric:
            yield plane.name, methods(plane)
            if (gain := difference(plane)) is not None:
                yield f"{plane.name}-difference", gain


def methods(plane: Plane) -> Figure:
    """A heat map for each method with the same colours, so that panels may be compared; darker is worse."""
    values = {of: {at: cell.value for at, cell in plane.cells[of].items()} for of in plane.methods}
    finite = [value for of in values.values() for value in of.values() if value is not None and np.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    colours = matplotlib.colormaps["viridis" if plane.how.higher_is_better else "viridis_r"]
    across = max(1, min(len(plane.methods), int(TEXT_IN / (CELL_IN * len(plane.scales) + _MARGIN_IN))))
    down = -(-len(plane.methods) // across)
    with matplotlib.rc_context(STYLE):
        figure, grid = new(_width(plane, across), _height(plane, down), down, across)
        panels = np.atleast_1d(grid).ravel()
        scale = Normalize(low, high if high > low else low + 1)
        for number, (axes, of) in enumerate(zip(panels, plane.methods, strict=False)):
            texts = {at: shown(cell.value, plane.how) + ("*" if cell.partial else "")
                     for at, cell in plane.cells[of].items()}  # fmt: skip
            _heat(axes, plane, values[of], texts, colours, scale)
            axes.set_title(label(of))
            _name_axes(axes, number % across == 0, number + across >= len(plane.methods))
        for axes in panels[len(plane.methods) :]:
            axes.set_axis_off()
        bar = figure.colorbar(ScalarMappable(scale, colours), ax=list(panels), pad=0.02)
        bar.set_label(plane.how.label)
        bar.outline.set_visible(False)
        figure.suptitle(_title(plane), fontsize=8)
    return figure


def difference(plane: Plane) -> Figure | None:
    """By how much the best method is ahead of the second; None where no two methods share cells enough."""
    best = plane.best_two
    if best is None:
        return None
    gains = plane.gains(*best)
    most = max(abs(gain) for gain in gains.values()) or 1.0
    colours, scale = matplotlib.colormaps["PuOr"], Normalize(-most, most)
    texts = {at: f"{gain:+.{plane.how.decimals}f}" for at, gain in gains.items()}
    with matplotlib.rc_context(STYLE):
        figure, axes = new(_width(plane, 1), _height(plane, 1) + 0.15)
        _heat(axes, plane, gains, texts, colours, scale)
        _name_axes(axes, True, True)
        bar = figure.colorbar(ScalarMappable(scale, colours), ax=axes, pad=0.02)
        bar.set_label(f"Gain{f' ({plane.how.unit})' if plane.how.unit else ''}")
        bar.outline.set_visible(False)
        first, second = map(label, best)
        axes.set_title(f"{plane.how.title}: gain of {first}\nover {second}")
        figure.suptitle(_title(plane, metric=False), fontsize=8)
    return figure


def _heat(
    axes: Axes,
    plane: Plane,
    values: Mapping[Point, float | None],
    texts: Mapping[Point, str],
    colours: Colormap,
    scale: Normalize,
) -> None:
    """The cells of one panel with their numbers; hatched where nothing was measured, or no number can have a colour."""
    for x, of_space in enumerate(plane.scales):
        for y, of_time in enumerate(plane.times):
            value = values.get((of_space, of_time))
            if value is None or not np.isfinite(value):
                axes.add_patch(
                    Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="none", edgecolor="0.8", hatch="////", lw=0)
                )
                ink = "black"
            else:
                colour = colours(scale(value))
                axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor="white", lw=0.8))
                ink = "white" if np.dot(colour[:3], (0.2126, 0.7152, 0.0722)) < _DARK else "black"
            axes.text(x, y, texts.get((of_space, of_time), ""), ha="center", va="center", color=ink, fontsize=7)
    axes.set(xlim=(-0.5, len(plane.scales) - 0.5), ylim=(-0.5, len(plane.times) - 0.5))
    axes.set_xticks(range(len(plane.scales)), [f"x{of}" for of in plane.scales])
    axes.set_yticks(range(len(plane.times)), [_time(plane, of) for of in plane.times])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _time(plane: Plane, time_scale: int) -> str:
    """A tick of the time axis; with the data set of its cells where they are of several rates."""
    return f"x{time_scale}" + (f"\n{plane.label(time_scale)}" if plane.gap is not None else "")


def _name_axes(axes: Axes, left: bool, bottom: bool) -> None:
    axes.set_ylabel("Time scale" if left else "")
    axes.set_xlabel("Scale" if bottom else "")


def _title(plane: Plane, metric: bool = True) -> str:
    counts = sorted({cell.n for of in plane.cells.values() for cell in of.values()})
    clips = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
    title = f"{plane.how.title}, " if metric else ""
    return f"{plane.family}, {plane.place} ({clips})\n{title}{_FRAMES[plane.frames]}"


def _width(plane: Plane, across: int) -> float:
    wanted = across * (CELL_IN * len(plane.scales) + _MARGIN_IN) + 0.9
    return min(TEXT_IN, max(COLUMN_IN, wanted))


def _height(plane: Plane, down: int) -> float:
    return 0.65 + down * (0.32 * len(plane.times) + 0.5)
