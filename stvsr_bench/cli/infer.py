"""`stvsr-bench infer`: a user's own video in, a larger and smoother one out."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options, reader, writing
from stvsr_bench.errors import FAILED_CLIPS, OK


def infer(
    video: Annotated[Path, typer.Argument(help="The video to restore.")],
    methods: Annotated[str, typer.Option("--methods", "-m", help="One method, e.g. stdan@mini or rife+span.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The video to write (.mp4, .mkv, .mov).")],
    scale: Annotated[
        str, typer.Option("--scale", help="How many times larger, e.g. 2 or 5/2; default the method's own.")
    ] = "",
    time_scale: Annotated[
        int, typer.Option("--time-scale", min=1, max=1000, help="How many times the frames; 1 = only larger.")
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
    threads: options.Threads = 0,
    trust_pickle: options.TrustPickle = False,
    include: options.Include = None,
    override: options.Override = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Restore a video: 4 times the size, twice the frames. The sound is kept; no frame is made across a cut.

    Exit code 3 if the source is damaged: what could be read is restored.
    """
    from rich.console import Console

    from stvsr_bench import methods as known
    from stvsr_bench.data import facts
    from stvsr_bench.restore import film, pick_device, place
    from stvsr_bench.schema import Settings

    options.plug_in(include, override)
    method = options.one("method", "", [methods])
    asked = film.Asked(
        protocol=film.protocol_for(known.resolve(method).card, scale, time_scale),
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
    chosen = place(known.build(method, trust_pickle), settings)
    console = Console(stderr=True)
    with writing.bar(console, quiet or as_json) as bar:
        task = bar.add_task(chosen.spec, total=min(total, limit or total))
        done = film.upscale(chosen, video, out, settings, lambda read: bar.update(task, completed=read), asked)
    if as_json:
        reader.document({"out": str(out), "method": chosen.spec, **vars(done)})
    else:
        writing.say(console, out, done)
    return FAILED_CLIPS if done.trouble else OK
