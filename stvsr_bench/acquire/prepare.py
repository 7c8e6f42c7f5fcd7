"""A data set brought from where its card says it is published: which download, the lists of its splits, unpacking."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from stvsr_bench.acquire.archive import Progress, extract, is_archive
from stvsr_bench.acquire.connection import HERE
from stvsr_bench.acquire.download import Wanted, download
from stvsr_bench.acquire.published import bring, bring_all, files_of_folder, mirror
from stvsr_bench.data.readers import list_folder
from stvsr_bench.errors import NotRunnableError, UnknownNameError, UsageError, counted
from stvsr_bench.schema import DatasetCard, Download, Source


@dataclass(frozen=True)
class PublishedList:
    """One list that can be downloaded: the file, how many clips it names, and whose it is."""

    wanted: Wanted
    count: int
    by: str


@dataclass(frozen=True)
class Offer:
    """One download of a data set and where it goes: a file (`wanted`), the files of a folder, or a file of a source."""

    key: str
    download: Download
    root: Path
    wanted: Wanted | None = None
    files: tuple[Wanted, ...] = ()

    @property
    def where(self) -> str:
        """The place that it comes from, in words."""
        if self.wanted:
            return self.wanted.url
        return self.download.source.where + (f", by {mirror()}" if self.files and mirror() else "")

    @property
    def size(self) -> str:
        """How large it is, as far as that is stated."""
        if self.files:
            return f"{sum(file.size for file in self.files) / 1e6:.1f} MB in {counted(len(self.files), 'file')}"
        return self.download.source.size or "not stated"

    @property
    def checked_by(self) -> str:
        """By what the files are checked."""
        if self.files:
            return "the git blob id of each file"
        return "SHA-256" if self.download.sha256 else "the layout alone: no hash is published"


def wanted_download(card: DatasetCard, root: Path | None, which: str = "", folder: Path = Path()) -> Offer:
    """What to bring into the data set's root; `which` need not be said where there is one download, or one whose files
    all have hashes. `folder` is the card's own, where its listings are.

    Raises:
        NotRunnableError: the data set cannot be downloaded by a program.
        UsageError: which one must be said, there is no such one, or nobody said where the data set shall lie.
    """
    if not card.downloads:
        raise NotRunnableError(f"{card.name} cannot be downloaded by a program: {by_hand(card)}")
    if which and which not in card.downloads:
        raise UnknownNameError(f"download of {card.name}", which, card.downloads)
    sure = [key for key, offer in card.downloads.items() if offer.source.listing]
    if not which and len(card.downloads) > 1 and len(sure) != 1:
        offers = "; ".join(f"--which {key} ({offer.notes})" for key, offer in card.downloads.items())
        lists = "; --lists gets the lists" if card.lists else ""
        raise UsageError(f"say which part of {card.name} to get: {offers}{lists}")
    if root is None:
        raise UsageError(f"where should {card.name} be stored? Give --root FOLDER (or set {card.root_env})")
    key = which or (sure[0] if sure else next(iter(card.downloads)))
    chosen = card.downloads[key]
    if chosen.url:
        url = chosen.url if chosen.sha256 else _over_tls(chosen.url)
        return Offer(key, chosen, root, Wanted(url, root / Path(urlsplit(url).path).name, chosen.sha256))
    source = chosen.source
    if source.listing:
        files = files_of_folder(source, folder / source.listing, root, chosen.strip)
        return Offer(key, chosen, root, files=tuple(files))
    return Offer(key, chosen, root)


def fetch(offer: Offer, progress: Progress = lambda there, total: None) -> list[Path]:
    """The files of an offer, checked as far as there is something to check them by; archives are not unpacked.

    Raises:
        NotRunnableError: no network is to be used, or a package is missing.
        DataError: see `download`.
    """
    if offer.files:
        bring_all(list(offer.files), progress)
        return [offer.root]
    if offer.wanted:
        return [download(offer.wanted, progress)]
    path = offer.root / file_name(offer.download.source, offer.key)
    # an archive's own checksums find a file of two versions: what an earlier attempt left is continued
    return [path if path.is_file() else bring(offer.download.source, path, progress=progress, resume=True)]


def file_name(source: Source, key: str) -> str:
    """What a file of a source is called here; without a suffix, where its own name is not stated."""
    return source.file_name or f"{key}-{source.drive[:8]}"


def published_lists(card: DatasetCard, root: Path | None) -> list[PublishedList]:
    """The lists that the card has an address for, to be put into the root if it exists, else into the cache.

    Raises:
        NotRunnableError: there is none.
    """
    folder = root if root is not None and root.is_dir() else list_folder(card.plain_name)
    found = [
        PublishedList(
            Wanted(listed.url, folder / (listed.file or f"{split}_testset.txt"), listed.sha256, blob=listed.blob),
            listed.count,
            listed.by or by,
        )
        for by, splits in card.lists.items()
        for split, listed in splits.items()
        if listed.url
    ]
    if not found:
        raise NotRunnableError(f"{card.name} has no lists that can be downloaded. {by_hand(card)}")
    return found


def unpacked(path: Path, keep: bool, progress: Progress = lambda there, total: None) -> list[Path]:
    """What a downloaded file brought beside itself: the top of an archive, which is then deleted, or the file.

    Raises:
        DataError: the archive is damaged or hostile, or something of it is there already.
    """
    if not path.is_file() or not is_archive(path):
        return [path]
    brought = extract(path, path.parent, progress)
    if not keep:
        path.unlink()
    return brought


def by_hand(card: DatasetCard) -> str:
    """What a person does where no program can fetch the data."""
    return f"{' '.join((card.by_hand or card.notes).split())} (source: {card.source})"


def _over_tls(url: str) -> str:
    """The same address by https: without a hash, plain http could bring anything. This machine's own stays as it is."""
    parts = urlsplit(url)
    return url if parts.scheme != "http" or parts.hostname in HERE else parts._replace(scheme="https").geturl()
