"""`stvsr-bench ablate METHOD`: its ablation variants, trained alike, in one table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli.options import Json, Quiet

if TYPE_CHECKING:
    from stvsr_bench.train.ablate import Result

HEAD = ("variant", "asks", "PSNR-Y (dB)", "difference to base (dB)", "between frames", "params (M)", "GMACs", "ms")


def ablate(
    method: Annotated[str, typer.Argument(help="A method with an ablations.toml, e.g. stdan.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the runs; an existing one is gone on with.")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", help="Steps of every variant; default as the file says.")] = 0,
    threads: Annotated[int, typer.Option("--threads", help="CPU threads; 0 leaves it to torch.")] = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train the variants of a method for equal steps from the same seed, and compare each with the first."""
    import json

    from stvsr_bench.data.atomic import replacing
    from stvsr_bench.train import ablate as ablation
    from stvsr_bench.train.devices import Machine

    folder = out or Path("runs") / f"ablate-{method}"

    def tell(name: str, step: int) -> None:
        if not quiet and step % 25 == 0:
            typer.echo(f"{name}: step {step}", err=True)

    results = ablation.run(method, folder, steps, Machine(threads=threads), tell)
    rows = compared(results)
    markdown = table(rows, results)
    for name, text in (("ablation.md", markdown), ("ablation.json", json.dumps(rows, indent=1) + "\n")):
        with replacing(folder / name) as file:
            file.write(text.encode())
    typer.echo(json.dumps(rows) if as_json else markdown)


def compared(results: "list[Result]") -> list[dict[str, object]]:
    """One row a variant: its mean over clips, and its paired difference to the first with a 95 % interval."""
    from stvsr_bench.report import stats

    base = results[0]
    rows: list[dict[str, object]] = []
    for result in results:
        whole = stats.compare(result.clips_db, base.clips_db).difference
        between = stats.compare(result.clips_between_db, base.clips_between_db).difference
        rows.append(
            {
                "variant": result.name,
                "asks": result.asks,
                "clips": len(result.clips_db),
                "psnr_y_db": stats.interval(result.clips_db).mean,
                "difference_db": [whole.mean, whole.low, whole.high],
                "difference_between_db": [between.mean, between.low, between.high],
                "params": result.params,
                "gmacs": result.gmacs,
                "runtime_ms": result.runtime_ms,
                "steps": result.steps,
                "training_loss": result.loss,
                "psnr_y_db_by_clip": result.psnr_y_db,
            }
        )
    return rows


def table(rows: list[dict[str, object]], results: "list[Result]") -> str:
    """The comparison as Markdown, with what it stands on."""
    from tabulate import tabulate

    cells = [
        (
            result.name,
            result.asks,
            f"{row['psnr_y_db']:.2f}",
            _signed(row["difference_db"]),
            _signed(row["difference_between_db"]),
            f"{result.params / 1e6:.3f}",
            f"{result.gmacs:.2f}",
            f"{result.runtime_ms:.0f}",
        )
        for row, result in zip(rows, results, strict=True)
    ]
    note = (
        f"{results[0].steps} steps each from the same seed on the same samples; {len(results[0].clips_db)} clips of "
        f"{', '.join(results[0].psnr_y_db)}. Differences are paired by clip, with 95 % intervals: one that holds 0 "
        "shows nothing. GMACs and ms (medians, all variants in turn) are for 4 frames of 112x64."
    )
    grid = str(tabulate(cells, HEAD, tablefmt="github", disable_numparse=True))
    return f"{grid}\n\n{note}\n"


def _signed(difference: object) -> str:
    assert isinstance(difference, list)
    mean, low, high = difference
    if low is None or low == high == 0:
        return f"{mean:+.2f}"
    return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"
