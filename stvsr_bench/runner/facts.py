"""What made the rows of a run: `manifest.json`, `env.json` and `run.toml`, written before the first row."""

import time
from collections.abc import Sequence
from dataclasses import asdict

from stvsr_bench import datasets, environment, metrics, plugins
from stvsr_bench.rows import manifest, store
from stvsr_bench.runner.plan import Plan, RunSpec
from stvsr_bench.runner.replay import write_spec
from stvsr_bench.schema import Manifest, digest


def write_facts(spec: RunSpec, plan: Plan, argv: Sequence[str]) -> str:
    """The three files of this command; returns the digest of this environment, which is part of every row."""
    facts = environment.describe()
    env = digest(facts)[:12]
    store.write_json(spec.out / "env.json", {**store.environments(spec.out), env: facts})
    number = manifest.write(spec.out, _manifest(spec, plan, argv, env))
    write_spec(spec, number)
    return env


def unused(plan: Plan) -> list[str]:
    """What lies among the clips of a plan and is part of none, a sentence for each kind."""
    cells = [(cell, cell.source) for cell in plan.cells if cell.source is not None]
    said = [f"{cell.label}: {each.sentence(of.where)}" for cell, of in cells for each in of.unused]
    return list(dict.fromkeys(said))


def _manifest(spec: RunSpec, plan: Plan, argv: Sequence[str], env: str) -> Manifest:
    return Manifest(
        run=spec.out.name,
        argv=list(argv),
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        env=env,
        protocols={p.name: {"key": p.key, **asdict(p)} for cell in plan.cells for p in cell.protocols},
        cells={
            f"{c.label}/{c.split}/{p.key}": {"clips": c.total, "digest": digest(list(c.clips))[:16]}
            for c in plan.cells
            for p in c.protocols
        },
        datasets={c.label: manifest.place_of(c.dataset) for c in plan.cells if datasets.is_path(c.dataset)},
        methods={
            identity.spec: {
                "title": identity.card.title,
                "group": identity.card.group,
                "weights": identity.weights,
                "sha256": identity.sha256,
                "card": digest(asdict(identity.card))[:16],
                "code": [plugins.code(part.plugin) for part in identity.parts],
            }
            for identity in plan.identities.values()
        },
        metrics={name: metrics.METRICS[name].unit for name in spec.all_metrics},
    )
