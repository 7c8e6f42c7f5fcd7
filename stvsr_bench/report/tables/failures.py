"""Which clips of which method failed under which protocol, from `failures.jsonl`."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stvsr_bench.report.labels import MethodKey
from stvsr_bench.schema import Job

Failure = Mapping[str, Any]
Clips = frozenset[tuple[str, str, str]]  # data set, split, clip


def failed(failures: Sequence[Failure], tidy: pd.DataFrame) -> dict[str, dict[MethodKey, Clips]]:
    """The clips that failed, by protocol key and method; a clip counts once, however often it was tried.

    An entry belongs to the method with its precision and tiles (`stdan [bf16]`) and to one protocol: it names both, or
    (older entries) its key is that of the row that is missing. One of which neither can be said belongs to the method
    of its name under every protocol.
    """
    known = list(_known(tidy))
    found: dict[str, dict[MethodKey, set[tuple[str, str, str]]]] = defaultdict(lambda: defaultdict(set))
    for failure in failures:
        place = (str(failure.get("dataset", "")), str(failure.get("split", "")), str(failure.get("clip", "")))
        for key, method_key in _owners(failure, known, place):
            found[key][method_key].add(place)
    return {key: {name: frozenset(clips) for name, clips in of.items()} for key, of in found.items()}


def distinct_clips(failures: Sequence[Failure]) -> int:
    """How many clips failed for any method: one that failed under three protocols is one."""
    return len({tuple(failure.get(name) for name in ("dataset", "split", "clip")) for failure in failures})


@dataclass(frozen=True)
class _Known:
    """A method under one protocol: its label, and what its rows say of it."""

    protocol_key: str
    label: MethodKey
    name: str
    tag: str
    contents: frozenset[str]


def _known(tidy: pd.DataFrame) -> Iterator[_Known]:
    of = ["method", "weights", "name", "tag"]
    keys = sorted(set(tidy["protocol_key"]))
    for (method, weights, name, tag), lines in tidy[[*of, "contents"]].groupby(of, sort=True):
        for key in keys:
            yield _Known(key, (str(method), str(weights)), str(name), str(tag), frozenset(lines["contents"]))


def _owners(failure: Failure, known: Sequence[_Known], place: tuple[str, str, str]) -> list[tuple[str, MethodKey]]:
    method, tag = str(failure.get("method", "")), str(failure.get("weights", ""))
    if key := failure.get("protocol_key"):
        # a method whose every clip failed has no row, and yet a name
        mine = [one.label for one in known if (one.name, one.tag, one.protocol_key) == (method, tag, key)]
        return [(str(key), label) for label in mine or [(method, tag)]]
    by_key = [one for one in known if one.tag == tag and failure.get("key") in _keys(one, place)]
    by_name = [one for one in known if (one.name, one.tag) == (method, tag)]
    return [(one.protocol_key, one.label) for one in by_key or by_name]


def _keys(one: _Known, place: tuple[str, str, str]) -> set[str]:
    return {Job(one.name, weights, *place, one.protocol_key).key for weights in (one.tag, *one.contents)}
