"""Splits looked at clip by clip as they lie on this machine: what is wrong with them, and how much they move."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from stvsr_bench import datasets
from stvsr_bench.acquire.scan import sample, scan
from stvsr_bench.data.check import Finding, check_clip, check_names
from stvsr_bench.data.readers import Septuplets
from stvsr_bench.data.stats import ClipStats, of_clip
from stvsr_bench.datasets import Clips
from stvsr_bench.errors import BenchError, NotRunnableError, counted
from stvsr_bench.schema import Clip, DatasetCard, Reading

NAMED = 20  # files that are not used, of each kind
Result = TypeVar("Result")
Tell = Callable[[int, int], None]  # clips looked at, clips in all


@dataclass(frozen=True)
class Pace:
    """How much of a split is looked at: `sample` clips evenly spread (0: all), `jobs` at a time (0: one per core)."""

    sample: int = 0
    jobs: int = 0


@dataclass(frozen=True)
class Checked:
    """What was found in one split, and how many clips were looked at."""

    split: str
    clips: int
    findings: list[Finding]


def splits(
    name: str,
    wanted: Sequence[str] = (),
    root: Path | None = None,
    lists: str = "zsm",
    reading: Reading | None = None,
) -> Iterator[Clips]:
    """The clips of each split asked for; without any, of the card's default splits."""
    chosen = datasets.find(name, root, reading=reading)
    for split in wanted or chosen.default_splits:
        yield chosen.clips(split, lists)


def check(clips: Clips, pace: Pace, tell: Tell = lambda done, total: None) -> Checked:
    """The findings of one split: of the split as a whole, then clip by clip. A clip that cannot be read is an error."""
    contents = clips.contents
    found = check_names(clips.names, clips.split, contents) + whose_list(clips)
    found += [Finding("note", "", each.sentence(clips.where, NAMED)) for each in clips.unused]
    count = 0
    for name, result in _scanned(clips, lambda clip: check_clip(clip, contents), pace, tell):
        found += [Finding("error", name, str(result))] if isinstance(result, BenchError) else result
        count += 1
    return Checked(clips.split, count, found)


def measure(
    clips: Clips, pace: Pace, tell: Tell = lambda done, total: None, with_split: bool = False
) -> tuple[list[ClipStats], list[str]]:
    """Size and motion of each clip of one split, and a sentence for each that could not be read.

    `with_split` names a clip `<split>/<clip>`: two splits may have clips of one name.
    """
    measured: list[ClipStats] = []
    failed: list[str] = []
    for name, result in _scanned(clips, of_clip, pace, tell):
        if isinstance(result, BenchError):
            failed.append(f"{name}: {result}")
        else:
            measured.append(replace(result, name=f"{clips.split}/{name}" if with_split else result.name))
    return measured, failed


@dataclass(frozen=True)
class Layout:
    """What a copy that was just fetched is: a line for each split, and what is wrong ("": nothing)."""

    lines: list[str]
    wrong: str


def layout(card: DatasetCard, root: Path, wanted: Sequence[str] = ()) -> Layout:
    """Whether the reader of a data set finds its clips below `root`: all names, and one clip of each split."""
    lines, wrong = [], ""
    chosen = datasets.DataSet(card.name, card, root)
    for split in wanted or chosen.default_splits:
        try:
            found = check(chosen.clips(split), Pace(sample=1, jobs=1))
        except NotRunnableError as error:
            lists = f"; stvsr-bench data prepare {card.name} --lists gets its list" if card.lists else ""
            lines.append(f"layout of {split}: {error}{lists}")
            wrong = wrong or ("" if lists else str(error))
            continue
        errors = [each.what for each in found.findings if each.level == "error"]
        count = len(chosen.clips(split))
        lines.append(
            f"layout of {split}: {counted(count, 'clip')}, " + (errors[0] if errors else "as its reader wants it")
        )
        wrong = wrong or (errors[0] if errors else "")
    return Layout(lines, wrong)


def whose_list(clips: Clips) -> list[Finding]:
    """Where the split's list was found, and whose published list it is; nothing where no list makes the split."""
    if not isinstance(clips.reader, Septuplets):
        return []
    found = clips.reader.clip_list(clips.split)
    if not any(clips.split in splits for splits in clips.card.lists.values()):
        return [Finding("note", "", f"list {found.path}")]
    if found.by:
        return [Finding("note", "", f"list {found.path}, that of {' and '.join(sorted(found.by))}")]
    return [Finding("warning", "", f"list {found.path} is none of the published ones (entries' sha256 {found.sha256})")]


def _scanned(
    clips: Clips, look: Callable[[Clip], Result], pace: Pace, tell: Tell
) -> Iterator[tuple[str, Result | BenchError]]:
    """What `look` makes of each clip of the sample, in order."""
    names = sample(clips.names, pace.sample)
    tell(0, len(names))
    # at most 8 however many cores: each job holds a decoded clip, 7 frames of 4K are 0.7 GB
    jobs = pace.jobs or min(8, os.cpu_count() or 1)
    for done, found in enumerate(scan(clips.read, names, look, jobs), start=1):
        tell(done, len(names))
        yield found
