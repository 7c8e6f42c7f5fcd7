"""Finds data sets: `names()`, `card(name)`, `clips(name, split)`.

A data set is a folder `datasets/<name>/` with a `card.toml`; the code of a built-in one is importable as
`stvsr_bench.datasets.<name>.reader`. Options follow the name (`mini:rate=4`) and make another data set of it. The path
of a folder of frame folders or video files is a data set too.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import cast

from stvsr_bench import hashes, plugins
from stvsr_bench.data import readers
from stvsr_bench.data.listing import Unused
from stvsr_bench.datasets.spec import facts, is_path, parse, split_off, with_options
from stvsr_bench.errors import CONTROL, CardError, DataError, UnknownNameError, printable
from stvsr_bench.schema import Clip, Contents, DatasetCard, Reading, digest

__path__ = plugins.search_path(__path__, "datasets")
__all__ = ["Clips", "DataSet", "card", "clips", "find", "is_path", "names", "root_of", "split_off"]


@dataclass(frozen=True)
class Clips(Sequence[Clip]):
    """The clips of one split, decoded one by one as they are asked for; `names` costs no decoding."""

    card: DatasetCard
    split: str
    names: list[str]
    reader: readers.Reader
    flags: tuple[str, ...] = ()
    code: str = ""

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Clip:  # type: ignore[override]
        return self.read(self.names[index])

    def __iter__(self) -> Iterator[Clip]:
        return (self.read(name) for name in self.names)

    def read(self, name: str) -> Clip:
        """One clip by name."""
        # before it is read: files that change meanwhile have another stamp the next time
        stamp = self.stamp(name)
        clip = self.reader.read(self.split, name)
        return replace(clip, flags=(*clip.flags, *self.flags), stamp=stamp)

    def stamp(self, name: str) -> str:
        """A digest of names, sizes and times of the files that a clip is read from, and of the code that reads it.

        "" where the reader does not say which files they are: the clip must be read to know that it is as before.
        """
        made_from = getattr(self.reader, "made_from", None)
        if made_from is None:
            return ""
        try:
            found = [(path, path.stat()) for path in made_from(self.split, name)]
        except OSError:
            return ""  # reading it says what is wrong
        files = [(path.parent.name, path.name, *hashes.trace(about)) for path, about in found]
        return digest([self.code, files])[:16]

    @property
    def contents(self) -> Contents | None:
        """What a complete copy of the split holds, as far as is known: the reader says it where options decide."""
        says = getattr(self.reader, "contents", None)
        found: Contents | None = self.card.contents.get(self.split) if says is None else says(self.split)
        return found

    @property
    def unused(self) -> list[Unused]:
        """What lies under the root and is part of no clip, a kind at a time, as far as the reader looks."""
        says = getattr(self.reader, "unused", None)
        found: list[Unused] = [] if says is None else says(self.split)
        return found

    @property
    def where(self) -> Path:
        """The folder that names of `unused` are told from."""
        return getattr(self.reader, "root", None) or Path()

    def first(self, count: int) -> "Clips":
        """The first `count` clips of the split; all of them if `count` is 0."""
        return replace(self, names=self.names[: count or None])


def names() -> list[str]:
    """Names of all data sets that were found, sorted; broken ones too, so that asking for them says what is wrong."""
    return sorted(plugins.plugins("datasets"))


def card(name: str) -> DatasetCard:
    """The card of a data set with the options typed after its name, or one made up for a folder or video by its path.

    Raises:
        UnknownNameError, UsageError: no such data set or option, or a value that the option cannot have.
        CardError: its card cannot be read.
    """
    if is_path(name):
        return readers.card_of_path(Path(name).expanduser())
    if name.partition(":")[0] not in names() and Path(name).exists():
        raise UnknownNameError(
            "data set", name, names(), f"For the file or folder '{name}' in this directory, write ./{name}"
        )
    plain, said = parse(name)
    return with_options(plugins.read_card(plugins.find("datasets", plain), DatasetCard), said)


@dataclass(frozen=True)
class DataSet:
    """A data set as it was asked for (`name`): its card is read once, and every split is opened from here.

    `root` is where the data lie; without it, the environment variable that the card names. `label` is its name in rows
    where that is not the card's: two folders of one name are two data sets. `reading` is how videos may be read.
    """

    name: str
    card: DatasetCard
    root: Path | None = None
    label: str = ""
    reading: Reading = field(default_factory=Reading)

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
        card = replace(self.card, name=self.label) if self.label else self.card
        plugin = None if is_path(self.name) else plugins.find("datasets", parse(self.name)[0])
        reader = _reader_class(plugin, self.card)(card, root, lists)
        if hasattr(reader, "reading"):
            reader.reading = self.reading
        found = reader.names(split)
        if bad := next(filter(CONTROL.search, found), None):
            raise DataError(
                f"{self.card.name}/{split}: the clip name '{printable(bad)}' has control characters; rename it"
            )
        flags = ("override",) if plugin is not None and plugin.replaces else ()
        # how frames are read from files is the reader's, and what they mean the card's
        code = "" if plugin is None else digest([plugins.code(plugin), facts(self.card)])
        if self.reading != Reading():
            code = digest([code, asdict(self.reading)])
        return Clips(card, split, found, reader, flags, code)


def find(name: str, root: Path | None = None, label: str = "", reading: Reading | None = None) -> DataSet:
    """The data set of that name (with its options) or path; see `DataSet`.

    Raises:
        UnknownNameError, UsageError: no such data set or option, or a value that the option cannot have.
    """
    return DataSet(name, card(name), root, label, reading or Reading())


def clips(
    name: str, split: str = "", root: Path | None = None, lists: str = "zsm", reading: Reading | None = None
) -> Clips:
    """The clips of one split of a data set (`mini`, `mini:rate=4`). Without `split`: the first default one of its card.

    `root` is where the data lie; without it, the environment variable that the card names. `lists` says whose
    published lists are meant where several exist ("zsm" or "stdan").

    Raises:
        UnknownNameError, UsageError: no such data set, option or split, or a value that the option cannot have.
        DataError, NotRunnableError: the data are not on this machine, or a clip's name would steer a terminal.
    """
    return find(name, root, reading=reading).clips(split, lists)


def root_of(chosen: DatasetCard, name: str = "") -> Path | None:
    """Where the data lie as far as is known without being told: the path itself, or the card's variable."""
    if is_path(name):
        return Path(name).expanduser()
    value = os.environ.get(chosen.root_env, "") if chosen.root_env else ""
    return Path(value).expanduser() if value else None


def _reader_class(plugin: plugins.Plugin | None, chosen: DatasetCard) -> type[readers.Reader]:
    if chosen.reader in readers.BUILT_IN:
        return readers.BUILT_IN[chosen.reader]
    module_name, _, class_name = chosen.reader.partition(":")
    if not class_name or plugin is None:
        raise UnknownNameError(f"reader of data set {chosen.name}", chosen.reader, readers.BUILT_IN)
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
