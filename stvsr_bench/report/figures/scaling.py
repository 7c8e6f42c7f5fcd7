"""Cost against size, number of frames and points kept: lines of profiles of the kinds `sweep` and `topt`.

A line is one network in one setting: options, precision, device, threads and machine are equal along it. What all lines
of a figure share beyond options, device and precision is left out of their names.
"""

from collections.abc import Sequence
from typing import Literal

import matplotlib
from matplotlib.figure import Figure

from stvsr_bench.report.figures.drawing import STYLE, draw_lines, legend_above, log_axis, new
from stvsr_bench.report.select import method_label, options_of
from stvsr_bench.report.tables.cost import Profile, frame_ms, of_kind, threads_of
from stvsr_bench.report.tables.table import FACTS

SweepAxis = Literal["size", "frames"]
SweepFact = Literal["runtime_ms", "memory_mib"]


def sweep(profiles: Sequence[Profile], fact: SweepFact = "runtime_ms", along: SweepAxis = "size") -> Figure | None:
    """Cost against the size or the number of frames given, a line per method; nothing when only one was measured."""
    mine = [profile for profile in of_kind(profiles, "sweep") if profile.get("axis", "size") == along]
    # the number of frames where sizes vary, and the size where frames do
    fixed = "frames" if along == "size" else "size"
    records = [
        ((*_setting(profile), f"{fixed} {profile.get(fixed)}"), place, value)
        for profile in mine
        if (point := _point(profile, fact, along)) is not None
        for place, value in [point]
    ]
    lines = _lines(records)
    if not lines:
        return None
    with matplotlib.rc_context(STYLE):
        figure, axes = new()
        draw_lines(axes, lines)
        found = [value for of in lines.values() for _, value in of]
        if max(found) > 8 * min(found):  # over less, a logarithmic axis has hardly a tick
            log_axis(axes, "y")
        if along == "size":
            log_axis(axes)
        axes.set_xlabel("Input (thousand pixels/frame), log scale" if along == "size" else "Frames given")
        # of the window and not of a frame: over numbers of frames, the window is what grows
        axes.set_ylabel("Runtime (ms/window)" if fact == "runtime_ms" else FACTS[fact].label)
        legend_above(axes)
    return figure


def top_t(profiles: Sequence[Profile]) -> Figure | None:
    """Time per frame against the number of points that attention keeps, a line per method and device."""
    found = [(profile, frame_ms(profile)) for profile in of_kind(profiles, "topt") if profile.get("top_t")]
    records = [
        (
            (*_setting(profile, along="top_t"), f"frames {profile.get('frames')}", f"size {profile.get('size')}"),
            float(profile["top_t"]),
            ms,
        )
        for profile, ms in found
        if ms is not None
    ]
    lines = _lines(records)
    if not lines:
        return None
    with matplotlib.rc_context(STYLE):
        figure, axes = new()
        draw_lines(axes, lines)
        axes.set_xlabel("Points kept (top T)")
        axes.set_ylabel(FACTS["runtime_ms"].label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        legend_above(axes)
    return figure


def _point(profile: Profile, fact: SweepFact, along: SweepAxis) -> tuple[float, float] | None:
    value = (profile.get("runtime_ms") or {}).get("median") if fact == "runtime_ms" else profile.get("peak_memory_mib")
    size, frames = profile.get("size"), profile.get("frames")
    if value is None or not size or not frames:
        return None
    return (size[0] * size[1] / 1000 if along == "size" else float(frames)), float(value)


def _setting(profile: Profile, along: str = "") -> tuple[str, ...]:
    """Method with its options (but the one that the line goes along), device and precision, then the rest."""
    name, options = options_of(str(profile["method"]))
    spec = ":".join([name, *(f"{key}={value}" for key, value in options.items() if key != along)])
    device, precision = str(profile.get("device", "")), str(profile.get("precision") or "fp32")
    way = [word for word in ("compile", "channels_last") if profile.get(word)]
    named = method_label(spec, str(profile.get("weights") or ""))
    return (
        f"{named} · {', '.join(filter(None, [device, precision, *way]))}",
        threads_of(profile.get("threads")),
        f"machine {profile.get('machine') or '?'}",
    )


def _lines(records: Sequence[tuple[tuple[str, ...], float, float]]) -> dict[str, list[tuple[float, float]]]:
    """The points of each line by its name; a later profile of the same point replaces the earlier one."""
    grouped: dict[tuple[str, ...], dict[float, float]] = {}
    for setting, x, y in records:
        grouped.setdefault(setting, {})[x] = y
    drawn = {setting: sorted(of.items()) for setting, of in grouped.items() if len(of) > 1}
    differ = [place for place, words in enumerate(zip(*drawn, strict=True)) if place == 0 or len(set(words)) > 1]
    return {", ".join(setting[place] for place in differ): of for setting, of in drawn.items()}
