"""What lies in a folder, each file by what it is to the suite: a picture, a video, or not used and why.

The truth of a data set and the results that are scored against it are listed by the same rules. Nothing is decoded.
"""

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from stvsr_bench.data import frames, video
from stvsr_bench.data.elsewhere import leads_nowhere
from stvsr_bench.errors import DataError

# what systems and network drives put beside everybody's files, in small letters
JUNK = frozenset((
    "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "__pycache__", "$recycle.bin",
    "@eadir", "#recycle", "@recycle", "@sharebin", "system volume information", "lost+found",
))  # fmt: skip
# a link of such a name that leads nowhere was never a clip
_TEXTS = frozenset((".txt", ".md", ".json", ".csv", ".yaml", ".yml", ".toml", ".log", ".html", ".pdf", ".py", ".xml"))
_NAMED = 3

SYSTEM = "put there by a system or a network drive (hidden files, @eaDir, Thumbs.db, ...)"
OTHER = "of a kind that is not read"
EMPTY = "empty folders"
SINGLE = "single pictures in a folder: a clip has at least 2"
BESIDE = "videos beside a folder of frames of the same clip; the frames are measured"
POSTERS = "pictures that are named as the videos beside them are"
UNTRUE = "folders beside those of the true frames (GT, HR, sharp, ...): read as low resolution at most"
SMALLER = "low resolution of a pair: its clip is found under the same name without LR"
DANGLING = "links that lead nowhere"
LINKED = "links to a clip that is measured under another name"
NO_FRAMES = "beside the frames that the data set has for each clip"
NO_CLIPS = "folders or videos that do not belong to the data set"

KINDS = (OTHER, DANGLING, LINKED, BESIDE, POSTERS, SINGLE, EMPTY, UNTRUE, SMALLER, NO_FRAMES, NO_CLIPS, SYSTEM)


@dataclass(frozen=True)
class Unused:
    """Files or folders of one kind that are part of no clip, and why."""

    why: str
    paths: tuple[Path, ...]

    def sentence(self, root: Path, shown: int = _NAMED) -> str:
        """How many there are, why they are not used, and the first few by name."""
        listed = ", ".join(_below(path, root) for path in self.paths[:shown])
        more = f" and {len(self.paths) - shown} more" if len(self.paths) > shown else ""
        return f"{len(self.paths)} not used: {self.why}: {listed}{more}"


@dataclass
class Listing:
    """The entries of one folder by kind, each in the order of names; `unused` are (why, path)."""

    folder: Path
    folders: list[Path] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)
    videos: list[Path] = field(default_factory=list)
    nowhere: list[Path] = field(default_factory=list)  # links to what may have been a clip
    unused: list[tuple[str, Path]] = field(default_factory=list)


def listing(folder: Path) -> Listing:
    """What lies in a folder. A link that leads nowhere counts by its name: a picture of a clip is missed, not ignored.

    Raises:
        DataError: it cannot be read.
    """
    found = Listing(folder)
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from None
    for entry in entries:
        _sort_in(entry, found)
    return found


def is_system(name: str) -> bool:
    """Whether a file or folder is hidden, or put there by a system: nobody's data."""
    return name.startswith(".") or name.lower() in JUNK


def is_picture(path: Path) -> bool:
    """Whether a file is a picture, by its suffix."""
    return path.suffix.lower() in frames.SUFFIXES


def is_video(path: Path) -> bool:
    """Whether a file is a video, by its suffix."""
    return path.suffix.lower() in video.SUFFIXES


def grouped(unused: Iterable[tuple[str, Path]]) -> list[Unused]:
    """One entry for each kind; files of kinds that are not read by their suffix."""
    by_kind: dict[str, list[Path]] = defaultdict(list)
    for why, path in unused:
        by_kind[f"{why} ({path.suffix.lower() or 'no suffix'})" if why == OTHER else why].append(path)
    order = {why: place for place, why in enumerate(KINDS)}
    ranked = sorted(by_kind.items(), key=lambda item: order.get(item[0], 0))
    return [Unused(why, tuple(paths)) for why, paths in ranked]


def _sort_in(entry: "os.DirEntry[str]", found: Listing) -> None:
    path = Path(entry.path)
    if is_system(entry.name):
        found.unused.append((SYSTEM, path))
    elif _is_folder(entry):
        found.folders.append(path)
    elif is_picture(path):
        found.pictures.append(path)
    elif leads_nowhere(path):
        if path.suffix.lower() in _TEXTS:
            found.unused.append((DANGLING, path))
        else:
            found.nowhere.append(path)
    elif is_video(path):
        found.videos.append(path)
    else:
        found.unused.append((OTHER, path))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle, or to where the reader has no rights
        return False


def _below(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
