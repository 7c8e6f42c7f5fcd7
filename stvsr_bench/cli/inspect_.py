"""`stvsr-bench inspect METHOD`: what its attention takes for one pixel, or over whole splits."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli.options import Root

if TYPE_CHECKING:
    from stvsr_bench.datasets import Clips
    from stvsr_bench.schema import Method


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
    frame: Annotated[int, typer.Option("--frame", help="The frame looked at, from 0; default the middle one.")] = -1,
    limit: Annotated[int, typer.Option("--limit", help="Over splits: at most so many clips of each.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for tables and pictures.")] = Path("runs/inspect"),
    root: Root = None,
) -> None:
    """Look inside an attention: points sampled, points kept, frame weights, and how far they are from the truth."""
    from stvsr_bench import datasets, methods
    from stvsr_bench.cli.options import several
    from stvsr_bench.inspection.attention import opened

    built = methods.build(method)
    opened(built)
    splits = several(split) or datasets.card(dataset).default_splits
    if clip:
        written = _one_pixel(built, datasets.clips(dataset, splits[0], root), clip, at, frame, out)
    else:
        written = _splits(built, [datasets.clips(dataset, each, root) for each in splits], frame, limit, out)
    for path in written:
        typer.echo(path)


def _one_pixel(method: "Method", clips: "Clips", name: str, at: str, frame: int, out: Path) -> list[Path]:
    from stvsr_bench.inspection import attention, pictures

    chosen = clips.read(name)
    height, width = chosen.hr_SCHW.shape[-2:]
    pixel = _pixel(at, width, height)
    target = len(chosen.hr_SCHW) // 2 if frame < 0 else frame
    seen = attention.read(method, chosen, target)
    paths = [out / "points.png", out / "shares.png"]
    pictures.draw_points(chosen, seen, target, pixel, method.card.scale, paths[0])
    pictures.draw_shares(chosen, seen, target, paths[1])
    return paths


def _splits(method: "Method", all_clips: "list[Clips]", frame: int, limit: int, out: Path) -> list[Path]:
    from stvsr_bench.inspection import attention, pictures

    facts: list[attention.Facts] = []
    spreads: list[attention.Spread] = []
    for clips in all_clips:
        columns = []
        for clip in clips.first(limit):
            found, spread = attention.followed(method, clip, [len(clip.hr_SCHW) // 2 if frame < 0 else frame])
            columns += found
            spreads += spread
        facts += attention.by_motion(clips.split, columns)
    paths = [out / "motion.csv", out / "frame_weights.csv", out / "motion.png"]
    attention.write_table(paths[0], facts)
    attention.write_table(paths[1], spreads)
    pictures.draw_errors(facts, paths[2])
    return paths


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
