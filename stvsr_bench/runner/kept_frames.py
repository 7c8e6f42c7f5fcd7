"""Which clips keep their frames: with `worst:K`, those that a cheap method restores worst, for every method."""

from collections import defaultdict

from stvsr_bench.protocols import restoring_key
from stvsr_bench.rows import frames, store
from stvsr_bench.rows.identity import job, name_of
from stvsr_bench.rows.names import TRUTH
from stvsr_bench.runner.engines.tasks import Task
from stvsr_bench.runner.made import made_by
from stvsr_bench.runner.plan import Plan, RunSpec

Place = tuple[str, str, str]  # data set, split, clip


def anchor(plan: Plan) -> str:
    """The method whose worst clips are kept: a weight-free one where there is one, for it costs least."""
    # the worst clips are known only when one method has measured them all; the others then keep theirs on the way
    return min(plan.identities, key=lambda text: plan.identities[text].card.learned)


def worst(spec: RunSpec, plan: Plan, method: str) -> set[Place]:
    """The K clips of each split with the lowest mean PSNR-Y of one method, from the rows that are on disk."""
    count = int(spec.save_frames.partition(":")[2])
    identity = plan.identities[method]
    planned = {
        name_of(identity.spec, identity.card, spec.settings, protocol)
        for cell in plan.cells
        for protocol in cell.protocols
    }
    wanted = {(cell.label, cell.split): set(cell.clips) for cell in plan.cells}
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in store.read_rows(spec.out) if spec.out.is_dir() else ():
        if row.planned in planned and row.clip in wanted.get((row.dataset, row.split), ()) and row.frames:
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
        made = made_by(identity, spec.settings, spec.threads_per_worker, spec.seed)
        for cell in plan.cells:
            key_of_frames = restoring_key(cell.protocols[0])
            name = name_of(identity.spec, identity.card, spec.settings, cell.protocols[0])
            for clip in cell.clips:
                place = (cell.label, cell.split, clip)
                if chosen is not None and place not in chosen:
                    continue
                contents = identity.sha256 or identity.weights
                keys = (job(name, contents, place, p.key).key for p in cell.protocols)
                kept = frames.Place(spec.out, key_of_frames, name, identity.weights, identity.sha256, place)
                there = frames.count(kept.folder)
                whole = there > 0 and there == frames.count(kept.beside(TRUTH))
                if not whole and any(key in finished for key in keys):  # of other shards there is no row here
                    names = (cell.protocols[0].name,)
                    fields = (text, identity.spec, identity.weights, cell.dataset, *place, names, (), name)
                    tasks.append(Task(*fields, identity.sha256, save=True, score=False, made=made))
    return tasks
