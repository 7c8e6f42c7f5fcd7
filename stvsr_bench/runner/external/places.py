"""Where the frames of a clip lie in somebody's folder of results.

A clip is a folder of pictures or a video of its name, in the folder or in `folder/<split>`; a slash in the name may be
an underscore. A truth video that the suite cuts into several clips may have one whole result, cut at the same frames.
"""

from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from stvsr_bench import datasets
from stvsr_bench.data import video
from stvsr_bench.data.elsewhere import leads_nowhere, why_nowhere
from stvsr_bench.data.listing import BESIDE, SYSTEM, Unused, grouped, is_video, listing
from stvsr_bench.data.readers import Folders
from stvsr_bench.data.sources import VideoStretch
from stvsr_bench.errors import ClipError, DataError, counted
from stvsr_bench.words import composed

NO_CLIP = "named like no clip of the truth"


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
        path = self._named(clip.removesuffix(f"-{stretch.start:06d}")) if stretch is not None else None
        path = path or self._alone(stretch)
        if path is None:
            return None
        if stretch is None:
            return Place(path)
        return Place(path, stretch.start, self._count(stretch))

    def has(self, clip: str) -> bool:
        """Whether there is anything under a clip's name."""
        try:
            return self.find(clip) is not None
        except (ClipError, DataError):
            return True  # too much of it, or without rights to read

    def missing(self, clip: str) -> str:
        """The sentence for a clip without results: what was looked for, and what lies there instead."""
        there = self._look(self.folder)
        stem = composed(clip).replace("/", "_")
        kinds = ", ".join(video.SUFFIXES)
        if others := there.others.get(stem):
            if leads_nowhere(others[0]):
                return why_nowhere(others[0])
            return f"{others[0]} cannot be read as a video; convert it to one of {kinds}, or to a folder of PNG files"
        shown = sorted([*there.folders, *(path.name for paths in there.videos.values() for path in paths)])
        found = f"it has {', '.join(shown[:5])}{', ...' if len(shown) > 5 else ''}" if shown else "it has none at all"
        if not shown and self.folder.is_dir() and (pictures := listing(self.folder).pictures):
            found = f"it has {counted(len(pictures), 'picture')} ({pictures[0].name}, ...)"
            found += "; put those of each clip in its folder"
        return f"no folder or video named {clip} in {self.folder}; {found}"

    def unused(self) -> list[tuple[str, Path]]:
        """What lies in the folder and is the result of no clip of the split, each with why."""
        used = {place.path for name in self.clips.names if (place := self.known(name)) is not None}
        above = {parent for path in used for parent in path.parents}
        return list(_unused(self.folder, used, above)) if self.folder.is_dir() and used else []

    def known(self, clip: str) -> Place | None:
        """The results of a clip; None also where `find` raises, which is for that clip to say."""
        with suppress(ClipError, DataError):
            return self.find(clip)
        return None

    def _alone(self, stretch: VideoStretch | None) -> Path | None:
        """The folder itself as the frames of the only clip, or the only video, that there is in the truth."""
        names = self.clips.names
        only = len(names) == 1 or (stretch is not None and names[0].rpartition("-")[0] == names[-1].rpartition("-")[0])
        lies = self.folder.is_file() or (self.folder.is_dir() and _has_pictures(self.folder))
        return self.folder if only and lies else None

    def _named(self, name: str) -> Path | None:
        """The folder of pictures of that name; else the video; else the folder that has no picture."""
        empty = None
        if not self.folder.is_dir():
            return None
        for base in (self.folder, self.folder / self.split):
            for parts in dict.fromkeys((tuple(name.split("/")), (name.replace("/", "_"),))):
                parent = self._inside(base, parts[:-1])
                if parent is None:
                    continue
                there, last = self._look(parent), composed(parts[-1])
                folder, videos = there.folders.get(last), there.videos.get(last, [])
                if folder is not None and _has_pictures(folder):
                    return folder
                if len(videos) > 1:
                    listed = " and ".join(str(path) for path in videos)
                    raise ClipError(f"{listed} have the same name {name}; leave the one that is to be scored")
                if videos:
                    return videos[0]
                empty = empty or folder
        return empty

    def _inside(self, base: Path, parts: tuple[str, ...]) -> Path | None:
        for part in parts:
            found = self._look(base).folders.get(composed(part)) if base.is_dir() else None
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


def in_no_clip(places: Sequence[Places]) -> list[Unused]:
    """What lies in a folder of results and is that of no clip of any split, a kind at a time."""
    each = [dict.fromkeys(place.unused()) for place in places]
    return grouped(what for what in each[0] if all(what in others for others in each[1:])) if each else []


def _unused(folder: Path, used: Set[Path], above: Set[Path]) -> Iterator[tuple[str, Path]]:
    """What is not used under a folder; `above` are all folders that something used is in."""
    there = listing(folder)
    yield from there.unused
    if folder in used:
        return
    for path in [*there.folders, *there.videos, *there.nowhere, *there.pictures]:
        if path in above:
            yield from _unused(path, used, above)
        elif path not in used:
            yield BESIDE if is_video(path) and folder / path.stem in used else NO_CLIP, path


def _has_pictures(folder: Path) -> bool:
    try:
        return bool(listing(folder).pictures)
    except DataError:
        return True  # without rights: reading it says so, of its clip alone


def _listed(folder: Path) -> _Entries:
    there = listing(folder)
    found = _Entries({composed(path.name): path for path in there.folders}, {}, {})
    for path in there.videos:
        found.videos.setdefault(composed(path.stem), []).append(path)
    for path in [*there.nowhere, *(path for why, path in there.unused if why != SYSTEM)]:
        found.others.setdefault(composed(path.stem), []).append(path)
    return found
