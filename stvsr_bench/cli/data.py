"""`stvsr-bench data`: which data sets there are, bringing them, what is wrong with them, how they move."""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stvsr_bench.cli import options, packing, preparing
from stvsr_bench.cli.preparing import printable
from stvsr_bench.errors import BenchError, FailedClipsError, UsageError

if TYPE_CHECKING:
    from stvsr_bench.data.check import Finding
    from stvsr_bench.data.motion import Thresholds
    from stvsr_bench.data.stats import ClipStats
    from stvsr_bench.datasets import Clips
    from stvsr_bench.schema import Clip

SHOWN = 6  # clips named per finding; --json has all

app = typer.Typer(
    help="List, prepare, check and measure data sets.", no_args_is_help=True, pretty_exceptions_enable=False
)

Name = Annotated[str, typer.Argument(help="A data set, or the path of a folder of clips or a video.")]
Splits = Annotated[str, typer.Option("--split", "-s", help="Splits; default the test splits.")]
Lists = Annotated[str, typer.Option("--lists", help="Whose lists, where authors differ: zsm or stdan.")]
Sample = Annotated[int, typer.Option("--sample", min=0, help="Only this many clips a split, evenly spread; 0: all.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=0, help="Clips at a time; 0: one a core, at most 8.")]

app.command(name="prepare")(preparing.prepare)
app.command(name="pack")(packing.pack)


@app.command(name="list")
def list_datasets(as_json: options.Json = False) -> None:
    """Every data set: its splits, whether it is on this machine, licence, and what is conventional on it."""
    from stvsr_bench import datasets

    rows = [_listed(name) for name in datasets.names()]
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    for row in rows:
        print(f"{row['name']:12} {row['where']:24} {', '.join(row.get('splits', []))}")
        for fact in ("title", "licence", "convention", "notes"):
            if row.get(fact):
                print(f"{'':12} {fact + ':':11} {' '.join(str(row[fact]).split())}")


@app.command()
def check(
    name: Name,
    split: Splits = "",
    root: options.Root = None,
    lists: Lists = "zsm",
    sample: Sample = 0,
    jobs: Jobs = 0,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Counts, sizes, order of frames, repeated and black frames, cuts, and what shipped low-resolution frames are.

    Ends with exit code 3 if a clip has an error.
    """
    from stvsr_bench.data.check import Finding, check_clip, check_names

    found: dict[str, list[Finding]] = {}
    counted: dict[str, int] = {}
    for clips in _splits(name, split, root, lists):
        wanted = clips.card.contents.get(clips.split)
        said = found[clips.split] = check_names(clips.names, clips.split, wanted) + _whose_list(clips)

        def look(clip: "Clip", wanted: Any = wanted) -> list[Finding]:
            return check_clip(clip, wanted)

        for clip, result in _scanned(clips, look, sample, jobs, quiet, "checking"):
            said += [Finding("error", clip, str(result))] if isinstance(result, BenchError) else result
            counted[clips.split] = counted.get(clips.split, 0) + 1
    if as_json:
        rows = [{"split": where, **asdict(finding)} for where, says in found.items() for finding in says]
        print(json.dumps({"dataset": name, "checked": counted, "findings": rows}, indent=1, ensure_ascii=False))
    else:
        for where, says in found.items():
            _print_findings(where, counted.get(where, 0), says)
    errors = [finding for says in found.values() for finding in says if finding.level == "error"]
    if errors:
        bad = len({finding.clip for finding in errors if finding.clip})
        raise FailedClipsError(f"{name}: {len(errors)} errors, {bad} of {sum(counted.values())} clips concerned")


@app.command()
def stats(
    name: Name,
    split: Splits = "",
    root: options.Root = None,
    lists: Lists = "zsm",
    sample: Sample = 0,
    jobs: Jobs = 0,
    slow_below: Annotated[float, typer.Option("--slow-below", min=0, help="px/frame at which slow ends.")] = 2.0,
    fast_from: Annotated[float, typer.Option("--fast-from", min=0, help="px/frame at which fast begins.")] = 6.0,
    thirds: Annotated[bool, typer.Option("--thirds", help="Thresholds that make three bins of equal size.")] = False,
    plot: Annotated[Path | None, typer.Option("--plot", help="PNG of the histogram; default motion-NAME.png.")] = None,
    write_lists: Annotated[Path | None, typer.Option("--write-lists", help="Folder for slow.txt, ....")] = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Measure motion (DIS flow, px/frame), draw its histogram, propose slow, medium and fast by stated thresholds."""
    from stvsr_bench.data import motion, stats

    if slow_below > fast_from:
        raise UsageError(f"--slow-below {slow_below:g} is above --fast-from {fast_from:g}")
    measured: list[ClipStats] = []
    failed: list[str] = []
    several = list(_splits(name, split, root, lists))
    for clips in several:
        for clip, result in _scanned(clips, _measure, sample, jobs, quiet, "measuring"):
            if isinstance(result, BenchError):
                failed.append(f"{clip}: {result}")
            else:  # two splits may have clips of one name
                measured.append(replace(result, name=f"{clips.split}/{clip}") if len(several) > 1 else result)
    if not measured:
        raise FailedClipsError(f"{name}: no clip could be measured; the first error: {(failed or ['no clips'])[0]}")
    chosen = motion.thirds([c.motion_px for c in measured]) if thirds else motion.Thresholds(slow_below, fast_from)
    short = Path(name).name or "clips"
    picture = stats.draw(plot or Path(f"motion-{short}.png"), f"{short}: {len(measured)} clips", measured, chosen)
    bins = stats.proposal(measured, chosen)
    written = stats.write_lists(write_lists, bins) if write_lists else []
    if as_json:
        print(json.dumps(_as_json(name, measured, chosen, picture, failed), indent=1, ensure_ascii=False))
    else:
        _print_stats(name, measured, chosen, picture, written)
    if failed:
        raise FailedClipsError(f"{name}: {len(failed)} clips could not be read; the first: {failed[0]}")


def _listed(name: str) -> dict[str, Any]:
    """One row of `data list`; a broken data set says what is wrong with it."""
    from stvsr_bench import datasets

    try:
        card = datasets.card(name)
    except BenchError as error:
        return {"name": name, "where": "broken", "notes": str(error)}
    root = datasets.root_of(card)
    if not card.root_env:
        where = f"pip extra [{card.needs[0]}]" if card.needs else "made on this machine"
    elif root is None:
        where = f"{card.root_env} not set"
    else:
        where = str(root) if root.is_dir() else f"{root} is missing"
    kept = ("title", "splits", "licence", "source", "layout", "convention", "notes", "root_env")
    return {"name": name, "where": where, **{fact: getattr(card, fact) for fact in kept}}


def _whose_list(clips: "Clips") -> "list[Finding]":
    """Where the split's list was found, and whose published list it is."""
    from stvsr_bench.data.check import Finding
    from stvsr_bench.data.readers import Septuplets

    if not isinstance(clips.reader, Septuplets):
        return []
    found = clips.reader.clip_list(clips.split)
    if not clips.card.lists or not any(clips.split in splits for splits in clips.card.lists.values()):
        return [Finding("note", "", f"list {found.path}")]
    if found.by:
        return [Finding("note", "", f"list {found.path}, that of {' and '.join(sorted(found.by))}")]
    return [Finding("warning", "", f"list {found.path} is none of the published ones (entries' sha256 {found.sha256})")]


def _splits(name: str, split: str, root: Path | None, lists: str) -> Iterator["Clips"]:
    """The clips of each split asked for; without any, of the card's default splits."""
    from stvsr_bench import datasets

    card = datasets.card(name)
    for wanted in options.several(split) or tuple(card.default_splits or card.splits):
        yield datasets.clips(name, wanted, root=root, lists=lists)


def _scanned(clips: "Clips", look: Any, sample: int, jobs: int, quiet: bool, verb: str) -> Iterator[tuple[str, Any]]:
    """What `look` makes of each clip, with a bar on stderr."""
    from stvsr_bench.acquire.scan import sample as sampled
    from stvsr_bench.acquire.scan import scan

    names = sampled(clips.names, sample)
    with preparing.bar(quiet) as progress:
        task = progress.add_task(f"{verb} {clips.card.name}/{clips.split}", total=len(names))
        for name, result in scan(clips.read, names, look, jobs or min(8, os.cpu_count() or 1)):
            progress.advance(task)
            yield name, result


def _measure(clip: "Clip") -> "ClipStats":
    from stvsr_bench.data import motion, stats

    count, _, height, width = clip.hr_SCHW.shape
    return stats.ClipStats(clip.name, count, width, height, round(motion.measure(clip.hr_SCHW), 4))


def _print_findings(split: str, count: int, said: "list[Finding]") -> None:
    """Equal findings of several clips on one line."""
    clips_of: dict[tuple[str, str], list[str]] = defaultdict(list)
    for finding in said:
        clips_of[finding.level, finding.what].append(finding.clip)
    for level in ("error", "warning", "note"):
        for (found, what), clips in clips_of.items():
            if found == level:
                named = ", ".join(clip for clip in clips[:SHOWN] if clip) + (", ..." if len(clips) > SHOWN else "")
                times = f" ({len(clips)} clips)" if len(clips) > 1 else ""
                print(printable(f"{level:8} {split}{' ' if named else ''}{named}{times}: {what}"))
    errors, warnings = (sum(finding.level == level for finding in said) for level in ("error", "warning"))
    print(f"{split}: {count} clips checked, {errors} errors, {warnings} warnings")


def _as_json(
    name: str, measured: "list[ClipStats]", chosen: "Thresholds", picture: Path, failed: list[str]
) -> dict[str, Any]:
    from stvsr_bench.data import stats

    return {
        "dataset": name,
        "motion_px": stats.quantiles(measured),
        "thresholds_px": asdict(chosen),
        "bins": stats.proposal(measured, chosen),
        "clips": [asdict(clip) for clip in measured],
        "plot": str(picture),
        "failed": failed,
    }


def _print_stats(
    name: str, measured: "list[ClipStats]", chosen: "Thresholds", picture: Path, written: list[Path]
) -> None:
    from stvsr_bench.data import stats

    sizes = sorted({f"{clip.width}x{clip.height}" for clip in measured})
    lengths = sorted({clip.frames for clip in measured})
    frames = str(lengths[0]) if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
    print(printable(f"{name}: {len(measured)} clips of {frames} frames, {', '.join(sizes[:5])}"))
    spread = ", ".join(f"{what} {value:.2f}" for what, value in stats.quantiles(measured).items())
    print(f"motion (DIS flow, pixels per frame): {spread}")
    print(f"slow < {chosen.slow_below:g} <= medium < {chosen.fast_from:g} <= fast:")
    for speed, names in stats.proposal(measured, chosen).items():
        named = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
        print(printable(f"  {speed:7} {len(names):5}  {named}"))
    print(f"histogram: {picture}" + "".join(f"\nlist: {path}" for path in written))
