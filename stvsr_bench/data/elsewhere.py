"""Files whose contents are elsewhere: links that lead nowhere, and the notes that Git LFS and git-annex leave."""

from pathlib import Path

from stvsr_bench.errors import DataError

_HEAD = 64  # bytes that tell such a note
_LFS = b"version https://git-lfs.github.com/spec/"
_ANNEX = b"/annex/objects/"


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
        DataError: it is a pointer of Git LFS or git-annex, or a link that leads nowhere.
    """
    if leads_nowhere(path):
        raise DataError(why_nowhere(path))
    try:
        with path.open("rb") as file:
            said = pointer(file.read(_HEAD))
    except OSError:
        return  # reading it says what is wrong
    if said:
        raise DataError(f"{path} {said}")


def leads_nowhere(path: Path) -> bool:
    """Whether a path is a link to what is not there."""
    return path.is_symlink() and not path.exists()


def why_nowhere(link: Path) -> str:
    """The sentence for a link that leads nowhere: where it leads, and what may bring it."""
    target = link.readlink()
    annexed = "annex/objects" in target.as_posix()
    return f"{link} is a link to {target}, which is not there; {'run git annex get' if annexed else 'copy it again'}"
