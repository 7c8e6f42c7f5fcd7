"""The manifest of a run: what was asked for, and digests of everything that made its rows."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Manifest:
    """`manifest.json` of a run folder; a run that continues keeps the earlier protocols, cells, data sets and methods,
    and has one entry a command in `history`.

    `protocols` by name, with their key and every field; `cells` (`<data set>/<split>/<protocol key>`) with the number
    of clips and a digest of their names; `datasets` that were named by a path, with a digest of it; `methods` by spec,
    with the digests of weights, card and code; `metrics` with their units; `env` names the entry of `env.json` that the
    last command ran under.
    """

    run: str
    argv: list[str]
    started: str
    env: str
    protocols: dict[str, Any]
    cells: dict[str, Any]
    datasets: dict[str, str]
    methods: dict[str, Any]
    metrics: dict[str, str]
