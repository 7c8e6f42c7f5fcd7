"""Before a long run: what would be measured, what is missing, how long it takes and how much disk it fills."""

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from stvsr_bench import environment, methods
from stvsr_bench.errors import BenchError
from stvsr_bench.rows import store
from stvsr_bench.rows.identity import name_of
from stvsr_bench.rows.tolerances import part
from stvsr_bench.runner.plan import Plan, RunSpec, make

ROW_BYTES = 2200  # a septuplet's row; longer clips are counted by their frames where rows are known
PNG_BYTES = 220_000  # a 448x256 frame of noisy texture: an upper bound for photographs


@dataclass(frozen=True)
class Estimate:
    """One method: clips left, seconds a clip and on how many rows that rests.

    `not_used` counts rows of the method that say nothing of this run: of other weights, another machine or device.
    """

    method: str
    weights: str
    clips_left: int
    clips_done: int
    seconds_per_clip: float | None
    measured_on: int
    not_used: int = 0


@dataclass(frozen=True)
class Forecast:
    """The plan with its cost; `problems` say why it cannot run."""

    plan: Plan | None
    estimates: list[Estimate] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    disk_bytes: int = 0

    def hours(self, workers: int) -> float | None:
        """Wall hours on equal workers that are never idle; None where a method was never timed here."""
        if any(e.seconds_per_clip is None and e.clips_left for e in self.estimates):
            return None
        seconds = sum((e.seconds_per_clip or 0) * e.clips_left for e in self.estimates)
        return seconds / 3600 / max(1, workers)


def forecast(spec: RunSpec, timed: tuple[Path, ...] = ()) -> Forecast:
    """The cost of a run, from seconds that rows of earlier runs recorded (`timed`, and the run's own folder).

    Only rows of the same weights that this machine made are used.
    """
    problems = []
    runnable = []
    for text in spec.methods:
        try:
            methods.resolve(text)
            runnable.append(text)
        except BenchError as error:
            problems.append(str(error))
    if not runnable:
        return Forecast(None, problems=problems)
    try:
        plan = make(replace(spec, methods=tuple(runnable)))
    except BenchError as error:
        return Forecast(None, problems=[*problems, str(error)])
    ours, all_rows = _seconds(spec, (spec.out, *timed))
    estimates = []
    clips = sum(len(cell.clips) for cell in plan.cells)
    for text, identity in plan.identities.items():
        left = sum(task.method == text for task in plan.tasks)
        name = name_of(identity.spec, identity.card, spec.settings, plan.cells[0].protocols[0])
        known = ours.get((name, identity.sha256 or identity.weights), [])
        seconds = median(known) if known else None
        others = all_rows[name] - len(known)
        estimates.append(Estimate(identity.spec, identity.weights, left, clips - left, seconds, len(known), others))
    return Forecast(plan, estimates, problems, _disk(spec, plan))


def _seconds(spec: RunSpec, runs: tuple[Path, ...]) -> tuple[dict[tuple[str, str], list[float]], Counter[str]]:
    """Seconds of each row that this machine made on the device asked for, by method and weights; and all timed rows.

    A network takes other seconds on another machine; weights of one name may be another size of network.
    """
    found: dict[tuple[str, str], list[float]] = {}
    every: Counter[str] = Counter()
    here = ""
    for run in runs:
        rows = [row for row in store.read_rows(run) if row.seconds] if run.is_dir() else []
        facts = store.environments(run) if rows else {}
        here = here or (environment.runtime_id(environment.machine()) if rows else "")
        for row in rows:
            every[row.method] += 1
            made_on = environment.runtime_id(part(part(facts, row.env), "machine"))
            if made_on == here and spec.settings.device in ("auto", row.how.get("device")):
                key = (row.method, row.weights_sha256 or row.weights)
                found.setdefault(key, []).append(sum(row.seconds.values()))
    return found, every


def _disk(spec: RunSpec, plan: Plan) -> int:
    rows = sum(len(task.keys) for task in plan.tasks) * ROW_BYTES
    kind, _, count = spec.save_frames.partition(":")
    clips = sum(len(cell.clips) for cell in plan.cells)
    kept = {"none": 0, "all": clips}.get(kind, min(clips, int(count or 0) * len(plan.cells)))
    return rows + kept * 7 * PNG_BYTES * (len(plan.identities) + 1)
