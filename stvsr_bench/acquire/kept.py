"""What the suite keeps under its home folder beside weights: how much, and taking it away.

Only files that have the names that the suite gives are counted and deleted. Links are not followed, and anything else
that somebody put there stays.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stvsr_bench import plugins
from stvsr_bench.errors import CannotWriteError, UnknownNameError

_ARRAYS = r"(.+/)?\.?[^/]+\.npz(\.[0-9a-f]{12}\.part)?"


@dataclass(frozen=True)
class Kind:
    """A folder of the cache: what is in it, how its files are called, and whether a plain `cache clear` empties it."""

    name: str
    what: str
    names: str
    plain: bool = True


@dataclass(frozen=True)
class Kept:
    """The files of one kind, how many bytes they have, and how many others lie among them."""

    kind: Kind
    files: tuple[Path, ...]
    size: int
    others: int

    @property
    def folder(self) -> Path:
        """Where they are."""
        return plugins.home() / self.kind.name


KINDS = (
    Kind("clips", "clips that were drawn or decoded; made again when they are needed", _ARRAYS),
    Kind("lr", "low-resolution frames; made again when they are needed", _ARRAYS),
    Kind("videos", "frame times of videos; made again when they are needed", _ARRAYS),
    Kind("downloads", "downloads of weights that did not end", r"[^/]+/.+"),
    Kind("examples", "pictures of weights prove; fetched again when they are needed", r"[^/]+/[^/]+/.+"),
    Kind("lists", "lists of clips that data prepare --lists fetched", r"[^/]+/.+\.txt", plain=False),
)


def kept(names: Sequence[str] = ()) -> list[Kept]:
    """What is there of these kinds; without names of all.

    Raises:
        UnknownNameError: no such kind.
    """
    known = {kind.name: kind for kind in KINDS}
    for name in names:
        if name not in known:
            raise UnknownNameError("part of the cache", name, known)
    return [_of(known[name]) for name in names or known]


def clear(found: Sequence[Kept]) -> int:
    """Delete these files and the folders that are empty then; returned are the bytes that this freed.

    Raises:
        CannotWriteError: a file cannot be deleted.
    """
    freed = 0
    for each in found:
        for file in each.files:
            try:
                size = file.lstat().st_size
                file.unlink()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise CannotWriteError(f"{file} cannot be deleted: {error.strerror}") from None
            freed += size
        for folder, _, _ in os.walk(each.folder, topdown=False):
            with suppress(OSError):  # it is not empty
                Path(folder).rmdir()
    return freed


def _of(kind: Kind) -> Kept:
    folder = plugins.home() / kind.name
    ours, size, others = [], 0, 0
    for file in _files(folder):
        relative = file.relative_to(folder).as_posix()
        if file.is_symlink() or not re.fullmatch(kind.names, relative):
            others += 1
            continue
        with suppress(FileNotFoundError):  # another process made room meanwhile
            size += file.lstat().st_size
            ours.append(file)
    return Kept(kind, tuple(ours), size, others)


def _files(folder: Path) -> Iterator[Path]:
    """All files below a folder; nothing where the folder is a link to somewhere else."""
    if folder.is_symlink():
        return
    for place, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        yield from (Path(place) / name for name in sorted([*files, *links]))
