"""Archives unpacked so that nothing leaves the folder: no `..`, no absolute path, no link, no bomb, nothing half done.

All members are looked at before the first is written. They are unpacked into a folder beside their place, which is
gone on with after an interruption, and moved there when all are complete.
"""

import lzma
import os
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from stvsr_bench.acquire.download import check_room
from stvsr_bench.data.atomic import replacing
from stvsr_bench.errors import DataError

Progress = Callable[[int, int], None]  # bytes written, bytes in all

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
MAX_RATIO = 200  # pictures and videos hardly shrink: an archive that grows more than this is a bomb
HARMLESS_BYTES = 100 * 2**20  # small enough to unpack whatever the ratio
MAX_MEMBERS = 2_000_000
# control characters, Windows' separators and drives, absolute paths, home folders
_BAD_NAME = re.compile(r"[\x00-\x1f\\:]|^/|^~")
_BROKEN = (  # what the standard library's parsers raise on damage, encryption (RuntimeError) and unknown packing
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    RuntimeError,
)


@dataclass(frozen=True)
class Member:
    """One file of an archive: where it goes, how large it says it is, and its key in the archive."""

    path: PurePosixPath
    size: int
    key: zipfile.ZipInfo | tarfile.TarInfo


class _Opened(Protocol):
    def members(self) -> Iterator[Member]: ...

    def open(self, member: Member) -> IO[bytes]: ...

    def equals(self, member: Member, path: Path) -> bool:
        """Whether a file of an earlier attempt is the member: a power cut may leave zeros of the right length."""


def extract(archive: Path, root: Path, progress: Progress = lambda there, total: None) -> list[Path]:
    """The top-level files and folders that the archive brought into `root`.

    Raises:
        DataError: the archive is damaged, encrypted or hostile, something of it is already in `root`, or the disk is
            too small. Nothing of it is then in `root`.
    """
    staging = root / f".{archive.name}.unpacking"
    try:
        with _opened(archive) as opened:
            members = _checked(archive, opened.members())
            tops = sorted({member.path.parts[0] for member in members})
            _check_place(archive, root, tops)
            _unpack(archive, opened, members, staging, progress)
    except _BROKEN as error:
        raise DataError(f"{archive} is damaged or of a kind that cannot be unpacked: {error}") from None
    except OSError as error:
        raise DataError(f"{archive} cannot be unpacked into {root}: {error.strerror or error}") from None
    if hasattr(os, "sync"):
        os.sync()  # once, not for each of its files: the archive may be deleted after this
    moved = []
    for top in tops:
        (staging / top).replace(root / top)
        moved.append(root / top)
    shutil.rmtree(staging, ignore_errors=True)
    return moved


def is_archive(path: Path) -> bool:
    """Whether a file is an archive by its name."""
    return path.name.lower().endswith(SUFFIXES)


def _checked(archive: Path, members: Iterator[Member]) -> list[Member]:
    """The members, after all were found harmless; a bomb is not listed to its end."""
    kept: dict[str, Member] = {}
    total, packed = 0, archive.stat().st_size
    for member in members:
        total += member.size
        if total > HARMLESS_BYTES and total > MAX_RATIO * packed:
            raise DataError(
                f"{archive} is refused as a bomb: its {packed} bytes would become {total / 1e9:.1f} GB or more"
            )
        if len(kept) >= MAX_MEMBERS:
            raise DataError(f"{archive} is refused: it holds more than {MAX_MEMBERS} files")
        _check_name(archive, member)
        name = str(member.path).casefold()  # two names that some disks take for one
        if name in kept:
            raise DataError(f"{archive} is refused: it holds {str(member.path)!r} twice")
        kept[name] = member
    if not kept:
        raise DataError(f"{archive} holds no files")
    return list(kept.values())


def _check_name(archive: Path, member: Member) -> None:
    name = str(member.path)
    if _BAD_NAME.search(name) or ".." in member.path.parts or name in ("", ".") or len(name) > 1000:
        raise DataError(f"{archive} is refused: its member {name[:80]!r} would leave the folder")
    key = member.key
    # the upper half is the Unix mode, 0 in archives made on Windows
    mode = key.external_attr >> 16 if isinstance(key, zipfile.ZipInfo) else 0
    regular = key.isreg() if isinstance(key, tarfile.TarInfo) else stat.S_IFMT(mode) in (0, stat.S_IFREG)
    if not regular:
        raise DataError(f"{archive} is refused: its member {name[:80]!r} is a link or a device, not a file")


def _check_place(archive: Path, root: Path, tops: list[str]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    there = [top for top in tops if (root / top).exists() or (root / top).is_symlink()]
    if there:
        raise DataError(
            f"{root / there[0]} is already there, so {archive.name} is not unpacked over it; move it away first"
        )


def _unpack(archive: Path, opened: _Opened, members: list[Member], staging: Path, progress: Progress) -> None:
    """Write all members below `staging`; those that an earlier attempt completed are kept."""
    if staging.is_symlink():
        raise DataError(f"{staging} is a link; delete it")
    staging.mkdir(exist_ok=True)
    total = sum(member.size for member in members)
    done = 0
    check_room(staging, total - sum(_size(staging / member.path) for member in members))
    for member in members:
        target = staging / member.path
        _check_no_link(staging, target)
        if _size(target) != member.size or member.size == 0 or not opened.equals(member, target):
            _write(archive, opened, member, target)
        done += member.size
        progress(done, total)
    _only(members, staging)


def _only(members: list[Member], staging: Path) -> None:
    """Delete what is not of the archive: half-written files of a killed attempt, or somebody's."""
    wanted = {staging / member.path for member in members}
    for path in staging.rglob("*"):
        if path not in wanted and (path.is_symlink() or not path.is_dir()):
            path.unlink()


def _write(archive: Path, opened: _Opened, member: Member, target: Path) -> None:
    # not synced one by one: a data set has hundreds of thousands of small files
    with opened.open(member) as source, replacing(target, durable=False) as file:
        left = member.size
        while block := source.read(min(1 << 20, left + 1)):  # one byte more shows a member that is larger than it says
            left -= len(block)
            if left < 0:
                break
            file.write(block)
        if left:
            raise DataError(f"{archive} is damaged: {str(member.path)!r} is not the {member.size} bytes that it says")


def _check_no_link(staging: Path, target: Path) -> None:
    """An earlier attempt leaves no links; somebody else might have put one there."""
    for folder in [target, *target.parents]:
        if folder == staging:
            return
        if folder.is_symlink():
            raise DataError(f"{folder} is a link; delete {staging}")


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


@contextmanager
def _opened(archive: Path) -> Iterator[_Opened]:
    if archive.name.lower().endswith(".zip"):
        with zipfile.ZipFile(archive) as file:
            yield _Zip(file)
    else:
        with tarfile.open(archive) as file:
            yield _Tar(file)


class _Zip:
    def __init__(self, file: zipfile.ZipFile) -> None:
        self.file = file

    def members(self) -> Iterator[Member]:
        for info in self.file.infolist():
            # `filename` has been cut at NUL and had its separators changed: judge what the archive really says
            if not info.filename.endswith("/") or _BAD_NAME.search(info.orig_filename.rstrip("/")):
                yield Member(PurePosixPath(info.orig_filename), info.file_size, info)

    def open(self, member: Member) -> IO[bytes]:
        assert isinstance(member.key, zipfile.ZipInfo)
        return self.file.open(member.key)

    def equals(self, member: Member, path: Path) -> bool:
        assert isinstance(member.key, zipfile.ZipInfo)
        crc = 0
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                crc = zlib.crc32(block, crc)
        return crc == member.key.CRC


class _Tar:
    def __init__(self, file: tarfile.TarFile) -> None:
        self.file = file

    def members(self) -> Iterator[Member]:
        for info in self.file:
            if not info.isdir():
                yield Member(PurePosixPath(info.name), info.size, info)

    def open(self, member: Member) -> IO[bytes]:
        assert isinstance(member.key, tarfile.TarInfo)
        opened = self.file.extractfile(member.key)
        assert opened is not None
        return opened

    def equals(self, member: Member, path: Path) -> bool:
        # a tar has no sums: it is unpacked again, and only not written
        with self.open(member) as source, path.open("rb") as file:
            while block := source.read(1 << 20):
                if block != file.read(len(block)):
                    return False
            return not file.read(1)
