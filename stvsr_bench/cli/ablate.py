"""`stvsr-bench ablate METHOD`: its ablation variants, trained alike, in one table."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options, reader

TOLD_EVERY = 25  # steps


def ablate(
    method: Annotated[str, typer.Argument(help="A method with an ablations.toml, e.g. stdan.")] = "",
    methods: options.Methods = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the runs. If it exists, they continue in it.")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", help="Steps of each variant; 0 = as the file says.")] = 0,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, mps or auto.")] = "auto",
    threads: options.Threads = 0,
    include: options.Include = None,
    override: options.Override = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Train the variants of a method with equal steps and seed, and compare each with the first."""
    import json

    from stvsr_bench.data.atomic import replacing
    from stvsr_bench.report.tables.ablation import ablation_md, compared
    from stvsr_bench.train import ablate as ablation
    from stvsr_bench.train.devices import Machine

    options.plug_in(include, override)
    method = options.one("method", method, methods)
    folder = out or Path("runs") / f"ablate-{method}"

    def tell(name: str, step: int) -> None:
        if not quiet and step % TOLD_EVERY == 0:
            reader.note(f"{name}: step {step}")

    rows = compared(ablation.run(method, folder, steps, Machine(device, threads), tell))
    markdown = ablation_md(rows)
    for name, text in (("ablation.md", markdown), ("ablation.json", json.dumps(rows, indent=1) + "\n")):
        with replacing(folder / name) as file:
            file.write(text.encode())
    if as_json:
        reader.document(rows)
    else:
        reader.say(markdown)
