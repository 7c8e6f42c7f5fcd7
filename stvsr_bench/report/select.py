"""What is taken out of the tidy table: methods, lines that options ask for, one metric clip by clip."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from stvsr_bench.errors import UnknownNameError
from stvsr_bench.report.guess import UnknownMethodError
from stvsr_bench.report.labels import MethodKey, method_label
from stvsr_bench.report.tables.table import FACTS, Options
from stvsr_bench.report.tidy import is_metric, present

__all__ = [
    "MethodKey",
    "by_method",
    "choose",
    "measured",
    "method_keys",
    "method_label",
    "named",
    "of_protocol",
    "of_protocols",
    "options_of",
]


def options_of(method: str) -> tuple[str, dict[str, str]]:
    """`stdan:top_t=9` as its name and what was set: ("stdan", {"top_t": "9"})."""
    name, *parts = method.split(":")
    return name, dict(part.split("=", 1) for part in parts if "=" in part)


def choose(tidy: pd.DataFrame, options: Options) -> pd.DataFrame:
    """The lines of the tidy table that the options ask for."""
    table = tidy
    known = _names(tidy)
    _check_methods(options.methods, known)
    _check_ours(options.ours, tidy)
    if options.methods:
        wanted = {method_key for method_key, of in known.items() if of & set(options.methods)}
        mine = [key in wanted for key in zip(tidy["method"], tidy["weights"], strict=True)]
        table = table.loc[np.array(mine, dtype=bool)]
    for kind, names in (("split", options.splits), ("protocol", options.protocols)):
        _check_known(f"{kind} in these rows", names, set(tidy[kind]))
        if names:
            table = table[table[kind].isin(names)]
    _check_known("metric in these rows", options.metrics, [name for name in tidy.columns if is_metric(name, tidy)])
    _check_known("fact", options.facts, FACTS)
    return table


def of_protocol(tidy: pd.DataFrame, key: str) -> pd.DataFrame:
    """The lines of one protocol key; the table itself, which may be large, where there is no other."""
    mine = (tidy["protocol_key"] == key).to_numpy(dtype=bool)
    return tidy if mine.all() else tidy[mine]


def of_protocols(tidy: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """The name, the key and the lines of each protocol: what was measured under two of them is never compared."""
    names = tidy[["protocol", "protocol_key"]].drop_duplicates()
    if len(names) == 1:
        yield str(names.iloc[0, 0]), str(names.iloc[0, 1]), tidy
        return
    for (protocol, key), lines in tidy.groupby(["protocol", "protocol_key"], sort=False):
        yield str(protocol), str(key), lines


def named(tidy: pd.DataFrame, name: str) -> list[MethodKey]:
    """The methods that a name means: the one whose label it is, else those of that name, with or without weights."""
    known = _names(tidy)
    exact = [method_key for method_key in known if method_label(*method_key) == name]
    return exact or [method_key for method_key, of in known.items() if name in of]


def method_keys(tidy: pd.DataFrame, order: Sequence[str] = ()) -> list[MethodKey]:
    """The methods with their weights: in the order asked for, else by name."""
    known = _names(tidy)
    # reversed, so that a name written twice keeps its first place
    places = {name: place for place, name in reversed(list(enumerate(order)))}

    def place(method_key: MethodKey) -> int:
        label = method_label(*method_key)
        return places.get(label, min((places[name] for name in known[method_key] if name in places), default=-1))

    return sorted(known, key=place)


def by_method(part: pd.DataFrame, of: Sequence[MethodKey], name: str) -> pd.DataFrame:
    """One metric with a line per clip and a column per method; NaN where a method did not measure a clip."""
    # dropna=False keeps a method that is NaN throughout: it must show as not measured, not vanish
    wide = part.pivot_table(index="clip", columns=["method", "weights"], values=name, aggfunc="last", dropna=False)
    return wide.reindex(columns=pd.MultiIndex.from_tuples(of))


def measured(part: pd.DataFrame, of: Sequence[MethodKey], name: str) -> pd.DataFrame:
    """Whether a method has this metric on a clip, a line per clip and a column per method.

    A clip whose frames are all left out of the mean, because they are infinite, was measured all the same.
    """
    return by_method(part, of, present(name)) > 0


def _names(tidy: pd.DataFrame) -> dict[MethodKey, set[str]]:
    """What each method may be called, in the order of labels: its label and what its rows say, with and without tag."""
    lines = tidy[["method", "weights", "name", "tag"]].drop_duplicates().itertuples(index=False, name=None)
    found: dict[MethodKey, set[str]] = {}
    for method, weights, name, tag in sorted(lines):
        of = {method, name, method_label(method, weights), method_label(name, tag)}
        found.setdefault((method, weights), set()).update(of)
    return found


def _check_methods(wanted: Sequence[str], known: dict[MethodKey, set[str]]) -> None:
    every = {name for of in known.values() for name in of}
    for name in wanted:
        if name not in every:
            raise UnknownMethodError(name, every)


def _check_ours(wanted: Sequence[str], tidy: pd.DataFrame) -> None:
    """A group that no method is in would be left out without a word."""
    names = {str(name) for name in tidy["name"]}
    every = names | {name.split(":", 1)[0] for name in names}
    for name in wanted:
        if name not in every:
            raise UnknownMethodError(name, every)


def _check_known(kind: str, wanted: Sequence[str], known: Iterable[str]) -> None:
    for name in wanted:
        if name not in known:
            raise UnknownNameError(kind, name, known)
