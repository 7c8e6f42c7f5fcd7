"""What is taken out of the tidy table: methods, lines that options ask for, one metric clip by clip."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from stvsr_bench.errors import UnknownNameError
from stvsr_bench.report.tables.table import FACTS, Options
from stvsr_bench.report.tidy import FIXED

MethodKey = tuple[str, str]  # method, weights


def method_label(method: str, weights: str) -> str:
    """A method with its weights, as a page or a figure names it."""
    return f"{method}@{weights}" if weights else method


def options_of(method: str) -> tuple[str, dict[str, str]]:
    """`stdan:top_t=9` as its name and what was set: ("stdan", {"top_t": "9"})."""
    name, *parts = method.split(":")
    return name, dict(part.split("=", 1) for part in parts if "=" in part)


def choose(tidy: pd.DataFrame, options: Options) -> pd.DataFrame:
    """The lines of the tidy table that the options ask for."""
    table = tidy
    labels = [method_label(*method_key) for method_key in zip(tidy["method"], tidy["weights"], strict=True)]
    _check_known("method in these rows", options.methods, {*tidy["method"], *labels})
    if options.methods:
        table = table[table["method"].isin(options.methods) | np.isin(labels, options.methods)]
    for kind, wanted in (("split", options.splits), ("protocol", options.protocols)):
        _check_known(f"{kind} in these rows", wanted, set(tidy[kind]))
        if wanted:
            table = table[table[kind].isin(wanted)]
    _check_known("metric in these rows", options.metrics, [name for name in tidy.columns if is_metric(name, tidy)])
    _check_known("fact", options.facts, FACTS)
    return table


def is_metric(name: str, tidy: pd.DataFrame) -> bool:
    """Whether a column of the tidy table is a metric, over all frames or of whole clips."""
    return f"{name}.between" in tidy.columns or (name not in FIXED and "." not in name and "#" not in name)


def method_keys(tidy: pd.DataFrame, order: Sequence[str] = ()) -> list[MethodKey]:
    """The methods with their weights: in the order asked for, else by name."""
    pairs = tidy[["method", "weights"]].drop_duplicates()
    found = sorted(pairs.itertuples(index=False, name=None))
    # reversed, so that a name written twice keeps its first place
    places = {name: place for place, name in reversed(list(enumerate(order)))}
    return sorted(found, key=lambda method_key: places.get(method_label(*method_key), places.get(method_key[0], -1)))


def by_method(part: pd.DataFrame, of: Sequence[MethodKey], name: str) -> pd.DataFrame:
    """One metric with a line per clip and a column per method; NaN where a method did not measure a clip."""
    # dropna=False keeps a method that is NaN throughout: it must show as not measured, not vanish
    wide = part.pivot_table(index="clip", columns=["method", "weights"], values=name, aggfunc="last", dropna=False)
    return wide.reindex(columns=pd.MultiIndex.from_tuples(of))


def _check_known(kind: str, wanted: Sequence[str], known: Iterable[str]) -> None:
    for name in wanted:
        if name not in known:
            raise UnknownNameError(kind, name, known)
