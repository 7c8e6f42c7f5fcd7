"""Lines of `published.csv` that no paper printed, and rows held against them."""

import csv
import io

import pytest

from stvsr_bench.report.published.values import read_published
from stvsr_bench.report.published.verdicts import ledger
from stvsr_bench.report.tidy import tidy

HEAD = (
    "method,printed,group,dataset,split,clip,scale,time_scale,protocol,procedure,"
    "psnr_y,ssim_y,psnr_rgb,ssim_rgb,params_m,status,source,source_url,note\n"
)
VID4 = ("calendar", "city", "foliage", "walk")


def make_line(psnr="", protocol="zsm-2020", **changes):
    """One line of `published.csv`; Zooming Slow-Mo on all of Vid4, x4 and x2 in time, unless changed."""
    line = dict.fromkeys(HEAD.strip().split(","), "")
    line |= {"method": "zsm", "printed": "Zooming Slow-Mo", "dataset": "vid4", "split": "test", "scale": "4.0"}
    line |= {"time_scale": "2", "status": "confirmed", "source": "a paper", "source_url": "https://example.org"}
    line |= {"protocol": protocol, "psnr_y": str(psnr), **changes}
    out = io.StringIO()
    csv.DictWriter(out, line, lineterminator="\n").writerow(line)
    return out.getvalue()


def read_lines(*lines):
    """The published values of lines."""
    return read_published(HEAD + "".join(lines))


def entries_of(rows, *lines, clips=None):
    """The ledger of rows against lines of the published file."""
    return ledger(tidy(rows), read_lines(*lines), clips)


@pytest.fixture
def one():
    """`make_line`."""
    return make_line


@pytest.fixture
def published():
    """`read_lines`."""
    return read_lines


@pytest.fixture
def against():
    """`entries_of`."""
    return entries_of


@pytest.fixture
def judged():
    """The verdicts of `entries_of`."""
    return lambda *args, **clips: [entry.verdict for entry in entries_of(*args, **clips)]


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
