"""`stvsr-bench data prepare`: bring a data set or its lists, check them by hash, unpack them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli import bars, options, reader
from stvsr_bench.errors import UsageError

if TYPE_CHECKING:
    from stvsr_bench.acquire.download import Wanted
    from stvsr_bench.schema import DatasetCard


def prepare(
    name: Annotated[str, typer.Argument(help="A data set.")],
    root: options.Root = None,
    split: Annotated[
        str, typer.Option("--split", "-s", help="Splits to draw or decode; default the test splits.")
    ] = "",
    lists: Annotated[bool, typer.Option("--lists", help="Only the lists of the splits.")] = False,
    which: Annotated[str, typer.Option("--which", help="Which download, where there are several.")] = "",
    keep: Annotated[
        bool, typer.Option("--keep-archive", help="Do not delete the archive once it is unpacked.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Bring a data set: download, check, unpack, or draw and decode its clips. Goes on where it was interrupted."""
    from stvsr_bench import datasets

    card = datasets.card(name)
    if datasets.is_path(name):
        raise UsageError(f"{name} is a path; there is nothing to prepare, try data check")
    if not card.root_env:
        _make(card, options.several(split) or tuple(card.default_splits or card.splits), quiet)
        return
    root = root.expanduser() if root else datasets.root_of(card)
    if lists:
        _bring_lists(card, root, quiet)
        return
    _bring(card, root, which, keep, quiet)


def _make(card: "DatasetCard", splits: tuple[str, ...], quiet: bool) -> None:
    """Draw or decode every clip of some splits, so that a run finds them in the cache."""
    from stvsr_bench import datasets

    for split in splits:
        clips = datasets.clips(card.name, split)
        with bars.telling(f"{card.name}/{split}", quiet) as tell:
            for done, clip in enumerate(clips.names, start=1):
                clips.read(clip)
                tell(done, len(clips))
        reader.say(f"{card.name}/{split}: {len(clips)} clips ready")


def _bring_lists(card: "DatasetCard", root: Path | None, quiet: bool) -> None:
    from stvsr_bench.acquire.prepare import published_lists

    for listed in published_lists(card, root):
        _download(listed.wanted, quiet)
        reader.say(f"{listed.wanted.path}: {listed.count} clips, the list of {listed.by}")


def _bring(card: "DatasetCard", root: Path | None, which: str, keep: bool, quiet: bool) -> None:
    from stvsr_bench.acquire.archive import is_archive
    from stvsr_bench.acquire.prepare import unpacked, wanted_download

    wanted = wanted_download(card, root, which)
    _download(wanted, quiet)
    with bars.telling(f"unpacking {wanted.path.name}", quiet or not is_archive(wanted.path), in_bytes=True) as tell:
        brought = unpacked(wanted.path, keep, tell)
    reader.say(f"{card.name}: {', '.join(str(found) for found in brought)}")
    reader.say(
        f"use it with --root {root}, or set {card.root_env}; stvsr-bench data check {card.name} looks at every clip"
    )


def _download(wanted: "Wanted", quiet: bool) -> None:
    from stvsr_bench.acquire.download import download

    with bars.telling(wanted.path.name, quiet, in_bytes=True) as tell:
        download(wanted, tell)
