"""`stvsr-bench reproduce`: a paper's table on this machine, or exactly what is missing for it."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options, reader, suiting
from stvsr_bench.errors import NOT_RUNNABLE, OK, NotRunnableError


def reproduce(
    name: Annotated[
        str, typer.Argument(help="A suite, or the path of a suite.toml or run.toml; default: list them.")
    ] = "",
    methods: Annotated[
        options.Names, typer.Option("--methods", "-m", help="Only these methods of the suite.", metavar="NAMES")
    ] = None,
    limit: Annotated[
        float,
        typer.Option("--limit", help="Only the first N clips of each split, or a share; 0 = as the suite says."),
    ] = 0,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Run folder; default runs/NAME.")] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Where the tables go; default reports/NAME.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Say what is here and what is missing; stop.")
    ] = False,
    jobs: options.Jobs = 1,
    engine: Annotated[str, typer.Option("--engine", help="local or dask.")] = "local",
    address: Annotated[str, typer.Option("--address", help="A dask scheduler, tcp://HOST:PORT.")] = "",
    shard: Annotated[str, typer.Option("--shard", help="Part i of n (i/n) of the clips; see: merge.")] = "1/1",
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1, mps or auto; default as the suite.")] = "",
    weights: options.Weights = None,
    include: options.Include = None,
    override: options.Override = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Measure the table of a paper on this machine, or say what is missing for it and how to get that.

    To continue an interrupted run, repeat the command. Exit code 4 if something of the suite is missing here.
    """
    if not name:
        _list(as_json)
        return OK
    plugged = options.plug_in(include, override)
    said = suiting.Said(
        options.methods(methods),
        limit,
        jobs,
        engine,
        address,
        options.part(shard),
        device,
        tuple(weights or ()),
        *plugged,
    )
    asked = suiting.asked(name, said, out, report)
    if dry_run:
        suiting.show(asked, as_json)
        return NOT_RUNNABLE if asked.missing else OK
    return _carried_out(asked, said.shard == (1, 1), quiet, as_json)


def _carried_out(asked: suiting.Asked, whole: bool, quiet: bool, as_json: bool) -> int:
    """Measure what is here, and write the tables unless this is a shard; the exit code."""
    name = asked.suite.name
    if not asked.runnable:
        suiting.show(asked, as_json=False, on_stderr=True)
        raise NotRunnableError(f"{name}: nothing of it can be measured here; what is missing is listed above")
    for need in asked.missing:
        reader.note(f"left out: {need.why}")
    code = suiting.measure(asked, quiet or as_json)
    if whole:
        suiting.write(asked, as_json)
    else:
        reader.note(
            f"rows: {asked.out}; when all shards are done: stvsr-bench merge FOLDERS --out {asked.out}-all, then"
        )
        reader.note(f"stvsr-bench reproduce {name} --out {asked.out}-all writes the tables")
    return max(code, NOT_RUNNABLE if asked.missing else OK)


def _list(as_json: bool) -> None:
    from stvsr_bench.runner import suites

    found = [suites.load(name) for name in suites.names()]
    if as_json:
        reader.document([{"name": one.name, "title": one.facts.title, "about": one.facts.about} for one in found])
        return
    for one in found:
        reader.say(f"{one.name:16} {one.facts.title}")
        reader.say(f"{'':16} {one.facts.about}")
