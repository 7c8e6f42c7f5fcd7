"""One page that works offline: the tables, what lies behind each number, and the frames that were saved.

The page is one HTML file with everything it needs, data included. Frames stand beside it in `frames/*.js`, a file per
clip and method that the page brings in when they are looked at: a script may be loaded from a local disk where an
image's pixels may not be read, and differences and slices need pixels.
"""

import base64
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup
from PIL import Image

from stvsr_bench.report.build import MethodKey, by_method, method_keys
from stvsr_bench.report.frames import Saved, method_label, paths
from stvsr_bench.report.tables.table import FACTS, FRAME_CHOICES, Line, Table, display, explain, shown
from stvsr_bench.report.tidy import Floats, column
from stvsr_bench.rows import store
from stvsr_bench.schema import Row

BUDGET_BYTES = 4_500_000
CURVES = ("psnr_y", "ssim_y")
_SCRIPTS = ("state", "table", "charts", "plots", "clips", "viewer", "main")
_LIBRARY = "chart.umd.min.js"  # Chart.js 4.6.1 as its authors publish it; chart.LICENSE.md stands beside it
_MISSING, _INFINITE = -(2**15), -(2**15) + 1


def document(
    tables: Sequence[Table],
    tidy: pd.DataFrame,
    rows: Sequence[Row],
    frames: Sequence[Saved],
    about: dict[str, Any],
    quality: int = 0,
) -> dict[str, Any]:
    """Everything the page shows, as plain values; what does not fit the page's size is left out, curves first."""
    parts = [_protocol(table, tidy, rows, curves=CURVES) for table in tables]
    for curves, which in (((), 1), (CURVES[:1], 0), ((), 0)):
        if _size(parts) <= BUDGET_BYTES:
            break
        parts[which:] = [_protocol(table, tidy, rows, curves) for table in tables[which:]]
    return {"about": about, "protocols": parts, "frames": [_clip_frames(one) for one in frames], "quality": quality}


def html(document: dict[str, Any], downloads: dict[str, str], embedded: dict[str, dict[int, str]] | None = None) -> str:
    """The page itself; `embedded` frames (see `frame_urls`) make it one file at the price of its size."""
    here = files("stvsr_bench.report.page").joinpath("html")
    text = {name: here.joinpath(name).read_text("utf-8") for name in ("page.html", "page.css")}
    scripts = "\n".join(here.joinpath(f"{name}.js").read_text("utf-8") for name in _SCRIPTS)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False}
    return environment.from_string(text["page.html"]).render(
        title=document["about"]["run"],
        css=Markup(text["page.css"]),
        script=Markup(scripts),
        library=Markup(_library(here.joinpath(_LIBRARY).read_text("utf-8"))),
        document=document,
        downloads=downloads,
        embedded=embedded or {},
    )


def _library(text: str) -> str:
    """The plot library without its last line, which asks a browser's tools for a file that is not there."""
    return text.partition("//# sourceMappingURL=")[0]


def frame_urls(frames: Sequence[Saved], quality: int = 0) -> Iterator[tuple[str, dict[int, str]]]:
    """For each clip and method: its name in the page, and its frames as data URLs by index.

    Quality 0 gives the saved files as they are, 1 to 100 WebP that loses some of them, at a tenth of the size.
    """
    for one in frames:
        for name, source in _sources(one).items():
            yield _identity(one, name), {index: _data_url(path, quality) for index, path in paths(source).items()}


def write_frames(folder: Path, frames: Sequence[Saved], quality: int = 0) -> None:
    """The frames as scripts beside the page; those of an earlier report that this one does not show are removed."""
    kept = {f"{_identity(one, name)}.js" for one in frames for name in _sources(one)}
    for stale in (folder / "frames").glob("[0-9a-f]" * 16 + ".js"):
        if stale.name not in kept:
            stale.unlink()
    for identity, urls in frame_urls(frames, quality):
        text = f"stvsrFrames({json.dumps(identity)},{json.dumps(urls)});\n"
        store.write_atomic(folder / "frames" / f"{identity}.js", text)


def _sources(one: Saved) -> dict[str, Path]:
    known = {**one.folders, "truth": one.truth}
    return {**known, "input": one.given} if one.given.is_dir() else known


def _clip_frames(one: Saved) -> dict[str, Any]:
    return {
        "dataset": one.dataset,
        "split": one.split,
        "clip": one.clip,
        "index": list(paths(one.truth)),
        "sources": {name: _identity(one, name) for name in _sources(one)},
    }


def _identity(one: Saved, name: str) -> str:
    return hashlib.sha256(json.dumps([one.dataset, one.split, one.clip, name]).encode()).hexdigest()[:16]


def _data_url(path: Path, quality: int) -> str:
    if not quality:
        return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
    out = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(out, "WEBP", quality=quality)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()


def _size(parts: Sequence[dict[str, Any]]) -> int:
    return len(json.dumps(parts, ensure_ascii=False).encode())


def _protocol(table: Table, tidy: pd.DataFrame, rows: Sequence[Row], curves: Sequence[str]) -> dict[str, Any]:
    mine = tidy[tidy["protocol_key"] == table.protocol_key]
    methods = [(line.method, line.weights) for line in table.lines]
    kept = set(methods)
    of_rows: dict[tuple[str, str], dict[tuple[str, str, str], Row]] = {}
    for row in rows if curves else ():
        if row.protocol_key == table.protocol_key and (row.method, row.weights) in kept:
            of_rows.setdefault((row.dataset, row.split), {})[(row.method, row.weights, row.clip)] = row
    metrics = list(dict.fromkeys(of.metric for of in table.columns))
    splits = [
        _split(part, methods, metrics, of_rows.get((str(dataset), str(split)), {}), curves)
        | {"dataset": str(dataset), "split": str(split)}
        for (dataset, split), part in mine.groupby(["dataset", "split"], sort=False)
    ]
    return {
        "name": table.protocol,
        "key": table.protocol_key,
        "notes": list(table.notes),
        "metrics": {name: _display(display(name)) for name in metrics},
        "facts": {name: _display(FACTS[name]) for name in table.facts},
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
            name: {"value": line.facts.get(name), "text": shown(line.facts.get(name), FACTS[name])}
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
                "partial": cell.partial,
            }
            for cell, of in zip(line.cells, table.columns, strict=True)
        ],
    }


def _split(
    part: pd.DataFrame,
    methods: Sequence[MethodKey],
    metrics: Sequence[str],
    rows: dict[tuple[str, str, str], Row],
    curves: Sequence[str],
) -> dict[str, Any]:
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
    longest = max(rows.values(), key=lambda row: len(row.frames), default=None)
    found = method_keys(part)
    return {
        "clips": clips,
        "motion": _packed(first["motion_px"].to_numpy(), 2),
        "means": means,
        "frames": [] if longest is None else longest.frames,
        "given": [] if longest is None else longest.given,
        "curves": {
            metric: [
                _curve(rows, method_key, clips, metric, len(longest.frames)) if method_key in found else None
                for method_key in methods
            ]
            for metric in curves
            if longest is not None and metric in longest.values
        },
    }


def _curve(
    rows: dict[tuple[str, str, str], Row], method_key: MethodKey, clips: Sequence[str], metric: str, length: int
) -> dict[str, Any]:
    values_nS = np.full((len(clips), length), np.nan)
    for i, clip in enumerate(clips):
        row = rows.get((*method_key, clip))
        if row is not None and metric in row.values:
            values_nS[i, : len(row.values[metric])] = row.values[metric]
    return _packed(values_nS.ravel(), display(metric).decimals)


def _packed(values: Floats, decimals: int) -> dict[str, Any]:
    """Values with as many decimals as are shown, as base64 of 16-bit (or, where they do not fit, 32-bit) integers."""
    # by way of text: the page must show the digits that the tables show
    finite = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0, posinf=0, neginf=0).tolist()
    whole = np.array([int(f"{value:.{decimals}f}".replace(".", "")) for value in finite], dtype=np.int64)
    wide = bool(np.abs(whole).max(initial=0) >= 2**15 - 2)
    packed = whole.astype("<i4" if wide else "<i2")
    packed[np.isnan(values)] = _MISSING
    packed[np.isinf(values)] = _INFINITE
    return {"d": decimals, "w": 4 if wide else 2, "b": base64.b64encode(packed.tobytes()).decode()}
