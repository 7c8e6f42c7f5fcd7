"""Which true frames stand beside the restored ones, and what a row claims of its bits."""

from dataclasses import replace

import numpy as np
import pytest

from stvsr_bench import methods, protocols
from stvsr_bench.restore.clip import Restored
from stvsr_bench.runner.evaluate import Wanted, evaluate, true_frames
from stvsr_bench.schema import Clip, Settings


def restored(frames):
    return Restored(frames, np.zeros((len(frames), 3, 4, 4), np.float32), [True] * len(frames))


def test_true_frames_are_those_that_were_restored_and_are_copied_only_if_some_were_not():
    hr_SCHW = np.arange(7, dtype=np.float32)[:, None, None, None] * np.ones((1, 3, 4, 4), np.float32)
    clip = Clip("d", "s", "c", hr_SCHW)
    assert true_frames(clip, restored([*range(7)])) is hr_SCHW
    assert true_frames(clip, restored([*range(6)]))[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert true_frames(clip, restored([1, 3]))[:, 0, 0, 0].tolist() == [1, 3]


@pytest.mark.parametrize(
    ("spec", "round_8bit", "settings", "exact"),
    [
        ("dis+bicubic", True, Settings(), True),
        ("bicubic+blend", True, Settings(), True),
        ("dis+bicubic", False, Settings(), False),  # the last bit of a float may differ between processors
        ("dis+bicubic", True, Settings(precision="bf16"), False),
        ("stdan@mini", True, Settings(), False),
    ],
)
def test_only_8_bit_frames_of_methods_without_a_network_are_called_bit_exact(
    tiny_hr, spec, round_8bit, settings, exact
):
    protocol = replace(protocols.get("suite-1"), round_8bit=round_8bit)
    clip = Clip("own", "all", "c", tiny_hr)
    (row,) = evaluate(methods.build(spec), clip, Wanted((protocol,), ("mse_y",), settings))
    assert row.bit_exact == exact
