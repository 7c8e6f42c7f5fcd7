"""Arrays kept under the cache folder, so that what took long once is read the next time.

A cache may be deleted at any time, and one that cannot be written costs time, nothing else.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stvsr_bench import plugins
from stvsr_bench.data.atomic import replacing
from stvsr_bench.errors import DataError

_NO_FOLDER = str.maketrans(dict.fromkeys(":=/\\", "_"))


def clips(dataset: str) -> Path:
    """The folder where clips made or decoded by the suite are kept; `dataset` may have options (`mini:rate=4`)."""
    return plugins.home() / "clips" / dataset.translate(_NO_FOLDER)


def load(path: Path) -> dict[str, NDArray[Any]] | None:
    """The arrays of one file; None where there is none or it is damaged (it will be made again)."""
    try:
        # a cache folder may be shared: a pickle in it would run code
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception:  # noqa: BLE001 - zip, zlib, numpy's header read as Python's tokens, no memory for what it claims
        return None


def store(path: Path, **arrays: NDArray[Any]) -> None:
    """Keep named arrays in one compressed file, whole or not at all."""
    try:
        with replacing(path) as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for flags
    except DataError:
        pass  # a full or read-only disk must not stop a run whose clip is in memory
