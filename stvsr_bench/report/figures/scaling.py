"""Cost against size, number of frames and points kept: lines of profiles of the kinds `sweep` and `topt`."""

from collections.abc import Sequence
from typing import Literal

import matplotlib
from matplotlib.figure import Figure

from stvsr_bench.report.figures.drawing import STYLE, draw_lines, legend_above, log_axis, new
from stvsr_bench.report.select import method_label, options_of
from stvsr_bench.report.tables.cost import Profile, frame_ms, of_kind
from stvsr_bench.report.tables.table import FACTS

SweepAxis = Literal["size", "frames"]
SweepFact = Literal["runtime_ms", "memory_mib"]


def sweep(profiles: Sequence[Profile], fact: SweepFact = "runtime_ms", along: SweepAxis = "size") -> Figure | None:
    """Cost against the size or the number of frames given, a line per method; nothing when only one was measured."""
    mine = [profile for profile in of_kind(profiles, "sweep") if profile.get("axis", "size") == along]
    records = [record for profile in mine if (record := _sweep_record(profile, fact, along)) is not None]
    lines = {name: sorted(set(of)) for name, of in _grouped(records).items() if len({x for x, _ in of}) > 1}
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
    records = [(_named(profile), float(profile["top_t"]), ms) for profile, ms in found if ms is not None]
    lines = {name: sorted(set(of)) for name, of in _grouped(records).items() if len(of) > 1}
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


def _sweep_record(profile: Profile, fact: SweepFact, along: SweepAxis) -> tuple[str, float, float] | None:
    value = (profile.get("runtime_ms") or {}).get("median") if fact == "runtime_ms" else profile.get("peak_memory_mib")
    size, frames = profile.get("size"), profile.get("frames")
    if value is None or not size or not frames:
        return None
    place = size[0] * size[1] / 1000 if along == "size" else float(frames)
    return _named(profile), place, float(value)


def _named(profile: Profile) -> str:
    """Method and device, without options: those are what a line goes along."""
    method = options_of(str(profile["method"]))[0]
    return f"{method_label(method, str(profile.get('weights') or ''))} · {profile.get('device', '')}"


def _grouped(records: Sequence[tuple[str, float, float]]) -> dict[str, list[tuple[float, float]]]:
    grouped: dict[str, list[tuple[float, float]]] = {}
    for name, x, y in records:
        grouped.setdefault(name, []).append((x, y))
    return grouped
