"""`stvsr-bench data prepare`: get a data set or its lists, check them by hash, unpack them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli import bars, options, reader
from stvsr_bench.errors import DataError, UsageError, counted

if TYPE_CHECKING:
    from stvsr_bench.acquire.connection import Wanted
    from stvsr_bench.schema import DatasetCard


def prepare(
    name: Annotated[str, typer.Argument(help="A data set.")] = "",
    dataset: options.Dataset = None,
    root: options.Root = None,
    split: options.Splits = None,
    lists: Annotated[bool, typer.Option("--lists", help="Only the lists of the splits.")] = False,
    which: Annotated[str, typer.Option("--which", help="Which download, if there are several.")] = "",
    keep: Annotated[
        bool, typer.Option("--keep-archive", help="Do not delete the archive once it is unpacked.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Say what would be fetched, and stop.")] = False,
    include: options.Include = None,
    override: options.Override = None,
    quiet: options.Quiet = False,
) -> None:
    """Get a data set: download, check and unpack it, or draw its clips.

    To continue an interrupted download, repeat the command.
    """
    from stvsr_bench import datasets

    options.plug_in(include, override)
    name = options.one("data set", name, dataset, "--dataset")
    card = datasets.card(name)
    if datasets.is_path(name):
        raise UsageError(f"{name} is a path; there is nothing to prepare, try data check")
    if not card.root_env:
        _make(card, options.several(split) or tuple(card.default_splits or card.splits), quiet)
        return
    root = root.expanduser() if root else datasets.root_of(card)
    if lists:
        _get_lists(card, root, quiet)
        return
    _get(card, name, root, which, keep, dry_run, quiet)


def _make(card: "DatasetCard", splits: tuple[str, ...], quiet: bool) -> None:
    """Draw or decode every clip of some splits, so that a run finds them in the cache."""
    from stvsr_bench import datasets

    for split in splits:
        clips = datasets.clips(card.name, split)
        with bars.telling(f"{card.name}/{split}", quiet) as tell:
            for done, clip in enumerate(clips.names, start=1):
                clips.read(clip)
                tell(done, len(clips))
        reader.say(f"{card.name}/{split}: {counted(len(clips), 'clip')} ready")


def _get_lists(card: "DatasetCard", root: Path | None, quiet: bool) -> None:
    from stvsr_bench.acquire.prepare import published_lists

    for listed in published_lists(card, root):
        _download(listed.wanted, quiet)
        reader.say(f"{listed.wanted.path}: {counted(listed.count, 'clip')}, the list of {listed.by}")


def _get(card: "DatasetCard", name: str, root: Path | None, which: str, keep: bool, dry_run: bool, quiet: bool) -> None:
    from stvsr_bench import plugins
    from stvsr_bench.acquire.archive import is_archive
    from stvsr_bench.acquire.prepare import fetch, unpacked, wanted_download
    from stvsr_bench.acquire.room import free_bytes

    folder = plugins.find("datasets", card.plain_name).path
    offer = wanted_download(card, root, which, folder)
    source = offer.download.source
    reader.say(f"{card.name}, {offer.key}: {offer.where}")
    reader.say(f"  what        {offer.download.notes}")
    reader.say(f"  licence     {' '.join(card.licence.split())}")
    reader.say(f"  size        {offer.size}")
    reader.say(f"  room        {free_bytes(offer.root) / 1e9:.1f} GB free at {offer.root}")
    reader.say(f"  checked by  {offer.checked_by}")
    for word, fact in (("stated in", source.evidence), ("also", source.also)):
        if fact:
            reader.say(f"  {word:11} {fact}")
    if not source.tried:
        reader.say("  untried     this project has not fetched it from there yet; the link may be dead")
    if dry_run:
        return
    with bars.telling(f"{card.name}, {offer.key}", quiet, in_bytes=True) as tell:
        (path,) = fetch(offer, tell)
    with bars.telling(f"unpacking {path.name}", quiet or not is_archive(path), in_bytes=True) as tell:
        brought = unpacked(path, keep, tell)
    reader.say(f"{card.name}: {', '.join(str(found) for found in brought)}")
    _check_layout(card, offer.root, offer.download.split)
    reader.say(
        f"use it with --root {offer.root}, or set {card.root_env}; stvsr-bench data check {name} looks at every clip"
    )


def _check_layout(card: "DatasetCard", root: Path, split: str) -> None:
    """Read the names of all clips and one clip; what is missing is printed, and the verb ends with exit code 4."""
    from stvsr_bench.datasets import survey

    found = survey.layout(card, root, (split,) if split else ())
    for line in found.lines:
        reader.say(line)
    if found.wrong:
        raise DataError(f"{card.name} is at {root}, but not as it is published: {found.wrong}")


def _download(wanted: "Wanted", quiet: bool) -> None:
    from stvsr_bench.acquire.download import download

    with bars.telling(wanted.path.name, quiet, in_bytes=True) as tell:
        download(wanted, tell)
