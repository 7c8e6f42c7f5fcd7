"""`stvsr-bench data pack`: many clips in one file, for training."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.errors import counted


def pack(
    name: Annotated[str, typer.Argument(help="A data set, or the path of a folder of clips.")] = "",
    dataset: options.Dataset = None,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The packed file, e.g. vimeo-train.lmdb; must not exist.")],
    split: Annotated[str, typer.Option("--split", "-s", help="One split.")] = "train",
    limit: Annotated[int, typer.Option("--limit", min=0, help="Only the first N clips; 0 = all.")] = 0,
    root: options.Root = None,
    track: options.Track = 1,
    allow_vfr: options.AllowVfr = False,
    deinterlace: options.Deinterlace = False,
    hdr: options.Hdr = "refuse",
    include: options.Include = None,
    override: options.Override = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Pack the frames of a split into one LMDB file for training.

    Then: stvsr-bench train METHOD --dataset FILE
    """
    from rich.console import Console
    from rich.progress import Progress

    from stvsr_bench import datasets
    from stvsr_bench.acquire.pack import pack as write

    options.plug_in(include, override)
    name = options.one("data set", name, dataset, "--dataset")
    reading = options.reading(track, allow_vfr, deinterlace, hdr)
    chosen = datasets.clips(name, "" if datasets.is_path(name) else split, root, reading=reading).first(limit)
    for each in chosen.unused:
        reader.note(each.sentence(chosen.where))
    console = Console(stderr=True)
    with Progress(console=console, disable=quiet or as_json or not console.is_terminal) as progress:
        task = progress.add_task(f"packing {name}", total=len(chosen))
        frames = write(chosen, out, lambda done, total: progress.update(task, completed=done, total=total))
    if as_json:
        reader.document({"out": str(out), "clips": len(chosen), "frames": frames})
    else:
        reader.note(f"{out}: {counted(len(chosen), 'clip')}, {counted(frames, 'frame')}")
