"""Before a long run: what would be measured, what is missing, how long it takes and how much disk it fills."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from stvsr_bench import methods
from stvsr_bench.errors import BenchError
from stvsr_bench.rows import store
from stvsr_bench.runner.plan import Plan, RunSpec, make

ROW_BYTES = 2200  # a septuplet's row; longer clips are counted by their frames where rows are known
PNG_BYTES = 220_000  # a 448x256 frame of noisy texture: an upper bound for photographs


@dataclass(frozen=True)
class Estimate:
    """One method: clips left, seconds a clip and where that figure comes from."""

    method: str
    weights: str
    clips_left: int
    clips_done: int
    seconds_per_clip: float | None
    measured_on: int


@dataclass(frozen=True)
class Forecast:
    """The plan with its cost; `problems` say why it cannot run."""

    plan: Plan | None
    estimates: list[Estimate] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    disk_bytes: int = 0

    def hours(self, workers: int) -> float | None:
        """Wall hours on equal workers that are never idle; None where a method was never timed."""
        if any(e.seconds_per_clip is None and e.clips_left for e in self.estimates):
            return None
        seconds = sum((e.seconds_per_clip or 0) * e.clips_left for e in self.estimates)
        return seconds / 3600 / max(1, workers)


def forecast(spec: RunSpec, timed: tuple[Path, ...] = ()) -> Forecast:
    """The cost of a run, from seconds that rows of earlier runs recorded (`timed`, and the run's own folder)."""
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
    seconds = _seconds((spec.out, *timed))
    estimates = []
    clips = sum(len(cell.clips) for cell in plan.cells)
    for text, identity in plan.identities.items():
        left = sum(task.method == text for task in plan.tasks)
        known = seconds.get(spec.settings.name(identity.spec), [])
        estimates.append(
            Estimate(identity.spec, identity.weights, left, clips - left, median(known) if known else None, len(known))
        )
    return Forecast(plan, estimates, problems, _disk(spec, plan))


def _seconds(runs: tuple[Path, ...]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for run in runs:
        for row in store.read_rows(run) if run.is_dir() else []:
            if row.seconds:
                found.setdefault(row.method, []).append(sum(row.seconds.values()))
    return found


def _disk(spec: RunSpec, plan: Plan) -> int:
    rows = sum(len(task.keys) for task in plan.tasks) * ROW_BYTES
    kind, _, count = spec.save_frames.partition(":")
    clips = sum(len(cell.clips) for cell in plan.cells)
    kept = {"none": 0, "all": clips}.get(kind, min(clips, int(count or 0) * len(plan.cells)))
    return rows + kept * 7 * PNG_BYTES * (len(plan.identities) + 1)
