"""`stvsr-bench train METHOD`: train a method by its recipe; with --resume a stopped run continues."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.errors import counted

WEIGHTS = "weights.safetensors"


def train(
    method: Annotated[str, typer.Argument(help="A method with a train.toml, e.g. stdan.")] = "",
    methods: options.Methods = None,
    preset: Annotated[str, typer.Option("--preset", help="Table of the train.toml: paper, mini, ...")] = "paper",
    config: Annotated[Path | None, typer.Option("--config", "-C", help="Another train.toml.")] = None,
    data: Annotated[str, typer.Option("--dataset", "-d", help="vimeo90k, mini:train,openclips:train or a path.")] = "",
    root: options.Root = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder of the run.")] = None,
    batch: Annotated[int, typer.Option("--batch", max=65536, help="Samples per step; 0 = as the recipe says.")] = 0,
    steps: Annotated[int, typer.Option("--steps", help="Stop after this many steps; schedules do not change.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the checkpoint in the folder.")] = False,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, mps or auto.")] = "auto",
    threads: options.Threads = 0,
    workers: Annotated[
        int, typer.Option("--workers", max=1024, help="Processes that cut samples; 0 = none, this one does.")
    ] = 0,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write TensorBoard events too.")] = False,
    include: options.Include = None,
    override: options.Override = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a method; writes weights, logs and a checkpoint to the run folder.

    Several devices: torchrun --nproc-per-node N -m stvsr_bench train METHOD ...
    """
    from stvsr_bench.cli.training import Meter
    from stvsr_bench.train import session
    from stvsr_bench.train.devices import Machine

    options.plug_in(include, override)
    method = options.one("method", method, methods)
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
    with Meter(steps or session.recipe_of(order).steps, hidden=quiet or as_json) as meter:
        outcome = session.run(order, meter.update)
    if outcome.is_main and as_json:
        reader.document({"steps": outcome.steps, "loss": meter.running.mean, "weights": str(order.out / WEIGHTS)})
    elif outcome.is_main and not quiet:
        reader.note(f"{counted(outcome.steps, 'step')}, loss {meter.running.mean:.5f}, weights: {order.out / WEIGHTS}")
