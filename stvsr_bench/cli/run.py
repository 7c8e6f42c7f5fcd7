"""`stvsr-bench run`: measure methods on clips; an interrupted run goes on where it was."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli import options
from stvsr_bench.errors import FAILED_CLIPS, OK, UsageError, printable

if TYPE_CHECKING:
    from stvsr_bench.runner.execute import Result
    from stvsr_bench.runner.plan import Plan, RunSpec

Limit = Annotated[
    float, typer.Option("--limit", help="Only the first N clips of each split, or a fraction such as 0.1.")
]
Shard = Annotated[str, typer.Option("--shard", help="Part i of n (i/n) of the clips, for job arrays; see: merge.")]
Save = Annotated[
    str, typer.Option("--save-frames", help="Frames to keep for the report: none, all or worst:K a split.")
]


def run(
    methods: options.Methods = "",
    dataset: options.Datasets = "",
    split: options.Splits = "",
    protocol: options.Protocols = "suite-1",
    metrics: Annotated[
        str, typer.Option("--metrics", help="Metrics or groups of them besides the default ones; see: ls metrics.")
    ] = "",
    root: options.Root = None,
    out: options.Out = Path("runs/default"),
    limit: Limit = 0,
    clips: Annotated[str, typer.Option("--clips", help="Only these clips, by name.")] = "",
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Worker processes; any number gives the same rows.")
    ] = 1,
    threads: Annotated[
        int, typer.Option("--threads", min=0, max=1024, help="CPU threads per worker; 0 = the default, 1.")
    ] = 0,
    engine: Annotated[str, typer.Option("--engine", help="local or dask.")] = "local",
    address: Annotated[str, typer.Option("--address", help="A dask scheduler, tcp://HOST:PORT.")] = "",
    shard: Shard = "1/1",
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds a clip may take; 0 = any.")] = 0,
    device: options.Device = "cpu",
    precision: options.Precision = "fp32",
    tile: Annotated[int, typer.Option("--tile", min=0, help="Tile size in low-resolution pixels; 0 = whole.")] = 0,
    tile_overlap: Annotated[int, typer.Option("--tile-overlap", min=0, help="Overlap of tiles.")] = 16,
    compile_: Annotated[bool, typer.Option("--compile", help="torch.compile the network.")] = False,
    channels_last: Annotated[bool, typer.Option("--channels-last", help="Weights in channels-last layout.")] = False,
    oom_fallback: Annotated[bool, typer.Option(help="Go on in tiles when memory runs out.")] = True,
    save_frames: Save = "worst:3",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Measure again what is there already.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Seed of anything random.")] = 0,
    include: options.Include = None,
    trust_pickle: Annotated[bool, typer.Option("--trust-pickle", help="Run the code inside a checkpoint.")] = False,
    from_: Annotated[Path | None, typer.Option("--from", help="Replay a run.toml.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Say what would be done, and stop.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Measure methods on clips. Repeating the command goes on where it was interrupted."""
    from stvsr_bench import plugins
    from stvsr_bench.runner.plan import RunSpec
    from stvsr_bench.schema import Settings

    for path in include or []:
        plugins.include(path)
    if from_ is not None:
        from stvsr_bench.runner.replay import load_spec

        return perform(load_spec(from_, out), dry_run, as_json, quiet)
    settings = Settings(device, options.precision(precision), tile, tile_overlap, compile_, channels_last, oom_fallback)
    spec = RunSpec(
        methods=options.several(methods),
        datasets=options.several(dataset),
        splits=options.several(split),
        protocols=options.several(protocol),
        metrics=options.metrics(metrics),
        root=root,
        out=out,
        limit=limit,
        clips=options.several(clips),
        shard=_shard(shard),
        engine=engine,
        address=address,
        jobs=jobs,
        threads=threads,
        timeout_s=timeout,
        save_frames=save_frames,
        overwrite=overwrite,
        seed=seed,
        settings=settings,
        include=tuple(plugins.included()),
        trust_pickle=trust_pickle,
    )
    if not (dry_run or quiet or as_json) and (hint := _idle_cores(spec)):
        print(hint, file=sys.stderr)
    return perform(spec, dry_run, as_json, quiet)


def perform(spec: "RunSpec", dry_run: bool, as_json: bool, quiet: bool) -> int:
    """Plan, run with a progress bar, print the table; the exit code says whether clips failed."""
    from stvsr_bench.runner.plan import make

    plan = make(spec)
    if dry_run:
        _print_plan(plan, as_json)
        return OK
    from stvsr_bench.cli.progress import Bar
    from stvsr_bench.runner.execute import execute

    with Bar(plan, quiet or as_json) as bar:
        result = execute(spec, plan, bar.update, sys.argv)
    return finish(spec, result, as_json)


def _idle_cores(spec: "RunSpec") -> str:
    """What a run on the CPU could do with the cores that it leaves idle; nothing where it uses them."""
    # a scheduler may give a job fewer cores than the machine has
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    used, possible = spec.jobs * spec.threads_per_worker, cores // spec.threads_per_worker
    if spec.settings.device != "cpu" or spec.shard != (1, 1) or spec.engine != "local" or possible <= spec.jobs:
        return ""
    return (
        f"{used} of {cores} cores in use; --jobs {possible} measures {possible} clips at once and gives the same rows"
    )


def finish(spec: "RunSpec", result: "Result", as_json: bool) -> int:
    """Print the table and what failed; the exit code says whether anything did."""
    _print_result(spec, result, as_json)
    return FAILED_CLIPS if result.failures else OK


def _shard(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit()):
        raise UsageError(f"--shard {text}: write i/n, e.g. 3/8")
    return int(part), int(parts)


def _print_plan(plan: "Plan", as_json: bool) -> None:
    cells = [
        {
            "dataset": c.label,
            "split": c.split,
            "clips": len(c.clips),
            "of": c.total,
            "protocols": ", ".join(p.name for p in c.protocols),
        }
        for c in plan.cells
    ]
    facts = {"rows": plan.rows_total, "done": plan.rows_done, "tasks": len(plan.tasks), "cells": cells}
    if as_json:
        print(json.dumps({**facts, "methods": [f"{i.spec}@{i.weights}" for i in plan.identities.values()]}))
        return
    for identity in plan.identities.values():
        print(f"{identity.spec}{'@' + identity.weights if identity.weights else ''}: {identity.card.title}")
    for cell in cells:
        print(f"{cell['dataset']}/{cell['split']}: {cell['clips']} of {cell['of']} clips, {cell['protocols']}")
    print(f"{plan.rows_total} rows, {plan.rows_done} done, {len(plan.tasks)} clips to restore")


def _print_result(spec: "RunSpec", result: "Result", as_json: bool) -> None:
    from stvsr_bench.cli.console import print_tables
    from stvsr_bench.report.build import build
    from stvsr_bench.report.tables import csvjson
    from stvsr_bench.report.tables.table import Options
    from stvsr_bench.report.write import facts, load

    failures = [
        {
            "method": o.task.identity,
            "dataset": o.task.label,
            "split": o.task.split,
            "clip": o.task.clip,
            "error": o.error,
        }
        for o in result.failures
    ]
    measured = load([spec.out]) if result.written + result.done_before else None
    tables = build(measured.tidy, measured.profiles, Options()) if measured else []
    if as_json:
        shown = json.loads(csvjson.tables_json(tables, facts(measured))) if measured else {}
        head = {"out": str(result.out), "written": result.written, "done_before": result.done_before}
        print(json.dumps({**head, "failures": failures, **shown}))
    else:
        print_tables(tables)
    for failure in failures[:10]:
        where = f"{failure['dataset']}/{failure['split']}/{failure['clip']}"
        print(printable(f"failed: {failure['method']} on {where}: {failure['error']}"), file=sys.stderr)
    if len(failures) > 10:
        print(f"... and {len(failures) - 10} more; see {spec.out / 'failures.jsonl'}", file=sys.stderr)
    print(f"rows: {spec.out}  (report: stvsr-bench report {spec.out})", file=sys.stderr)
