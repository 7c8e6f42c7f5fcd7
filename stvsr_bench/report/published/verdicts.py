"""Published against measured: what papers print, beside what this suite measured under the papers' own protocols.

Published values are others' and are never averaged with ours. A value is matched by method, data set, split and clip,
scale and time scale. The verdict is given under the protocol that the paper used, for the plain method with the
authors' weights on the whole split only: any other difference says nothing about the paper.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from stvsr_bench import protocols
from stvsr_bench.report.published.origin import Cards
from stvsr_bench.report.published.values import Published, plane_of
from stvsr_bench.report.select import MethodKey, by_method, measured
from stvsr_bench.report.units import units_of
from stvsr_bench.schema import EvalProtocol

Doubt = Literal[
    "untrained", "external", "override", "other settings", "other weights", "part of the split", "unknown size"
]
Verdict = Literal["reproduced", "close", "differs", "left out", "not measured"] | Doubt
# (reproduced, close): papers print 2 decimals of dB and 4 of SSIM, and differ among themselves by some hundredths
TOLERANCE = {"psnr": (0.01, 0.05), "ssim": (0.0005, 0.002)}
_FLOAT = 1e-9  # 36.81 - 36.80 is 0.010000000000005


@dataclass(frozen=True)
class Measurement:
    """One value of ours for a published one; `rank` is the place of its weights among the authors', if it has one."""

    protocol: str
    method: str
    weights: str
    value: float
    n: int
    untrained: bool = False
    external: bool = False
    overridden: bool = False
    plain: bool = True
    rank: int | None = None
    whole: bool | None = True
    scale: int | str = 4
    time_scale: int = 2

    @property
    def under(self) -> tuple[str, int | str | None, int | None]:
        """Protocol, scale and time scale."""
        return self.protocol, self.scale, self.time_scale

    @property
    def doubt(self) -> Doubt | None:
        """Why this value says nothing about the paper; None where it may be held against it."""
        reasons: dict[Doubt, bool] = {
            "untrained": self.untrained,
            "external": self.external,
            "override": self.overridden,
            "other settings": not self.plain,
            "other weights": self.rank is None,
            "part of the split": self.whole is False,
            "unknown size": self.whole is None,
        }
        return next((reason for reason, holds in reasons.items() if holds), None)


@dataclass(frozen=True)
class Entry:
    """A published value with all that was measured for it; `delta` is ours minus theirs under their protocol."""

    published: Published
    measured: tuple[Measurement, ...]

    @property
    def same_protocol(self) -> Measurement | None:
        """Ours under the paper's own protocol, scale and time scale: one that may be judged first; of several, the
        first on the card."""
        mine = [one for one in self.measured if one.under == self.published.under]
        return min(mine, key=_order, default=None)

    @property
    def delta(self) -> float | None:
        """Ours minus theirs under their protocol."""
        mine = self.same_protocol
        return None if mine is None else mine.value - self.published.value

    @property
    def verdict(self) -> Verdict:
        """Whether the paper's number is reproduced, or why nothing can be said."""
        mine = self.same_protocol
        if self.published.left_out:
            return "left out"
        if mine is None:
            return "not measured"
        if mine.doubt:
            return mine.doubt
        # the paper's own number lies anywhere within half of its last digit
        slack = self.published.slack + _FLOAT
        distance = abs(mine.value - self.published.value) - slack
        equal, close = TOLERANCE[kind_of(self.published.metric)]
        return "reproduced" if distance <= equal else "close" if distance <= close else "differs"


@dataclass(frozen=True)
class Nearest:
    """The protocol whose values come nearest to those of one source, `distance` dB from them in the mean of `n`.

    They are of one scale and time scale: `task` says which (`x6 t12`), "" for x4 and x2.
    `near`: as near as values that are called close. Where it is not, none of the protocols measured is the paper's.
    """

    method: str
    source: str
    task: str
    protocol: str
    distance: float
    n: int
    near: bool


def ledger(tidy: pd.DataFrame, published: Sequence[Published], clips: Mapping[str, int] | None = None) -> list[Entry]:
    """Every published value with our measurements of it, in the order of the published file.

    `clips`: how many clips a run found in a split, by "data set/split/protocol key".
    """
    parts: dict[tuple[str, str], list[_Part]] = defaultdict(list)
    of = ["dataset", "split", "protocol", "protocol_key"]
    for (dataset, split, protocol, key), rows in tidy.groupby(of, sort=False):
        # of a protocol that this version does not know, nobody can say what its rows are comparable with
        if (known := protocols.known(str(protocol))) is not None:
            total = (clips or {}).get(f"{dataset}/{split}/{key}")
            parts[(str(dataset), str(split))].append(_Part(known, str(key), rows, _names(rows), total))
    cards = Cards()
    cache: dict[tuple[str, ...], tuple[Measurement, ...]] = {}
    for one in published:
        if one.subject not in cache:
            cache[one.subject] = tuple(_measurements(parts.get((one.dataset, one.split), []), one, cards))
    return [Entry(one, cache[one.subject]) for one in published]


def best_protocols(entries: Sequence[Entry]) -> list[Nearest]:
    """For each method, source, scale and time scale: the protocol whose PSNR is nearest.

    Only measurements that may be held against the paper count, and only values of the authors' own training and task.
    """
    # by method, source and task, then by protocol: the distance of each value, and what rounding may have added to it
    distances: dict[tuple[str, str, str], dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        of = entry.published
        if of.metric == "psnr_y" and of.confirmed and not of.elsewhere:
            for one in entry.measured:
                if one.doubt is None:
                    mine = distances[(of.printed, of.source, plane_of(of))]
                    mine[one.protocol].append((abs(one.value - of.value), of.slack))
    found = []
    for (method, source, task), by in distances.items():
        means = {protocol: np.mean(of_protocol, axis=0) for protocol, of_protocol in by.items()}
        nearest = min(means, key=lambda protocol: (float(means[protocol][0]), protocol))
        distance, slack = map(float, means[nearest])
        near = distance <= TOLERANCE["psnr"][1] + slack + _FLOAT
        found.append(Nearest(method, source, task, nearest, distance, len(by[nearest]), near))
    return found


def contradictions(published: Sequence[Published]) -> list[list[Published]]:
    """Confirmed values of one subject that differ by more than rounding explains, largest spread first."""
    subjects: dict[tuple[str, ...], list[Published]] = defaultdict(list)
    for one in published:
        if one.confirmed:
            subjects[one.subject].append(one)
    apart = [of for of in subjects.values() if spread(of) > TOLERANCE[kind_of(of[0].metric)][0] + _FLOAT]
    return sorted(apart, key=lambda of: (of[0].metric, -spread(of)))


def spread(of: Sequence[Published]) -> float:
    """How far the values of one subject lie apart."""
    values = [one.value for one in of]
    return max(values) - min(values)


def kind_of(metric: str) -> str:
    """ "psnr" or "ssim"; what a tolerance is of."""
    return metric.split("_", 1)[0]


def plain_name(method: str) -> str:
    """The name of a row's method without options, precision and tiles: `stdan` of `stdan:top_t=9 [bf16]`."""
    return method.split(" [", 1)[0].split(":", 1)[0]


@dataclass(frozen=True)
class _Part:
    protocol: EvalProtocol
    key: str
    rows: pd.DataFrame
    names: dict[MethodKey, str]  # the plain name of each method
    total: int | None

    @property
    def name(self) -> str:
        """The protocol's name; its key where the name means another protocol today."""
        return self.protocol.name if self.protocol.key == self.key else self.key


def _names(rows: pd.DataFrame) -> dict[MethodKey, str]:
    """The plain name of each method, in the order of labels: a label may say more."""
    found = rows[["method", "weights", "name"]].drop_duplicates().itertuples(index=False, name=None)
    return {(method, weights): plain_name(name) for method, weights, name in sorted(found)}


def _files(rows: pd.DataFrame) -> set[str]:
    return {row.weights_sha256 for row in rows["row"]}


def _order(one: Measurement) -> tuple[object, ...]:
    unranked = one.rank is None
    return (one.doubt is not None, unranked, not one.plain, one.untrained, one.rank or 0, one.weights, one.method)


def _measurements(parts: Sequence[_Part], one: Published, cards: Cards) -> list[Measurement]:
    found = []
    for part in parts:
        # x6/t12 says nothing of x4/t2, whatever their protocols are called
        alike = (part.protocol.scale, part.protocol.time_scale) == (one.scale, one.time_scale)
        if alike and one.metric in part.rows:
            found += [_measurement(part, key, one, cards) for key, name in part.names.items() if name == one.method]
    return [measurement for measurement in found if measurement is not None]


def _measurement(part: _Part, method_key: MethodKey, one: Published, cards: Cards) -> Measurement | None:
    values = by_method(part.rows, [method_key], one.metric)[method_key]
    if one.clip:
        values = values[values.index == one.clip]
    values = values.dropna()
    if values.empty:
        return None
    method, weights = method_key
    mine = part.rows[(part.rows["method"] == method) & (part.rows["weights"] == weights)]
    clips = int(measured(part.rows, [method_key], one.metric).sum().iloc[0])  # also those without a frame that counts
    name, tag = str(mine["name"].iloc[0]), str(mine["tag"].iloc[0])
    plain = name == one.method
    of_tag = part.rows[(part.rows["name"] == name) & (part.rows["tag"] == tag)]
    return Measurement(
        protocol=part.name,
        method=method,
        weights=weights,
        value=units_of(mine, list(values.index)).mean(values.to_numpy()),
        n=len(values),
        untrained=bool(mine["untrained"].any()),
        external=any("external" in flags for flags in mine["flags"]),
        overridden=any("override" in flags for flags in mine["flags"]),
        plain=plain,
        rank=cards.rank((name, tag), _files(mine), _files(of_tag)) if plain else None,
        whole=True if one.clip else cards.whole(one.dataset, one.split, clips, part.total),
        scale=part.protocol.scale,
        time_scale=part.protocol.time_scale,
    )
