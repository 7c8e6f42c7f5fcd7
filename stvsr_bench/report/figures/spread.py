"""What the protocol alone is worth, as points on one axis."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from stvsr_bench.report.figures.drawing import COLOURS, STYLE, new
from stvsr_bench.report.tables.spread import Variant


def spread_figure(title: str, of: Sequence[Variant]) -> Figure:
    """The variants as points on one axis."""
    finite = [v for v in of if np.isfinite(v.value)]
    with matplotlib.rc_context(STYLE):
        figure, axes = new(height_in=0.6 + 0.16 * len(finite))
        names = [f"{v.protocol}: {v.name}" for v in finite]
        known = list(dict.fromkeys(v.protocol for v in finite))
        colours = [COLOURS[known.index(v.protocol) % len(COLOURS)] for v in finite]
        axes.scatter([v.value for v in finite], range(len(finite)), c=colours, s=14, zorder=3)
        axes.axvline(of[0].value, color="0.6", linewidth=0.8)
        axes.set_yticks(range(len(finite)), names, fontsize=6)
        axes.invert_yaxis()
        axes.set_xlabel("PSNR (dB)")
        axes.set_title(title)
    return figure
