"""`stvsr-bench infer`: a user's own video in, a larger and smoother one out."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options, reader


def infer(
    video: Annotated[Path, typer.Argument(help="The video to restore.")],
    method: Annotated[str, typer.Option("--method", "-m", help="A method, e.g. stdan@mini or rife+span.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The video to write (.mp4, .mkv, .mov).")],
    device: options.Device = "cpu",
    precision: options.Precision = "fp32",
    tile: Annotated[int, typer.Option("--tile", min=0, help="Tile size in low-resolution pixels; 0 = whole.")] = 0,
    tile_overlap: Annotated[int, typer.Option("--tile-overlap", min=0, help="Overlap of tiles.")] = 16,
    crf: Annotated[
        int, typer.Option("--crf", min=0, max=51, help="Quality of the x264 encoder; lower is better.")
    ] = 16,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Only the first N frames.")] = 0,
    threads: Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0 = all.")] = 0,
    include: options.Include = None,
    override: options.Override = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Restore a video: x4 in size, doubled frame rate, sound kept, no frame interpolated across a cut."""
    from rich.console import Console
    from rich.progress import Progress

    from stvsr_bench import methods
    from stvsr_bench.restore import pick_device, place
    from stvsr_bench.restore import video as work
    from stvsr_bench.schema import Settings

    options.plug_in(include, override)
    total = work.frame_count(video)
    settings = Settings(pick_device(device), options.precision(precision), tile, tile_overlap)
    if threads:
        import torch

        torch.set_num_threads(threads)
    chosen = place(methods.build(method), settings)
    console = Console(stderr=True)
    with Progress(console=console, disable=quiet or as_json or not console.is_terminal) as bar:
        task = bar.add_task(chosen.spec, total=min(total, limit) if limit and total else (limit or total or None))
        done = work.upscale(chosen, video, out, settings, lambda read: bar.update(task, completed=read), crf, limit)
    if as_json:
        reader.document({"out": str(out), "method": chosen.spec, **vars(done)})
        return
    cuts = f", {len(done.cuts)} cuts" if done.cuts else ""
    sound = ", sound kept" if done.audio else ""
    console.print(
        f"{out}: {done.frames_out} frames of {done.size[0]}x{done.size[1]} at {done.fps:g} fps{cuts}{sound}",
        highlight=False,
        markup=False,
    )
