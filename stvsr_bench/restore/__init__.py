"""One method on one clip or video: windows, padding, tiles, flip-test."""

from stvsr_bench.restore.clip import LrFrames, Restored, forward, pad, pick_device, place, restore, stream

__all__ = ["LrFrames", "Restored", "forward", "pad", "pick_device", "place", "restore", "stream"]
