"""What a run writes down and shows while it trains."""

import pytest

from stvsr_bench.train.logs import REMEMBERED, RunningLoss


def test_the_running_loss_begins_at_the_first_and_follows_slowly():
    running = RunningLoss()
    assert running.add(2.0) == 2.0
    assert running.add(1.0) == pytest.approx(REMEMBERED * 2.0 + (1 - REMEMBERED) * 1.0)
    assert running.mean < 2.0
