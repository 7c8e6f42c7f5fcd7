"""A plan carried out on a terminal: what the verbs that measure print before, meanwhile and after."""

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

from stvsr_bench.cli import reader
from stvsr_bench.errors import FAILED_CLIPS, OK, counted

if TYPE_CHECKING:
    from stvsr_bench.runner.execute import Result
    from stvsr_bench.runner.plan import Plan, RunSpec


def perform(spec: "RunSpec", dry_run: bool, as_json: bool, quiet: bool) -> int:
    """Plan, run with a progress bar, print the table; the exit code says whether clips failed."""
    from stvsr_bench.runner.plan import make, stand_in

    plan = make(spec)
    if sentence := stand_in(spec):
        reader.note(sentence)
    check_fit(spec, plan)
    if not (dry_run or quiet or as_json):
        say_idle_cores(spec)
    if dry_run:
        print_plan(plan, as_json)
        return OK
    from stvsr_bench.cli.progress import Bar
    from stvsr_bench.runner.execute import execute

    say_changes(plan)
    say_unused(plan)

    with Bar(plan, quiet or as_json) as bar:
        done = execute(spec, plan, bar.update, sys.argv)
    return finish(spec, done, as_json)


def check_fit(spec: "RunSpec", plan: "Plan") -> None:
    """Build networks with options typed beside weights, before any clip: not all options fit all weights.

    Raises:
        WeightsError: the weights do not fit.
    """
    typed = [text for text, identity in plan.identities.items() if identity.sha256 and ":" in text.partition("@")[0]]
    if typed and plan.tasks:
        from stvsr_bench.methods import build

        for text in typed:
            build(text, spec.trust_pickle)


def say_changes(plan: "Plan") -> None:
    """What changed since rows were measured, on stderr: also with --quiet, for numbers in the table move by it."""
    for sentence in plan.found.changes:
        reader.note(sentence)


def say_unused(plan: "Plan") -> None:
    """What lies among the clips and is part of none, a line for each kind, on stderr: also with --quiet."""
    from stvsr_bench.runner.facts import unused

    for sentence in unused(plan):
        reader.note(sentence)


def finish(spec: "RunSpec", result: "Result", as_json: bool) -> int:
    """Print the table and what failed; the exit code says whether anything did."""
    _print_result(spec, result, as_json)
    return FAILED_CLIPS if result.failures else OK


def say_failures(spec: "RunSpec", result: "Result") -> None:
    """The first clips that failed, a line each, on stderr."""
    for task, error in [(o.task, o.error) for o in result.failures[:10]]:
        reader.note(f"failed: {task.identity} on {task.label}/{task.split}/{task.clip}: {error}")
    if len(result.failures) > 10:
        reader.note(f"... and {len(result.failures) - 10} more; see {spec.out / 'failures.jsonl'}")


def say_idle_cores(spec: "RunSpec") -> None:
    """One line on stderr where more jobs would use cores that the run leaves idle."""
    from stvsr_bench.runner.plan import idle_cores

    if idle := idle_cores(spec):
        used, cores, jobs = idle
        at_once = f"--jobs {jobs} measures {counted(jobs, 'clip')} at once and gives the same rows"
        reader.note(f"{used} of {cores} cores in use; {at_once}")


def print_plan(plan: "Plan", as_json: bool) -> None:
    """What would be measured; one JSON document with `as_json`."""
    cells: list[dict[str, Any]] = [
        {
            "dataset": c.label,
            "split": c.split,
            "clips": len(c.clips),
            "of": c.total,
            "protocols": ", ".join(p.name for p in c.protocols),
        }
        for c in plan.cells
    ]
    say_changes(plan)
    say_unused(plan)
    facts = {"rows": plan.rows_total, "done": plan.rows_done, "tasks": len(plan.tasks), "cells": cells}
    if as_json:
        reader.document({**facts, "methods": [f"{i.spec}@{i.weights}" for i in plan.identities.values()]})
        return
    for identity in plan.identities.values():
        reader.say(f"{identity.spec}{'@' + identity.weights if identity.weights else ''}: {identity.card.title}")
    for cell in cells:
        reader.say(
            f"{cell['dataset']}/{cell['split']}: {cell['clips']} of {counted(cell['of'], 'clip')}, {cell['protocols']}"
        )
    left = plan.rows_total - plan.rows_done
    reader.say(f"done: {plan.rows_done} of {counted(plan.rows_total, 'row')}, {left} to do")


def _others(result: "Result") -> int:
    """Rows of the folder that this command did not ask for."""
    from stvsr_bench.rows import store

    there = len(store.done(result.out)) if result.out.is_dir() else 0
    return max(0, there - result.written - result.done_before)


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
        reader.document({**head, "failures": failures, **shown})
    else:
        print_tables(tables)
    say_failures(spec, result)
    if others := _others(result):
        reader.note(f"the table is of all rows in {spec.out}: {counted(others, 'row')} of earlier commands too")
    if spec.limit or spec.clips:
        what = f"--limit {spec.limit:g}" if spec.limit else "--clips"
        reader.note(f"{what}: only a part of each split was measured")
    reader.note(f"rows: {spec.out}  (report: stvsr-bench report {shlex.quote(str(spec.out))})")
