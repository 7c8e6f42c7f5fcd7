"""Archives unpacked so that nothing leaves the folder: no `..`, no absolute path, no link, no bomb, nothing half done.

All members are looked at before the first is written. They are unpacked into a folder beside their place, where an
interrupted attempt is continued, and moved when all are complete and on the disk. Of what an earlier attempt left, only
files with the CRC that the archive states are kept: a power cut leaves files of the right size that hold zeros.
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
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from stvsr_bench.acquire.room import check_room
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


def extract(archive: Path, root: Path, progress: Progress = lambda there, total: None) -> list[Path]:
    """The top-level files and folders that the archive brought into `root`.

    Raises:
        DataError: the archive is damaged, encrypted or hostile, something of it is already in `root`, or the disk is
            too small. Nothing of it is then in `root`.
    """
    staging, complete = root / f".{archive.name}.unpacking", root / f".{archive.name}.complete"
    try:
        with _opened(archive) as opened:
            members = _checked(archive, opened.members())
            tops = sorted({member.path.parts[0] for member in members})
            if not (staging.is_dir() and _says(complete, archive)):  # else it was interrupted while it was moved
                _check_place(archive, root, tops)
                _unpack(archive, opened, members, staging, progress)
                complete.write_text(_mark(archive), encoding="utf-8")
        for top in tops:
            if (staging / top).exists():
                (staging / top).replace(root / top)
        _sync(root)
    except _BROKEN as error:
        raise DataError(f"{archive} is damaged or of a kind that cannot be unpacked: {error}") from None
    except OSError as error:
        raise DataError(f"{archive} cannot be unpacked into {root}: {error.strerror or error}") from None
    shutil.rmtree(staging, ignore_errors=True)
    complete.unlink(missing_ok=True)
    return [root / top for top in tops]


def is_archive(path: Path) -> bool:
    """Whether a file is an archive: by its name, or by its content where the name has no suffix."""
    if path.suffix:
        return path.name.lower().endswith(SUFFIXES)
    return path.is_file() and (zipfile.is_zipfile(path) or tarfile.is_tarfile(path))


def _checked(archive: Path, members: Iterator[Member]) -> list[Member]:
    """The members, after all were found harmless; a bomb is not listed to its end."""
    kept: dict[str, Member] = {}
    total, packed = 0, archive.stat().st_size
    for member in members:
        total += member.size
        if total > HARMLESS_BYTES and total > MAX_RATIO * packed:
            raise DataError(f"{archive} is refused: its {packed} bytes would become {total / 1e9:.1f} GB or more")
        if len(kept) >= MAX_MEMBERS:
            raise DataError(f"{archive} is refused: it contains more than {MAX_MEMBERS} files")
        _check_name(archive, member)
        name = str(member.path).casefold()  # two names that some disks take for one
        if name in kept:
            raise DataError(f"{archive} is refused: it contains {str(member.path)!r} twice")
        kept[name] = member
    if not kept:
        raise DataError(f"{archive} contains no files")
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
    _tidy(staging, {member.path.as_posix() for member in members})
    total = sum(member.size for member in members)
    done = 0
    check_room(staging, total - sum(_size(staging / member.path) for member in members))
    for member in members:
        target = staging / member.path
        if not _is_there(target, member):
            _check_no_link(staging, target)
            _write(archive, opened, member, target)
        done += member.size
        progress(done, total)
    # once for all: a data set has hundreds of thousands of small files
    if hasattr(os, "sync"):  # Windows has none
        os.sync()


def _tidy(staging: Path, wanted: set[str]) -> None:
    """Delete what is no member: halves that an interruption left, and what somebody else put there."""
    for folder, folders, files in os.walk(staging):
        here = Path(folder)
        for name in files:
            if (here / name).relative_to(staging).as_posix() not in wanted:
                (here / name).unlink()
        for name in folders:
            if (here / name).is_symlink():
                raise DataError(f"{here / name} is a link; delete {staging}")


def _is_there(target: Path, member: Member) -> bool:
    """Whether an earlier attempt wrote a member whole. A tar states no CRC: its members are written again."""
    if not isinstance(member.key, zipfile.ZipInfo) or target.is_symlink() or not target.is_file():
        return False
    if _size(target) != member.size:
        return False
    crc = 0
    with target.open("rb") as file:
        while block := file.read(1 << 20):
            crc = zlib.crc32(block, crc)
    return crc == member.key.CRC


def _mark(archive: Path) -> str:
    about = archive.stat()
    return f"{about.st_size} bytes of {about.st_mtime_ns}"


def _says(complete: Path, archive: Path) -> bool:
    """Whether all of this very archive was unpacked and on the disk before the moving began."""
    return complete.is_file() and not complete.is_symlink() and complete.read_text(encoding="utf-8") == _mark(archive)


def _sync(folder: Path) -> None:
    """The names in a folder on the disk, where the file system can say so."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write(archive: Path, opened: _Opened, member: Member, target: Path) -> None:
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
    if archive.name.lower().endswith(".zip") or (not archive.suffix and zipfile.is_zipfile(archive)):
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
