"""Where the frames of a clip lie: the contract of readers, and the readers that fit most data sets.

A reader is made as `Reader(card, root, lists)`. `names(split)` is cheap and decodes nothing; `read(split, name)` gives
one `Clip`. A data set whose layout none of these fits brings its own: `reader = "reader:Mine"` in its card.
"""

from pathlib import Path
from typing import Protocol

from stvsr_bench.schema import Clip, DatasetCard


class Reader(Protocol):
    """What the suite asks of a data set."""

    card: DatasetCard

    def __init__(self, card: DatasetCard, root: Path | None, lists: str) -> None: ...

    def names(self, split: str) -> list[str]:
        """Names of the clips of a split, in their fixed order."""
        ...

    def read(self, split: str, name: str) -> Clip:
        """One clip, decoded."""
        ...


BUILT_IN: dict[str, type[Reader]] = {}
