"""`stvsr-bench data prepare`: bring a data set or its lists, check them by hash, unpack them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stvsr_bench.cli import options
from stvsr_bench.errors import NotRunnableError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from rich.progress import Progress

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
    _bring(card, root, _chosen(card, which), keep, quiet)


def bar(quiet: bool, in_bytes: bool = False) -> "Progress":
    """A progress bar on stderr, drawn only where somebody looks."""
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    amount = progress.DownloadColumn() if in_bytes else progress.MofNCompleteColumn()
    speed = [progress.TransferSpeedColumn()] if in_bytes else []
    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=None),
        amount,
        *speed,
        progress.TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
        expand=True,
    )


def printable(text: str) -> str:
    """Text whose control characters (a file name may hold some) cannot reach the terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


def _make(card: "DatasetCard", splits: tuple[str, ...], quiet: bool) -> None:
    """Draw or decode every clip of some splits, so that a run finds them in the cache."""
    from stvsr_bench import datasets

    for split in splits:
        clips = datasets.clips(card.name, split)
        with bar(quiet) as progress:
            for clip in progress.track(clips.names, description=f"{card.name}/{split}"):
                clips.read(clip)
        print(f"{card.name}/{split}: {len(clips)} clips ready")


def _bring_lists(card: "DatasetCard", root: Path | None, quiet: bool) -> None:
    from stvsr_bench.acquire.download import Wanted
    from stvsr_bench.data.readers import list_folder

    folder = root if root is not None and root.is_dir() else list_folder(card.name)
    brought = 0
    for by, splits in card.lists.items():
        for split, listed in splits.items():
            if listed.url:
                path = folder / f"{split}_testset.txt"
                _download(Wanted(listed.url, path, listed.sha256), quiet)
                print(f"{path}: {listed.count} clips, the list of {listed.by or by}")
                brought += 1
    if not brought:
        raise NotRunnableError(f"{card.name} has no lists that can be downloaded. {_notes(card)}")


def _chosen(card: "DatasetCard", which: str) -> str:
    """The key of the download to bring.

    Raises:
        NotRunnableError: the data set cannot be downloaded by a program.
        UsageError: which one must be said, or there is no such one.
    """
    if not card.downloads:
        raise NotRunnableError(f"{card.name} cannot be brought by a program: {_notes(card)}")
    if which and which not in card.downloads:
        raise UnknownNameError(f"download of {card.name}", which, card.downloads)
    if which or len(card.downloads) == 1:
        return which or next(iter(card.downloads))
    offers = "; ".join(f"--which {key} ({offer.notes})" for key, offer in card.downloads.items())
    raise UsageError(
        f"say what to bring of {card.name}: {offers}" + ("; --lists brings the lists" if card.lists else "")
    )


def _bring(card: "DatasetCard", root: Path | None, which: str, keep: bool, quiet: bool) -> None:
    from urllib.parse import urlsplit

    from stvsr_bench.acquire.archive import extract, is_archive
    from stvsr_bench.acquire.download import Wanted

    if root is None:
        raise UsageError(f"where shall {card.name} lie? Give --root FOLDER (or set {card.root_env})")
    offer = card.downloads[which]
    path = root / Path(urlsplit(offer.url).path).name
    _download(Wanted(offer.url, path, offer.sha256), quiet)
    if is_archive(path):
        with bar(quiet, in_bytes=True) as progress:
            task = progress.add_task(f"unpacking {path.name}", total=None)
            brought = extract(path, root, lambda done, total: progress.update(task, completed=done, total=total))
        if not keep:
            path.unlink()
    else:
        brought = [path]
    print(f"{card.name}: {', '.join(str(found) for found in brought)}")
    print(f"use it with --root {root}, or set {card.root_env}; stvsr-bench data check {card.name} looks at every clip")


def _download(wanted: Any, quiet: bool) -> None:
    from stvsr_bench.acquire.download import download

    with bar(quiet, in_bytes=True) as progress:
        task = progress.add_task(wanted.path.name, total=None)
        download(wanted, lambda there, total: progress.update(task, completed=there, total=total or None))


def _notes(card: "DatasetCard") -> str:
    return f"{' '.join(card.notes.split())} (source: {card.source})"
