"""Two runs of the same methods: first what differs in what made their rows, then in the numbers, clip by clip.

Rows are paired by method, weights' tag, data set, split, clip and the protocol's name: two files of weights of one tag,
two data of one name, or two versions of a protocol are what one looks for, so they do not keep rows apart here.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stvsr_bench import protocols
from stvsr_bench.errors import NotRunnableError, UsageError, counted
from stvsr_bench.report.labels import listed, method_label
from stvsr_bench.report.tables.table import display
from stvsr_bench.report.tidy import read
from stvsr_bench.rows import manifest, store
from stvsr_bench.rows.made import WORDS
from stvsr_bench.schema import EvalProtocol, Row

Place = tuple[str, str, str, str, str, str]  # method, weights, data set, split, clip, protocol
MOST_MOVED = 5
MOVED = 1e-9  # rounding of a sum; a frame that is restored otherwise moves by more


@dataclass(frozen=True)
class Difference:
    """One thing in which the rows of two runs differ: what, on each side, and in how many pairs of rows."""

    what: str
    first: str
    second: str
    rows: int


@dataclass(frozen=True)
class Moved:
    """One metric of one method on one split: means over the clips of both (frames first), and the clips that moved.

    `clips` are in both runs; `moved` lists the clips with another value (first, second), the largest change first.
    """

    method: str
    protocol: str
    where: str
    metric: str
    clips: int
    first: float
    second: float
    moved: tuple[tuple[str, float, float], ...]

    @property
    def change(self) -> float:
        """Second minus first; NaN where one of them is not finite."""
        return self.second - self.first if np.isfinite(self.first) and np.isfinite(self.second) else float("nan")


@dataclass(frozen=True)
class TwoRuns:
    """What differs between two runs, in identity and in numbers; `alone` says which rows only one of them has."""

    first: str
    second: str
    pairs: int
    identity: tuple[Difference, ...]
    numbers: tuple[Moved, ...]
    alone: tuple[str, ...]

    @property
    def said(self) -> str:
        """The result in one sentence."""
        moved = sum(bool(of.moved) for of in self.numbers)
        what = listed([of.what for of in self.identity]) or "nothing that the rows say of themselves"
        numbers = f"{moved} of {counted(len(self.numbers), 'number')} differ" if moved else "all numbers are equal"
        return f"{counted(self.pairs, 'pair')} of rows. Different: {what}; {numbers}."


def compare_runs(first: Path, second: Path, metrics: Sequence[str] = ("psnr_y", "ssim_y")) -> TwoRuns:
    """What differs between two run folders, in the rows that both have.

    Raises:
        NotRunnableError: one of them is not a folder, or has no rows.
        UsageError: they have no method, clip and protocol in common, or no row has the metric.
    """
    sides = [_rows(folder) for folder in (first, second)]
    both = [place for place in sides[0] if place in sides[1]]
    if not both:
        raise UsageError(f"{first} and {second} have no row of the same method, clip and protocol in common")
    pairs = [(sides[0][place], sides[1][place]) for place in both]
    _check_metrics(metrics, pairs)
    stated = [manifest.read(folder).get("protocols", {}) for folder in (first, second)]
    found = [*_of_rows(pairs), *_of_protocols(pairs, stated), *_of_machines(pairs, first, second)]
    alone = [_alone(name, set(mine) - set(other)) for name, mine, other in
             ((first, sides[0], sides[1]), (second, sides[1], sides[0])) if set(mine) - set(other)]  # fmt: skip
    return TwoRuns(str(first), str(second), len(pairs), tuple(found), tuple(_numbers(pairs, metrics)), tuple(alone))


def _rows(folder: Path) -> dict[Place, Row]:
    if not folder.is_dir():
        raise NotRunnableError(f"no run at {folder}")
    return {(of.method, of.weights, of.dataset, of.split, of.clip, of.protocol): of for of in read([folder])}


def _check_metrics(metrics: Sequence[str], pairs: Sequence[tuple[Row, Row]]) -> None:
    known = {name for pair in pairs for row in pair for name in (*row.values, *row.scalars)}
    for metric in metrics:
        if metric not in known:
            raise UsageError(f"no row of these runs has the metric '{metric}'; they have {', '.join(sorted(known))}")


def _alone(name: Path, places: Iterable[Place]) -> str:
    counts = Counter(f"{method_label(of[0], of[1])} {of[2]} {of[3]} ({of[5]})" for of in sorted(places))
    said = [f"{where}: {count} clip{'s' if count > 1 else ''}" for where, count in counts.items()]
    return f"Only in {name}: {listed(said)}"


# -- identity ------------------------------------------------------------------------------------------------------


def _of_rows(pairs: Sequence[tuple[Row, Row]]) -> list[Difference]:
    """Weights, data, code and settings, in the order in which one would look for the cause."""
    named = [
        *((WORDS[name].removeprefix("its ").removeprefix("the "), f"made:{name}") for name in ("code", "card")),
        ("weights (SHA-256)", "weights_sha256"),
        ("frames made elsewhere", "source"),
        ("true frames", "truth"),
        ("input frames", "input"),
        ("protocol key", "protocol_key"),
        ("frames scored", "frames"),
        *((WORDS[name].removeprefix("the "), f"made:{name}") for name in WORDS if name not in ("code", "card")),
        *((name, f"how:{name}") for name in ("precision", "tile", "window", "compile")),
    ]
    found = []
    for what, field in named:
        seen = Counter((_value(one, field), _value(other, field)) for one, other in pairs)
        for (before, after), count in seen.most_common():
            if before != after:
                found.append(Difference(what, before or "not known", after or "not known", count))
                break  # the commonest pair of values stands for the others, which differ by method or clip
    return found


def _value(row: Row, field: str) -> str:
    kind, _, name = field.partition(":")
    if name:
        return (row.made if kind == "made" else row.how).get(name, "")
    value = getattr(row, field)
    return f"{counted(len(value), 'frame')}: {' '.join(map(str, value))}" if field == "frames" else str(value)


def _of_protocols(pairs: Sequence[tuple[Row, Row]], stated: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """The fields in which two protocols of one name differ."""
    keys = Counter((one.protocol, one.protocol_key, other.protocol_key) for one, other in pairs)
    found = []
    for (name, *mine), count in keys.items():
        if mine[0] == mine[1]:
            continue
        sides = [_fields(name, key, of) for key, of in zip(mine, stated, strict=True)]
        for field in sorted(set(sides[0]) & set(sides[1])):
            before, after = sides[0][field], sides[1][field]
            if before != after and field not in ("source", "key"):
                found.append(Difference(f"{name}: {field}", str(before), str(after), count))
    return found


def _fields(name: str, key: str, stated: Mapping[str, Any]) -> dict[str, Any]:
    known: EvalProtocol | None = protocols.known(name)
    if known is not None and known.key == key:
        return dataclasses.asdict(known)
    fields = stated.get(name, {})
    return dict(fields) if isinstance(fields, Mapping) else {}


def _of_machines(pairs: Sequence[tuple[Row, Row]], first: Path, second: Path) -> list[Difference]:
    """Versions and machines of the environments that the rows name."""
    environments = [store.environments(folder) for folder in (first, second)]
    seen = Counter((one.env, other.env) for one, other in pairs)
    found: dict[str, Difference] = {}
    for names, count in seen.most_common():
        sides = [_flat(of.get(name, {})) for of, name in zip(environments, names, strict=True)]
        for what in dict.fromkeys((*sides[0], *sides[1])):
            before, after = (side.get(what, "not known") for side in sides)
            if before != after:
                found.setdefault(what, Difference(what, before, after, count))
    return list(found.values())


def _flat(of: Mapping[str, Any]) -> dict[str, str]:
    machine, versions = of.get("machine", {}), of.get("versions", {})
    commit = f"{str(of.get('commit', ''))[:10]}{' with local changes' if of.get('dirty') else ''}"
    named = {"stvsr-bench": of.get("suite"), "commit": commit, "Python": of.get("python")}
    named |= dict(versions) if isinstance(versions, Mapping) else {}
    if isinstance(machine, Mapping):
        named |= {name: machine.get(name) for name in ("gpu", "cpu", "system", "host")}
    return {name: str(value) for name, value in named.items() if value}


# -- numbers -------------------------------------------------------------------------------------------------------


def _numbers(pairs: Sequence[tuple[Row, Row]], metrics: Sequence[str]) -> list[Moved]:
    places: dict[tuple[str, str, str], list[tuple[Row, Row]]] = defaultdict(list)
    for one, other in pairs:
        places[method_label(one.method, one.weights), one.protocol, f"{one.dataset} {one.split}"].append((one, other))
    found = []
    for (method, protocol, where), of in places.items():
        for metric in metrics:
            clips = [(one.clip, _mean(one, metric), _mean(other, metric)) for one, other in of]
            known = [(clip, a, b) for clip, a, b in clips if not (np.isnan(a) and np.isnan(b))]
            if known:
                moved = sorted(filter(_has_moved, known), key=lambda each: -_size(each))
                means = [_finite_mean(of) for of in ([a for _, a, _ in known], [b for _, _, b in known])]
                found.append(Moved(method, protocol, where, metric, len(known), means[0], means[1], tuple(moved)))
    return found


def _mean(row: Row, metric: str) -> float:
    """The clip's own mean over its finite frames, whatever other methods leave out."""
    if metric in row.values:
        return _finite_mean(row.values[metric])
    return row.scalars.get(metric, float("nan"))


def _finite_mean(values: Sequence[float]) -> float:
    kept = [value for value in values if np.isfinite(value)]
    if kept:
        return float(np.mean(kept))
    return float("inf") if any(np.isposinf(value) for value in values) else float("nan")


def _has_moved(of: tuple[str, float, float]) -> bool:
    return not (of[1] == of[2] or abs(of[1] - of[2]) <= MOVED)


def _size(of: tuple[str, float, float]) -> float:
    size = abs(of[1] - of[2])
    return float("inf") if np.isnan(size) else size


def shown_moved(of: Moved) -> tuple[str, str, str]:
    """Both means with the digits of the metric, and the change with its sign and one digit more."""
    how = display(of.metric)
    change = "–" if np.isnan(of.change) else f"{of.change:+.{how.decimals + 1}f}"
    return f"{of.first:.{how.decimals}f}", f"{of.second:.{how.decimals}f}", change
