import numpy as np
import pytest

from stvsr_bench.data.frames import write_png


@pytest.fixture
def draw():
    """A function that writes a clip of small random frames into a folder and gives the frames back."""

    def drawn(folder, names, width=24, height=16, seed=0):
        random = np.random.default_rng(seed)
        frames_SHWC = random.integers(0, 256, (len(names), height, width, 3), dtype=np.uint8)
        for name, frame_HWC in zip(names, frames_SHWC, strict=True):
            write_png(folder / name, frame_HWC)
        return frames_SHWC

    return drawn
