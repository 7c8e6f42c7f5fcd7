"""The `middlebury` data set: triplets under fixed names, because 10, 10i11, 11 is no order of numbers."""

from stvsr_bench.data.readers import Folders


class Middlebury(Folders):
    """Two given frames and the true one between them."""

    files = ("frame10.png", "frame10i11.png", "frame11.png")
