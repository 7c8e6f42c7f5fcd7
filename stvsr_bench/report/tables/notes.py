"""The sentences under a table: what its rows say of themselves, and what a reader would miss."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from stvsr_bench.report.labels import MethodKey, listed, method_label
from stvsr_bench.report.tables import settings
from stvsr_bench.report.tables.claims import Claim
from stvsr_bench.report.tables.failures import Clips
from stvsr_bench.report.tables.table import Line, Table, display

# said by badges, or by a note of their own
_NO_NOTE = ("partial", "external", "override", "flat")


@dataclass(frozen=True)
class Coverage:
    """How much of each split there is, clips by "data set/split/protocol key", and what failed.

    `machines` tells the hosts of environments apart: for times of one host it does not matter which code ran.
    `claims` names the bundles that hold a row, by its key.
    """

    clips: dict[str, int] = field(default_factory=dict)
    failures: tuple[dict[str, Any], ...] = ()
    machines: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, Sequence[Claim]] = field(default_factory=dict)


def notes_of(tidy: pd.DataFrame) -> tuple[str, ...]:
    """Flags of rows, settings that moved numbers, rows that do not say what made them, other data, environments."""
    notes = [*_flag_notes(tidy), *_missing_notes(tidy), *_undefined_notes(tidy), *settings.notes(tidy)]
    notes += [*_identity_notes(tidy), *_truth_notes(tidy)]
    if (machines := tidy["env"].nunique()) > 1:
        notes.append(f"rows come from {machines} environments; compare their seconds with care")
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
            notes.append(f"partial: {dataset} {split} holds {total} clips, {counted}")
    for method_key, places in failed.items():
        count = len(places)
        where = ", ".join(dict.fromkeys(f"{dataset} {split}" for dataset, split, _ in sorted(places)))
        notes.append(f"{method_label(*method_key)}: {count} clip{'s' if count > 1 else ''} failed ({where})")
    lines: list[Line] = [
        replace(line, badges=(*line.badges, "failed")) if (line.method, line.weights) in failed else line
        for line in table.lines
    ]
    return replace(table, lines=tuple(lines), notes=tuple(notes))


WAYS = ("180", "90-left", "90-right")  # in which a video may be stored


def _flag_notes(tidy: pd.DataFrame) -> list[str]:
    """What rows say of themselves (held-out frames that were an input, frames never scored), counted in clips."""
    kinds: dict[str, set[str]] = {}
    for clip, flags in tidy[["clip", "flags"]].itertuples(index=False, name=None):
        for flag in flags:
            kinds.setdefault(flag.split(":", 1)[0], set()).add(clip)
    says = {
        "leak": "held-out frames were an input (the protocol's own window rule)",
        "unscored": "some frames are never scored under this protocol",
        "rounded-files": "the files are rounded to 8 bits, the protocol scores unrounded numbers",
        "held": "frames between input frames repeat another frame",
        "frozen": "interpolated frames repeat a neighbouring frame where the truth moves",
        "ignores-time": "all interpolated frames of a gap are alike where the truth moves",
        "looping": "interpolated frames show again what an earlier frame showed, where the truth does not",
        "whole-video": "cut out of one whole video; input frames count from its start",
        "tile-unsafe": "tiles of every size change this method's numbers (its card says so)",
        "tile-unmeasured": "nobody measured what tiles cost this method with these weights",
        "tile-below-least": "tiles are smaller than the least that its card states",
        "matrix-assumed": "the video names no colour matrix; BT.709 or BT.601 was taken by its size",
        "lossy-truth": "the true frames are from a video that was coded with loss",
        "lossy-input": "the video handed in was coded with loss: its scores are of the codec too",
        "bits": "the video has more than 8 bits, rounded to 8",
        "sar": "pixels of the video are not square; they are measured as they are stored",
        "hdr": "HDR video, measured in its stored values (--hdr as-is)",
        "deinterlaced": "fields of interlaced video were made whole frames (--deinterlace)",
        "vfr": "frames at uneven times, measured as if they were even (--allow-vfr)",
        "track": "not the first video track of its file (--track)",
        **{f"{first}turned-{way}": "turned as the video's header says" for first in ("", "mirrored-") for way in WAYS},
        "changes": "the method changes settings of its process (threads, dtype, ...), which are put back after a call",
        "mirrored": "mirrored as the video's header says",
        "python-object": "the method was a Python object; its rows have a digest of its code, and no file of it",
        "hidden-code": "no digest covers all that the method computes with, so its rows are never taken as done",
    }
    return [
        f"{kind}: {says.get(kind, 'flagged by the run')}, in {len(clips)} clip{'s' if len(clips) > 1 else ''}"
        for kind, clips in sorted(kinds.items())
        if kind not in _NO_NOTE
    ]


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
