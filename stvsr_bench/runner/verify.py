"""Do the rows of a run still hold? A sample is computed again and compared, value by value."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from stvsr_bench import environment
from stvsr_bench.errors import NotRunnableError
from stvsr_bench.rows import store
from stvsr_bench.rows.comparison import change_db
from stvsr_bench.rows.tolerances import allowed
from stvsr_bench.runner.engines import local
from stvsr_bench.runner.engines.tasks import Outcome, Task
from stvsr_bench.runner.plan import MOST_THREADS, RunSpec, make
from stvsr_bench.runner.replay import load_spec
from stvsr_bench.schema import Row, digest


@dataclass(frozen=True)
class Verified:
    """One row computed again: the largest change of a frame's PSNR-Y, what is allowed (both in dB) and why so much."""

    row: Row
    change_db: float
    allowed_db: float
    why: str = ""
    error: str = ""

    @property
    def holds(self) -> bool:
        """Whether the row was computed again and lies within what is allowed."""
        return not self.error and self.change_db <= self.allowed_db


def verify(
    run: Path, sample: float, seed: int = 0, on_outcome: Callable[[Outcome], None] | None = None
) -> Iterator[Verified]:
    """Rows of a run computed again, with as many threads as they were made with: all, or a share chosen by the seed.

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
    for outcome in _again(spec, tasks, rows, digest(here)[:12]):
        if on_outcome is not None:
            on_outcome(outcome)
        for key in outcome.task.keys:
            before = rows[key]
            fresh = next((row for row in outcome.rows if row.key == key), None)
            if fresh is None:
                yield Verified(before, float("inf"), 0.0, error=outcome.error or "was not computed")
                continue
            within = allowed(before, fresh, known.get(before.env, {}), here)
            yield Verified(before, change_db(before, fresh), within.frame_db, within.why)


def _again(spec: RunSpec, tasks: Sequence[Task], rows: dict[str, Row], env: str) -> Iterator[Outcome]:
    """The tasks run again, those of one number of threads together: the number is the row's, not the command's."""
    setup = spec.setup(env)

    def threads(task: Task) -> int:
        said = rows[task.keys[0]].how.get("threads", "")
        return int(said) if said.isdecimal() and 0 < int(said) <= MOST_THREADS else setup.threads

    for count, group in groupby(sorted(tasks, key=threads), key=threads):
        yield from local.run(list(group), replace(setup, threads=count), spec.jobs, spec.timeout_s)


def _sampled(spec: RunSpec, rows: dict[str, Row], sample: float, seed: int) -> list[Task]:
    tasks = [task for task in make(spec).tasks if set(task.keys) <= rows.keys()]
    count = max(1, round(len(tasks) * sample)) if tasks else 0
    # positions, not keys: the choice is that of the seed and of the plan's order alone
    chosen = set(random.Random(seed).sample(range(len(tasks)), min(count, len(tasks))))
    return [task for number, task in enumerate(tasks) if number in chosen]
