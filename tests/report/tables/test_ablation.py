"""Ablation variants against the first: paired differences, and the Markdown that shows them."""

import pytest

from stvsr_bench.report.tables.ablation import ablation_md, compared
from stvsr_bench.train.ablate import Result


def result(name: str, *psnr: float) -> Result:
    return Result(name, "x", 10, 1000, 0.5, 0.01, 1.0, {"a": list(psnr)}, {"a": [p - 1 for p in psnr]}, 5.0)


def test_differences_are_paired_by_clip() -> None:
    rows = compared([result("base", 30.0, 40.0, 20.0), result("better", 30.5, 40.5, 20.5)])
    assert rows[1]["difference_db"] == pytest.approx([0.5, 0.5, 0.5])  # the clips differ by 10 dB, the pairs do not
    assert "+0.500" in ablation_md(compared([result("base", 30.0), result("better", 30.5)]))


def test_the_base_and_a_single_clip_show_no_interval() -> None:
    text = ablation_md(compared([result("base", 30.0, 40.0), result("better", 30.5, 40.4)]))
    base, better = text.splitlines()[2:4]
    assert "[" not in base
    assert "+0.450 [" in better
    assert "[" not in ablation_md(compared([result("base", 30.0), result("better", 30.5)])).split("10 steps")[0]
    assert "10 steps each" in text and "2 clips of a." in text


def test_a_difference_that_rounds_to_zero_has_no_minus():
    assert "-0.000" not in ablation_md(compared([result("base", 30.0), result("same", 29.9999)]))
