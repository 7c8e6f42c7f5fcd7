"""Which clips keep their frames: with `worst:K`, those that a cheap method restores worst, for every method."""

from collections import defaultdict

from stvsr_bench.rows import store
from stvsr_bench.rows.frames import count
from stvsr_bench.rows.identity import job
from stvsr_bench.rows.names import TRUTH, clip_folder, method_folder
from stvsr_bench.runner.engines.tasks import Task
from stvsr_bench.runner.plan import Plan, RunSpec

Place = tuple[str, str, str]  # data set, split, clip


def anchor(plan: Plan) -> str:
    """The method whose worst clips are kept: a weight-free one where there is one, for it costs least."""
    # the worst clips are known only when one method has measured them all; the others then keep theirs on the way
    return min(plan.identities, key=lambda text: plan.identities[text].card.learned)


def place_of(task: Task) -> Place:
    """The clip of a task, by its names in rows."""
    return task.label, task.split, task.clip


def worst(spec: RunSpec, plan: Plan, method: str) -> set[Place]:
    """The K clips of each split with the lowest mean PSNR-Y of one method, from the rows that are on disk."""
    count = int(spec.save_frames.partition(":")[2])
    name = spec.settings.name(plan.identities[method].spec)
    wanted = {(cell.label, cell.split): set(cell.clips) for cell in plan.cells}
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in store.read_rows(spec.out):
        if row.method == name and row.clip in wanted.get((row.dataset, row.split), ()) and row.frames:
            values = row.values["psnr_y"]
            found[row.dataset, row.split][row.clip] = sum(values) / len(values)
    return {
        (*place, clip) for place, clips in found.items() for clip in sorted(clips, key=lambda c: (clips[c], c))[:count]
    }


def missing(spec: RunSpec, plan: Plan, chosen: set[Place] | None = None) -> list[Task]:
    """Tasks that only save frames: clips (all, or those chosen) whose rows are there and whose frames are not.

    A folder with fewer frames than the truth beside it is one that a killed process left behind.
    """
    tasks = []
    finished = store.done(spec.out)
    for text, identity in plan.identities.items():
        folder = spec.out / "frames" / method_folder(spec.settings.name(identity.spec), identity.weights)
        for cell in plan.cells:
            for clip in cell.clips:
                place = (cell.label, cell.split, clip)
                if chosen is not None and place not in chosen:
                    continue
                weights = identity.sha256 or identity.weights
                keys = (job(identity.spec, weights, spec.settings, place, p.key).key for p in cell.protocols)
                there = count(folder / clip_folder(*place))
                whole = there > 0 and there == count(spec.out / "frames" / TRUTH / clip_folder(*place))
                if not whole and any(key in finished for key in keys):  # of other shards there is no row here
                    names = (cell.protocols[0].name,)
                    fields = (text, identity.spec, identity.weights, cell.dataset, *place, names)
                    tasks.append(Task(*fields, keys=(), save=True, score=False))
    return tasks
