"""plan → minus done → engine → append. An interrupted run, repeated, writes what one run writes."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stvsr_bench import protocols
from stvsr_bench.errors import DataError, NotRunnableError
from stvsr_bench.rows import store
from stvsr_bench.rows.joining import joined
from stvsr_bench.rows.lines import line_of_facts
from stvsr_bench.rows.made import changed, said
from stvsr_bench.runner import kept_frames
from stvsr_bench.runner.engines import local
from stvsr_bench.runner.engines.tasks import Outcome, Task
from stvsr_bench.runner.facts import write_facts
from stvsr_bench.runner.plan import Plan, RunSpec, keep
from stvsr_bench.runner.resume import Found, settle
from stvsr_bench.schema import Row

OnOutcome = Callable[[Outcome], None]


@dataclass(frozen=True)
class Result:
    """What a run did: its folder, how many rows it wrote, and what failed."""

    out: Path
    written: int
    done_before: int
    failures: list[Outcome] = field(default_factory=list)

    def rows(self) -> list[Row]:
        """All rows of the run's folder, earlier ones included."""
        return store.read_rows(self.out)


def execute(spec: RunSpec, plan: Plan, on_outcome: OnOutcome | None = None, argv: Sequence[str] = ()) -> Result:
    """Run a plan: rows are appended as clips are done, failures are written down and the run goes on.

    Raises:
        NotRunnableError: the folder is in use or cannot be written.
    """
    return write_outcomes(spec, plan, lambda env: _outcomes(spec, plan, env), on_outcome, argv)


def write_outcomes(
    spec: RunSpec,
    plan: Plan,
    outcomes: Callable[[str], Iterable[Outcome]],
    on_outcome: OnOutcome | None = None,
    argv: Sequence[str] = (),
) -> Result:
    """Append what comes out of `outcomes(env)` to the run's folder, which is held alone meanwhile.

    Raises:
        NotRunnableError: the folder is in use or cannot be written.
    """
    with store.locked(spec.out):
        store.sweep(spec.out)
        env = write_facts(spec, plan, argv or sys.argv)
        settle(spec.out, plan.found)
        worker = "main" if spec.shard == (1, 1) else f"shard-{spec.shard[0]}-of-{spec.shard[1]}"
        failures: list[Outcome] = []
        written = 0
        with (
            store.Appender(store.rows_file(spec.out, worker)) as rows,
            store.Appender(spec.out / "failures.jsonl") as failed,
        ):
            facts = store.environments(spec.out)
            for outcome in (_carried(_checked(one), plan.found, facts) for one in outcomes(env)):
                if outcome.fatal:
                    raise NotRunnableError(outcome.error)
                if outcome.error:
                    failures.append(outcome)
                    _append_failure(failed, outcome, env)
                # a task that only saves frames has its rows on disk already
                elif outcome.task.score:
                    for row in outcome.rows:
                        rows.row(row)
                    written += len(outcome.rows)
                if on_outcome is not None:
                    on_outcome(outcome)
        if written or plan.rows_done:  # a run of failures alone is nothing to report
            _point_latest(spec.out)
        return Result(spec.out, written, plan.rows_done, failures)


def _outcomes(spec: RunSpec, plan: Plan, env: str) -> Iterator[Outcome]:
    """Outcomes of the plan's tasks; with `worst:K` the first method decides which clips have their frames saved."""
    kept = keep(spec.save_frames)
    if kept != "worst":
        yield from _engine(spec, [replace(task, save=kept == "all") for task in plan.tasks], env)
        if kept == "all":
            yield from _engine(spec, kept_frames.missing(spec, plan), env)
        return
    first = kept_frames.anchor(plan)
    yield from _engine(spec, [task for task in plan.tasks if task.method == first], env)
    chosen = kept_frames.worst(spec, plan, first)
    rest = [task for task in plan.tasks if task.method != first]
    yield from _engine(spec, [replace(task, save=task.place in chosen) for task in rest], env)
    yield from _engine(spec, kept_frames.missing(spec, plan, chosen), env)


def _engine(spec: RunSpec, tasks: Sequence[Task], env: str) -> Iterator[Outcome]:
    if not tasks:
        return
    if spec.engine == "dask":
        from stvsr_bench.runner.engines.dask import run as run_on_cluster

        yield from run_on_cluster(tasks, spec.setup(env), spec.jobs, spec.address)
    else:
        yield from local.run(tasks, spec.setup(env), spec.jobs, spec.timeout_s)


def _checked(outcome: Outcome) -> Outcome:
    """The outcome, or a failure where its rows are not those of its task.

    A key holds the SHA-256 of the weights: a file that was replaced after planning, or a worker with another file of
    that name, would fill the store with rows that nobody asked for and leave the run unfinished for ever.
    """
    task = outcome.task
    if outcome.error or not task.score:
        return outcome
    other = said([name for row in outcome.rows for name in changed(row.made, task.made)][:1]) if task.made else ""
    if not other and {row.key for row in outcome.rows} == set(task.keys):
        return outcome
    sentence = (
        f"{task.identity} on {task.clip}: measured with other weights or settings than planned"
        f"{other and f' ({other} differs)'}; were the weights replaced meanwhile, or does a worker have another file "
        "of that name?"
    )
    return replace(outcome, rows=(), error=sentence)


def _carried(outcome: Outcome, found: Found, facts: Mapping[str, Any]) -> Outcome:
    """The outcome with metrics that its rows had before and that this command did not ask for."""
    rows = []
    for row in outcome.rows:
        before = found.before.get(row.key)
        try:
            # what other code scored stays with the row that it moved away
            same_code = before is not None and not changed(before.made, row.made)
            rows.append(joined(row, before, facts, row.dataset) if before is not None and same_code else row)
        except DataError as error:
            return replace(outcome, rows=(), error=f"{error}: measuring it again gives other values")
    return replace(outcome, rows=tuple(rows))


def _append_failure(failed: store.Appender, outcome: Outcome, env: str) -> None:
    task = outcome.task
    fields = {"method": task.name, "weights": task.weights, "dataset": task.label, "split": task.split}
    said = {"clip": task.clip, "error": outcome.error, "detail": outcome.detail, "env": env}
    for name, key in zip(task.protocols, task.keys, strict=True):
        entry = {"key": key, **fields, "protocol": name, "protocol_key": protocols.get(name).key, **said}
        failed.line(line_of_facts(entry))


def _point_latest(out: Path) -> None:
    """`latest` beside the run folder; left alone where the file system has no links."""
    out = out.resolve()  # `--out runs/latest` means the run that it points to, not a link to itself
    link = out.parent / "latest"
    with suppress(OSError):
        if link.is_symlink() or not link.exists():
            # a folder of that name that a user made is never touched: only a link is replaced
            link.unlink(missing_ok=True)
            link.symlink_to(out.name, target_is_directory=True)
