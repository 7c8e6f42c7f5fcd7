"""Everything the page shows, as plain values: tables, and what lies behind each number, packed to fit one file."""

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stvsr_bench.report.frames import Saved
from stvsr_bench.report.page import plane
from stvsr_bench.report.page.frames import clip_frames
from stvsr_bench.report.plane import planes
from stvsr_bench.report.provenance import TITLES, Fact
from stvsr_bench.report.published.listing import tab
from stvsr_bench.report.published.values import read_published
from stvsr_bench.report.response import responses
from stvsr_bench.report.select import MethodKey, by_method, method_keys, method_label, of_protocol
from stvsr_bench.report.tables.ranking import main_table
from stvsr_bench.report.tables.table import FRAME_CHOICES, Line, Table, display, explain, shown
from stvsr_bench.report.tidy import Floats, column
from stvsr_bench.schema import Row

BUDGET_BYTES = 4_500_000  # of data: with scripts and the plot library the page stays under 5 MB (tests)
CURVES = ("psnr_y", "ssim_y")  # per-frame values, far more than all means together
# the two lowest codes of 16 bits, also where 32 are used: `unpack` of html/state.js has one rule
_MISSING, _INFINITE = -(2**15), -(2**15) + 1


def document(
    tables: Sequence[Table],
    tidy: pd.DataFrame,
    frames: Sequence[Saved],
    about: dict[str, Any],
    quality: int = 0,
    facts: Sequence[Fact] = (),
) -> dict[str, Any]:
    """Everything the page shows, as plain values; what does not fit the page's size is left out, curves first.

    `tidy` holds the lines that the tables were made of.
    """
    # tried from rich to poor: the first protocol keeps its curves longest
    parts = [_protocol(table, tidy, curves=CURVES) for table in tables]
    over_all = plane.parts(planes(tables), responses(tables, tidy)) | {"published": tab(read_published())}
    over_all["provenance"] = [{"title": TITLES[fact.kind], "name": fact.name, "value": fact.value} for fact in facts]
    for curves, which in (((), 1), (CURVES[:1], 0), ((), 0)):
        if _size(parts) + _size(over_all) <= BUDGET_BYTES:
            break
        parts[which:] = [_protocol(table, tidy, curves) for table in tables[which:]]
    shown = [clip_frames(one) | {"protocols": _restored_alike(tables, tidy)} for one in frames]
    return {"about": about, "protocols": parts, **over_all, "frames": shown, "quality": quality}


def _size(parts: Any) -> int:
    return len(json.dumps(parts, ensure_ascii=False).encode())


def _restored_alike(tables: Sequence[Table], tidy: pd.DataFrame) -> list[str]:
    """The keys of the protocols whose frames those of the main table are: others restored other frames."""
    restoring = dict(zip(tidy["protocol_key"], (row.restoring_key for row in tidy["row"]), strict=True))
    mine = restoring.get(main_table(tables).protocol_key)
    return [key for key, of in restoring.items() if of == mine]


def _protocol(table: Table, tidy: pd.DataFrame, curves: Sequence[str]) -> dict[str, Any]:
    mine = of_protocol(tidy, table.protocol_key)
    methods = [(line.method, line.weights) for line in table.lines]
    metrics = list(dict.fromkeys(of.metric for of in table.columns))
    splits = [
        _split(part, methods, metrics, curves) | {"dataset": str(dataset), "split": str(split)}
        for (dataset, split), part in mine.groupby(["dataset", "split"], sort=False)
    ]
    return {
        "name": table.protocol,
        "task": table.task,
        "key": table.protocol_key,
        "said": table.about.sentence,
        "places": [place.words for place in table.about.places],
        "notes": list(table.notes),
        "metrics": {name: _display(display(name)) for name in metrics},
        # "dataset": seconds are of the clips of one data set
        "facts": {name: _display(table.fact(name)) | {"dataset": name.partition(":")[2]} for name in table.facts},
        "columns": [
            {"dataset": of.dataset, "split": of.split, "metric": of.metric, "frames": of.frames, "clips": of.clips}
            for of in table.columns
        ],
        "lines": [_line(line, table) for line in table.lines],
        "splits": splits,
    }


def _display(how: Any) -> dict[str, Any]:
    return {"title": how.title, "label": how.label, "decimals": how.decimals, "better": how.better}


def _line(line: Line, table: Table) -> dict[str, Any]:
    return {
        "label": method_label(line.method, line.weights),
        "group": line.group,
        "badges": [{"name": badge, "says": explain(badge)} for badge in line.badges],
        "facts": {
            name: {"value": line.facts.get(name), "text": shown(line.facts.get(name), table.fact(name))}
            for name in table.facts
        },
        "cells": [
            {
                "value": None if cell.value is None or not np.isfinite(cell.value) else cell.value,
                "text": shown(cell.value, display(of.metric)),
                "half": cell.half,
                "mark": cell.mark,
                "n": cell.n,
                "inf": cell.n_inf,
                "left": cell.n_left,
                "clips": cell.clips,
                "partial": cell.partial,
            }
            for cell, of in zip(line.cells, table.columns, strict=True)
        ],
    }


def _split(
    part: pd.DataFrame,
    methods: Sequence[MethodKey],
    metrics: Sequence[str],
    curves: Sequence[str],
) -> dict[str, Any]:
    lines = part[["method", "weights", "clip", "row"]].itertuples(index=False, name=None) if curves else ()
    rows = {(method, weights, clip): row for method, weights, clip, row in lines}
    first = part.drop_duplicates("clip").set_index("clip").sort_index()
    clips = list(first.index)
    names = [column(metric, frames) for metric in metrics for frames in FRAME_CHOICES]
    means = {
        name: [
            _packed(wide[method_key].reindex(clips).to_numpy(), display(name.split(".")[0]).decimals)
            for method_key in methods
        ]
        for name in names
        if name in part.columns and not (wide := by_method(part, methods, name)).empty
    }
    layouts, layout = _layouts(first["row"])
    found = method_keys(part)
    return {
        "clips": clips,
        "motion": _packed(first["motion_px"].to_numpy(), 2),
        "means": means,
        "layouts": [{"frames": frames, "given": given} for frames, given in layouts],
        "layout": _packed(np.array(layout, dtype=np.float64), 0) if len(layouts) > 1 else None,
        "curves": {
            metric: [
                _curve(rows, method_key, clips, metric, [layouts[of][0] for of in layout])
                if method_key in found
                else None
                for method_key in methods
            ]
            for metric in curves
            if any(metric in row.values for row in rows.values())
        },
    }


def _layouts(rows: Iterable[Row]) -> tuple[list[tuple[list[int], list[bool]]], list[int]]:
    """The different frames that clips have, with which of them were given, and for each clip the place of its own.

    Clips of one split differ in length, and with it in what a tail window is given.
    """
    places: dict[tuple[tuple[int, ...], tuple[bool, ...]], int] = {}
    of_clip = [places.setdefault((tuple(row.frames), tuple(row.given)), len(places)) for row in rows]
    return [(list(frames), list(given)) for frames, given in places], of_clip


def _curve(
    rows: dict[tuple[str, str, str], Row],
    method_key: MethodKey,
    clips: Sequence[str],
    metric: str,
    frames: Sequence[Sequence[int]],
) -> dict[str, Any]:
    """The values of each clip in the order of its frames, with as many places for each clip as the longest has."""
    values_nS = np.full((len(clips), max(map(len, frames))), np.nan)
    for i, (clip, of_clip) in enumerate(zip(clips, frames, strict=True)):
        row = rows.get((*method_key, clip))
        values = None if row is None else row.values.get(metric)
        if row is not None and values is not None:
            known = dict(zip(row.frames, values, strict=True))
            values_nS[i, : len(of_clip)] = [known.get(index, np.nan) for index in of_clip]
    return _packed(values_nS.ravel(), display(metric).decimals)


def _packed(values: Floats, decimals: int) -> dict[str, Any]:
    """Values with as many decimals as are shown, as base64 of 16-bit (or, where they do not fit, 32-bit) integers."""
    # by way of text: the page must show the digits that the tables show
    finite = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0, posinf=0, neginf=0).tolist()
    whole = np.array([int(f"{value:.{decimals}f}".replace(".", "")) for value in finite], dtype=np.int64)
    wide = bool(np.abs(whole).max(initial=0) >= 2**15 - 2)
    packed = whole.astype("<i4" if wide else "<i2")  # little-endian, as typed arrays are wherever browsers run
    packed[np.isnan(values)] = _MISSING
    packed[np.isinf(values)] = _INFINITE
    return {"d": decimals, "w": 4 if wide else 2, "b": base64.b64encode(packed.tobytes()).decode()}
