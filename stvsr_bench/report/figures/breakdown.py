"""Figures of what lies behind a mean: by frame position, against motion, clip against clip, motion of the clips."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stvsr_bench.errors import counted
from stvsr_bench.report.figures.drawing import COLUMN_IN, STYLE, legend_above, line_styles, new
from stvsr_bench.report.select import MethodKey, by_method, method_keys
from stvsr_bench.report.tables.marks import FEWEST_CLIPS, half_interval
from stvsr_bench.report.tables.table import display
from stvsr_bench.report.tidy import MOTION_EDGES_PX, UNTRAINED, column, motion_bin

MANY = 300  # clips; more are drawn as smaller points


def label(method_key: MethodKey) -> str:
    """A method as a legend names it."""
    method, weights = method_key
    return f"{method} (untrained)" if weights == UNTRAINED else method + (f"@{weights}" if weights else "")


def by_frame_position(positions: pd.DataFrame, metric: str = "psnr_y") -> Figure | None:
    """The saw-tooth: quality at each place in the window, given frames with filled and made ones with open marks."""
    window = positions[positions["position"] < 16]
    if window.empty:
        return None
    with matplotlib.rc_context(STYLE):
        figure, axes = new()
        shown = list(dict.fromkeys(zip(window["method"], window["weights"], strict=True)))
        styles = line_styles([label(method_key) for method_key in shown])
        for method_key in shown:
            colour, marker = styles[label(method_key)]
            mine = window[(window["method"] == method_key[0]) & (window["weights"] == method_key[1])]
            mean = mine.groupby(["position", "given"])["value"].mean().reset_index()
            axes.plot(mean["position"], mean["value"], f"{marker}-", color=colour, linewidth=1, label=label(method_key))
            made = mean[~mean["given"]]
            axes.plot(made["position"], made["value"], marker, color=colour, markerfacecolor="white")
        axes.set_xlabel("Frame position (filled: had an input frame)")
        axes.set_ylabel(display(metric).label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        legend_above(axes)
    return figure


def against_motion(tidy: pd.DataFrame, metric: str = "psnr_y") -> Figure | None:
    """Mean quality in each bin of motion, with 95 % intervals where a bin has clips enough."""
    known = tidy[tidy["motion_px"].notna()].assign(bin=lambda t: t["motion_px"].map(motion_bin))
    bins = [name for name in _bins() if (known["bin"] == name).any()]
    if len(bins) < 2:
        return None
    with matplotlib.rc_context(STYLE):
        figure, axes = new()
        shown = method_keys(known)
        styles = line_styles([label(method_key) for method_key in shown])
        for shift, method_key in enumerate(shown):
            colour, marker = styles[label(method_key)]
            mine = known[(known["method"] == method_key[0]) & (known["weights"] == method_key[1])]
            values = [mine.loc[mine["bin"] == name, column(metric, "between")].dropna().to_numpy() for name in bins]
            at = [i + 0.06 * (shift - len(shown) / 2) for i, of in enumerate(values) if len(of)]
            means = [of.mean() for of in values if len(of)]
            halves = [(half_interval(of) if len(of) >= FEWEST_CLIPS else None) or 0.0 for of in values if len(of)]
            axes.errorbar(at, means, yerr=halves, fmt=f"{marker}-", color=colour, capsize=2, label=label(method_key))
        axes.set_xticks(range(len(bins)), bins)
        axes.set_xlabel("True or measured motion (px/frame)")
        axes.set_ylabel(f"{display(metric).label}, frames between")
        legend_above(axes)
    return figure


def clip_against_clip(tidy: pd.DataFrame, first: MethodKey, second: MethodKey, metric: str = "psnr_y") -> Figure | None:
    """Every clip as a point: the first method's value against the second's; above the line the second is ahead."""
    wide = by_method(
        tidy.assign(clip=tidy["dataset"] + "/" + tidy["split"] + "/" + tidy["clip"]), [first, second], metric
    )
    both = wide.replace([np.inf, -np.inf], np.nan).dropna()
    if both.empty:
        return None
    with matplotlib.rc_context(STYLE):
        figure, axes = new(COLUMN_IN, 3.0)
        names = sorted({"/".join(clip.split("/")[:2]) for clip in both.index})
        for name, (colour, marker) in line_styles(names).items():
            mine = both[[clip.startswith(f"{name}/") for clip in both.index]]
            size = 3 if len(both) > MANY else 10
            axes.scatter(
                mine[first], mine[second], s=size, c=colour, marker=marker, alpha=0.7, linewidths=0, label=name
            )
        low, high = float(both.min().min()), float(both.max().max())
        axes.plot([low, high], [low, high], color="0.5", linewidth=0.8, zorder=0)
        axes.set_aspect("equal")
        how = display(metric)
        axes.set_xlabel(f"{label(first)}, {how.label}")
        axes.set_ylabel(f"{label(second)}, {how.label}")
        ahead = float((both[second] > both[first]).mean())
        said = f"{label(second)} ahead on\n{ahead:.0%} of {counted(len(both), 'clip')}"
        axes.text(0.98, 0.03, said, transform=axes.transAxes, ha="right", va="bottom", fontsize=7)
        legend_above(axes)
    return figure


def motion_histogram(tidy: pd.DataFrame) -> Figure | None:
    """How much the clips move, split by split."""
    clips = tidy.drop_duplicates(["dataset", "split", "clip"])
    clips = clips[clips["motion_px"].notna()]
    if clips.empty:
        return None
    with matplotlib.rc_context(STYLE):
        figure, axes = new(height_in=2.0)
        splits = [(f"{d} {s}", part["motion_px"].to_numpy()) for (d, s), part in clips.groupby(["dataset", "split"])]
        top = max(float(clips["motion_px"].max()), 1.0)
        styles = line_styles([name for name, _ in splits])
        colours = [styles[name][0] for name, _ in splits]
        axes.hist(
            [of for _, of in splits],
            bins=np.linspace(0, top, 21),
            stacked=True,
            label=[n for n, _ in splits],
            color=colours,
        )
        axes.set_xlabel("Mean motion of a clip (px/frame)")
        axes.set_ylabel("Clips")
        legend_above(axes)
    return figure


def _bins() -> list[str]:
    return [motion_bin(low) for low in MOTION_EDGES_PX[:-1]]
