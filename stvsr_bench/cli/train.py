"""`stvsr-bench train METHOD`: train a method by its recipe; stopped at any moment, the same command goes on."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import reader
from stvsr_bench.cli.options import Quiet


def train(
    method: Annotated[str, typer.Argument(help="A method with a train.toml, e.g. stdan.")],
    preset: Annotated[str, typer.Option("--preset", help="Table of the train.toml: paper, mini, ...")] = "paper",
    config: Annotated[Path | None, typer.Option("--config", "-C", help="Another train.toml.")] = None,
    data: Annotated[str, typer.Option("--data", "-d", help="vimeo90k, mini:train,openclips:train or a path.")] = "",
    root: Annotated[Path | None, typer.Option("--root", help="Where the data set lies; else its variable.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder of the run.")] = None,
    batch: Annotated[int, typer.Option("--batch", max=65536, help="Samples a step instead of the recipe's.")] = 0,
    steps: Annotated[int, typer.Option("--steps", help="Stop after so many; schedules stay as they are.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's checkpoint.")] = False,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, mps or auto.")] = "auto",
    threads: Annotated[int, typer.Option("--threads", min=0, max=1024, help="CPU threads; 0 leaves it to torch.")] = 0,
    workers: Annotated[
        int, typer.Option("--workers", max=1024, help="Processes that cut samples; 0 cuts them here.")
    ] = 0,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write TensorBoard events too.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train a method by its recipe and leave weights, their card, logs and a checkpoint in the folder of the run.

    Several devices: torchrun --nproc-per-node N -m stvsr_bench train METHOD ...
    """
    from stvsr_bench.cli.training import Meter
    from stvsr_bench.train import session
    from stvsr_bench.train.devices import Machine

    order = session.Order(
        method=method,
        out=out or Path("runs") / f"train-{method}-{preset}",
        preset=preset,
        config=config,
        data=data,
        root=root,
        batch=batch,
        steps=steps,
        resume=resume,
        machine=Machine(device, threads, workers, tensorboard),
    )
    with Meter(steps or session.recipe_of(order).steps, hidden=quiet) as meter:
        outcome = session.run(order, meter.update)
    if outcome.is_main and not quiet:
        reader.note(
            f"{outcome.steps} steps, loss {meter.running.mean:.5f}, weights: {order.out / 'weights.safetensors'}"
        )
