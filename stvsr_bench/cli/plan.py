"""`stvsr-bench plan`: what a run would do, whether it can, how long it takes."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.errors import NOT_RUNNABLE, OK, UsageError, counted

if TYPE_CHECKING:
    from stvsr_bench.runner.forecast import Forecast


def plan(
    methods: options.Methods = None,
    dataset: options.Datasets = None,
    split: options.Splits = None,
    protocol: options.Protocols = None,
    root: options.Root = None,
    out: options.Out = Path("runs/default"),
    limit: options.Limit = 0,
    save_frames: options.Save = "worst:3",
    timed: Annotated[list[Path] | None, typer.Option("--timed", help="Runs with recorded seconds to use.")] = None,
    workers: Annotated[str, typer.Option("--workers", help="For how many workers, e.g. 1,8,64.")] = "1",
    cost: Annotated[float, typer.Option("--cost", help="Price of one worker for an hour.")] = 0,
    include: options.Include = None,
    override: options.Override = None,
    as_json: options.Json = False,
) -> int:
    """Say what a run would measure, what is missing and how long it takes. Exit code 4 if it cannot run."""
    from stvsr_bench.runner.forecast import forecast
    from stvsr_bench.runner.plan import RunSpec, stand_in

    options.plug_in(include, override)
    spec = RunSpec(
        methods=options.methods(methods),
        datasets=options.datasets(dataset),
        splits=options.several(split),
        protocols=options.protocols(protocol),
        root=root,
        out=out,
        limit=limit,
        save_frames=save_frames,
    )
    if sentence := stand_in(spec):
        reader.note(sentence)
    found = forecast(spec, tuple(timed or ()))
    counts = _counts(workers)
    if as_json:
        reader.document(_facts(found, counts, cost))
    else:
        _print(found, counts, cost)
    return NOT_RUNNABLE if found.problems or found.plan is None else OK


def _counts(text: str) -> list[int]:
    words = options.several(text)
    if wrong := next((word for word in words if not re.fullmatch("0*[1-9][0-9]{0,5}", word)), None):
        raise UsageError(f"--workers {wrong}: write whole numbers from 1 to 999999, e.g. 1,8")
    return [int(word) for word in words]


def _facts(found: "Forecast", counts: list[int], cost: float) -> dict[str, object]:
    return {
        "methods": [vars(estimate) for estimate in found.estimates],
        "cells": [
            {"dataset": c.label, "split": c.split, "clips": len(c.clips), "of": c.total}
            for c in (found.plan.cells if found.plan else ())
        ],
        "disk_bytes": found.disk_bytes,
        "hours": {str(count): found.hours(count) for count in counts},
        "cost": {str(count): (found.hours(1) or 0) * cost for count in counts},
        "problems": found.problems,
    }


def _print(found: "Forecast", counts: list[int], cost: float) -> None:
    for cell in found.plan.cells if found.plan else ():
        names = ", ".join(protocol.name for protocol in cell.protocols)
        reader.say(f"{cell.label}/{cell.split}: {len(cell.clips)} of {counted(cell.total, 'clip')}, {names}")
    for e in found.estimates:
        speed = (
            f"{e.seconds_per_clip:.2f} s per clip (median of {e.measured_on})" if e.measured_on else "never timed here"
        )
        if e.not_used:
            rows = "row" if e.not_used == 1 else "rows"
            speed += f", {e.not_used} {rows} of other weights, machines or devices not used"
        weights = f"@{e.weights}" if e.weights else ""
        reader.say(f"{e.method}{weights}: {counted(e.clips_left, 'clip')} to restore, {e.clips_done} done, {speed}")
    for count in counts:
        hours = found.hours(count)
        if hours is None:
            reader.say("time: unknown; run with --limit 3 first, or name a run with --timed")
            break
        price = f", cost {hours * count * cost:.2f}" if cost else ""
        reader.say(f"time with {count} worker{'s' if count > 1 else ''}: {hours:.2f} h{price}")
    if found.plan:
        reader.say(f"disk: about {found.disk_bytes / 1e6:.0f} MB")
    for problem in found.problems:
        reader.note(f"not runnable: {problem}")
