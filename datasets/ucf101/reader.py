"""The `ucf101` data set: triplets under fixed names, other files of the folder left alone."""

from stvsr_bench.data.readers import Folders


class Ucf101(Folders):
    """Two given frames and the true one between them."""

    files = ("frame_00.png", "frame_01_gt.png", "frame_02.png")
