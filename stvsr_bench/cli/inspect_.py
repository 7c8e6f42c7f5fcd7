"""`stvsr-bench inspect METHOD`: what its attention takes for one pixel, or over whole splits."""

from pathlib import Path
from typing import Annotated

import typer

from stvsr_bench.cli import reader
from stvsr_bench.cli.options import Root


def inspect_(
    method: Annotated[str, typer.Argument(help="A method with an attention, e.g. stdan@mini.")],
    dataset: Annotated[
        str, typer.Option("--dataset", "-d", help="Data set; over splits it must know its motion.")
    ] = "mini",
    split: Annotated[str, typer.Option("--split", "-s", help="Split, or several; default all test splits.")] = "",
    clip: Annotated[str, typer.Option("--clip", help="One clip: draw what one pixel takes.")] = "",
    at: Annotated[
        str, typer.Option("--at", help="The pixel x,y of the high-resolution frame; default the middle.")
    ] = "",
    frame: Annotated[
        int, typer.Option("--frame", min=-1, help="The frame looked at, from 0; default the middle one.")
    ] = -1,
    limit: Annotated[int, typer.Option("--limit", help="Over splits: at most so many clips of each.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for tables and pictures.")] = Path("runs/inspect"),
    root: Root = None,
) -> None:
    """Look inside an attention: points sampled, points kept, frame weights, and how far they are from the truth."""
    from stvsr_bench import datasets, methods
    from stvsr_bench.cli.options import several
    from stvsr_bench.inspection import sheets
    from stvsr_bench.inspection.attention import opened

    built = methods.build(method)
    opened(built)
    data = datasets.find(dataset, root)
    splits = several(split) or data.default_splits
    if clip:
        chosen = data.clips(splits[0]).read(clip)
        height, width = chosen.hr_SCHW.shape[-2:]
        written = sheets.one_pixel(built, chosen, _pixel(at, width, height), frame, out)
    else:
        written = sheets.over_splits(built, [data.clips(each) for each in splits], frame, limit, out)
    for path in written:
        reader.say(str(path))


def _pixel(text: str, width: int, height: int) -> tuple[int, int]:
    from stvsr_bench.errors import UsageError

    if not text:
        return width // 2, height // 2
    try:
        x, y = (int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--at {text}: write it as x,y, two whole numbers") from None
    if not (0 <= x < width and 0 <= y < height):
        raise UsageError(f"--at {text}: outside the frame of {width}x{height}")
    return x, y
