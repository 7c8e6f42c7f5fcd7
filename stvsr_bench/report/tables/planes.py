"""Planes as CSV, Markdown and LaTeX, and time responses as CSV: the digits and marks of the tables they come from."""

from collections.abc import Sequence
from typing import Any

from stvsr_bench.escape import markdown as text_md
from stvsr_bench.escape import slug
from stvsr_bench.escape import tex as text_tex
from stvsr_bench.report.labels import MethodKey, method_label
from stvsr_bench.report.plane import Plane
from stvsr_bench.report.response import Response
from stvsr_bench.report.tables.csvjson import lines_csv
from stvsr_bench.report.tables.latex import Style, cell_tex, floating
from stvsr_bench.report.tables.markdown import cell_md, grid_md

NOT_MEASURED = "–"
PLANE_FIELDS = (
    *("family", "dataset", "split", "frames", "metric", "method", "weights", "scale", "time_scale", "value", "n"),
    *("partial", "gap", "protocol_key"),
)
RESPONSE_FIELDS = (
    *("protocol", "protocol_key", "dataset", "split", "metric", "method", "weights", "time_scale", "step", "t"),
    *("value", "n"),
)
_FRAMES = {"all": "all frames", "given": "input frames", "between": "interpolated frames"}
_ARROWS = {"higher": "↑", "lower": "↓", "": ""}
_INTRO = (
    "Means of the tables above at every scale and time scale: best **bold**, second <u>underlined</u> among the "
    "methods of one cell. `*`: measured on part of the clips."
)


def planes_csv(planes: Sequence[Plane]) -> str:
    """A line per number. `dataset` is that of the cell; `gap` tells planes of several rates from those of one."""
    lines: list[Sequence[Any]] = [PLANE_FIELDS]
    for plane in planes:
        for method in plane.methods:
            for (scale, time_scale), cell in sorted(plane.cells[method].items()):
                spot = plane.spots[scale, time_scale]
                head = [plane.family, spot.dataset, plane.split, plane.frames, plane.metric, *method]
                gap = "" if plane.gap is None else str(plane.gap)
                at = [str(scale), time_scale, cell.value, cell.n, "yes" if cell.partial else ""]
                lines.append([*head, *at, gap, spot.protocol_key])
    return lines_csv(lines)


def responses_csv(responses: Sequence[Response]) -> str:
    """A line per method and time; `t` in gaps between given frames, 0 is the given frame that begins the gap."""
    lines: list[Sequence[Any]] = [RESPONSE_FIELDS]
    for of in responses:
        for curve in of.curves:
            for step, (value, n) in enumerate(zip(curve.values, curve.clips, strict=True)):
                if n:
                    head = [of.protocol, of.protocol_key, of.dataset, of.split, of.metric, *curve.method]
                    lines.append([*head, of.time_scale, step, step / of.time_scale, value, n])
    return lines_csv(lines)


def planes_md(planes: Sequence[Plane]) -> str:
    """A section of a report: one table for each plane."""
    if not planes:
        return ""
    parts = ["## Plane", "", _INTRO, ""]
    for plane in planes:
        title = f"{plane.how.label} {_ARROWS[plane.how.better]}, {_FRAMES[plane.frames]}"
        parts += [f"### {text_md(f'{plane.family}, {plane.place}')}: {title}", ""]
        parts += [text_md(f"{_sentence(plane.explained)}"), ""] if plane.explained else []
        heads = ["Method", "Time scale", *(f"x{scale}" for scale in plane.scales)]
        lines = [
            _line_md(plane, method, time_scale) for method in plane.methods for time_scale in _times(plane, method)
        ]
        parts += [grid_md(heads, lines, ["left", *["right"] * (len(heads) - 1)]), ""]
    return "\n".join(parts)


def planes_tex(planes: Sequence[Plane], style: Style) -> str:
    """A table environment for each plane; all and interpolated frames of one place stand in one table."""
    groups: dict[tuple[str, str, str], list[Plane]] = {}
    for plane in planes:
        groups.setdefault((plane.family, plane.place, plane.metric), []).append(plane)
    return "\n".join(_tex(group, style) for group in groups.values())


def _line_md(plane: Plane, method: MethodKey, time_scale: int) -> list[str]:
    cells = [plane.cell(method, scale, time_scale) for scale in plane.scales]
    texts = [NOT_MEASURED if of is None else cell_md(of, plane.metric) + ("\\*" if of.partial else "") for of in cells]
    return [text_md(method_label(*method)), f"x{time_scale}", *texts]


def _times(plane: Plane, method: MethodKey) -> list[int]:
    return [time_scale for time_scale in plane.times if any(at == time_scale for _, at in plane.cells[method])]


def _tex(group: Sequence[Plane], style: Style) -> str:
    """One table: method, time scale, then the scales of each choice of frames."""
    first = group[0]
    methods = list(dict.fromkeys(method for plane in group for method in plane.methods))
    width = sum(len(plane.scales) for plane in group)
    tops, rules, at = [], [], 3
    for plane in group:
        count = len(plane.scales)
        tops.append(rf"\multicolumn{{{count}}}{{c}}{{{_FRAMES[plane.frames]}}}")
        rules.append(rf"\cmidrule(lr){{{at}-{at + count - 1}}}")
        at += count
    scales = [text_tex(f"x{scale}") for plane in group for scale in plane.scales]
    heads = [" & ".join(["", "", *tops]) + r" \\", "".join(rules), " & ".join(["Method", "Time", *scales]) + r" \\"]
    body = [r"\midrule"]
    for method in methods:
        times = sorted({time for plane in group if method in plane.cells for time in _times(plane, method)})
        body += [r"\addlinespace"] if len(body) > 1 else []
        body += [_line_tex(group, method, time, named=time == times[0]) for time in times]
    label = "tab:plane-" + slug(first.name.removesuffix(f"-{first.frames}"))
    return floating(style, _caption(first), label, "ll" + "r" * width, [*heads, *body])


def _line_tex(group: Sequence[Plane], method: MethodKey, time_scale: int, named: bool) -> str:
    texts = []
    for plane in group:
        known = plane.cells.get(method, {})
        for scale in plane.scales:
            cell = known.get((scale, time_scale))
            text = text_tex(NOT_MEASURED) if cell is None else cell_tex(cell, plane.metric)
            texts.append(text + ("*" if cell is not None and cell.partial else ""))
    return " & ".join([text_tex(method_label(*method)) if named else "", f"x{time_scale}", *texts]) + r" \\"


def _caption(plane: Plane) -> str:
    arrow = {"higher": r" $\uparrow$", "lower": r" $\downarrow$", "": ""}[plane.how.better]
    said = f" {text_tex(_sentence(plane.explained))}" if plane.explained else ""
    return (
        f"{text_tex(plane.how.label)}{arrow} over scale (across) and time scale (down) under {text_tex(plane.family)}, "
        f"{text_tex(plane.place)}; means of the protocols at these scales.{said} Best in bold, second underlined among "
        "the methods of one cell. *: measured on part of the clips."
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""
