"""`stvsr-bench ablate METHOD`: its ablation variants, trained alike, in one table."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import reader
from stvsr_bench.cli.options import Json, Quiet

TOLD_EVERY = 25  # steps


def ablate(
    method: Annotated[str, typer.Argument(help="A method with an ablations.toml, e.g. stdan.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the runs; an existing one is gone on with.")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", help="Steps of every variant; default as the file says.")] = 0,
    threads: Annotated[int, typer.Option("--threads", min=0, max=1024, help="CPU threads; 0 leaves it to torch.")] = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train the variants of a method for equal steps from the same seed, and compare each with the first."""
    import json

    from stvsr_bench.data.atomic import replacing
    from stvsr_bench.report.tables.ablation import ablation_md, compared
    from stvsr_bench.train import ablate as ablation
    from stvsr_bench.train.devices import Machine

    folder = out or Path("runs") / f"ablate-{method}"

    def tell(name: str, step: int) -> None:
        if not quiet and step % TOLD_EVERY == 0:
            reader.note(f"{name}: step {step}")

    rows = compared(ablation.run(method, folder, steps, Machine(threads=threads), tell))
    markdown = ablation_md(rows)
    for name, text in (("ablation.md", markdown), ("ablation.json", json.dumps(rows, indent=1) + "\n")):
        with replacing(folder / name) as file:
            file.write(text.encode())
    if as_json:
        reader.document(rows)
    else:
        reader.say(markdown)
