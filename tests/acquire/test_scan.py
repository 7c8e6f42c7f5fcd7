import threading

import numpy as np
import pytest

from stvsr_bench.acquire.scan import sample, scan
from stvsr_bench.errors import DataError
from stvsr_bench.schema import Clip


def read(name):
    if name == "bad":
        raise DataError("im3.png is missing")
    return Clip("mine", "test", name, np.zeros((1, 3, 4, 4), np.float32))


@pytest.mark.parametrize("jobs", [1, 3, 50])
def test_results_come_in_order_and_a_bad_clip_does_not_end_it(jobs):
    names = ["a", "bad", *"cdefgh"]
    found = dict(scan(read, names, lambda clip: clip.name.upper(), jobs))
    assert list(found) == names
    assert found["c"] == "C"
    assert str(found["bad"]) == "im3.png is missing"


def test_several_clips_are_looked_at_at_once():
    meeting = threading.Barrier(3, timeout=20)
    assert len(list(scan(read, list("abc"), lambda clip: meeting.wait(), jobs=3))) == 3


def test_our_own_mistakes_are_not_taken_for_bad_clips():
    with pytest.raises(ZeroDivisionError):
        list(scan(read, ["a"], lambda clip: 1 / 0, 1))


@pytest.mark.parametrize(("count", "wanted"), [(0, "abcdefghij"), (3, "aej"), (1, "a"), (99, "abcdefghij")])
def test_a_sample_is_spread_evenly(count, wanted):
    assert "".join(sample(list("abcdefghij"), count)) == wanted
