"""`stvsr-bench ls`: what there is to run, on what, measured how. Imports no torch."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stvsr_bench.cli import options
from stvsr_bench.errors import BenchError, UnknownNameError

if TYPE_CHECKING:
    from stvsr_bench.schema import MethodCard

KINDS = ("methods", "datasets", "metrics", "protocols", "results")


def ls(
    kind: Annotated[str, typer.Argument(help="methods, datasets, metrics, protocols or results.")] = "methods",
    as_json: options.Json = False,
    include: options.Include = None,
) -> None:
    """List what there is: methods, datasets, metrics, protocols or results."""
    from stvsr_bench import plugins

    for path in include or []:
        plugins.include(path)
    makers = {
        "methods": _methods,
        "datasets": _datasets,
        "metrics": _metrics,
        "protocols": _protocols,
        "results": _results,
    }
    if kind not in makers:
        raise UnknownNameError("list", kind, KINDS)
    rows = makers[kind]()
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    _table(rows)


def _table(rows: list[dict[str, Any]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in rows[0] if rows else ():
        table.add_column(name, overflow="fold", no_wrap=name == "name")
    for row in rows:
        table.add_row(*(Text(_shown(value)) for value in row.values()))
    Console(highlight=False).print(table)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    return str(value)


def _methods() -> list[dict[str, Any]]:
    from stvsr_bench import methods, plugins

    rows: list[dict[str, Any]] = []
    problems = methods.problems()
    for name, plugin in plugins.plugins("methods").items():
        if name in problems:
            rows.append({"name": name, "kind": "broken", "title": problems[name], "weights": [], "options": {}})
        else:
            card = methods.card(name)
            weights = _weights(card, plugin)
            rows.append(
                {"name": name, "kind": card.kind, "title": card.title, "weights": weights, "options": card.options}
            )
    return rows


def _weights(card: "MethodCard", plugin: Any) -> list[str]:
    from stvsr_bench.methods import weights

    if not card.learned:
        return ["none needed"]
    found = []
    for tag in card.weights:
        try:
            there = weights.choose(card, plugin, tag).path is not None
        except BenchError:
            there = False
        found.append(f"@{tag}" if there else f"@{tag} (missing)")
    return [*found, "@none"]


def _datasets() -> list[dict[str, Any]]:
    from stvsr_bench import datasets

    rows: list[dict[str, Any]] = []
    for name in datasets.names():
        try:
            card = datasets.card(name)
            rows.append({"name": name, "title": card.title, "splits": card.splits, "licence": card.licence})
        except BenchError as error:
            rows.append({"name": name, "title": f"broken: {error}", "splits": [], "licence": ""})
    return rows


def _metrics() -> list[dict[str, Any]]:
    from stvsr_bench.metrics import METRICS

    return [
        {
            "name": name,
            "unit": metric.unit,
            "better": "higher" if metric.higher_is_better else "lower",
            "per": metric.per,
            "title": metric.title,
        }
        for name, metric in METRICS.items()
    ]


def _protocols() -> list[dict[str, Any]]:
    from stvsr_bench.protocols import PROTOCOLS

    return [{"name": p.name, "key": p.key, "what": p.source} for p in PROTOCOLS.values()]


def _results() -> list[dict[str, Any]]:
    from stvsr_bench.rows import manifest as manifests
    from stvsr_bench.rows import store
    from stvsr_bench.runner.plan import RUNS

    rows: list[dict[str, Any]] = []
    for manifest in sorted(RUNS.glob("*/manifest.json")):
        run = manifest.parent
        if not run.is_symlink():
            done = len(store.done(run))
            rows.append({"name": run.name, "rows": done, "methods": sorted(manifests.read(run).get("methods", {}))})
    return rows
