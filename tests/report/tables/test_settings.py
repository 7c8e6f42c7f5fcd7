"""A way of running a method that moves its numbers is said under the table."""

import pytest

from stvsr_bench.report import tidy
from stvsr_bench.report.tables import settings as ways


def rows(make_row, shift: float, clips: int = 3):
    plain = [make_row("net", "w", "mini", "slow", f"{i}", [30.0 + i] * 7) for i in range(clips)]
    half = [make_row("net [bf16]", "w", "mini", "slow", f"{i}", [30.0 + i + shift] * 7) for i in range(clips)]
    return plain, half


def test_a_deviation_above_a_hundredth_of_a_decibel_is_said_with_its_sign(row):
    plain, half = rows(row, -0.02)
    assert ways.notes(tidy.tidy([*plain, *half])) == [
        "net [bf16]: -0.020 dB PSNR-Y against net run in float32 on whole frames, 3 clips"
    ]


@pytest.mark.parametrize("shift", [0.0, 0.009, -0.009])
def test_a_smaller_one_is_not(row, shift):
    plain, half = rows(row, shift)
    assert ways.notes(tidy.tidy([*plain, *half])) == []


def test_only_clips_that_both_have_are_compared(row):
    plain, half = rows(row, 0.5)
    assert ways.notes(tidy.tidy([plain[0], *half[1:]])) == []
    assert "1 clip" in ways.notes(tidy.tidy([*plain, half[0]]))[0]
    assert ways.notes(tidy.tidy(half)) == []
