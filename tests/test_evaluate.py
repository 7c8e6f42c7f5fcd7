"""Which true frames stand beside the restored ones."""

import numpy as np

from stvsr_bench.evaluate import true_frames
from stvsr_bench.restore import Restored
from stvsr_bench.schema import Clip


def restored(frames):
    return Restored(frames, np.zeros((len(frames), 3, 4, 4), np.float32), [True] * len(frames))


def test_true_frames_are_those_that_were_restored_and_are_copied_only_if_some_were_not():
    hr_SCHW = np.arange(7, dtype=np.float32)[:, None, None, None] * np.ones((1, 3, 4, 4), np.float32)
    clip = Clip("d", "s", "c", hr_SCHW)
    assert true_frames(clip, restored([*range(7)])) is hr_SCHW
    assert true_frames(clip, restored([*range(6)]))[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert true_frames(clip, restored([1, 3]))[:, 0, 0, 0].tolist() == [1, 3]
