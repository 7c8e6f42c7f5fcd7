"""Where the frames of a clip lie in somebody's folder of results.

A clip is a folder of pictures or a video of its name, in the folder or in `folder/<split>`; a slash in the name may be
an underscore. A truth video that the suite cuts into several clips may have one whole result, cut at the same frames.
"""

import logging
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from stvsr_bench import datasets
from stvsr_bench.data import frames as pictures
from stvsr_bench.data import video
from stvsr_bench.data.readers import Folders
from stvsr_bench.data.sources import VideoStretch
from stvsr_bench.errors import ClipError, DataError

# what systems put beside everybody's files; hidden files (._00001.png and .DS_Store of a Mac) are passed over too
JUNK = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir", "__macosx"})

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """A folder of pictures or a video; of a whole video, the clip is the frames from `start` on.

    `whole` is the number of true frames of the whole video; 0 where the place is of this clip alone.
    """

    path: Path
    start: int = 0
    whole: int = 0


class _Entries(NamedTuple):
    """What lies in a folder, by name (of files without suffix), in Unicode's composed form."""

    folders: dict[str, Path]
    videos: dict[str, list[Path]]
    others: dict[str, list[Path]]


class Places:
    """The results in a folder, asked for clip by clip; every folder is listed once."""

    def __init__(self, folder: Path, split: str, clips: datasets.Clips) -> None:
        self.folder = folder
        self.split = split
        self.clips = clips
        self._entries: dict[Path, _Entries] = {}
        self._counts: dict[Path, int] = {}

    def find(self, clip: str) -> Place | None:
        """The results of a clip; None where there are none.

        Raises:
            ClipError: two videos have its name.
        """
        if (path := self._named(clip)) is not None:
            return Place(path)
        stretch = self._stretch(clip)
        if stretch is None or (path := self._named(clip.removesuffix(f"-{stretch.start:06d}"))) is None:
            return None
        return Place(path, stretch.start, self._count(stretch))

    def has(self, clip: str) -> bool:
        """Whether there is anything under a clip's name."""
        try:
            return self.find(clip) is not None
        except ClipError:
            return True  # too much of it

    def missing(self, clip: str) -> str:
        """The sentence for a clip without results: what was looked for, and what lies there instead."""
        there = self._look(self.folder)
        stem = _composed(clip).replace("/", "_")
        kinds = ", ".join(video.SUFFIXES)
        if others := there.others.get(stem):
            return f"{others[0]} cannot be read as a video; convert it to one of {kinds}, or to a folder of PNG files"
        shown = sorted([*there.folders, *(path.name for paths in there.videos.values() for path in paths)])
        found = f"it has {', '.join(shown[:5])}{', ...' if len(shown) > 5 else ''}" if shown else "it has none at all"
        return f"no folder or video named {clip} in {self.folder}; {found}"

    def _named(self, name: str) -> Path | None:
        """The folder of pictures of that name; else the video; else the folder that has no picture."""
        empty = None
        for base in (self.folder, self.folder / self.split):
            for parts in dict.fromkeys((tuple(name.split("/")), (name.replace("/", "_"),))):
                parent = self._inside(base, parts[:-1])
                if parent is None:
                    continue
                there, last = self._look(parent), _composed(parts[-1])
                folder, videos = there.folders.get(last), there.videos.get(last, [])
                if folder is not None and has_pictures(folder):
                    if videos:
                        log.warning("%s was passed over: %s has pictures", videos[0], folder)
                    return folder
                if len(videos) > 1:
                    listed = " and ".join(str(path) for path in videos)
                    raise ClipError(f"{listed} are both named {name}; leave the one that is to be scored")
                if videos:
                    return videos[0]
                empty = empty or folder
        return empty

    def _inside(self, base: Path, parts: tuple[str, ...]) -> Path | None:
        for part in parts:
            found = self._look(base).folders.get(_composed(part)) if base.is_dir() else None
            if found is None:
                return None
            base = found
        return base if base.is_dir() else None

    def _look(self, folder: Path) -> _Entries:
        if folder not in self._entries:
            self._entries[folder] = _listed(folder)
        return self._entries[folder]

    def _stretch(self, clip: str) -> VideoStretch | None:
        """The stretch that a clip is of a truth video that is cut into several."""
        reader = self.clips.reader
        stretch = reader.find(self.clips.split, clip).stretch if isinstance(reader, Folders) else None
        return stretch if stretch is not None and clip.endswith(f"-{stretch.start:06d}") else None

    def _count(self, truth: VideoStretch) -> int:
        if truth.path not in self._counts:
            self._counts[truth.path] = video.Video(truth.path, truth.reading).count()
        return self._counts[truth.path]


def has_pictures(folder: Path) -> bool:
    """Whether a folder has a picture that can be scored."""
    return any(is_picture(path) for path in listing(folder))


def is_picture(path: Path) -> bool:
    """Whether a file is a picture, by its suffix."""
    return path.suffix.lower() in pictures.RESULT_SUFFIXES


def listing(folder: Path) -> list[Path]:
    """The files of a folder by name, without those that a system put there.

    Raises:
        DataError: it cannot be read.
    """
    return [path for path in _entries(folder) if path.is_file()]


def _entries(folder: Path) -> list[Path]:
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from None
    return [path for path in paths if not path.name.startswith(".") and path.name.lower() not in JUNK]


def _listed(folder: Path) -> _Entries:
    found = _Entries({}, {}, {})
    for path in _entries(folder):
        if path.is_dir():
            found.folders[_composed(path.name)] = path
        else:
            kind = found.videos if path.suffix.lower() in video.SUFFIXES else found.others
            kind.setdefault(_composed(path.stem), []).append(path)
    return found


def _composed(name: str) -> str:
    """A name as most systems write it: copied from a Mac, an accent may be a character of its own."""
    return unicodedata.normalize("NFC", name)
