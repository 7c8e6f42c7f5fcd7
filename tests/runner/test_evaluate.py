"""Which true frames stand beside the restored ones, and what a row claims of its bits."""

from dataclasses import replace

import numpy as np
import pytest

from stvsr_bench import methods, protocols
from stvsr_bench.data.windows import windows_of
from stvsr_bench.runner.evaluate import evaluate
from stvsr_bench.runner.measure import Wanted, true_frames
from stvsr_bench.schema import Clip, Settings


def test_true_frames_are_those_that_were_restored_and_are_copied_only_if_some_were_not():
    hr_SCHW = np.arange(7, dtype=np.float32)[:, None, None, None] * np.ones((1, 3, 4, 4), np.float32)
    assert true_frames(Clip("d", "s", "c", hr_SCHW), windows_of(7, protocols.get("suite-1"))) is hr_SCHW
    even = Clip("d", "s", "c", hr_SCHW[:6])  # its last frame has no given one after it
    assert true_frames(even, windows_of(6, protocols.get("suite-1")))[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
    ten = Clip("d", "s", "c", np.repeat(hr_SCHW, 2, axis=0)[:10])
    assert len(true_frames(ten, windows_of(10, protocols.get("zsm-2020")))) == 7


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
