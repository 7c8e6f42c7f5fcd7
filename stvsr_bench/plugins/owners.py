"""Who else may change the code of a plug-in: its files, and every folder above them, as ssh looks at its keys."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

_LISTED = 3


def open_to_all(place: Path) -> str:
    """The first of them that everybody may write, with what to do; "" for none.

    A folder with the sticky bit (such as /tmp) lets nobody rename or delete what others put there.
    """
    for path, mode, _ in _parts(place):
        if mode & stat.S_IWOTH and not _sticky(mode):
            return f"{path} may be written by everybody; take the right away (chmod o-w {path})"
    return ""


def open_to_some(places: list[Path]) -> str:
    """One sentence about those that a group may write, or that belong to somebody else; "" for none."""
    me = os.geteuid() if hasattr(os, "geteuid") else 0
    parts = {path: (mode, owner) for place in places for path, mode, owner in _parts(place)}
    group = [path for path, (mode, _) in parts.items() if mode & stat.S_IWGRP and not _sticky(mode)]
    foreign = [path for path, (_, owner) in parts.items() if owner not in (0, me)]
    said = [f"a group may write {_named(group)}"] if group else []
    said += [f"somebody else owns {_named(foreign)}"] if foreign else []
    return f"code of plug-ins may be changed by others: {'; '.join(said)}" if said else ""


def _named(paths: list[Path]) -> str:
    more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
    return ", ".join(map(str, paths[:_LISTED])) + more


def _sticky(mode: int) -> bool:
    return bool(stat.S_ISDIR(mode) and mode & stat.S_ISVTX)


def _parts(place: Path) -> Iterator[tuple[Path, int, int]]:
    """Each folder from the root to the place, and all that lies in it: path, mode and owner. Links are followed."""
    if os.name != "posix":
        return
    above = [place.absolute(), *place.absolute().parents]
    real = place.resolve()
    inside = sorted(real.rglob("*")) if real.is_dir() else []
    for path in dict.fromkeys([*reversed(above), *reversed([real, *real.parents]), *inside]):
        try:
            found = path.stat()
        except OSError:
            continue
        yield path, found.st_mode, found.st_uid
