"""A data set brought from where its card says it is published: which download, the lists of its splits, unpacking."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from stvsr_bench.acquire.archive import Progress, extract, is_archive
from stvsr_bench.acquire.download import Wanted
from stvsr_bench.data.readers import list_folder
from stvsr_bench.errors import NotRunnableError, UnknownNameError, UsageError
from stvsr_bench.schema import DatasetCard


@dataclass(frozen=True)
class PublishedList:
    """One list that can be downloaded: the file, how many clips it names, and whose it is."""

    wanted: Wanted
    count: int
    by: str


def wanted_download(card: DatasetCard, root: Path | None, which: str = "") -> Wanted:
    """The file to bring into the data set's root; `which` need not be said where there is but one download.

    Raises:
        NotRunnableError: the data set cannot be downloaded by a program.
        UsageError: which one must be said, there is no such one, or nobody said where the data set shall lie.
    """
    if not card.downloads:
        raise NotRunnableError(f"{card.name} cannot be brought by a program: {_notes(card)}")
    if which and which not in card.downloads:
        raise UnknownNameError(f"download of {card.name}", which, card.downloads)
    if not which and len(card.downloads) > 1:
        offers = "; ".join(f"--which {key} ({offer.notes})" for key, offer in card.downloads.items())
        lists = "; --lists brings the lists" if card.lists else ""
        raise UsageError(f"say what to bring of {card.name}: {offers}{lists}")
    if root is None:
        raise UsageError(f"where shall {card.name} lie? Give --root FOLDER (or set {card.root_env})")
    offer = card.downloads[which or next(iter(card.downloads))]
    return Wanted(offer.url, root / Path(urlsplit(offer.url).path).name, offer.sha256)


def published_lists(card: DatasetCard, root: Path | None) -> list[PublishedList]:
    """The lists that the card has an address for, to be put into the root if it exists, else into the cache.

    Raises:
        NotRunnableError: there is none.
    """
    folder = root if root is not None and root.is_dir() else list_folder(card.plain_name)
    found = [
        PublishedList(Wanted(listed.url, folder / f"{split}_testset.txt", listed.sha256), listed.count, listed.by or by)
        for by, splits in card.lists.items()
        for split, listed in splits.items()
        if listed.url
    ]
    if not found:
        raise NotRunnableError(f"{card.name} has no lists that can be downloaded. {_notes(card)}")
    return found


def unpacked(path: Path, keep: bool, progress: Progress = lambda there, total: None) -> list[Path]:
    """What a downloaded file brought beside itself: the top of an archive, which is then deleted, or the file.

    Raises:
        DataError: the archive is damaged or hostile, or something of it is there already.
    """
    if not is_archive(path):
        return [path]
    brought = extract(path, path.parent, progress)
    if not keep:
        path.unlink()
    return brought


def _notes(card: DatasetCard) -> str:
    return f"{' '.join(card.notes.split())} (source: {card.source})"
