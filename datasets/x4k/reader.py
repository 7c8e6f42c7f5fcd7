"""The `x4k` data set: every fourth frame, the nine that x8 interpolation is scored on."""

from stvsr_bench.data.readers import Folders


class XTest(Folders):
    """Frames 0, 4, ..., 32 of each clip."""

    every = 4
