"""The time response as a figure: a panel for each metric over the time between two given frames."""

from collections.abc import Iterator, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stvsr_bench.report.figures.breakdown import label
from stvsr_bench.report.figures.drawing import STYLE, line_styles, new
from stvsr_bench.report.response import Response


def figures(responses: Sequence[Response]) -> Iterator[tuple[str, Figure]]:
    """A figure for each protocol, data set and split, by the end of its file name."""
    groups: dict[tuple[str, str, str], list[Response]] = {}
    for of in responses:
        groups.setdefault((of.protocol, of.dataset, of.split), []).append(of)
    for place, group in groups.items():
        yield "-".join(place), draw(group)


def draw(group: Sequence[Response]) -> Figure:
    """The metrics of one place below each other; given frames, where a metric has them, as filled marks at 0 and 1."""
    names = sorted({label(curve.method) for of in group for curve in of.curves})
    legend_in = 0.16 * -(-len(names) // 2)
    with matplotlib.rc_context(STYLE):
        figure, grid = new(height_in=0.75 + legend_in + 1.5 * len(group), rows=len(group))
        panels = list(np.atleast_1d(grid))
        for axes, of in zip(panels, group, strict=True):
            _panel(axes, of, names)
        panels[-1].set_xlabel("Time between two input frames (filled: input frame)")
        handles = {text: line for axes in panels for line, text in zip(*axes.get_legend_handles_labels(), strict=True)}
        figure.legend(handles.values(), handles, loc="outside upper left", ncols=2, handlelength=1.2)
        first = group[0]
        panels[0].set_title(f"{first.protocol}, {first.dataset} {first.split} (n = {max(of.clips for of in group)})")
    return figure


def _panel(axes: Axes, of: Response, names: Sequence[str]) -> None:
    styles = line_styles(names)
    for curve in of.curves:
        colour, marker = styles[label(curve.method)]
        points = [(float(t), value) for t, value in zip(of.times, curve.values, strict=True) if np.isfinite(value)]
        if points and points[0][0] == 0:  # the gap ends at the given frame that begins the next one
            points.append((1.0, points[0][1]))
        few = max(curve.clips)
        name = label(curve.method) + (f" (n = {few})" if few < of.clips else "")
        axes.plot(*zip(*points, strict=True), "-", color=colour, linewidth=1)
        for filled, kept in (
            (True, [p for p in points if p[0] in (0, 1)]),
            (False, [p for p in points if 0 < p[0] < 1]),
        ):
            if kept:
                face = colour if filled else "white"
                axes.plot(*zip(*kept, strict=True), marker, color=colour, markerfacecolor=face,
                          label=None if filled else name)  # fmt: skip
    if of.signed:
        axes.axhline(0, color="0.5", linewidth=0.8, zorder=0)
    axes.set_xlim(-0.04, 1.04)
    axes.set_xticks([float(t) for t in of.times] + [1.0], _ticks(of))
    axes.set_ylabel(of.label)


def _ticks(of: Response) -> list[str]:
    """Fractions as they are, as long as there is room for them."""
    every = -(-of.time_scale // 8)
    texts = [str(t) if step % every == 0 else "" for step, t in enumerate(of.times)]
    return [*texts, "1"]
