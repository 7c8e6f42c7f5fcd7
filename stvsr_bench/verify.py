"""Do the rows of a run still hold? A sample is computed again and compared, value by value."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stvsr_bench import environment, store
from stvsr_bench.engines import local
from stvsr_bench.engines.tasks import Outcome, Task
from stvsr_bench.errors import NotRunnableError
from stvsr_bench.plan import RunSpec, make
from stvsr_bench.replay import load_spec
from stvsr_bench.schema import Row, digest

SAME_DB, OTHER_DB = 1e-6, 1e-4


@dataclass(frozen=True)
class Verified:
    """One row computed again: the largest change of a frame's PSNR-Y in dB, and whether that is within tolerance."""

    row: Row
    change_db: float
    holds: bool
    error: str = ""


def verify(
    run: Path, sample: float, seed: int = 0, on_outcome: Callable[[Outcome], None] | None = None
) -> Iterator[Verified]:
    """Rows of a run computed again: all, or a share chosen by the seed.

    Raises:
        NotRunnableError: the run has no run.toml, or none of its rows can be computed here.
    """
    rows = {row.key: row for row in store.read_rows(run) if "external" not in row.flags}
    spec = replace(load_spec(run / "run.toml", run), overwrite=True, save_frames="none")
    tasks = _sampled(spec, rows, sample, seed)
    if not tasks:
        raise NotRunnableError(f"{run}: no row belongs to what its run.toml asks for; nothing can be verified")
    known = store.read_json(run / "env.json")
    here = environment.describe()
    for outcome in local.run(tasks, spec.setup(digest(here)[:12]), spec.jobs, spec.timeout_s):
        if on_outcome is not None:
            on_outcome(outcome)
        for key in outcome.task.keys:
            before = rows[key]
            fresh = next((row for row in outcome.rows if row.key == key), None)
            if fresh is None:
                yield Verified(before, float("inf"), False, outcome.error)
                continue
            change = _change(before, fresh)
            same = known.get(before.env, {}).get("machine") == here["machine"]
            yield Verified(before, change, change <= (SAME_DB if same else OTHER_DB))


def _sampled(spec: RunSpec, rows: dict[str, Row], sample: float, seed: int) -> list[Task]:
    tasks = [task for task in make(spec).tasks if set(task.keys) <= rows.keys()]
    count = max(1, round(len(tasks) * sample)) if tasks else 0
    chosen = set(random.Random(seed).sample(range(len(tasks)), min(count, len(tasks))))
    return [task for number, task in enumerate(tasks) if number in chosen]


def _change(before: Row, after: Row) -> float:
    if before.frames != after.frames:
        return float("inf")
    old, new = np.asarray(before.values["psnr_y"]), np.asarray(after.values["psnr_y"])
    both = np.isfinite(old) & np.isfinite(new)
    if (np.isfinite(old) != np.isfinite(new)).any():
        return float("inf")
    return float(np.abs(old[both] - new[both]).max(initial=0.0))
