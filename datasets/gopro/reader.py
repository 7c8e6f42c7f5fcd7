"""The `gopro` data set: sharp frames of GOPRO_Large, or every frame of GOPRO_Large_all."""

from pathlib import Path

from stvsr_bench.data import sources
from stvsr_bench.data.readers import Folders
from stvsr_bench.errors import NotRunnableError

EVERY = "all-test"  # the split with every 240 fps frame


class GoPro(Folders):
    """Clips `<split>/<clip>/sharp/*.png`; of `all-test` those of `test/<clip>/*.png`, which has no such folder."""

    def _look(self, root: Path, split: str) -> dict[str, sources.Found]:
        if split != EVERY:
            return super()._look(root, split)
        found = self._tree(root / "test" if (root / "test").is_dir() else root)
        # GOPRO_Large has folders called sharp, blur and blur_gamma in each clip; GOPRO_Large_all has the frames there
        sparse = [name for name, clip in found.items() if clip.stretch is None and "sharp" in clip.folder.parts[-1:]]
        if sparse or not found:
            raise NotRunnableError(
                f"gopro: split {EVERY} is every frame of GOPRO_Large_all (test/<clip>/*.png); {root} holds "
                + ("the sharp frames of GOPRO_Large, which are the split test" if sparse else "no clip")
            )
        return found
