"""Functions compiled by numba, where it works; kept on disk, where that can be done.

Everything here has a slower twin in numpy, OpenCV or torch. So nothing of numba's can fail a clip: a numba that does
not work is done without, and compiled code that cannot be kept is made anew in each process. Both are said once.
"""

import hashlib
import os
import pickle
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from stvsr_bench import notes
from stvsr_bench.errors import interrupted, told
from stvsr_bench.installing import extra

Function = TypeVar("Function", bound=Callable[..., Any])
_SUM = 32  # bytes of a SHA-256


@cache
def usable() -> bool:
    """Whether numba is here, works, and is not switched off by STVSR_BENCH_NUMBA=0; looked at once a process."""
    if os.environ.get("STVSR_BENCH_NUMBA") == "0" or find_spec("numba") is None:
        return False
    try:
        works = compiled(nogil=True)(_successor)(1) == 2
    except Exception as error:  # of another numpy or LLVM, or half installed: it may raise anything
        if interrupted(error):  # else a Ctrl-C would switch numba off for good
            raise
        notes.once(
            f"numba is installed and does not work ({told(error)}); slower code computes the same. "
            f"To repair it: {extra('fast')}; to use no numba: STVSR_BENCH_NUMBA=0"
        )
        return False
    return works


def compiled(keep: bool = True, **options: Any) -> Callable[[Function], Function]:
    """numba's `njit` with these options; with `keep`, what it compiles is read by the next process."""
    from numba import njit

    def of(function: Function) -> Function:
        made = njit(**options)(function)
        if keep:
            _keep(made)
        return made  # type: ignore[no-any-return]

    return of


def _successor(number: int) -> int:
    return number + 1


def _keep(dispatcher: Any) -> None:
    try:
        dispatcher.enable_caching()
    except Exception as error:  # noqa: BLE001 - RuntimeError where no folder can be written, OSError on a full disk
        _cannot_keep(error)
        return
    dispatcher._cache = _Cache(dispatcher._cache)


def _cannot_keep(error: Exception) -> None:
    # without the file and the function, which differ each time; RuntimeError: none of its places can be written
    why = error.strerror or type(error).__name__ if isinstance(error, OSError) else "no folder can be written"
    notes.once(
        f"compiled code cannot be kept ({why}): each process compiles anew, some 15 s for a network; "
        "NUMBA_CACHE_DIR may name a folder that can be written"
    )


class _Cache:
    """numba's cache of one function, which neither fails a call nor gives code that is damaged or of another one."""

    def __init__(self, cache: Any) -> None:
        self.cache = cache
        files = cache._cache_file
        # a name of its own: numba cannot read files that begin with a digest
        base = files._index_name.removesuffix(".nbi")
        cache._cache_file = _files()(files._cache_path, f"{base}-sum", files._source_stamp)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cache, name)

    def load_overload(self, *which: Any) -> Any:
        """The compiled code, or None where it is not there, damaged, or cannot be read now; damage is deleted."""
        try:
            return self.cache.load_overload(*which)
        except (OSError, MemoryError):  # a network disk that is away, too many open files: what is kept may be whole
            return None
        except Exception:  # noqa: BLE001 - half a pickle may raise anything
            for left in Path(self.cache.cache_path).glob(f"{self.cache._cache_file._index_name[:-4]}.*"):
                _unlink(left)
            return None

    def save_overload(self, *what: Any) -> None:
        """Keep compiled code, if that can be done."""
        try:
            self.cache.save_overload(*what)
        except Exception as error:  # noqa: BLE001 - a full disk, a folder that vanished
            _cannot_keep(error)


@cache
def _files() -> type:
    """A class, for numba is imported only where it is used."""
    from numba.core import caching

    base: Any = caching.IndexDataCacheFile

    class Files(base):  # type: ignore[misc]
        """Files of compiled code that hold their own digest, and for which arguments they are.

        numba checks neither: a flipped byte is run, and two processes that save at once may exchange their code.
        """

        def save(self, key: Any, data: Any) -> None:
            super().save(key, (repr(key), data))

        def load(self, key: Any) -> Any:
            found = super().load(key)
            if found is None:
                return None
            whose, data = found
            if whose != repr(key):
                raise ValueError("compiled for other arguments")
            return data

        def _save_data(self, name: str, data: Any) -> None:
            raw = self._dump(data)
            with self._open_for_write(self._data_path(name)) as file:
                file.write(hashlib.sha256(raw).digest() + raw)

        def _load_data(self, name: str) -> Any:
            raw = Path(self._data_path(name)).read_bytes()
            if hashlib.sha256(raw[_SUM:]).digest() != raw[:_SUM]:
                raise ValueError("damaged")
            return pickle.loads(raw[_SUM:])

    return Files


def _unlink(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        _cannot_keep(error)
