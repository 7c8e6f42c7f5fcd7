"""The `reds4` data set: four clips of REDS train, wherever in the tree they lie."""

from pathlib import Path

from stvsr_bench.data import sources
from stvsr_bench.data.readers import Folders


class Reds4(Folders):
    """Clips 000, 011, 015 and 020."""

    only = ("000", "011", "015", "020")

    def _look(self, root: Path, split: str) -> dict[str, sources.Found]:
        sharp = next(
            (folder for folder in (root / "train" / "train_sharp", root / "train_sharp") if folder.is_dir()), root
        )
        return super()._look(sharp, split)
