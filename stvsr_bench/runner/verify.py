"""Do the rows of a run still hold? They are computed again, from what they say of themselves, and compared whole.

A row names its method, weights, clip and settings; the commands of its folder (`commands/*.toml`) say where its data
lie and which tag its weights have. A folder may come from anybody: nothing in it is run. A plug-in that made rows, and
weights in a file of their own, must be given again by whoever verifies.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stvsr_bench import environment, metrics
from stvsr_bench.errors import BenchError, NotRunnableError, counted
from stvsr_bench.plugins import objects
from stvsr_bench.rows import store
from stvsr_bench.rows.comparison import change_db, differences
from stvsr_bench.rows.made import changed, said
from stvsr_bench.rows.tolerances import allowed
from stvsr_bench.runner.engines import local
from stvsr_bench.runner.engines.tasks import Outcome, Setup, Task
from stvsr_bench.runner.evidence import contradicted
from stvsr_bench.runner.origins import Origin, Origins
from stvsr_bench.runner.plan import MOST_THREADS
from stvsr_bench.schema import Row, digest


@dataclass(frozen=True)
class Verified:
    """One row computed again.

    `change_db` is the largest change of a frame's PSNR-Y, `allowed_db` what may be and `why` so much; `differs` is
    what does not hold, `made` what made it otherwise than then, in words; `error` why it could not be computed.
    """

    row: Row
    change_db: float
    allowed_db: float
    why: str = ""
    error: str = ""
    differs: tuple[str, ...] = ()
    made: str = ""

    @property
    def holds(self) -> bool:
        """Whether the row was computed again and is the same."""
        return not self.error and not self.differs


@dataclass(frozen=True)
class Asked:
    """What is to be verified: a share of the rows, chosen by a seed; where the data lie; on which device ("": theirs).

    What may be included or read as weights is said here and taken from no file.
    """

    sample: float = 1.0
    seed: int = 0
    root: Path | None = None
    include: tuple[Path, ...] = ()
    override: tuple[str, ...] = ()
    weights: tuple[Path, ...] = ()
    device: str = ""


@dataclass(frozen=True)
class Sorted:
    """The rows of a run: those that can be computed again (by task), frames that others made, and the rest with why.

    `contradicted` says what other files of the folder say against them.
    """

    tasks: list[tuple[Setup, Task]]
    rows: dict[str, Row]
    external: list[Row]
    uncovered: list[tuple[Row, str]]
    contradicted: list[str]


def sort(run: Path, asked: Asked) -> Sorted:
    """What of a run can be verified here, before anything is computed.

    Raises:
        DataError, CardError: the run, or a command of it, cannot be read.
    """
    rows = {row.key: row for row in store.read_rows(run)}
    external = [row for row in rows.values() if "external" in row.flags]
    origins = Origins(run, asked.root, asked.weights, asked.device)
    here = digest(environment.describe())[:12]
    groups: dict[tuple[object, ...], list[tuple[Row, Origin]]] = defaultdict(list)
    uncovered = []
    for row in rows.values():
        if "external" in row.flags:
            continue
        if objects.FLAG in row.flags:
            uncovered.append((row, "the method was a Python object, and no file of it is kept"))
            continue
        try:
            origin = origins.of(row)
            groups[(row.dataset, row.split, row.clip, row.restoring_key, _threads(row), *origin.way)].append(
                (row, origin)
            )
        except BenchError as error:
            uncovered.append((row, str(error)))
    every = [_task(alike, asked, here) for alike in groups.values()]
    count = max(1, round(len(every) * asked.sample)) if every else 0
    # positions, not keys: the choice is that of the seed and of the rows' order alone
    chosen = set(random.Random(asked.seed).sample(range(len(every)), min(count, len(every))))
    tasks = [one for i, one in enumerate(every) if i in chosen]
    return Sorted(tasks, rows, external, uncovered, contradicted(run, rows.values(), origins))


def verify(
    run: Path, found: Sorted, jobs: int = 1, on_outcome: Callable[[Outcome], None] | None = None
) -> Iterator[Verified]:
    """The rows computed again, each with as many threads and the seed that it was made with.

    Raises:
        NotRunnableError: none of them can be.
    """
    if not found.tasks:
        why = f" ({found.uncovered[0][1]})" if found.uncovered else ""
        raise NotRunnableError(f"{run}: none of its {counted(len(found.rows), 'row')} can be computed again here{why}")
    known = store.environments(run)
    here = environment.describe()
    for setup, tasks in _together(found.tasks):
        for outcome in local.run(tasks, setup, jobs):
            if on_outcome is not None:
                on_outcome(outcome)
            for key in outcome.task.keys:
                before = found.rows[key]
                fresh = next((row for row in outcome.rows if row.key == key), None)
                if fresh is None:
                    yield Verified(before, float("inf"), 0.0, error=outcome.error or "was not computed")
                    continue
                within = allowed(before, fresh, known.get(before.env, {}), here)
                yield Verified(
                    *(before, change_db(before, fresh), within.frame_db, within.why),
                    differs=tuple(differences(before, fresh, within.limits, within.frame_db)),
                    made=said(changed(before.made, fresh.made)) if before.made else "",
                )


def _task(alike: Sequence[tuple[Row, Origin]], asked: Asked, env: str) -> tuple[Setup, Task]:
    """One pass of the network for the rows of one clip that share it."""
    row, origin = alike[0]
    rows = [one for one, _ in alike]
    names = {name for one in rows for name in (*one.values, *one.scalars)}
    setup = Setup(
        metrics=tuple(dict.fromkeys((*metrics.CORE, *sorted(names)))),
        settings=origin.settings,
        reading=origin.reading,
        root=origin.root,
        included=asked.include,
        overrides=asked.override,
        threads=_threads(row),
        seed=int(seed) if (seed := row.made.get("seed", "0")).lstrip("-").isdecimal() else 0,
        env=env,
    )
    task = Task(
        *(origin.method, origin.spec, row.weights, origin.dataset, row.dataset, row.split, row.clip),
        protocols=tuple(one.protocol for one in rows),
        keys=tuple(one.key for one in rows),
        name=row.planned,
        contents=row.weights_sha256,
    )
    return setup, task


def _together(tasks: Sequence[tuple[Setup, Task]]) -> Iterator[tuple[Setup, list[Task]]]:
    """The tasks of one setup together: a process is set up once for all of them."""
    groups: dict[Setup, list[Task]] = defaultdict(list)
    for setup, task in tasks:
        groups[setup].append(task)
    yield from groups.items()


def _threads(row: Row) -> int:
    """The row's number of threads, not the command's; 1 where a file that anybody may write says nonsense."""
    text = row.how.get("threads", "")
    return int(text) if text.isdecimal() and 0 < int(text) <= MOST_THREADS else 1
