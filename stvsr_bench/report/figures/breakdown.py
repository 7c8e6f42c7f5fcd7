"""Figures of what lies behind a mean: by frame position, against motion, clip against clip, sweeps, ablations."""

from collections.abc import Sequence
from typing import Literal

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stvsr_bench import methods
from stvsr_bench.report.build import MethodKey, by_method, method_keys
from stvsr_bench.report.figures.pareto import COLUMN_IN, STYLE, legend_above, line_styles, log_axis, new
from stvsr_bench.report.frames import method_label
from stvsr_bench.report.tables.cost import Profile, frame_ms, of_kind
from stvsr_bench.report.tables.marks import FEWEST_CLIPS, half_interval
from stvsr_bench.report.tables.table import FACTS, display
from stvsr_bench.report.tidy import MOTION_EDGES_PX, UNTRAINED, average_of, column, mean_over_clips, motion_bin

MANY = 300
SweepAxis = Literal["size", "frames"]


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
        said = f"{label(second)} ahead on\n{ahead:.0%} of {len(both)} clips"
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


def sweep(profiles: Sequence[Profile], fact: str = "runtime_ms", along: SweepAxis = "size") -> Figure | None:
    """Cost against the size or the number of frames given, a line per method; nothing when only one was measured."""
    mine = [profile for profile in of_kind(profiles, "sweep") if profile.get("axis", "size") == along]
    records = [record for profile in mine if (record := _sweep_record(profile, fact, along)) is not None]
    lines = {name: sorted(set(of)) for name, of in _grouped(records).items() if len({x for x, _ in of}) > 1}
    if not lines:
        return None
    with matplotlib.rc_context(STYLE):
        figure, axes = new()
        for name, (colour, marker) in line_styles(list(lines)).items():
            xs, ys = zip(*lines[name], strict=True)
            axes.plot(xs, ys, f"{marker}-", color=colour, label=name)
        found = [value for of in lines.values() for _, value in of]
        if max(found) > 8 * min(found):  # over less, a logarithmic axis has hardly a tick
            log_axis(axes, "y")
        if along == "size":
            log_axis(axes)
        axes.set_xlabel("Input (thousand pixels/frame), log scale" if along == "size" else "Frames given")
        axes.set_ylabel("Runtime (ms/window)" if fact == "runtime_ms" else FACTS[fact].label)
        legend_above(axes)
    return figure


def options_of(method: str) -> tuple[str, dict[str, str]]:
    """`stdan:top_t=9` as its name and what was set: ("stdan", {"top_t": "9"})."""
    name, *parts = method.split(":")
    return name, dict(part.split("=", 1) for part in parts if "=" in part)


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
        how = average_of(part["protocol"].iloc[0])
        means = [mean_over_clips(wide[method_key].to_numpy(), list(wide.index), how) for _, method_key in values]
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


def _bins() -> list[str]:
    return [motion_bin(low) for low in MOTION_EDGES_PX[:-1]]


def _sweep_record(profile: Profile, fact: str, along: SweepAxis) -> tuple[str, float, float] | None:
    value = (profile.get("runtime_ms") or {}).get("median") if fact == "runtime_ms" else profile.get("peak_memory_mib")
    size, frames = profile.get("size"), profile.get("frames")
    if value is None or not size or not frames:
        return None
    place = size[0] * size[1] / 1000 if along == "size" else float(frames)
    return f"{_labelled(profile)} · {profile.get('device', '')}", place, float(value)


def _labelled(profile: Profile) -> str:
    return method_label(options_of(str(profile["method"]))[0], str(profile.get("weights") or ""))


def top_t(profiles: Sequence[Profile]) -> Figure | None:
    """Time per frame against the number of points that attention keeps, a line per method and device."""
    found = [(p, frame_ms(p)) for p in of_kind(profiles, "topt") if p.get("top_t")]
    records = [
        (f"{_labelled(p)} · {p.get('device', '')}", float(p["top_t"]), value) for p, value in found if value is not None
    ]
    lines = {name: sorted(set(of)) for name, of in _grouped(records).items() if len(of) > 1}
    if not lines:
        return None
    with matplotlib.rc_context(STYLE):
        figure, axes = new()
        for name, (colour, marker) in line_styles(list(lines)).items():
            xs, ys = zip(*lines[name], strict=True)
            axes.plot(xs, ys, f"{marker}-", color=colour, label=name)
        axes.set_xlabel("Points kept (top T)")
        axes.set_ylabel(FACTS["runtime_ms"].label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        legend_above(axes)
    return figure


def _grouped(records: Sequence[tuple[str, float, float]]) -> dict[str, list[tuple[float, float]]]:
    grouped: dict[str, list[tuple[float, float]]] = {}
    for name, x, y in records:
        grouped.setdefault(name, []).append((x, y))
    return grouped
