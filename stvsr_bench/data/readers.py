"""Readers of data sets: their contract, and the ones that fit most.

A reader is made as `Reader(card, root, lists)`. `names(split)` is cheap and decodes nothing; `read(split, name)` gives
one `Clip`. A data set whose layout none of these fits brings its own: `reader = "reader:Mine"` in its card.
"""

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Protocol

from stvsr_bench import plugins
from stvsr_bench.data import frames, sources
from stvsr_bench.data import lists as clip_lists
from stvsr_bench.data.listing import NO_CLIPS, NO_FRAMES, Unused, grouped, listing
from stvsr_bench.data.lists import ClipList
from stvsr_bench.errors import DataError, NotRunnableError, UnknownNameError, spelled
from stvsr_bench.schema import Clip, DatasetCard, Frames, Reading, SplitList

log = logging.getLogger(__name__)


class Reader(Protocol):
    """What the suite asks of a data set.

    A reader of videos has an attribute `reading` (a `schema.Reading`), which is set before it is asked for anything.
    A reader may also say which files a clip is `made_from(split, name)`, a list of paths: where their sizes and times
    are as before, a run that is repeated does not read the clip to know that it is. Where options of the card decide
    how many clips or frames there are, `contents(split)` says it instead of the card. What lies under the root and is
    part of no clip is `unused(split)`, a list of `data.listing.Unused`.
    """

    card: DatasetCard

    def __init__(self, card: DatasetCard, root: Path | None, lists: str) -> None: ...

    def names(self, split: str) -> list[str]:
        """Names of the clips of a split, in their fixed order."""
        ...

    def read(self, split: str, name: str) -> Clip:
        """One clip, decoded."""
        ...


class Folders:
    """Clips that are folders of pictures or videos anywhere under the root, or under `root/<split>` where that exists.

    A data set says more by a subclass: the `files` of a clip where they are always the same, the clips that count
    (`only`), `every` n-th frame.
    """

    files: ClassVar[tuple[str, ...]] = ()
    only: ClassVar[tuple[str, ...]] = ()
    every: ClassVar[int] = 1
    by_split: ClassVar[bool] = True  # whether root/<split> is looked for

    def __init__(self, card: DatasetCard, root: Path | None = None, lists: str = "") -> None:
        self.card = card
        self.root = root
        self.lists = lists
        self.reading = Reading()
        self._found: dict[str, dict[str, sources.Found]] = {}
        self._unused: list[Unused] = []

    def names(self, split: str) -> list[str]:
        """Names of all clips found, in natural order."""
        return list(self.found(split))

    def read(self, split: str, name: str) -> Clip:
        """One clip; its shipped low-resolution frames too where they lie beside it."""
        found = self.find(split, name)
        source = found.source(self.files, self.every)
        hr_SCHW = frames.from_bytes(source.read())
        return Clip(self.card.name, split, name, hr_SCHW, self._shipped(found, hr_SCHW), flags=source.flags())

    def made_from(self, split: str, name: str) -> list[Path]:
        """The files that a clip is read from, the shipped low-resolution frames among them."""
        found = self.find(split, name)
        if found.broken:
            raise DataError(found.broken)
        if found.stretch is not None:
            return [found.stretch.path]
        own = [found.folder / file for file in self.files] or sources.in_order(found.folder)
        # as they lie there: a neighbour with a frame missing is no input, and no reason to refuse the clip
        return [*own, *(path for folder in shipped_folders(found) for path in sorted(folder.iterdir()))]

    def find(self, split: str, name: str) -> sources.Found:
        """Where one clip lies."""
        found = self.found(split)
        if name not in found:
            raise UnknownNameError(f"clip of {self.card.name}/{split}", name, list(found)[:20])
        return found[name]

    def found(self, split: str) -> dict[str, sources.Found]:
        """All clips of a split by name."""
        if split not in self.card.splits:
            raise UnknownNameError(f"split of {self.card.name}", split, self.card.splits)
        if split not in self._found:
            self._found[split] = self._look(known_root(self.card, self.root), split)
        return self._found[split]

    def unused(self, split: str) -> list[Unused]:
        """What lies under the root and is part of no clip, a kind at a time."""
        self.found(split)
        return self._unused

    def _tree(self, root: Path) -> dict[str, sources.Found]:
        """All clips below a folder; what is beside them is kept for `unused`."""
        tree = sources.look(root, self.reading)
        self._unused = tree.unused
        return tree.clips

    def _look(self, root: Path, split: str) -> dict[str, sources.Found]:
        inside = self.by_split and (root / split).is_dir()
        found = self._tree(root / split if inside else root)
        if self.files:
            found = self._of_files(found)
        missing = [name for name in self.only if name not in found]
        if missing:
            raise DataError(
                f"{self.card.name}: {root} has no clip {', '.join(missing)}; found {', '.join(list(found)[:8])}"
            )
        if self.only:
            self._pass(NO_CLIPS, [place_of(clip) for name, clip in found.items() if name not in self.only])
            found = {name: found[name] for name in self.only}
        self._check_known(root, split, found)
        return found

    def _of_files(self, found: dict[str, sources.Found]) -> dict[str, sources.Found]:
        """The clips that have the data set's files; what else lies in their folders is none of theirs."""
        kept = {name: clip for name, clip in found.items() if clip.broken or self._has_files(clip.folder)}
        self._pass(NO_CLIPS, [place_of(clip) for name, clip in found.items() if name not in kept])
        folders = [clip.folder for clip in kept.values() if not clip.broken]
        there = [path for folder in folders for path in listing(folder).pictures]
        self._pass(NO_FRAMES, [path for path in there if path.name not in self.files])
        return kept

    def _pass(self, why: str, paths: Sequence[Path]) -> None:
        if paths:
            self._unused = [*self._unused, Unused(why, tuple(dict.fromkeys(paths)))]

    def _check_known(self, root: Path, split: str, found: Iterable[str]) -> None:
        """Refuse a folder that has none of the clips that the card names: it is that of another data set."""
        contents = self.card.contents.get(split)
        known = {name.lower() for name in contents.frames} if contents is not None else set()
        names = list(found)
        if known and names and not any(name.lower().rpartition("/")[2] in known for name in names):
            raise DataError(
                f"{root} is not {self.card.name}: it has none of its clips ({', '.join(sorted(known)[:6])}), but "
                f"{', '.join(names[:4])}{', ...' if len(names) > 4 else ''}; for a folder of your own, write "
                f"--dataset {root}"
            )

    def _has_files(self, folder: Path) -> bool:
        return any((folder / file).is_file() for file in self.files)

    def _shipped(self, found: sources.Found, hr_SCHW: Frames) -> Frames | None:
        """The low-resolution frames beside the true ones, x4 if there are several."""
        by_scale: dict[int, Path] = {}
        by_size: dict[Path, tuple[int, int]] = {}
        for folder in shipped_folders(found):
            with suppress(DataError):  # a damaged neighbour is no input of this clip; `data check` names it
                by_size[folder] = frames.size(sources.in_order(folder)[0])
        for folder, (width, height) in by_size.items():
            scale = hr_SCHW.shape[3] // width
            if scale > 1 and (width * scale, height * scale) == (hr_SCHW.shape[3], hr_SCHW.shape[2]):
                by_scale.setdefault(scale, folder)
        if not by_scale:
            return None
        # x4 is what the tables are of; a data set may ship several scales
        chosen = by_scale.get(4) or by_scale[min(by_scale)]
        lr_SChw = frames.from_bytes(sources.Found(chosen).source((), self.every).read())
        return lr_SChw if len(lr_SChw) == len(hr_SCHW) else None


class Anywhere(Folders):
    """All clips under the root: the name of its one split is made up, and a folder called so is like any other."""

    by_split = False


class Septuplets(Folders):
    """Clips `<root>/sequences/<name>/im1.png` to `im7.png`; splits are lists in the root."""

    files = tuple(f"im{i}.png" for i in range(1, 8))
    sequences: ClassVar[str] = "sequences"

    def __init__(self, card: DatasetCard, root: Path | None = None, lists: str = "") -> None:
        super().__init__(card, root, lists)
        self._lists: dict[str, ClipList] = {}

    def read(self, split: str, name: str) -> Clip:
        """One clip, flagged with its list where that is nobody's known one."""
        found = self.find(split, name)
        hr_SCHW = frames.from_bytes(found.source(self.files).read())
        return Clip(self.card.name, split, name, hr_SCHW, flags=self.flags(split, name))

    def made_from(self, split: str, name: str) -> list[Path]:
        """The seven frames, and the list that names the clip."""
        found = self.find(split, name)
        clip_list = self.clip_list(split).path
        return [*(found.folder / file for file in self.files), *([clip_list] if clip_list else [])]

    def unused(self, split: str) -> list[Unused]:
        """What lies beside the seven frames of the clips of a split. Other clips are of other splits by right."""
        beside: list[tuple[str, Path]] = []
        for clip in self.found(split).values():
            with suppress(DataError):  # a folder that is missing fails its clip
                there = listing(clip.folder)
                beside += there.unused
                more = (*there.pictures, *there.videos, *there.nowhere, *there.folders)
                beside += [(NO_FRAMES, path) for path in more if path.name not in self.files]
        return grouped(beside)

    def flags(self, split: str, name: str) -> tuple[str, ...]:
        """What a reader of the row should know of this clip."""
        clip_list = self.clip_list(split)
        return (f"list-{clip_list.sha256[:8]}",) if self._known(split) and not clip_list.by else ()

    def clip_list(self, split: str) -> ClipList:
        """The list of a split as found on this machine.

        Raises:
            NotRunnableError: there is none.
        """
        if split not in self._lists:
            self._lists[split] = self._find_list(split, self._sequences(known_root(self.card, self.root)).parent)
        return self._lists[split]

    def _find_list(self, split: str, root: Path) -> ClipList:
        candidates = [clip_lists.read(path, self._known(split)) for path in self._list_files(root, split)]
        if not candidates:
            wanted = ", ".join(list_names(split)[:3])
            raise NotRunnableError(
                f"{self.card.name}: no list of the split {split} in {root} (looked for {wanted}, ...): "
                f"run stvsr-bench data prepare {self.card.name} --lists"
            )
        return self._choose(split, candidates)

    def _choose(self, split: str, candidates: list[ClipList]) -> ClipList:
        """The list by the wanted author; else the first, which is then named in the log and flagged in rows."""
        for candidate in candidates:
            if self.lists in candidate.by or self.lists not in self._known(split):
                return candidate
        first = candidates[0]
        _say_other_list(self.card.name, first.path, len(first.entries), first.sha256, self.lists)
        # nobody's, though it may be another author's: the flag in the rows must show that it is not the one asked for
        return replace(first, by=frozenset())

    def _known(self, split: str) -> dict[str, SplitList]:
        return {by: splits[split] for by, splits in self.card.lists.items() if split in splits}

    def _list_files(self, root: Path, split: str) -> list[Path]:
        folders = [root, root / "meta_info", root / "lists", list_folder(self.card.plain_name)]
        return [path for folder in folders for name in list_names(split) for path in sorted(folder.glob(name))]

    def _look(self, root: Path, split: str) -> dict[str, sources.Found]:
        sequences = self._sequences(root)
        return {entry: sources.Found(sequences / entry) for entry in self.clip_list(split).entries}

    def _sequences(self, root: Path) -> Path:
        """The folder `sequences`: under the root, one level below, or the root itself."""
        for folder in (root / self.sequences, *sorted(root.glob(f"*/{self.sequences}"))):
            if folder.is_dir():
                return folder
        if root.resolve().name == self.sequences:
            return root.resolve()
        raise DataError(f"{self.card.name}: {root} has no folder '{self.sequences}'; the layout is {self.card.layout}")


@lru_cache(maxsize=100)
def _say_other_list(dataset: str, path: Path, clips: int, sha256: str, lists: str) -> None:
    """Once a process, not each time that the data set is opened."""
    log.warning(
        "%s: %s (%d clips, entries' sha256 %s) is not %s's list; rows carry the flag list-%s",
        dataset, path, clips, sha256, lists, sha256[:8],
    )  # fmt: skip


def known_root(card: DatasetCard, root: Path | None) -> Path:
    """The root of a data set that is on this machine.

    Raises:
        NotRunnableError: nobody said where it is, or there is no such folder.
    """
    told = f"--root, or {card.root_env} in the environment" if card.root_env else "--root"
    if root is None:
        raise NotRunnableError(
            f"where {card.name} lies is not known: give its folder with {told}; "
            f"stvsr-bench data prepare {card.name} says how to get it"
        )
    if not root.exists():
        raise NotRunnableError(f"{card.name}: there is no {root}; give its folder with {told}")
    return root


def place_of(found: sources.Found) -> Path:
    """The folder or video of a clip."""
    return found.folder if found.stretch is None else found.stretch.path


def list_names(split: str) -> list[str]:
    """File names (patterns) under which the list of a split is accepted."""
    return [
        f"{split}_testset.txt",  # Zooming Slow-Mo, STDAN
        f"sep_{split}_testlist.txt",  # RSTT
        f"meta_info_*_{split}_GT.txt",  # BasicSR
        f"sep_{split}list.txt",  # Vimeo-90K itself: train, test
        f"{split}.txt",
    ]


def list_folder(dataset: str) -> Path:
    """Where `data prepare --lists` puts lists of a data set."""
    return plugins.home() / "lists" / dataset


def shipped_folders(found: sources.Found) -> list[Path]:
    """Folders of pictures beside the GT/HR folder of a clip, those called LR or BI... first."""
    parts = found.folder.parts
    at = next((i for i in reversed(range(len(parts))) if parts[i].lower() in sources.HR_NAMES), None)
    if found.stretch is not None or at is None:
        return []
    beside = [folder.name for folder in Path(*parts[:at]).iterdir() if folder.is_dir() and folder.name != parts[at]]
    # mmagic's Vid4 and SPMCS ship BIx4 beside BDx4 (blur-down): bicubic is what the tables are of
    beside.sort(key=lambda name: (not name.lower().startswith(("lr", "bi")), name))
    folders = [Path(*parts[:at], name, *parts[at + 1 :]) for name in beside]
    return [folder for folder in folders if sources.has_pictures(folder)]


def card_of_path(path: Path) -> DatasetCard:
    """A card for a folder of clips, or a video, that is no known data set."""
    name = spelled(path.resolve().name)
    return DatasetCard(name, f"clips in {path}", "anywhere", ["all"], source=str(path))


BUILT_IN: dict[str, type[Reader]] = {
    "folders": Folders, "video": Folders, "anywhere": Anywhere, "septuplets": Septuplets,
}  # fmt: skip
