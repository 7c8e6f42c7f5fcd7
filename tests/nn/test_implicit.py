"""Places of queries, chunks of them, and sine networks."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from stvsr_bench.nn import implicit
from stvsr_bench.nn.implicit import Copying, Queries, Siren, sine

ALL = slice(None)


def maps(h, w, channels=3):
    torch.manual_seed(0)
    return torch.rand(2, channels, h, w).double()


@pytest.mark.parametrize(
    ("low", "high"), [((4, 6), (16, 24)), ((5, 7), (12, 21)), ((20, 24), (50, 63)), ((8, 8), (8, 8))]
)
def test_the_nearest_pixel_is_the_one_whose_centre_is_nearest_and_a_tie_goes_up(low, high):
    queries = Queries(low, high, maps(*low))
    for axis, few, many in ((queries.y, low[0], high[0]), (queries.x, low[1], high[1])):
        for i in range(many):
            place = (2 * i + 1) * few  # in units of half a high pixel of a low one: exact
            gaps = [abs(place - (2 * n + 1) * many) for n in range(few)]
            nearest = max(n for n in range(few) if gaps[n] == min(gaps))
            assert int(axis.nearest[i]) == nearest
            assert math.isclose(float(axis.relative[i]), (place - (2 * nearest + 1) * many) / many, abs_tol=1e-15)


def test_without_ties_the_nearest_is_torchs():
    low = maps(5, 7)
    seen = Queries((5, 7), (20, 21), low).nearest(low, ALL)
    assert torch.equal(seen, F.interpolate(low, size=(20, 21), mode="nearest-exact"))


def test_a_map_read_at_the_queries_is_the_bilinear_picture_but_for_the_dark_border():
    low = maps(5, 7)
    queries, large = Queries((5, 7), (20, 28), low), F.interpolate(low, size=(20, 28), mode="bilinear")
    seen = queries.bilinear(low, ALL)
    assert_close(seen[..., 2:-2, 2:-2], large[..., 2:-2, 2:-2], rtol=0, atol=1e-12)
    assert_close(
        seen[..., 0, 3], 0.625 * large[..., 0, 3], rtol=0, atol=1e-12
    )  # 1/8 - 1/2 of a pixel beyond its centre


def test_chunks_keep_to_the_budget_and_cover_every_row_once(monkeypatch):
    queries = Queries((4, 4), (13, 10), maps(4, 4))
    monkeypatch.setattr(implicit, "QUERY_BYTES", 3 * 10 * 2 * 8 * 5)  # three rows of ten queries of two items
    rows = list(queries.rows(floats=5))
    assert [(each.start, each.stop) for each in rows] == [(0, 3), (3, 6), (6, 9), (9, 12), (12, 13)]
    assert [(each.start, each.stop) for each in queries.rows(10**9)] == [(i, i + 1) for i in range(13)]


def test_a_siren_is_its_formula():
    net = Siren(5, [4, 6], 3).double()
    x = torch.rand(2, 5, 3, 2).double()
    keys = ["net.0.linear", "net.1.linear", "net.2"]
    assert {key.rpartition(".")[0] for key in net.state_dict()} == set(keys)
    (w0, b0), (w1, b1), (w2, b2) = [(net.state_dict()[f"{k}.weight"], net.state_dict()[f"{k}.bias"]) for k in keys]
    one = torch.sin(30 * (x[1, :, 2, 1] @ w0.T + b0))
    expected = torch.sin(30 * (one @ w1.T + b1)) @ w2.T + b2
    assert_close(net(x)[1, :, 2, 1], expected, rtol=0, atol=1e-12)


def test_a_sine_leaves_a_graph_that_autograd_can_use():
    z = torch.rand(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: sine(z + 0.0), (z,))


def test_a_copying_network_is_the_same_however_it_is_computed():
    low, net = maps(4, 5), Siren(2 + 3 + 4, [8], 2).double()
    queries = Queries((4, 5), (9, 11), low)
    before, after = maps(9, 11, 2)[:, :, 2:6], maps(9, 11, 4)[:, :, 2:6]
    plain, fast = (Copying(net, low, queries, engine, before=2) for engine in ("plain", "fast"))
    rows = slice(2, 6)
    expected = net(torch.cat([before, queries.nearest(low, rows), after], dim=1))
    for each in (plain, fast, fast):  # twice: nothing that is kept may be changed in place
        assert_close(each(rows, [before], [after]), expected, rtol=0, atol=1e-12)
