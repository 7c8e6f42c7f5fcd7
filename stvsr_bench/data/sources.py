"""The clips under a folder, however its owner arranged it, and what in it is part of no clip.

Nothing is decoded here but the headers of videos.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stvsr_bench.data import frames
from stvsr_bench.data.elsewhere import why_nowhere
from stvsr_bench.data.found import Found, FrameFiles, Source, VideoStretch, has_pictures, in_order, stretches
from stvsr_bench.data.listing import (
    BESIDE,
    EMPTY,
    LINKED,
    POSTERS,
    SINGLE,
    SMALLER,
    SYSTEM,
    UNTRUE,
    Listing,
    Unused,
    grouped,
    is_video,
    listing,
)
from stvsr_bench.errors import DataError, spelled
from stvsr_bench.schema import Reading

__all__ = [
    "HR_NAMES", "Found", "FrameFiles", "Source", "Tree", "VideoStretch", "has_pictures", "in_order", "look",
]  # fmt: skip

# folders of true frames, in any case
HR_NAMES = frozenset(
    ("gt", "hr", "truth", "sharp", "target", "original", "ground_truth", "ground-truth", "groundtruth")
)
# `LR`, `LRx4`, `BIx4`, `lr_bicubic`: a folder of low resolution; `city_LR_x4`: one beside `city_HR` or `city`
_LR = re.compile(r"(lr|lq|bi|bd|low(?=[-_]?res|$))([-_]?(bi|bd|bic|bicubic|res|resolution|x\d+|\d+x|\d+))*", re.I)
_LR_WORD = re.compile(r"[-_. ]?(?<![a-z0-9])(lr|lq)([-_]?(x\d+|\d+x))?(?![a-z0-9])", re.I)
_HR_WORD = re.compile(r"[-_. ]?(?<![a-z0-9])(hr|gt)([-_]?(x\d+|\d+x))?(?![a-z0-9])", re.I)

_JUNCTIONS = os.name == "nt"  # of Windows, which lead elsewhere and are no links for Python 3.11

Parts = tuple[str, ...]


@dataclass(frozen=True)
class Tree:
    """Clips by name, in order of their names, and what lies beside them."""

    clips: dict[str, Found]
    unused: list[Unused]


@dataclass
class _Candidate:
    """What may be a clip: a folder of pictures, a video (`is_file`), or what cannot be read (`broken`)."""

    parts: Parts
    path: Path
    real: Path  # where that is when links are followed
    is_file: bool = False
    broken: str = ""


@dataclass
class _Looked:
    """What is seen on the way through the folders."""

    root: Path
    candidates: list[_Candidate] = field(default_factory=list)
    unused: list[tuple[str, Path]] = field(default_factory=list)

    def drop(self, why: str, gone: Sequence[_Candidate]) -> None:
        """Let candidates be no clips."""
        ids = {id(candidate) for candidate in gone}
        self.candidates = [candidate for candidate in self.candidates if id(candidate) not in ids]
        self.unused += [(why, candidate.path) for candidate in gone]


def look(root: Path, reading: Reading | None = None) -> Tree:
    """All clips under a folder; a single video or folder of pictures is a clip too.

    Where some folders are called GT, HR, truth or sharp, only what is in those are clips and that part of the path is
    no part of the name. What cannot be read (a file that is no video, a link that leads nowhere, a folder without
    rights, two videos of one name) is a clip that fails when it is read, so that a mean is never of fewer clips.

    Raises:
        DataError: there is no such folder, or no clip in it.
    """
    reading = reading or Reading()
    if root.is_file():
        return Tree(dict(stretches(root, spelled(root.stem), reading)), [])
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; give the folder with the clips with --root or --dataset")
    looked = _Looked(root)
    for entries, real in _walk(root, root.resolve(), looked, frozenset()):
        _take(entries, real, looked)
    _only_true_frames(looked)
    _only_once(looked)
    _only_large(looked)
    found: dict[str, Found] = {}
    for name, candidate in _named(looked).items():
        found.update(_clips(name, candidate, reading))
    unused = grouped(looked.unused)
    if not found:
        there = "; ".join(each.sentence(root) for each in unused if each.why != SYSTEM)
        raise DataError(
            f"{root} contains no clips: neither folders of at least 2 pictures ({', '.join(frames.SUFFIXES)}) nor "
            "videos"
            f"{there and f'. There are: {there}'}"
        )
    return Tree(dict(sorted(found.items(), key=lambda item: _natural(item[0]))), unused)


def _walk(folder: Path, real: Path, looked: _Looked, seen: frozenset[Path]) -> Iterator[tuple[Listing, Path]]:
    """Every folder under the root, and where it is; links are followed, but never in a circle."""
    if real in seen:
        return
    try:
        entries = listing(folder)
    except DataError as error:
        if folder == looked.root:
            raise
        looked.candidates.append(_Candidate(folder.relative_to(looked.root).parts, folder, real, broken=str(error)))
        return
    yield entries, real
    for inside in entries.folders:
        yield from _walk(inside, _real(inside, real), looked, seen | {real})


def _real(path: Path, real_folder: Path) -> Path:
    """Where a path of a folder is. Only links are followed: for thousands of clips that is half of all the time."""
    return path.resolve() if _JUNCTIONS or path.is_symlink() else real_folder / path.name


def _take(entries: Listing, real: Path, looked: _Looked) -> None:
    """The candidates of one folder; videos beside frames of the same clip, and pictures of videos, are none."""
    parts = entries.folder.relative_to(looked.root).parts
    looked.unused += entries.unused
    pictures, videos = entries.pictures, entries.videos
    stems = {path.stem for path in videos}
    if videos and {path.stem for path in pictures} <= stems:
        looked.unused += [(POSTERS, path) for path in pictures]
        pictures = []
    if len(pictures) == 1:
        looked.unused.append((SINGLE, pictures[0]))
    elif pictures:
        looked.candidates.append(_Candidate(parts, entries.folder, real))
        beside = videos if len(videos) == 1 else [path for path in videos if path.stem == entries.folder.name]
        looked.unused += [(BESIDE, path) for path in beside]
        videos = [path for path in videos if path not in beside]
    looked.candidates += [_Candidate((*parts, path.stem), path, _real(path, real), is_file=True) for path in videos]
    for path in entries.nowhere:
        name = path.stem if is_video(path) else path.name
        looked.candidates.append(_Candidate((*parts, name), path, path, is_file=True, broken=why_nowhere(path)))
    if not (pictures or entries.videos or entries.nowhere or entries.folders or entries.unused) and parts:
        looked.unused.append((EMPTY, entries.folder))


def _only_true_frames(looked: _Looked) -> None:
    """Clips in GT, HR, ... folders alone where there are such, named without that part."""
    others, named = [], []
    for candidate in looked.candidates:
        folders = candidate.parts[:-1] if candidate.is_file else candidate.parts
        rest = tuple(part for part in folders if part.lower() not in HR_NAMES)
        if len(rest) == len(folders):
            others.append(candidate)
        else:
            named.append((candidate, (*rest, *candidate.parts[len(folders) :])))
    if named:
        for candidate, parts in named:
            candidate.parts = parts or (candidate.path.parent.name,)
        looked.drop(UNTRUE, others)


def _only_once(looked: _Looked) -> None:
    """Each clip once: a link to another one would count it twice in every mean. A clip is kept before its links."""
    root = looked.root.resolve()
    same: dict[Path, list[_Candidate]] = defaultdict(list)
    for candidate in looked.candidates:
        if not candidate.broken:
            same[candidate.real].append(candidate)
    again = []
    for real, found in same.items():
        own = next((each for each in found if root / each.path.relative_to(looked.root) == real), found[0])
        again += [each for each in found if each is not own]
    looked.drop(LINKED, again)


def _only_large(looked: _Looked) -> None:
    """Clips without those that are low resolution of another one, as the names of a pair of folders say."""
    large: set[Parts] = set()
    small: list[tuple[Parts, _Candidate]] = []
    for candidate in looked.candidates:
        kept = [part for part in candidate.parts if not _LR.fullmatch(part)]
        key = tuple(rest for part in kept if (rest := _LR_WORD.sub("", part)))
        if key != candidate.parts:
            small.append((key, candidate))
        else:
            large.add(tuple(rest for part in candidate.parts if (rest := _HR_WORD.sub("", part))))
    looked.drop(SMALLER, [candidate for key, candidate in small if key in large])


def _named(looked: _Looked) -> dict[str, _Candidate]:
    """Candidates by name. A folder of frames goes before a video; of two of a kind nobody knows which is meant."""
    by_name: dict[str, list[_Candidate]] = defaultdict(list)
    for candidate in looked.candidates:
        by_name[spelled("/".join(candidate.parts) or looked.root.resolve().name)].append(candidate)
    chosen = {}
    beside: list[_Candidate] = []
    for name, same in by_name.items():
        folders = [candidate for candidate in same if not candidate.is_file]
        chosen[name] = (folders or same)[0]
        if len(folders) == 1:
            beside += [candidate for candidate in same if candidate.is_file]
        elif len(same) > 1:
            listed = " and ".join(str(candidate.path) for candidate in same)
            chosen[name].broken = f"{listed} are both clip '{name}'; keep one of them, or give them names that differ"
    looked.drop(BESIDE, beside)
    return chosen


def _clips(name: str, candidate: _Candidate, reading: Reading) -> Iterator[tuple[str, Found]]:
    if candidate.broken:
        yield name, Found(candidate.path, broken=candidate.broken)
    elif candidate.is_file:
        yield from stretches(candidate.path, name, reading)
    else:
        yield name, Found(candidate.path)


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part[:18]), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
