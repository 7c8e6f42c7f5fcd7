"""One method on one clip or video: low resolution, windows, padding, tiles, flip-test."""

from stvsr_bench.restore.clip import LrFrames, Restored, forward, restore, stream
from stvsr_bench.restore.device import pick_device, place
from stvsr_bench.restore.lr import low_resolution, mod_crop
from stvsr_bench.restore.padding import pad

__all__ = [
    "LrFrames", "Restored", "forward", "low_resolution", "mod_crop", "pad", "pick_device", "place", "restore", "stream",
]  # fmt: skip
