"""Functions that are the same on every processor and system, against mpmath with 50 digits."""

import math
import random
import re
from pathlib import Path

import numpy as np
import pytest

from stvsr_bench import rounded

mpmath = pytest.importorskip("mpmath")
PACKAGE = Path(__file__).parents[1] / "stvsr_bench"


def values(count, low, high):
    chance = random.Random(0)
    return [chance.uniform(low, high) for _ in range(count)]


def test_they_are_the_float_that_is_nearest_to_the_true_value():
    with mpmath.workdps(50):
        for x in [*values(2000, 1e-3, 7e4), 1.0, 10.0, 65025.0, 1e-300, 1e300]:
            assert rounded.log10(x) == float(mpmath.log10(mpmath.mpf(x)))
        for x in [*values(2000, -30, 5), 0.0]:
            assert rounded.exp(x) == float(mpmath.exp(mpmath.mpf(x)))
        for x in [*values(2000, 0, 1), 0.0, 1.0]:
            assert rounded.power(x, 0.2856) == float(mpmath.power(mpmath.mpf(x), mpmath.mpf(0.2856)))


def test_numpy_is_within_one_unit_in_the_last_place():
    x = np.array(values(5000, 1e-3, 7e4))
    ours, theirs = np.array([rounded.log10(value) for value in x.tolist()]), np.log10(x)
    assert np.all(np.abs(ours - theirs) <= np.spacing(np.abs(ours)))


def test_what_has_no_value_is_infinite_or_no_number():
    assert rounded.log10(0.0) == -math.inf and rounded.log10(math.inf) == math.inf
    assert math.isnan(rounded.log10(math.nan)) and math.isnan(rounded.log10(-1.0))


@pytest.mark.parametrize(
    "path",
    [*sorted((PACKAGE / "metrics").glob("*.py")), PACKAGE / "data" / "degrade.py", PACKAGE / "nn" / "resize.py"],
    ids=lambda path: path.name,
)
def test_no_metric_or_degradation_computes_a_function_that_differs_between_processors(path):
    text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
    assert not re.search(r"\bnp\.(exp|exp2|log|log2|log10|power|sin|cos|tan|cbrt)\(|\*\* ?3\b", text)
    assert path.parent.name != "metrics" or not re.search(r"\bmath\.(exp|log\w*|pow)\(", text)
