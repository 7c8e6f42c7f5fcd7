"""`stvsr-bench ls`: what there is to run, on what, measured how. Imports no torch."""

from typing import Annotated, Any

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.errors import UnknownNameError

KINDS = ("methods", "datasets", "metrics", "protocols", "results")


def ls(
    kind: Annotated[str, typer.Argument(help="methods, datasets, metrics, protocols or results.")] = "methods",
    as_json: options.Json = False,
    include: options.Include = None,
    override: options.Override = None,
) -> None:
    """List methods, datasets, metrics, protocols or results."""
    options.plug_in(include, override)
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
        reader.document(rows, indent=1)
        return
    if kind == "metrics":
        from stvsr_bench.cli.metrics import say_all

        say_all(rows)
    elif kind == "protocols":
        _say_protocols(rows)
    else:
        _table(rows)


def _say_protocols(rows: list[dict[str, Any]]) -> None:
    """A few lines for each: beside four columns a description has no room."""
    for row in rows:
        reader.say(f"{row['name']}: x{row['scale']} in space, x{row['time_scale']} in time, key {row['key']}")
        reader.say(reader.wrapped(str(row["what"]), "    "))
    reader.say("Other scales and times: suite-1:scale=5/2:time_scale=4")


def _table(rows: list[dict[str, Any]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in rows[0] if rows else ():
        table.add_column(name, overflow="fold", no_wrap=name == "name")
    for row in rows:
        table.add_row(*(reader.text(_shown(value)) for value in row.values()))
    reader.console().print(table)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    return str(value)


def _methods() -> list[dict[str, Any]]:
    from stvsr_bench.methods import inventory

    return inventory.all_methods()


def _datasets() -> list[dict[str, Any]]:
    from stvsr_bench.datasets import listing

    return listing.summaries()


def _metrics() -> list[dict[str, Any]]:
    from stvsr_bench.cli.metrics import facts
    from stvsr_bench.metrics import METRICS

    return [facts(name, metric) for name, metric in METRICS.items()]


def _protocols() -> list[dict[str, Any]]:
    from stvsr_bench.protocols import PROTOCOLS

    return [
        {"name": p.name, "scale": p.scale, "time_scale": p.time_scale, "key": p.key, "what": p.source}
        for p in PROTOCOLS.values()
    ]


def _results() -> list[dict[str, Any]]:
    from stvsr_bench.rows.manifest import summaries
    from stvsr_bench.runner.plan import RUNS

    return summaries(RUNS)
