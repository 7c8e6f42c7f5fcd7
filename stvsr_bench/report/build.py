"""The tidy table and the profiles to tables: columns, means over clips, marks, badges and notes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from stvsr_bench.report.select import MethodKey, by_method, choose, method_keys
from stvsr_bench.report.tables.cost import Profile
from stvsr_bench.report.tables.facts import badges_of, facts_of
from stvsr_bench.report.tables.marks import half_interval, mark_column, tie_of
from stvsr_bench.report.tables.notes import Coverage, notes_of, with_coverage
from stvsr_bench.report.tables.table import (
    FACTS,
    FRAME_CHOICES,
    GROUPS,
    Cell,
    Column,
    FrameChoice,
    Line,
    Options,
    Table,
    display,
)
from stvsr_bench.report.tidy import average_of, column, infinite, mean_over_clips


def build(
    tidy: pd.DataFrame, profiles: Sequence[Profile], options: Options, coverage: Coverage | None = None
) -> list[Table]:
    """One table per protocol key, in the order of their names.

    Raises:
        UnknownNameError: an option names a metric, method, split, protocol or fact that the rows do not have.
    """
    chosen = choose(tidy, options)
    parts = chosen.groupby(["protocol", "protocol_key"], sort=False)
    tables = []
    for (protocol, key), part in parts:
        table = _table(part, profiles, options, str(protocol), str(key))
        tables.append(with_coverage(table, coverage or Coverage()))
    return tables


def group_of(method: str, ours: Sequence[str]) -> str:
    """The group a method is printed in: two networks after each other are two-stage, one network is one-stage."""
    if method in ours or method.split(":", 1)[0] in ours:
        return "ours"
    return "two-stage" if "+" in method else "one-stage"


def _table(tidy: pd.DataFrame, profiles: Sequence[Profile], options: Options, protocol: str, key: str) -> Table:
    methods = method_keys(tidy, options.methods)
    untrained = set(zip(*(tidy[tidy["untrained"]][name] for name in ("method", "weights")), strict=True))
    columns: list[Column] = []
    cells: list[list[Cell]] = []
    for (dataset, split), part in tidy.groupby(["dataset", "split"], sort=False):
        measured = _measured(part, methods)
        clips = measured[measured.all(axis=1)].index if options.common else measured.index
        # random weights may win a column by chance, so they take no mark
        eligible = [method_key not in untrained for method_key in methods]
        for metric, frames in _metric_frames(part, options):
            columns.append(Column(str(dataset), str(split), metric, frames, len(clips)))
            cells.append(_cells(part[part["clip"].isin(clips)], methods, eligible, columns[-1], average_of(protocol)))
    lines = [
        _line(tidy, profiles, options, method_key, [of[i] for of in cells]) for i, method_key in enumerate(methods)
    ]
    lines.sort(key=lambda line: GROUPS.index(line.group))
    facts = options.facts or tuple(name for name in FACTS if any(name in line.facts for line in lines))
    return Table(protocol, key, tuple(columns), facts, tuple(lines), notes_of(tidy, options), options.intervals)


def _measured(part: pd.DataFrame, methods: Sequence[MethodKey]) -> pd.DataFrame:
    return by_method(part, methods, "n_frames").notna()


def _metric_frames(part: pd.DataFrame, options: Options) -> list[tuple[str, FrameChoice]]:
    choices = FRAME_CHOICES if options.apart else FRAME_CHOICES[:1]
    pairs = [(metric, frames) for frames in choices for metric in options.metrics]
    return [(metric, frames) for metric, frames in pairs if _has(part, column(metric, frames))]


def _has(part: pd.DataFrame, name: str) -> bool:
    # where every frame is exact there is no mean, and yet a column: of what was counted
    return name in part.columns and bool(part[name].notna().any() or sum(_infinite(part, name).values()))


def _cells(
    part: pd.DataFrame, methods: Sequence[MethodKey], eligible: Sequence[bool], of: Column, average: Any
) -> list[Cell]:
    values = by_method(part, methods, column(of.metric, of.frames))
    per_clip = [values[method_key].to_numpy(dtype=np.float64) for method_key in methods]
    means = [mean_over_clips(one, list(values.index), average) for one in per_clip]
    counts = _measured(part, methods).sum(axis=0)
    partial = [0 < counts[method_key] < of.clips for method_key in methods]
    whole = [able and not part_of for able, part_of in zip(eligible, partial, strict=True)]
    marks = mark_column(means, per_clip, whole, display(of.metric).higher_is_better, tie_of(of.metric))
    infinite_frames = _infinite(part, column(of.metric, of.frames))
    return [
        Cell(
            value=None if np.isnan(means[i]) else means[i],
            n=int(np.count_nonzero(~np.isnan(per_clip[i]))),
            n_inf=infinite_frames.get(method_key, 0),
            half=half_interval(per_clip[i]),
            mark=marks[i],
            partial=bool(partial[i]),
        )
        for i, method_key in enumerate(methods)
    ]


def _infinite(part: pd.DataFrame, name: str) -> dict[MethodKey, int]:
    if infinite(name) not in part.columns:
        return {}
    counted = part.groupby(["method", "weights"])[infinite(name)].sum()
    return {(str(method), str(weights)): int(n) for (method, weights), n in counted.items()}


def _line(
    tidy: pd.DataFrame, profiles: Sequence[Profile], options: Options, method_key: MethodKey, cells: Sequence[Cell]
) -> Line:
    mine = tidy[(tidy["method"] == method_key[0]) & (tidy["weights"] == method_key[1])]
    facts = facts_of(mine, profiles, method_key)
    badges = badges_of(mine, cells, profiles, method_key)
    return Line(method_key[0], method_key[1], group_of(method_key[0], options.ours), badges, facts, tuple(cells))
