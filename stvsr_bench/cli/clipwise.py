"""What `data check` and `data stats` share: which clips are looked at, a bar meanwhile, and how clips are named."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli import bars

if TYPE_CHECKING:
    from stvsr_bench.datasets import Clips

SHOWN = 6  # clips named on a line; --json has all

Name = Annotated[str, typer.Argument(help="A data set, or the path of a folder of clips or a video.")]
Splits = Annotated[str, typer.Option("--split", "-s", help="Splits; default the test splits.")]
Lists = Annotated[str, typer.Option("--lists", help="Lists of which authors, if they differ: zsm or stdan.")]
Sample = Annotated[int, typer.Option("--sample", min=0, help="Only this many clips per split, evenly spread; 0: all.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=0, max=1024, help="Clips at once; 0: one per core, up to 8.")]


def telling(verb: str, clips: "Clips", quiet: bool) -> AbstractContextManager[Callable[[int, int], None]]:
    """A bar for one split."""
    return bars.telling(f"{verb} {clips.card.name}/{clips.split}", quiet)


def named(clips: Sequence[str]) -> str:
    """The first few names."""
    return ", ".join(clip for clip in clips[:SHOWN] if clip) + (", ..." if len(clips) > SHOWN else "")
