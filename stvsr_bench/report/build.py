"""The tidy table and the profiles to tables: columns, means over clips, marks, badges and notes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from stvsr_bench.report import alike
from stvsr_bench.report.select import MethodKey, by_method, choose, measured, method_keys, of_protocols
from stvsr_bench.report.tables import about, claims
from stvsr_bench.report.tables.badges import badges_of, mixed_code
from stvsr_bench.report.tables.beside import Beside, beside
from stvsr_bench.report.tables.cost import Profile
from stvsr_bench.report.tables.failures import failed
from stvsr_bench.report.tables.marks import half_interval, mark_column, not_transitive, tie_of
from stvsr_bench.report.tables.notes import Coverage, notes_of, with_coverage
from stvsr_bench.report.tables.table import (
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
from stvsr_bench.report.tidy import column, infinite, left_out, present
from stvsr_bench.report.units import units_of

NOT_TRANSITIVE = (
    "a method may share a mark with one that is better than a method between them: each is compared with the best "
    "(then the second) alone, clip by clip, and that two pairs are ties does not make the third pair one"
)


def build(
    tidy: pd.DataFrame, profiles: Sequence[Profile], options: Options, coverage: Coverage | None = None
) -> list[Table]:
    """One table per protocol key, in the order of their names.

    Raises:
        UnknownNameError: an option names a metric, method, split, protocol or fact that the rows do not have.
    """
    coverage = coverage or Coverage()
    chosen = alike.alike(choose(tidy, options))
    failures = failed(coverage.failures, chosen)
    tables = []
    for protocol, key, part in of_protocols(chosen):
        table = _table(part, beside(part, profiles, options.facts, coverage.machines), options, protocol, key)
        said = about.about(part, protocol, key, coverage.protocols, coverage.clips)
        table = replace(table, notes=(*table.notes, *claims.notes(part, coverage.claims)), about=said)
        tables.append(with_coverage(table, coverage, failures.get(key, {})))
    return tables


def group_of(method: str, ours: Sequence[str]) -> str:
    """The group a method is printed in: two networks after each other are two-stage, one network is one-stage."""
    if method in ours or method.split(":", 1)[0] in ours:
        return "ours"
    return "two-stage" if "+" in method else "one-stage"


def _table(tidy: pd.DataFrame, costs: Beside, options: Options, protocol: str, key: str) -> Table:
    methods = method_keys(tidy, options.methods)
    columns: list[Column] = []
    cells: list[list[Cell]] = []
    crossed = False
    for (dataset, split), part in tidy.groupby(["dataset", "split"], sort=False):
        for metric, frames in _metric_frames(part, options):
            found = _counted(part, methods, column(metric, frames), options.common)
            columns.append(Column(str(dataset), str(split), metric, frames, len(found)))
            of_clips = part[part["clip"].isin(found.index)]
            made, not_in_order = _cells(of_clips, found, columns[-1])
            cells.append(made)
            crossed = crossed or not_in_order
    lines = [_line(tidy, costs, options, method_key, [of[i] for of in cells]) for i, method_key in enumerate(methods)]
    networks = about.networks(tidy)
    lines = [replace(line, made_with=networks[line.method, line.weights]) for line in lines]
    lines.sort(key=lambda line: GROUPS.index(line.group))
    left = alike.notes(tidy, options.metrics)
    weights = about.weights_note({(of.method, of.weights): of.made_with for of in lines})
    notes = (*weights, *notes_of(tidy), *left, *([NOT_TRANSITIVE] if crossed else ()), *costs.notes)
    seen = (*left, *costs.missing)
    return Table(protocol, key, tuple(columns), costs.names, tuple(lines), notes, options.intervals, seen)


def _counted(part: pd.DataFrame, methods: Sequence[MethodKey], name: str, common: bool) -> pd.DataFrame:
    """The clips of a column: whether each method has the metric there, for clips that any of them, or all, have."""
    found = measured(part, methods, name)
    if common:
        elsewhere = set(part.loc[part["other_data"], "clip"])
        return found[found.all(axis=1) & ~found.index.isin(elsewhere)]
    return found[found.any(axis=1)]


def _metric_frames(part: pd.DataFrame, options: Options) -> list[tuple[str, FrameChoice]]:
    choices = FRAME_CHOICES if options.apart else FRAME_CHOICES[:1]
    pairs = [(metric, frames) for frames in choices for metric in options.metrics]
    return [(metric, frames) for metric, frames in pairs if _has(part, column(metric, frames))]


def _has(part: pd.DataFrame, name: str) -> bool:
    # where every frame is exact there is no mean, and yet a column: of what was counted
    return present(name) in part.columns and bool((part[present(name)] > 0).any())


def _cells(part: pd.DataFrame, found: pd.DataFrame, of: Column) -> tuple[list[Cell], bool]:
    """The cells of a column, and whether its marks are not in the order of its means."""
    methods: list[MethodKey] = list(found.columns)
    name = column(of.metric, of.frames)
    values = by_method(part, methods, name)
    units = units_of(part, list(values.index), of.metric)
    per_clip = [values[method_key].to_numpy(dtype=np.float64) for method_key in methods]
    means = [units.mean(one) for one in per_clip]
    counts = [int(found[method_key].sum()) for method_key in methods]
    infinite_frames, frames_left = _sums(part, infinite(name)), _sums(part, left_out(name))
    flagged = _flagged(part)
    partial = [0 < n < of.clips or (n > 0 and key in flagged) for key, n in zip(methods, counts, strict=True)]
    refused = _refused(part)
    whole = [key not in refused and not part_of for key, part_of in zip(methods, partial, strict=True)]
    higher = display(of.metric).higher_is_better
    marks = mark_column(means, per_clip, whole, higher, tie_of(of.metric), units)
    cells = [
        Cell(
            value=None if np.isnan(means[i]) else means[i],
            n=int(np.count_nonzero(~np.isnan(per_clip[i]))),
            n_inf=infinite_frames.get(method_key, 0),
            half=half_interval(per_clip[i], units),
            mark=marks[i],
            partial=partial[i],
            clips=counts[i],
            n_left=frames_left.get(method_key, 0),
        )
        for i, method_key in enumerate(methods)
    ]
    return cells, not_transitive(means, marks, whole, higher)


def _flagged(part: pd.DataFrame) -> set[MethodKey]:
    flagged = part.loc[np.array(["partial" in flags for flags in part["flags"]], dtype=bool)]
    return set(zip(flagged["method"], flagged["weights"], strict=True))


def _refused(part: pd.DataFrame) -> set[MethodKey]:
    """Methods that take no mark: random weights win by chance, other data are another task, mixed code is none."""
    lines = part[part["untrained"] | part["other_data"]]
    return {*zip(lines["method"], lines["weights"], strict=True), *mixed_code(part)}


def _sums(part: pd.DataFrame, name: str) -> dict[MethodKey, int]:
    counted = part.groupby(["method", "weights"])[name].sum()
    return {(str(method), str(weights)): int(n) for (method, weights), n in counted.items()}


def _line(tidy: pd.DataFrame, costs: Beside, options: Options, method_key: MethodKey, cells: Sequence[Cell]) -> Line:
    mine = tidy[(tidy["method"] == method_key[0]) & (tidy["weights"] == method_key[1])]
    group = group_of(str(mine["name"].iloc[0]), options.ours)
    return Line(*method_key, group, badges_of(mine, cells), costs.facts.get(method_key, {}), tuple(cells))
