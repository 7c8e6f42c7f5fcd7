"""The tidy table and the profiles to tables: columns, means over clips, marks, badges and notes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from stvsr_bench.errors import UnknownNameError
from stvsr_bench.report.frames import method_label
from stvsr_bench.report.tables import settings as ways
from stvsr_bench.report.tables.cost import Profile, frame_ms, of_kind
from stvsr_bench.report.tables.marks import TIE, TIE_DB, half_interval, mark_column
from stvsr_bench.report.tables.table import (
    FACTS,
    FRAME_CHOICES,
    Badge,
    Cell,
    Column,
    FrameChoice,
    Line,
    Options,
    Table,
    display,
)
from stvsr_bench.report.tidy import FIXED, average_of, column, mean_over_clips

MethodKey = tuple[str, str]  # method, weights
GROUPS = ("two-stage", "one-stage", "ours")


@dataclass(frozen=True)
class Known:
    """What is known beside the rows: clips of a whole split by "data set/split/protocol key", and what failed."""

    clips: dict[str, int] = field(default_factory=dict)
    failures: tuple[dict[str, Any], ...] = ()


def build(tidy: pd.DataFrame, profiles: Sequence[Profile], options: Options, known: Known | None = None) -> list[Table]:
    """One table per protocol key, in the order of their names.

    Raises:
        UnknownNameError: an option names a metric, method, split, protocol or fact that the rows do not have.
    """
    chosen = choose(tidy, options)
    parts = chosen.groupby(["protocol", "protocol_key"], sort=False)
    tables = []
    for (protocol, key), part in parts:
        table = _table(part, profiles, options, str(protocol), str(key))
        tables.append(_with_known(table, known or Known()))
    return tables


def choose(tidy: pd.DataFrame, options: Options) -> pd.DataFrame:
    """The lines of the tidy table that the options ask for."""
    table = tidy
    labels = [method_label(*method_key) for method_key in zip(tidy["method"], tidy["weights"], strict=True)]
    _known("method in these rows", options.methods, {*tidy["method"], *labels})
    if options.methods:
        table = table[table["method"].isin(options.methods) | np.isin(labels, options.methods)]
    for kind, wanted in (("split", options.splits), ("protocol", options.protocols)):
        _known(f"{kind} in these rows", wanted, set(tidy[kind]))
        if wanted:
            table = table[table[kind].isin(wanted)]
    _known("metric in these rows", options.metrics, [name for name in tidy.columns if is_metric(name, tidy)])
    _known("fact", options.facts, FACTS)
    return table


def is_metric(name: str, tidy: pd.DataFrame) -> bool:
    """Whether a column of the tidy table is a metric, over all frames or of whole clips."""
    return f"{name}.between" in tidy.columns or (name not in FIXED and "." not in name and "#" not in name)


def method_keys(tidy: pd.DataFrame, order: Sequence[str] = ()) -> list[MethodKey]:
    """The methods with their weights: in the order asked for, else by name."""
    pairs = tidy[["method", "weights"]].drop_duplicates()
    found = sorted(pairs.itertuples(index=False, name=None))
    places = {name: place for place, name in reversed(list(enumerate(order)))}
    return sorted(found, key=lambda method_key: places.get(method_label(*method_key), places.get(method_key[0], -1)))


def by_method(part: pd.DataFrame, of: Sequence[MethodKey], name: str) -> pd.DataFrame:
    """One metric with a line per clip and a column per method; NaN where a method did not measure a clip."""
    wide = part.pivot_table(index="clip", columns=["method", "weights"], values=name, aggfunc="last", dropna=False)
    return wide.reindex(columns=pd.MultiIndex.from_tuples(of))


def group_of(method: str, ours: Sequence[str]) -> str:
    """The group a method is printed in: two networks after each other are two-stage, one network is one-stage."""
    if method in ours or method.split(":", 1)[0] in ours:
        return "ours"
    return "two-stage" if "+" in method else "one-stage"


def _known(kind: str, wanted: Sequence[str], known: Sequence[str] | set[str] | dict[str, Any]) -> None:
    for name in wanted:
        if name not in known:
            raise UnknownNameError(kind, name, known)


def _table(tidy: pd.DataFrame, profiles: Sequence[Profile], options: Options, protocol: str, key: str) -> Table:
    methods = method_keys(tidy, options.methods)
    untrained = set(zip(*(tidy[tidy["untrained"]][name] for name in ("method", "weights")), strict=True))
    columns: list[Column] = []
    cells: list[list[Cell]] = []
    for (dataset, split), part in tidy.groupby(["dataset", "split"], sort=False):
        measured = _measured(part, methods)
        clips = measured[measured.all(axis=1)].index if options.common else measured.index
        eligible = [method_key not in untrained for method_key in methods]
        for metric, frames in _metric_frames(part, options):
            columns.append(Column(str(dataset), str(split), metric, frames, len(clips)))
            cells.append(_cells(part[part["clip"].isin(clips)], methods, eligible, columns[-1], average_of(protocol)))
    lines = [
        _line(tidy, profiles, options, method_key, [of[i] for of in cells]) for i, method_key in enumerate(methods)
    ]
    lines.sort(key=lambda line: GROUPS.index(line.group))
    facts = options.facts or tuple(name for name in FACTS if any(name in line.facts for line in lines))
    return Table(protocol, key, tuple(columns), facts, tuple(lines), _notes(tidy, options), options.intervals)


def _measured(part: pd.DataFrame, methods: Sequence[MethodKey]) -> pd.DataFrame:
    return by_method(part, methods, "n_frames").notna()


def _metric_frames(part: pd.DataFrame, options: Options) -> list[tuple[str, FrameChoice]]:
    choices = FRAME_CHOICES if options.apart else FRAME_CHOICES[:1]
    pairs = [(metric, frames) for frames in choices for metric in options.metrics]
    return [(metric, frames) for metric, frames in pairs if _has(part, column(metric, frames))]


def _has(part: pd.DataFrame, name: str) -> bool:
    return name in part.columns and bool(part[name].notna().any())


def _cells(
    part: pd.DataFrame, methods: Sequence[MethodKey], eligible: Sequence[bool], of: Column, average: Any
) -> list[Cell]:
    values = by_method(part, methods, column(of.metric, of.frames))
    per_clip = [values[method_key].to_numpy(dtype=np.float64) for method_key in methods]
    means = [mean_over_clips(one, list(values.index), average) for one in per_clip]
    counts = _measured(part, methods).sum(axis=0)
    partial = [0 < counts[method_key] < of.clips for method_key in methods]
    how = display(of.metric)
    tie = TIE_DB if how.unit == "dB" else TIE
    whole = [able and not part_of for able, part_of in zip(eligible, partial, strict=True)]
    marks = mark_column(means, per_clip, whole, how.better != "lower", tie)
    infinite = _infinite(part, of.metric)
    return [
        Cell(
            value=None if np.isnan(means[i]) else means[i],
            n=int(np.count_nonzero(~np.isnan(per_clip[i]))),
            n_inf=infinite.get(method_key, 0),
            half=half_interval(per_clip[i]),
            mark=marks[i],
            partial=bool(partial[i]),
        )
        for i, method_key in enumerate(methods)
    ]


def _infinite(part: pd.DataFrame, metric: str) -> dict[MethodKey, int]:
    name = f"{metric}#inf"
    if name not in part.columns:
        return {}
    counted = part.groupby(["method", "weights"])[name].sum()
    return {(str(method), str(weights)): int(n) for (method, weights), n in counted.items()}


def _line(
    tidy: pd.DataFrame, profiles: Sequence[Profile], options: Options, method_key: MethodKey, cells: Sequence[Cell]
) -> Line:
    mine = tidy[(tidy["method"] == method_key[0]) & (tidy["weights"] == method_key[1])]
    facts = _facts(mine, profiles, method_key)
    badges = _badges(mine, cells, profiles, method_key)
    return Line(method_key[0], method_key[1], group_of(method_key[0], options.ours), badges, facts, tuple(cells))


def _facts(mine: pd.DataFrame, profiles: Sequence[Profile], method_key: MethodKey) -> dict[str, float]:
    facts: dict[str, float] = {}
    params = _params(mine)
    if params is not None:
        facts["params"] = params / 1e6
    profile = profile_of(profiles, method_key, params)
    if profile:
        facts.setdefault("params", _number(profile.get("params")) / 1e6)
        facts["gmacs"] = _number(profile.get("gmacs"))
        facts["runtime_ms"] = _number(frame_ms(profile))
        facts["memory_mib"] = _number(profile.get("peak_memory_mib"))
    seconds = mine["seconds"].dropna()
    if len(seconds):
        facts["seconds"] = float(seconds.median())
    return {name: value for name, value in facts.items() if not np.isnan(value)}


def profile_of(profiles: Sequence[Profile], method_key: MethodKey, params: float | None) -> Profile | None:
    """The first profile of a method with these weights, else of a network of as many parameters.

    Speed does not depend on the values of weights, but weights may bring a smaller network of the same name.
    """
    mine = [profile for profile in of_kind(profiles) if profile.get("method") == method_key[0]]
    exact = [profile for profile in mine if profile.get("weights") == method_key[1]]
    alike = [profile for profile in mine if params is not None and profile.get("params") == params]
    return next(iter(exact or alike), None)


def _params(mine: pd.DataFrame) -> float | None:
    known = mine["params"].dropna()
    return float(known.iloc[0]) if len(known) else None


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _badges(
    mine: pd.DataFrame, cells: Sequence[Cell], profiles: Sequence[Profile], method_key: MethodKey
) -> tuple[Badge, ...]:
    flags = {flag for of in mine["flags"] for flag in of}
    machines = {str(profile.get("machine")) for profile in of_kind(profiles)}
    own = profile_of(profiles, method_key, _params(mine))
    said: dict[Badge, bool] = {
        "untrained": bool(mine["untrained"].any()),
        "mini": method_key[1] == "mini",
        "partial": "partial" in flags or any(cell.partial for cell in cells),
        "external": "external" in flags,
        "other machine": len(machines) > 1 and own is not None and str(own.get("machine")) != _usual(profiles),
    }
    return tuple(badge for badge, holds in said.items() if holds)


def _usual(profiles: Sequence[Profile]) -> str:
    machines = [str(profile.get("machine")) for profile in of_kind(profiles)]
    return max(dict.fromkeys(machines), key=machines.count)


def _with_known(table: Table, known: Known) -> Table:
    """The table with a note for each split measured in part, and a badge for each method with failed clips."""
    notes = list(table.notes)
    for (dataset, split), clips in dict.fromkeys(((of.dataset, of.split), of.clips) for of in table.columns):
        total = known.clips.get(f"{dataset}/{split}/{table.protocol_key}", 0)
        if clips < total:
            counted = f"{clips} {'was' if clips == 1 else 'were'} measured"
            notes.append(f"partial: {dataset} {split} holds {total} clips, {counted}")
    failed = Counter((str(one.get("method")), str(one.get("weights"))) for one in known.failures)
    lines: list[Line] = []
    for line in table.lines:
        count = failed[(line.method, line.weights)]
        if count:
            notes.append(f"{line.method}: {count} clip{'s' if count > 1 else ''} failed")
        lines.append(replace(line, badges=(*line.badges, "failed")) if count else line)
    return replace(table, lines=tuple(lines), notes=tuple(notes))


def _flag_notes(tidy: pd.DataFrame) -> list[str]:
    """What rows say of themselves (held-out frames that were an input, frames never scored), counted in clips."""
    kinds: dict[str, set[str]] = {}
    for clip, flags in tidy[["clip", "flags"]].itertuples(index=False, name=None):
        for flag in flags:
            kinds.setdefault(flag.split(":", 1)[0], set()).add(clip)
    says = {
        "leak": "held-out frames were an input (the protocol's own window rule)",
        "unscored": "some frames are never scored under this protocol",
    }
    return [
        f"{kind}: {says.get(kind, 'flagged by the run')}, in {len(clips)} clip{'s' if len(clips) > 1 else ''}"
        for kind, clips in sorted(kinds.items())
        if kind not in ("partial", "external")
    ]


def _notes(tidy: pd.DataFrame, options: Options) -> tuple[str, ...]:
    notes = [*_flag_notes(tidy), *ways.notes(tidy)]
    if (machines := tidy["env"].nunique()) > 1:
        notes.append(f"rows come from {machines} environments; compare their seconds with care")
    for metric in options.metrics:
        name = f"{metric}#inf"
        if name in tidy.columns and (count := int(tidy[name].fillna(0).sum())):
            clips = sorted(set(tidy.loc[tidy[name] > 0, "clip"]))
            listed = ", ".join(clips[:10]) + (f" and {len(clips) - 10} more" if len(clips) > 10 else "")
            notes.append(f"{count} frame{'s' if count > 1 else ''} with infinite {display(metric).title}, in {listed}")
    return tuple(notes)
