"""Files of a card's source as files to be downloaded: one of a public git repository, or a whole folder of it.

`STVSR_BENCH_MIRROR` names another address that has the same files, below OWNER/NAME/COMMIT/PATH. It need not be
trusted: each file has its git blob id.
"""

import os
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from stvsr_bench.acquire.connection import Progress
from stvsr_bench.acquire.download import Wanted, download
from stvsr_bench.acquire.drive import bring_from_drive
from stvsr_bench.acquire.room import check_room
from stvsr_bench.errors import CardError, NotRunnableError
from stvsr_bench.schema import Source

GITHUB = "https://raw.githubusercontent.com"  # as in the addresses of datasets/vimeo90k/card.toml
_LISTED = re.compile(r"100(644|755) blob (?P<blob>[0-9a-f]{40}) +(?P<size>\d+)\t(?P<path>[^\x00-\x1f\\]+)")


def address(source: Source, path: str = "") -> str:
    """Where a file of a git source lies; `path` is another than the source's own."""
    return f"{mirror() or GITHUB}/{source.repo}/{source.commit}/{quote(path or source.path)}"


def mirror() -> str:
    """Another address that has the same files, "" for GitHub itself."""
    return os.environ.get("STVSR_BENCH_MIRROR", "").rstrip("/")


def bring(
    source: Source,
    path: Path,
    sha256: str = "",
    blob: str = "",
    progress: Progress = lambda there, total: None,
    resume: bool = False,
) -> Path:
    """One file of a source, checked, at `path`.

    `resume` is for files whose content another check will find wrong, such as archives: Google Drive states no version.

    Raises:
        NotRunnableError: no network is to be used, a package is missing, or no program can fetch it.
        DataError: see `download` and `bring_from_drive`.
    """
    if source.repo:
        return download(Wanted(address(source), path, sha256, blob=blob), progress)
    if source.drive or source.drive_folder:
        return bring_from_drive(source, path, sha256, progress, resume)
    raise NotRunnableError(f"where {path.name} is published is not known")


def files_of_folder(source: Source, listing: Path, root: Path, strip: str = "") -> list[Wanted]:
    """The files of a listing, as `git ls-tree -r -l` prints it, to be put below `root` without `strip`.

    Raises:
        CardError: the listing is not one, or leads out of the folder.
    """
    try:
        lines = listing.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise CardError(f"{listing} cannot be read: {error.strerror}") from None
    found = []
    for line in lines:
        match = _LISTED.fullmatch(line)
        if match is None or ".." in PurePosixPath(match["path"]).parts or match["path"].startswith("/"):
            raise CardError(f"{listing}: '{line[:80]}' is not a line of git ls-tree -r -l")
        path = root / match["path"].removeprefix(strip)
        found.append(Wanted(address(source, match["path"]), path, blob=match["blob"], size=int(match["size"])))
    if not found:
        raise CardError(f"{listing} lists no files")
    return found


def bring_all(files: list[Wanted], progress: Progress = lambda there, total: None) -> int:
    """All files of a folder, each checked; those that are there and right are not fetched again. How many bytes."""
    total = sum(file.size for file in files)
    for folder in {file.path.parent for file in files}:
        folder.mkdir(parents=True, exist_ok=True)
    check_room(files[0].path.parent, sum(file.size for file in files if not file.path.is_file()))
    done = 0
    for file in files:
        download(replace(file, page_is_wrong=False))
        done += file.size
        progress(done, total)
    return total
