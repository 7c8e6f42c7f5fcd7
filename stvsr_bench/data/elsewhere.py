"""Files whose contents are elsewhere: broken links, the notes that Git LFS and git-annex leave, pipes and devices."""

import errno
import stat
from contextlib import suppress
from math import inf
from pathlib import Path

from stvsr_bench.errors import DataError

_HEAD = 64  # bytes that tell such a note
_LFS = b"version https://git-lfs.github.com/spec/"
_ANNEX = b"/annex/objects/"
_INSTEAD = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
)  # fmt: skip


def pointer(head: bytes) -> str:
    """What would bring the file itself, as the end of a sentence; "" for a file that is no such note."""
    if head.startswith(_LFS):
        return "is a pointer of Git LFS and not the file itself; run git lfs pull"
    if head.startswith(_ANNEX):
        return "is a pointer of git-annex and not the file itself; run git annex get"
    return ""


def check_here(path: Path) -> None:
    """Refuses a file whose contents are elsewhere.

    Raises:
        DataError: it is a pointer of Git LFS or git-annex, a link that leads nowhere, no file, or cannot be read.
    """
    if said := pointer(contents(path, count=_HEAD)):
        raise DataError(f"{path} {said}")


def contents(path: Path, most: float = inf, count: int = -1) -> bytes:
    """The first `count` bytes of a file, or all, of one that has no more than `most`.

    Raises:
        DataError: it is missing, too large, no regular file, or cannot be read.
    """
    try:
        about = path.stat()
        if found := instead(about.st_mode):
            raise DataError(f"{path} is {found}, not a file")
        if about.st_size > most:
            raise DataError(f"{path} has {about.st_size / 2**30:.0f} GiB, too much for a frame")
        with path.open("rb") as file:
            return file.read(count)
    except OSError as error:
        if leads_nowhere(path):
            raise DataError(why_nowhere(path)) from None
        missing = isinstance(error, FileNotFoundError)
        raise DataError(f"{path} is missing" if missing else f"{path} cannot be read: {error.strerror}") from None


def instead(mode: int) -> str:
    """What a path is, by its mode, in place of a file; "" of a file. Opening a pipe waits, and devices never end."""
    if stat.S_ISREG(mode):  # nearly always
        return ""
    return next((name for test, name in _INSTEAD if test(mode)), "")


def leads_nowhere(path: Path) -> bool:
    """Whether a path is a link to what is not there."""
    lost = False
    with suppress(OSError):  # no rights to follow it
        lost = path.is_symlink()
        lost = lost and not path.exists()
    return lost


def why_nowhere(link: Path) -> str:
    """The sentence for a link that leads nowhere: where it leads, and what may bring it."""
    target = link.readlink()
    try:
        link.stat()
    except PermissionError:
        return f"{link} is a link to {target}, which you have no rights to read"
    except OSError as error:
        if error.errno == errno.ELOOP:
            return f"{link} is a link to {target}, which leads back to itself; copy the file again"
    annexed = "annex/objects" in target.as_posix()
    return f"{link} is a link to {target}, which is not there; {'run git annex get' if annexed else 'copy it again'}"
