"""Published against measured: what papers print, beside what this suite measured under the papers' own protocols.

`published.csv` holds confirmed rows only, each with its source; values are others' and are never averaged with ours.
A row is matched by method, data set, split and clip, scale and time scale. The verdict is given under the protocol
that the paper used (or the nearest that is known), for the authors' weights only: a difference measured with other
weights says nothing about the paper.
"""

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

import numpy as np
import pandas as pd

from stvsr_bench import protocols
from stvsr_bench.report.select import MethodKey, by_method, method_keys
from stvsr_bench.report.tidy import average_of, mean_over_clips

Verdict = Literal["reproduced", "close", "differs", "untrained", "other weights", "partial", "not measured"]
METRICS = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
# (reproduced, close): papers print 2 decimals of dB and 4 of SSIM, and differ among themselves by some hundredths
TOLERANCE = {"psnr": (0.01, 0.05), "ssim": (0.0005, 0.002)}
AUTHORS = "authors"


@dataclass(frozen=True)
class Published:
    """One value that somebody printed."""

    method: str
    printed: str
    dataset: str
    split: str
    clip: str
    scale: int | None
    time_scale: int | None
    protocol: str
    procedure: str
    metric: str
    value: float
    source: str
    source_url: str
    note: str

    @property
    def subject(self) -> tuple[str, ...]:
        """What the value is of; two values of one subject should be equal."""
        return (self.method, self.dataset, self.split, self.clip, str(self.scale), str(self.time_scale), self.metric)


@dataclass(frozen=True)
class Measurement:
    """One value of ours for a published one."""

    protocol: str
    method: str
    weights: str
    value: float
    n: int
    untrained: bool
    partial: bool


@dataclass(frozen=True)
class Entry:
    """A published value with all that was measured for it; `delta` is ours minus theirs under their protocol."""

    published: Published
    measured: tuple[Measurement, ...]

    @property
    def same_protocol(self) -> Measurement | None:
        """Ours under the paper's own protocol, the authors' weights first."""
        mine = [one for one in self.measured if one.protocol == self.published.protocol]
        return min(mine, key=lambda one: (one.weights != AUTHORS, one.untrained, one.weights), default=None)

    @property
    def delta(self) -> float | None:
        """Ours minus theirs under their protocol."""
        mine = self.same_protocol
        return None if mine is None else mine.value - self.published.value

    @property
    def verdict(self) -> Verdict:
        """Whether the paper's number is reproduced, or why nothing can be said."""
        mine = self.same_protocol
        if mine is None:
            return "not measured"
        if mine.untrained:
            return "untrained"
        if mine.weights != AUTHORS:
            return "other weights"
        if mine.partial:
            return "partial"
        equal, close = TOLERANCE[self.published.metric.split("_", 1)[0]]
        distance = abs(mine.value - self.published.value)
        return "reproduced" if distance <= equal else "close" if distance <= close else "differs"


def read_published(text: str | None = None) -> list[Published]:
    """The confirmed values of the repository's `published.csv`, one per metric."""
    text = files("stvsr_bench.report.published").joinpath("published.csv").read_text("utf-8") if text is None else text
    found = []
    for row in csv.DictReader(text.splitlines()):
        for metric in METRICS:
            if row[metric]:
                names = (
                    "method",
                    "printed",
                    "dataset",
                    "split",
                    "clip",
                    "protocol",
                    "procedure",
                    "source",
                    "source_url",
                    "note",
                )
                of = {name: row[name] for name in names}
                scales = {name: _whole(row[name]) for name in ("scale", "time_scale")}
                found.append(
                    Published(
                        **of,
                        scale=scales["scale"],
                        time_scale=scales["time_scale"],
                        metric=metric,
                        value=float(row[metric]),
                    )
                )
    return found


def ledger(tidy: pd.DataFrame, published: Sequence[Published]) -> list[Entry]:
    """Every published value with our measurements of it, in the order of the published file."""
    parts: dict[tuple[str, str], list[_Part]] = defaultdict(list)
    of = ["dataset", "split", "protocol", "protocol_key"]
    for (dataset, split, protocol, _), rows in tidy.groupby(of, sort=False):
        parts[(str(dataset), str(split))].append(_Part(str(protocol), rows, method_keys(rows), rows["clip"].nunique()))
    cache: dict[tuple[str, ...], tuple[Measurement, ...]] = {}
    for one in published:
        if one.subject not in cache:
            cache[one.subject] = tuple(_measurements(parts.get((one.dataset, one.split), []), one))
    return [Entry(one, cache[one.subject]) for one in published]


def best_protocols(entries: Sequence[Entry]) -> list[tuple[str, str, str, float, int]]:
    """For each method and source: the protocol whose PSNR is nearest, the mean distance in dB, over how many values.

    Only the authors' own weights count.
    """
    distances: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        if entry.published.metric == "psnr_y":
            for one in entry.measured:
                if one.weights == AUTHORS and not one.untrained and not one.partial:
                    key = (entry.published.printed, entry.published.source)
                    distances[key][one.protocol].append(abs(one.value - entry.published.value))
    found = []
    for (method, source), of in distances.items():
        nearest = min(of, key=lambda protocol: (float(np.mean(of[protocol])), protocol))
        found.append((method, source, nearest, float(np.mean(of[nearest])), len(of[nearest])))
    return found


def contradictions(published: Sequence[Published]) -> list[list[Published]]:
    """Published values of one subject that differ by more than rounding explains, largest spread first."""
    subjects: dict[tuple[str, ...], list[Published]] = defaultdict(list)
    for one in published:
        subjects[one.subject].append(one)
    apart = [of for of in subjects.values() if spread(of) > TOLERANCE[of[0].metric.split("_", 1)[0]][0] + 1e-9]
    return sorted(apart, key=lambda of: (of[0].metric, -spread(of)))


@dataclass(frozen=True)
class _Part:
    protocol: str
    rows: pd.DataFrame
    method_keys: list[MethodKey]
    total: int


def _measurements(parts: Sequence[_Part], one: Published) -> list[Measurement]:
    found = []
    for part in parts:
        known = protocols.PROTOCOLS.get(part.protocol)
        if one.metric not in part.rows or (known and (known.scale, known.time_scale) != (one.scale, one.time_scale)):
            continue
        mine = [method_key for method_key in part.method_keys if method_key[0].split(":", 1)[0] == one.method]
        found += [_measurement(part.rows, method_key, one, part.protocol, part.total) for method_key in mine]
    return [measurement for measurement in found if measurement is not None]


def _measurement(
    rows: pd.DataFrame, method_key: MethodKey, one: Published, protocol: str, total: int
) -> Measurement | None:
    values = by_method(rows, [method_key], one.metric)[method_key]
    if one.clip:
        values = values[values.index == one.clip]
    known = values.dropna()
    if known.empty:
        return None
    mine = rows[(rows["method"] == method_key[0]) & (rows["weights"] == method_key[1])]
    mean = mean_over_clips(known.to_numpy(), list(known.index), average_of(protocol))
    partial = not one.clip and (len(known) < total or any("partial" in flags for flags in mine["flags"]))
    return Measurement(protocol, method_key[0], method_key[1], mean, len(known), bool(mine["untrained"].any()), partial)


def spread(of: Sequence[Published]) -> float:
    """How far the values of one subject lie apart."""
    values = [one.value for one in of]
    return max(values) - min(values)


def _whole(text: str) -> int | None:
    try:
        return int(float(text))
    except ValueError:
        return None
