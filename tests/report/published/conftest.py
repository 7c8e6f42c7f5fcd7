"""Rows held against lines of `published.csv` that no paper printed."""

import pytest

from stvsr_bench.report.published.verdicts import ledger
from stvsr_bench.report.tidy import tidy

VID4 = ("calendar", "city", "foliage", "walk")


@pytest.fixture
def against(published):
    """The ledger of rows against lines of the published file."""
    return lambda rows, *lines, clips=None: ledger(tidy(rows), published(*lines), clips)


@pytest.fixture
def judged(against):
    """The verdicts of `against`."""
    return lambda *args, **clips: [entry.verdict for entry in against(*args, **clips)]


@pytest.fixture
def vid4(row):
    """Makes the rows of one method on clips of Vid4, every frame with the same PSNR."""

    def make(psnr, method="zsm", weights="authors", clips=VID4, protocol="zsm-2020", **changes):
        return [row(method, weights, "vid4", "test", clip, [psnr] * 7, protocol=protocol, **changes) for clip in clips]

    return make


@pytest.fixture
def rows(vid4):
    """Zooming Slow-Mo on all of Vid4 under two protocols."""
    return [*vid4(36.805), *vid4(36.70, protocol="stdan-2023")]
