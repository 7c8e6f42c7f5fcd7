"""Quality against the value of an option that was varied alone (`top_t`, `kernel`, ...)."""

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stvsr_bench import methods
from stvsr_bench.report.figures.drawing import STYLE, legend_above, line_styles, new
from stvsr_bench.report.select import MethodKey, by_method, method_keys, options_of
from stvsr_bench.report.tables.table import display
from stvsr_bench.report.units import units_of


def ablation(tidy: pd.DataFrame, metric: str = "psnr_y") -> dict[str, Figure]:
    """One figure for each option that was varied alone (`top_t`, `kernel`, ...): quality against its value."""
    figures = {}
    for name, option, values in _varied(tidy):
        with matplotlib.rc_context(STYLE):
            figure, axes = new()
            _draw_ablation(axes, tidy, values, metric)
            axes.set_xlabel(f"{option} of {name}")
            axes.set_ylabel(display(metric).label)
            legend_above(axes)
        figures[f"{name}-{option}"] = figure
    return figures


def _draw_ablation(axes: Axes, tidy: pd.DataFrame, values: list[tuple[str, MethodKey]], metric: str) -> None:
    """Means over the clips that every value was measured on, a line per split that has some."""
    groups = list(tidy.groupby(["dataset", "split"], sort=False))
    styles = line_styles([f"{dataset} {split}" for (dataset, split), _ in groups])
    for (dataset, split), part in groups:
        wide = by_method(part, [method_key for _, method_key in values], metric).dropna()
        if wide.empty:
            continue
        colour, marker = styles[f"{dataset} {split}"]
        units = units_of(part, list(wide.index), metric)
        means = [units.mean(wide[method_key].to_numpy()) for _, method_key in values]
        name = f"{dataset} {split} (n = {len(wide)})"
        axes.plot([value for value, _ in values], means, f"{marker}-", color=colour, label=name)


def _varied(tidy: pd.DataFrame) -> list[tuple[str, str, list[tuple[str, MethodKey]]]]:
    """Method, option, and the methods of each value: those that set it alone, and the method as its card has it."""
    found: dict[tuple[str, str, str], list[tuple[str, MethodKey]]] = {}
    for method, weights in method_keys(tidy):
        name, options = options_of(method)
        if len(options) == 1:
            ((option, value),) = options.items()
            found.setdefault((name, option, weights), []).append((value, (method, weights)))
    for (name, option, weights), of in found.items():
        if (name, weights) in method_keys(tidy) and name in methods.names():
            of.append((str(methods.card(name).options.get(option, "as its card")), (name, weights)))
    return [
        (f"{name}@{weights}" if weights else name, option, sorted(of, key=lambda v: _natural(v[0])))
        for (name, option, weights), of in found.items()
        if len(of) > 1
    ]


def _natural(text: str) -> tuple[float, str]:
    try:
        return float(text), ""
    except ValueError:
        return float("inf"), text
