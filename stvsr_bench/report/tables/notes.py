"""The sentences under a table: what its rows say of themselves, and what a reader would miss."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from stvsr_bench import errors
from stvsr_bench.report.labels import MethodKey, listed, method_label
from stvsr_bench.report.tables import flags, settings
from stvsr_bench.report.tables.claims import Claim
from stvsr_bench.report.tables.failures import Clips
from stvsr_bench.report.tables.table import Line, Table, display


@dataclass(frozen=True)
class Coverage:
    """How much of each split there is, clips by "data set/split/protocol key", and what failed.

    `machines` tells the hosts of environments apart: for times of one host it does not matter which code ran.
    `claims` names the bundles of a row, by its key. `protocols` has the fields of each protocol as the run wrote them.
    """

    clips: dict[str, int] = field(default_factory=dict)
    failures: tuple[dict[str, Any], ...] = ()
    machines: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, Sequence[Claim]] = field(default_factory=dict)
    protocols: Mapping[str, Any] = field(default_factory=dict)


def notes_of(tidy: pd.DataFrame) -> tuple[str, ...]:
    """Flags of rows, settings that moved numbers, rows that do not say what made them, other data, environments."""
    notes = [*flags.notes(tidy), *_missing_notes(tidy), *_undefined_notes(tidy), *settings.notes(tidy)]
    notes += [*_identity_notes(tidy), *_truth_notes(tidy)]
    if (machines := tidy["env"].nunique()) > 1:
        notes.append(f"Rows come from {machines} environments; compare their seconds with care")
    return tuple(notes)


def with_coverage(table: Table, coverage: Coverage, failed: Mapping[MethodKey, Clips]) -> Table:
    """The table with a note for each split measured in part, and a badge for each method with failed clips.

    `failed`: the clips of each method that failed under this table's protocol.
    """
    notes = list(table.notes)
    totals: dict[tuple[str, str], int] = defaultdict(int)
    for column in table.columns:
        totals[column.dataset, column.split] = max(totals[column.dataset, column.split], column.clips)
    for (dataset, split), clips in totals.items():
        total = coverage.clips.get(f"{dataset}/{split}/{table.protocol_key}", 0)
        if clips < total:
            counted = f"{clips} {'was' if clips == 1 else 'were'} measured"
            notes.append(f"{dataset} {split} has {errors.counted(total, 'clip')}, {counted}")
    for method_key, places in failed.items():
        count = len(places)
        where = ", ".join(dict.fromkeys(f"{dataset} {split}" for dataset, split, _ in sorted(places)))
        notes.append(f"{method_label(*method_key)}: {count} clip{'s' if count > 1 else ''} failed ({where})")
    lines: list[Line] = [
        replace(line, badges=(*line.badges, "failed")) if (line.method, line.weights) in failed else line
        for line in table.lines
    ]
    return replace(table, lines=tuple(lines), notes=tuple(notes))


def _missing_notes(tidy: pd.DataFrame) -> list[str]:
    """Metrics that could not be computed for some clips, with the reason that their rows give."""
    clips: dict[str, set[str]] = {}
    for clip, row in tidy[["clip", "row"]].itertuples(index=False, name=None):
        for said in filter(None, row.how.get("missing", "").split("; ")):
            clips.setdefault(said, set()).add(clip)
    return [
        f"missing: {said}, on {len(of)} clip{'s' if len(of) > 1 else ''} ({listed(sorted(of))})"
        for said, of in sorted(clips.items())
    ]


def _undefined_notes(tidy: pd.DataFrame) -> list[str]:
    """Interpolated frames without a value of a metric that others of their clip have."""
    frames: dict[str, int] = defaultdict(int)
    clips: dict[str, set[str]] = defaultdict(set)
    for clip, row in tidy[["clip", "row"]].itertuples(index=False, name=None):
        for said in filter(None, row.how.get("undefined", "").split("; ")):
            metric = said.split(":", 1)[0]
            pairs = zip(row.values.get(metric, ()), row.given, strict=False)
            frames[metric] += sum(math.isnan(value) and not given for value, given in pairs)
            clips[metric].add(clip)
    return [
        f"{display(metric).title}: {count} interpolated frame{'s' if count > 1 else ''} of all methods together "
        f"{'have' if count > 1 else 'has'} no value and {'are' if count > 1 else 'is'} left out: the truth is still "
        f"there ({listed(sorted(clips[metric]))})"
        for metric, count in sorted(frames.items())
        if count
    ]


def _identity_notes(tidy: pd.DataFrame) -> list[str]:
    older = tidy[tidy["older"]]
    if older.empty:
        return []
    said = "identity incomplete: measured before rows said what made them"
    if len(older) == len(tidy):
        return [said]
    names = sorted({method_label(*key) for key in zip(older["method"], older["weights"], strict=True)})
    return [f"{said}: {listed(names)}"]


def _truth_notes(tidy: pd.DataFrame) -> list[str]:
    notes = []
    for (dataset, split), other in tidy[tidy["other_data"]].groupby(["dataset", "split"], sort=False):
        names = sorted({method_label(*key) for key in zip(other["method"], other["weights"], strict=True)})
        clips = sorted(set(other["clip"]))
        notes.append(
            f"other data: on {dataset} {split} the methods were measured against different true frames, "
            f"{len(clips)} clip{'s' if len(clips) > 1 else ''} ({listed(clips)}) of {listed(names)}"
        )
    return notes
