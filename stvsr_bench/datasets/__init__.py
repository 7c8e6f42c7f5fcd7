"""Finds data sets: `names()`, `card(name)`, `clips(name, split)`.

A data set is a folder `datasets/<name>/` with a `card.toml`; the code of a built-in one is importable as
`stvsr_bench.datasets.<name>.reader`. The path of a folder of frame folders or video files is a data set too.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import cast

from stvsr_bench import plugins
from stvsr_bench.data import readers
from stvsr_bench.errors import CONTROL, CardError, DataError, UnknownNameError, printable
from stvsr_bench.schema import Clip, DatasetCard

__path__ = plugins.search_path(__path__, "datasets")


@dataclass(frozen=True)
class Clips(Sequence[Clip]):
    """The clips of one split, decoded one by one as they are asked for; `names` costs no decoding."""

    card: DatasetCard
    split: str
    names: list[str]
    reader: readers.Reader
    flags: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Clip:  # type: ignore[override]
        return self.read(self.names[index])

    def __iter__(self) -> Iterator[Clip]:
        return (self.read(name) for name in self.names)

    def read(self, name: str) -> Clip:
        """One clip by name."""
        clip = self.reader.read(self.split, name)
        return replace(clip, flags=(*clip.flags, *self.flags)) if self.flags else clip

    def first(self, count: int) -> "Clips":
        """The first `count` clips of the split; all of them if `count` is 0."""
        return replace(self, names=self.names[: count or None])


def names() -> list[str]:
    """Names of all data sets that were found, sorted; broken ones too, so that asking for them says what is wrong."""
    return sorted(plugins.plugins("datasets"))


def card(name: str) -> DatasetCard:
    """The card of a data set, or one made up for a folder or video given by its path."""
    if is_path(name):
        return readers.card_of_path(Path(name).expanduser())
    if name not in names() and Path(name).exists():
        raise UnknownNameError("data set", name, names(), f"The file or folder '{name}' is meant by ./{name}")
    return plugins.read_card(plugins.find("datasets", name), DatasetCard)


@dataclass(frozen=True)
class DataSet:
    """A data set as it was asked for: its card is read once, and every split is opened from here.

    `root` is where the data lie; without it, the environment variable that the card names.
    """

    name: str
    card: DatasetCard
    root: Path | None = None

    @property
    def default_splits(self) -> list[str]:
        """The splits that are meant where none is named."""
        return self.card.default_splits or self.card.splits

    def clips(self, split: str = "", lists: str = "zsm") -> Clips:
        """The clips of one split; see `datasets.clips`."""
        split = split or self.default_splits[0]
        if split not in self.card.splits:
            raise UnknownNameError(f"split of {self.card.name}", split, self.card.splits)
        root = self.root or root_of(self.card, self.name)
        reader = _reader_class(self.name, self.card)(self.card, root, lists)
        found = reader.names(split)
        if bad := next(filter(CONTROL.search, found), None):
            raise DataError(
                f"{self.card.name}/{split}: the clip name '{printable(bad)}' holds control characters; rename it"
            )
        instead = not is_path(self.name) and plugins.find("datasets", self.name).replaces
        return Clips(self.card, split, found, reader, ("override",) if instead else ())


def find(name: str, root: Path | None = None) -> DataSet:
    """The data set of that name or path.

    Raises:
        UnknownNameError: no such data set.
    """
    return DataSet(name, card(name), root)


def clips(name: str, split: str = "", root: Path | None = None, lists: str = "zsm") -> Clips:
    """The clips of one split. Without `split`: the first default split of the card.

    `root` is where the data lie; without it, the environment variable that the card names. `lists` says whose
    published lists are meant where several exist ("zsm" or "stdan").

    Raises:
        UnknownNameError: no such data set or split.
        DataError, NotRunnableError: the data are not on this machine, or a clip's name would steer a terminal.
    """
    return find(name, root).clips(split, lists)


def root_of(chosen: DatasetCard, name: str = "") -> Path | None:
    """Where the data lie as far as is known without being told: the path itself, or the card's variable."""
    if is_path(name):
        return Path(name).expanduser()
    value = os.environ.get(chosen.root_env, "") if chosen.root_env else ""
    return Path(value).expanduser() if value else None


def is_path(name: str) -> bool:
    """Whether a data set is named by its path: it holds a separator, or is `.` or starts with `~`."""
    return "/" in name or os.sep in name or name == "." or name.startswith("~")


def _reader_class(name: str, chosen: DatasetCard) -> type[readers.Reader]:
    if chosen.reader in readers.BUILT_IN:
        return readers.BUILT_IN[chosen.reader]
    module_name, _, class_name = chosen.reader.partition(":")
    if not class_name:
        raise UnknownNameError(f"reader of data set {chosen.name}", chosen.reader, readers.BUILT_IN)
    plugin = plugins.find("datasets", name)
    made = getattr(_module(plugin, module_name), class_name, None)
    if made is None:
        raise CardError(f"card of {plugin.name}: reader '{chosen.reader}': {module_name}.py has no {class_name}")
    return cast(type[readers.Reader], made)


def _module(plugin: plugins.Plugin, module: str) -> ModuleType:
    """The code of a data set's folder."""
    file = plugin.path / f"{module}.py"
    if not file.is_file():
        raise CardError(f"card of {plugin.name}: reader '{module}': there is no {file}")
    return plugins.load(plugin, module)
