"""`stvsr-bench data stats`: how the clips of a data set move, and which would be slow, medium and fast."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stvsr_bench.cli import clipwise, options, reader
from stvsr_bench.errors import FailedClipsError, UsageError, counted, spelled

if TYPE_CHECKING:
    from stvsr_bench.data.motion import Thresholds
    from stvsr_bench.data.stats import ClipStats


def stats(
    name: clipwise.Name = "",
    dataset: options.Dataset = None,
    split: options.Splits = None,
    root: options.Root = None,
    lists: clipwise.Lists = "zsm",
    sample: clipwise.Sample = 0,
    jobs: clipwise.Jobs = 0,
    slow_below: Annotated[float, typer.Option("--slow-below", min=0, help="px/frame at which slow ends.")] = 2.0,
    fast_from: Annotated[float, typer.Option("--fast-from", min=0, help="px/frame at which fast begins.")] = 6.0,
    thirds: Annotated[bool, typer.Option("--thirds", help="Thresholds that make three bins of equal size.")] = False,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the histogram as this PNG.")] = None,
    write_lists: Annotated[Path | None, typer.Option("--write-lists", help="Folder for slow.txt, ....")] = None,
    track: options.Track = 1,
    allow_vfr: options.AllowVfr = False,
    deinterlace: options.Deinterlace = False,
    hdr: options.Hdr = "refuse",
    include: options.Include = None,
    override: options.Override = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Measure motion, and propose slow, medium and fast clips.

    Motion is DIS flow in pixels per frame. The thresholds are those that are printed.
    """
    from stvsr_bench.data import motion, stats
    from stvsr_bench.datasets import survey

    options.plug_in(include, override)
    name = options.one("data set", name, dataset, "--dataset")
    if slow_below > fast_from:
        raise UsageError(f"--slow-below {slow_below:g} is above --fast-from {fast_from:g}")
    measured: list[ClipStats] = []
    failed: list[str] = []
    several = list(
        survey.splits(name, options.several(split), root, lists, options.reading(track, allow_vfr, deinterlace, hdr))
    )
    for clips in several:
        with clipwise.telling("measuring", clips, quiet) as tell:
            some, bad = survey.measure(clips, survey.Pace(sample, jobs), tell, with_split=len(several) > 1)
        measured, failed = measured + some, failed + bad
        for each in clips.unused:
            reader.note(f"{clips.split}: {each.sentence(clips.where)}")
    if not measured:
        raise FailedClipsError(f"{name}: no clip could be measured; the first error: {(failed or ['no clips'])[0]}")
    chosen = motion.thirds([c.motion_px for c in measured]) if thirds else motion.Thresholds(slow_below, fast_from)
    short = spelled(Path(name).name) or "clips"
    picture = stats.draw(plot, f"{short}: {counted(len(measured), 'clip')}", measured, chosen) if plot else None
    written = stats.write_lists(write_lists, stats.proposal(measured, chosen)) if write_lists else []
    if as_json:
        reader.document(_as_json(name, measured, chosen, picture, failed), indent=1)
    else:
        _print_stats(name, measured, chosen, picture, written)
    if failed:
        raise FailedClipsError(f"{name}: {counted(len(failed), 'clip')} could not be read; the first: {failed[0]}")


def _as_json(
    name: str, measured: "list[ClipStats]", chosen: "Thresholds", picture: Path | None, failed: list[str]
) -> dict[str, Any]:
    from stvsr_bench.data import stats

    return {
        "dataset": spelled(name),
        "motion_px": stats.quantiles(measured),
        "thresholds_px": asdict(chosen),
        "bins": stats.proposal(measured, chosen),
        "clips": [asdict(clip) for clip in measured],
        "plot": str(picture) if picture else None,
        "failed": failed,
    }


def _print_stats(
    name: str, measured: "list[ClipStats]", chosen: "Thresholds", picture: Path | None, written: list[Path]
) -> None:
    from stvsr_bench.data import stats

    sizes = sorted({f"{clip.width}x{clip.height}" for clip in measured})
    lengths = sorted({clip.frames for clip in measured})
    frames = str(lengths[0]) if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
    reader.say(f"{name}: {counted(len(measured), 'clip')} of {frames} frames, {', '.join(sizes[:5])}")
    spread = ", ".join(f"{what} {value:.2f}" for what, value in stats.quantiles(measured).items())
    reader.say(f"motion (DIS flow, pixels per frame): {spread}")
    reader.say(f"slow < {chosen.slow_below:g} <= medium < {chosen.fast_from:g} <= fast:")
    for speed, names in stats.proposal(measured, chosen).items():
        reader.say(f"  {speed:7} {len(names):5}  {clipwise.named(names)}")
    for what, path in [*([("histogram", picture)] if picture else []), *(("list", path) for path in written)]:
        reader.say(f"{what}: {path}")
