"""`stvsr-bench inspect METHOD`: what its attention takes for one pixel, or over whole splits."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import options, reader
from stvsr_bench.errors import UsageError


def inspect_(
    method: Annotated[str, typer.Argument(help="A method with an attention, e.g. stdan@mini.")] = "",
    methods: options.Methods = None,
    dataset: Annotated[
        str, typer.Option("--dataset", "-d", help="Data set; for whole splits, one with known motion.")
    ] = "mini",
    split: options.Splits = None,
    clip: Annotated[str, typer.Option("--clip", help="One clip: draw what one pixel takes.")] = "",
    at: Annotated[
        str, typer.Option("--at", help="With --clip: the pixel x,y of the high-resolution frame; default the middle.")
    ] = "",
    frame: Annotated[
        int, typer.Option("--frame", min=-1, help="Which frame, counted from 0; default the middle one.")
    ] = -1,
    limit: Annotated[int, typer.Option("--limit", help="Only the first N clips of each split; 0 = all.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for tables and pictures.")] = Path("runs/inspect"),
    root: options.Root = None,
    device: options.Device = "cpu",
    include: options.Include = None,
    override: options.Override = None,
    as_json: options.Json = False,
) -> None:
    """Show an attention: sampled points, kept points, frame weights, and their distance from the true motion.

    With --clip it draws what one pixel uses; otherwise it writes tables over whole splits.
    """
    from stvsr_bench import datasets
    from stvsr_bench import methods as known
    from stvsr_bench.inspection import sheets
    from stvsr_bench.inspection.attention import opened
    from stvsr_bench.restore import pick_device, place
    from stvsr_bench.schema import Settings

    options.plug_in(include, override)
    if at and not clip:
        raise UsageError("--at is a pixel of one clip; add --clip NAME")
    built = place(known.build(options.one("method", method, methods)), Settings(pick_device(device)))
    opened(built)
    data = datasets.find(dataset, root)
    splits = options.several(split) or data.default_splits
    if clip:
        chosen = data.clips(splits[0]).read(clip)
        height, width = chosen.hr_SCHW.shape[-2:]
        written = sheets.one_pixel(built, chosen, _pixel(at, width, height), frame, out)
    else:
        written = sheets.over_splits(built, [data.clips(each) for each in splits], frame, limit, out)
    if as_json:
        reader.document({"method": built.spec, "files": [str(path) for path in written]})
        return
    for path in written:
        reader.say(str(path))


def _pixel(text: str, width: int, height: int) -> tuple[int, int]:
    if not text:
        return width // 2, height // 2
    try:
        x, y = (int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--at {text}: write it as x,y, two whole numbers") from None
    if not (0 <= x < width and 0 <= y < height):
        raise UsageError(f"--at {text}: outside the frame of {width}x{height}")
    return x, y
