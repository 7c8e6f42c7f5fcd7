"""Rows as they are kept when there are many: the same to every reader, in a seventh of the room."""

import copy
import dataclasses
import pickle

import pytest

from stvsr_bench.rows import lean, store
from stvsr_bench.rows.lines import line_of
from stvsr_bench.schema import Row

FIELDS = [field.name for field in dataclasses.fields(Row)]


@pytest.fixture(scope="module")
def odd_rows(row):
    return [
        row(),
        row("1", values={"psnr_y": [float("inf"), -0.0], "vfi": [float("nan"), 1e-308]}, motion_px=None),
        row("2", frames=[], given=[], values={"psnr_y": [], "ssim_y": []}, scalars={"tof": 0.1, "cvvdp": float("inf")}),
        row("3", seconds={"read": 0.25, "restore": 1 / 3}, flags=["flat:1"], how={"device": "cpu"}, motion_px=2.5),
        row("4", values={}, seconds={}, made={"code": "a"}, stamp="s", truth="t", input="i", params=None, asked="net"),
        row("5", values={"psnr_y": [1.0, 2.0]}, scalars={"psnr": 3.0}, untrained=True, weights_sha256="a" * 64),
    ]


def test_a_lean_row_reads_as_the_row_that_it_is_of(odd_rows):
    shared = lean.Shared()
    for plain, packed in [(one, shared.row(copy.deepcopy(one))) for one in odd_rows]:
        assert isinstance(packed, Row) and isinstance(packed, lean.LeanRow)
        for name in FIELDS:
            assert repr(getattr(packed, name)) == repr(getattr(plain, name)), name  # NaN and -0.0 are told apart so
        for name in ("contents", "planned", "own_key", "incomplete"):
            assert getattr(packed, name) == getattr(plain, name)
        assert line_of(packed) == line_of(plain)
        for again in (lean.whole(packed), pickle.loads(pickle.dumps(packed)), copy.deepcopy(packed)):
            assert type(again) is Row and repr(again) == repr(plain)
        changed = {"clip": "other", "values": {"psnr_y": [1.0] * len(plain.frames)}}
        assert repr(dataclasses.replace(packed, **changed)) == repr(dataclasses.replace(plain, **changed))


def test_lean_rows_are_equal_where_plain_rows_are(odd_rows, row):
    shared, others = lean.Shared(), lean.Shared()
    without_nan = [one for one in odd_rows if one.clip != "1"]
    assert [shared.row(one) for one in without_nan] == [others.row(copy.deepcopy(one)) for one in without_nan]
    assert [shared.row(one) for one in without_nan] == without_nan == [shared.row(one) for one in without_nan]
    assert shared.row(row()) != others.row(row(psnr=30.001)) and shared.row(row()) != others.row(row(method="other"))


def test_a_lean_row_is_frozen_and_is_not_changed_by_who_changes_its_lists(row):
    packed = lean.Shared().row(row())
    packed.values["psnr_y"][0] = 0.0
    packed.values["more"] = [1.0, 2.0]
    assert packed.values == row().values
    with pytest.raises(dataclasses.FrozenInstanceError):
        packed.clip = "other"


def test_rows_that_differ_in_anything_shared_do_not_share_it(row):
    """Rows of one text after another: `1` and `True`, or an empty list and none, are not the same thing."""
    shared = lean.Shared()
    made = [row(), row(untrained=True), row(params=1), row(params=None), row(size=(8, 9)), row(flags=["a"]), row()]
    rows = [shared.row(copy.deepcopy(one)) for one in made]
    assert [repr(lean.whole(one)) for one in rows] == [repr(one) for one in made]
    assert rows[0].frames is rows[-1].frames and rows[0].flags is not rows[5].flags


def test_what_is_read_from_a_store_is_lean(tmp_path, row, write):
    write(tmp_path, [row(), row("1")])
    assert all(isinstance(one, lean.LeanRow) for one in store.read_rows(tmp_path))
