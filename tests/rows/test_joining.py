"""Two rows of one key made one: what the second adds, and what they may differ by."""

import math
from dataclasses import replace

import pytest

from stvsr_bench.errors import DataError
from stvsr_bench.rows.joining import joined

CLIP = {"frames": [0, 1, 2], "given": [True, False, True], "truth": "1", "input": "1", "source": "1"}


@pytest.fixture
def first(row):
    return row(values={"psnr_y": [30.0, math.inf, 31.0]}, scalars={"tof": 0.5}, **CLIP)


def of(first, second, facts=None):
    return joined(first, second, facts or {}, "here")


def test_the_first_row_stays_and_gets_what_the_second_has_besides(first):
    second = replace(first, values={"ssim_y": [0.9] * 3}, scalars={"vmaf": 90.0}, seconds={"score": 2.0}, env="x")
    both = of(first, second)
    assert both == replace(first, values={**second.values, **first.values}, scalars={**second.scalars, **first.scalars})
    near = replace(first, values={"psnr_y": [30.0 + 1e-5, math.inf, 31.0]})
    assert of(first, near) == first and of(near, first) == near


OTHER = {
    "method": "n", "weights_sha256": "a" * 64, "source": "2", "dataset": "d", "split": "s", "clip": "c",
    "protocol_key": "p", "frames": [0, 1, 3], "given": [True] * 3, "size": (8, 12), "params": 3, "truth": "2",
    "input": "2",
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER)
def test_rows_of_two_things_are_refused_by_the_name_of_what_differs(first, name):
    second = replace(first, **{name: OTHER[name]})
    said = rf"^here: {second.method} on {second.clip} has other values than the other row of it \({name}\)$"
    with pytest.raises(DataError, match=said):
        of(first, second)


@pytest.mark.parametrize("name", ["truth", "input", "source"])
def test_what_one_row_does_not_say_contradicts_nothing(first, name):
    silent = replace(first, **{name: ""})
    assert of(first, silent) == first and of(silent, first) == silent


@pytest.mark.parametrize("name", ["weights_sha256", "split"])
def test_what_every_row_says_must_be_equal_also_where_one_says_nothing(first, name):
    with pytest.raises(DataError, match=name):
        of(replace(first, **{name: "x"}), replace(first, **{name: ""}))


def psnr(first, *values):
    return replace(first, values={"psnr_y": list(values)})


# 4e-4 dB of the mean of three frames where the two machines are not known (rows/tolerances.py)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_mean_may_differ_by_its_limit_whatever_single_frames_do(first, sign):
    of(first, psnr(first, 30.0 + sign * 11e-4, math.inf, 31.0))
    of(first, psnr(first, 30.0 + sign * 1.0, math.inf, 31.0 - sign * 1.0))
    with pytest.raises(DataError, match="psnr_y"):
        of(first, psnr(first, 30.0 + sign * 13e-4, math.inf, 31.0))


@pytest.mark.parametrize(
    "values", [[30.0, 31.0, 31.0], [30.0, math.nan, 31.0], [30.0, -math.inf, 31.0], [30.0, math.inf], [math.inf] * 3]
)
def test_what_cannot_be_subtracted_is_a_difference(first, values):
    with pytest.raises(DataError, match="psnr_y"):
        of(first, psnr(first, *values))


def test_a_value_that_no_one_can_compute_may_be_missing_on_both_sides(first):
    row = replace(first, scalars={"tof": math.nan})
    assert math.isnan(of(row, row).scalars["tof"])


def test_metrics_without_a_limit_must_be_equal_to_the_last_digit(first):
    rows = [replace(first, values={"lpips": [value] * 3}) for value in (0.5, math.nextafter(0.5, 1))]
    with pytest.raises(DataError, match="lpips"):
        of(*rows)
    with pytest.raises(DataError, match="tof"):
        of(first, replace(first, scalars={"tof": math.nextafter(0.5, 1)}))


def test_the_limits_are_those_of_the_machines_that_made_the_rows(first):
    """On one machine with the same versions 1e-6 dB: the facts of each row are those that its `env` names."""
    machine = {"system": "Linux x86_64", "cpu": "one", "code_paths": {"torch": "AVX2"}}
    facts = {
        "e": {"machine": machine, "versions": {"torch": "2"}},
        "f": {"machine": machine, "versions": {"torch": "3"}},
    }
    near = psnr(first, 30.0 + 1e-4, math.inf, 31.0)
    with pytest.raises(DataError, match="psnr_y"):
        of(first, near, facts)
    assert of(first, replace(near, env="f"), facts) == first
    assert of(replace(first, env="f"), near, facts).env == "f"


def test_what_made_two_contradicting_rows_is_said(first):
    """The edited method of one machine, and the old one of another."""
    second = replace(psnr(first, 10.0, math.inf, 11.0), scalars={"tof": 0.1}, made={"code": "2", "seed": "0"})
    with pytest.raises(DataError, match=r"\(psnr_y, tof\); not made in the same way: its code$"):
        of(replace(first, made={"code": "1", "seed": "0"}), second)
