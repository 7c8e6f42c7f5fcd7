"""The `adobe240` data set: videos or folders of frames, shared out by three lists of names."""

import logging
from pathlib import Path

from stvsr_bench.data import lists, sources
from stvsr_bench.data.readers import Folders
from stvsr_bench.errors import DataError, NotRunnableError

log = logging.getLogger(__name__)


class Adobe240(Folders):
    """Clips whose video is on the list of the split; a long video gives several."""

    def _look(self, root: Path, split: str) -> dict[str, sources.Found]:
        path = root / f"adobe240fps_folder_{split}.txt"
        found = self._tree(root)
        if not path.is_file():
            if split != "test":
                raise NotRunnableError(f"adobe240: the split {split} needs {path}")
            log.warning("adobe240: there is no %s, so every video is taken as test", path)
            return found
        known = {by: of[split] for by, of in self.card.lists.items() if split in of}
        read = lists.read(path, known)
        if not read.by:
            log.warning("adobe240: %s is not VideoINR's list of %s; published numbers are of that list", path, split)
        wanted = set(read.entries)
        chosen = {name: clip for name, clip in found.items() if _video_name(name, clip) in wanted}
        if not chosen:
            raise DataError(f"adobe240: no video in {root} is on the list {path.name}")
        there = {_video_name(name, clip) for name, clip in chosen.items()}
        # on the list and not there: a clip that fails, and no mean of fewer clips
        gone = {
            name: f"{root} has no video or folder {name}, which is on the list {path.name}" for name in wanted - there
        }
        return chosen | {name: sources.Found(root, broken=why) for name, why in sorted(gone.items())}


def _video_name(name: str, clip: sources.Found) -> str:
    return clip.stretch.path.stem if clip.stretch is not None else name.rpartition("/")[2]
