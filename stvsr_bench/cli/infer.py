"""`stvsr-bench infer`: a user's own video in, a larger and smoother one out."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options, reader, writing
from stvsr_bench.errors import FAILED_CLIPS, OK


def infer(
    video: Annotated[Path, typer.Argument(help="The video to restore.")],
    method: Annotated[str, typer.Option("--method", "-m", help="A method, e.g. stdan@mini or rife+span.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The video to write (.mp4, .mkv, .mov).")],
    scale: Annotated[
        str, typer.Option("--scale", help="Times the size, e.g. 2 or 5/2; default the method's own.")
    ] = "",
    time_scale: Annotated[
        int, typer.Option("--time-scale", min=1, max=1000, help="Times the frames; 1 = only larger.")
    ] = 2,
    device: options.Device = "cpu",
    precision: options.Precision = "fp32",
    tile: Annotated[int, typer.Option("--tile", min=0, help="Tile size in low-resolution pixels; 0 = whole.")] = 0,
    tile_overlap: Annotated[int, typer.Option("--tile-overlap", min=0, max=65536, help="Overlap of tiles.")] = 16,
    crf: writing.Crf = 16,
    pix_fmt: writing.PixFmt = "",
    fps: writing.Fps = "",
    audio: writing.Audio = "copy",
    limit: Annotated[int, typer.Option("--limit", min=0, help="Only the first N frames.")] = 0,
    track: options.Track = 1,
    deinterlace: options.Deinterlace = False,
    hdr: options.Hdr = "refuse",
    overwrite: writing.Overwrite = False,
    resume: writing.Resume = False,
    threads: Annotated[int, typer.Option("--threads", min=0, max=1024, help="CPU threads; 0 = all.")] = 0,
    include: options.Include = None,
    override: options.Override = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Restore a video: larger (x4) and smoother (twice the frames), sound kept, no frame made across a cut.

    Ends with exit code 3 if the source is damaged: what could be read is restored.
    """
    from rich.console import Console

    from stvsr_bench import methods
    from stvsr_bench.data import facts
    from stvsr_bench.restore import film, pick_device, place
    from stvsr_bench.schema import Settings

    options.plug_in(include, override)
    asked = film.Asked(
        protocol=film.protocol_for(methods.resolve(method).card, scale, time_scale),
        reading=options.reading(track, True, deinterlace, hdr),
        crf=crf,
        limit=limit,
        fps=writing.rate(fps),
        pix_fmt=pix_fmt,
        sound=writing.sound(audio),
        overwrite=overwrite,
        resume=resume,
    )
    settings = Settings(pick_device(device), options.precision(precision), tile, tile_overlap)
    if threads:
        import torch

        torch.set_num_threads(threads)
    film.check(video, out, asked)
    total = facts.of(video, track).count
    chosen = place(methods.build(method), settings)
    console = Console(stderr=True)
    with writing.bar(console, quiet or as_json) as bar:
        task = bar.add_task(chosen.spec, total=min(total, limit or total))
        done = film.upscale(chosen, video, out, settings, lambda read: bar.update(task, completed=read), asked)
    if as_json:
        reader.document({"out": str(out), "method": chosen.spec, **vars(done)})
    else:
        writing.say(console, out, done)
    return FAILED_CLIPS if done.trouble else OK
