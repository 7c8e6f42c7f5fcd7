"""Many clips in one file: an LMDB of PNG frames, read at random without a hundred thousand small files.

Keys are `<clip>/<index>` with the frame's PNG, and `names` with the clips and their frame counts as JSON, in order.
The database is written beside its place and moved there when it is whole.
"""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from stvsr_bench.data.atomic import beside
from stvsr_bench.data.frames import from_bytes, to_bytes
from stvsr_bench.errors import DataError, NotRunnableError
from stvsr_bench.installing import extra
from stvsr_bench.schema import Clip

_NAMES = b"names"
_FILE = "data.mdb"
_ROOM = 2**40  # the map's upper bound; LMDB takes only what it fills
_CLIPS_A_COMMIT = 64  # an open transaction keeps its pages in memory

Tell = Callable[[int, int], None]


def pack(clips: Sequence[Clip], path: Path, tell: Tell | None = None) -> int:
    """Write clips into a new database; how many frames it holds. `tell` hears the clips done and their total.

    Raises:
        DataError: there is something at the path already, two clips share a name, or the disk is full.
    """
    if path.exists():
        raise DataError(f"{path} exists already; remove it or choose another name")
    partial = beside(path)
    try:
        frames = _fill(clips, partial, tell)
        partial.replace(path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return frames


def is_packed(path: Path) -> bool:
    """Whether a path is a database that `pack` wrote (or at least an LMDB)."""
    return (path / _FILE).is_file()


class Packed(Sequence[Clip]):
    """The clips of a packed file, decoded one by one as they are asked for; safe to hand to loader processes."""

    def __init__(self, path: Path) -> None:
        """Open the database.

        Raises:
            DataError: it is broken or was not written by `pack`.
        """
        self.path = path
        self._opened: tuple[int, Any] | None = None
        listed = self._get(_NAMES)
        if listed is None:
            raise DataError(f"{path} has no list of clips; it was not written by 'stvsr-bench data pack'")
        self.frames = _counts(listed, path)
        self.names = list(self.frames)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Clip:  # type: ignore[override]
        name = self.names[index]
        pictures = [self._picture(name, i) for i in range(self.frames[name])]
        return Clip(self.path.name, "packed", name, from_bytes(np.stack(pictures)))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    def _picture(self, name: str, index: int) -> Any:
        encoded = self._get(f"{name}/{index}".encode())
        decoded = None if encoded is None else cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
        if decoded is None:
            raise DataError(f"{self.path}: frame {index} of {name} is missing or broken; pack the data again")
        return decoded[..., ::-1]

    def _get(self, key: bytes) -> bytes | None:
        with self._database().begin() as transaction:
            value: bytes | None = transaction.get(key)
        return value

    def _database(self) -> Any:
        """The open database of this process: LMDB forbids to use one across a fork."""
        lmdb = _library()
        if self._opened is None or self._opened[0] != os.getpid():
            try:
                # no lock file (the disk may be read-only); no readahead, since training draws clips at random
                opened = lmdb.open(str(self.path), readonly=True, lock=False, readahead=False)
            except lmdb.Error as error:
                raise DataError(f"{self.path} cannot be opened as LMDB: {error}") from None
            _check_whole(opened, self.path)
            self._opened = (os.getpid(), opened)
        return self._opened[1]


def _check_whole(database: Any, path: Path) -> None:
    """Raises a sentence where the file ends before its last page: reading that page would kill the process."""
    pages = database.info()["last_pgno"] + 1
    there, promised = (path / _FILE).stat().st_size, pages * database.stat()["psize"]
    if there < promised:
        database.close()
        raise DataError(f"{path} is cut short: {there} of {promised} bytes; copy it again, or pack the data again")


def _counts(listed: bytes, path: Path) -> dict[str, int]:
    try:
        found = json.loads(listed)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(count, int) for count in found.values()):
        raise DataError(f"{path}: its list of clips is damaged; pack the data again")
    return found


def _fill(clips: Sequence[Clip], path: Path, tell: Tell | None) -> int:
    lmdb = _library()
    counts: dict[str, int] = {}
    try:
        with lmdb.open(str(path), map_size=_ROOM) as database:
            for start in range(0, len(clips), _CLIPS_A_COMMIT):
                with database.begin(write=True) as transaction:
                    for i in range(start, min(start + _CLIPS_A_COMMIT, len(clips))):
                        _put(transaction, clips[i], counts)
                        if tell is not None:
                            tell(i + 1, len(clips))
            with database.begin(write=True) as transaction:
                transaction.put(_NAMES, json.dumps(counts).encode())
    except lmdb.MemoryError:
        raise NotRunnableError(
            f"{path} cannot be opened: LMDB takes {_ROOM // 2**40} TiB of addresses (no memory), and this shell or job "
            "has a limit; run ulimit -v unlimited first"
        ) from None
    except lmdb.Error as error:
        raise DataError(f"{path} cannot be written: {error}") from None
    return sum(counts.values())


def _put(transaction: Any, clip: Clip, counts: dict[str, int]) -> None:
    if clip.name in counts:
        raise DataError(f"two clips are called {clip.name}; pack them into two files")
    pictures = to_bytes(clip.hr_SCHW)
    for i, picture_HWC in enumerate(pictures):
        written, encoded = cv2.imencode(".png", np.ascontiguousarray(picture_HWC[..., ::-1]))
        if not written:
            raise DataError(f"frame {i} of {clip.name} cannot be encoded")
        transaction.put(f"{clip.name}/{i}".encode(), encoded.tobytes())
    counts[clip.name] = len(pictures)


def _library() -> Any:
    try:
        import lmdb
    except ImportError as error:
        raise NotRunnableError(f"packed data need lmdb, which is not installed: run {extra('train')}") from error
    return lmdb
