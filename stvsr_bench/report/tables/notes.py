"""The sentences under a table: what its rows say of themselves, and what a reader would miss."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from stvsr_bench.report.tables import settings
from stvsr_bench.report.tables.table import Line, Options, Table, display


@dataclass(frozen=True)
class Coverage:
    """How much of each split there is, clips by "data set/split/protocol key", and what failed."""

    clips: dict[str, int] = field(default_factory=dict)
    failures: tuple[dict[str, Any], ...] = ()


def notes_of(tidy: pd.DataFrame, options: Options) -> tuple[str, ...]:
    """Flags of rows, settings that moved numbers, several environments, and infinite values, in this order."""
    notes = [*_flag_notes(tidy), *settings.notes(tidy)]
    if (machines := tidy["env"].nunique()) > 1:
        notes.append(f"rows come from {machines} environments; compare their seconds with care")
    for metric in options.metrics:
        name = f"{metric}#inf"
        if name in tidy.columns and (count := int(tidy[name].fillna(0).sum())):
            clips = sorted(set(tidy.loc[tidy[name] > 0, "clip"]))
            listed = ", ".join(clips[:10]) + (f" and {len(clips) - 10} more" if len(clips) > 10 else "")
            notes.append(f"{count} frame{'s' if count > 1 else ''} with infinite {display(metric).title}, in {listed}")
    return tuple(notes)


def with_coverage(table: Table, coverage: Coverage) -> Table:
    """The table with a note for each split measured in part, and a badge for each method with failed clips."""
    notes = list(table.notes)
    for (dataset, split), clips in dict.fromkeys(((of.dataset, of.split), of.clips) for of in table.columns):
        total = coverage.clips.get(f"{dataset}/{split}/{table.protocol_key}", 0)
        if clips < total:
            counted = f"{clips} {'was' if clips == 1 else 'were'} measured"
            notes.append(f"partial: {dataset} {split} holds {total} clips, {counted}")
    failed = Counter((str(one.get("method")), str(one.get("weights"))) for one in coverage.failures)
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
        if kind not in ("partial", "external", "override")
    ]
