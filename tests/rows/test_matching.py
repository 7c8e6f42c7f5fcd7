"""Which row is which: a gate never compares two checkpoints, protocols or clips as one, and misses none."""

import itertools

import pytest

from stvsr_bench.rows import gate_text
from stvsr_bench.rows.matching import doubled, identity, match

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def lines(judgement):
    return sorted((move.verdict, move.method, move.where, move.what) for move in judgement.moves)


@pytest.fixture
def of(row):
    """Rows of files of weights under one tag: `of({"0": "A"})` is clip 0 by file A."""
    return lambda **files: [
        row(clip, psnr=psnr, weights_sha256=sha256) for clip, found in files.items() for sha256, psnr in found.items()
    ]


@pytest.mark.parametrize("field", ["method", "weights", "weights_sha256", "dataset", "split", "clip", "protocol_key"])
def test_rows_that_differ_in_one_part_of_their_identity_are_two(between, row, field):
    """Of each, a drop is found wherever it is, and neither stands in for the other."""
    first, other = row(weights_sha256=A), row(**{"weights_sha256": A, field: B})
    dropped = [row(weights_sha256=A, psnr=25.0), row(**{"weights_sha256": A, field: B, "psnr": 25.0})]
    assert between([first, other], [other, first]).passed
    for after in ([dropped[0], other], [first, dropped[1]], [other, dropped[0]]):
        judgement = between([first, other], after)
        assert [(move.verdict, move.what) for move in judgement.moves] == [("regressed", "psnr_y")]
        assert judgement.compared == 4
    for left in (first, other):  # fewer rows than the baseline
        assert [move.verdict for move in between([first, other], [left]).moves] == ["missing"]
        assert [move.verdict for move in between([left], [first, other]).moves] == ["new"]


def test_a_new_row_passes_and_a_missing_one_does_not(between, row):
    assert between([row("0")], [row("0"), row("1")]).passed
    assert not between([row("0"), row("1")], [row("0")]).passed


def test_a_file_that_replaced_another_is_changed_weights_and_its_values_are_compared(between, of):
    judgement = between(of(x={A: 30.0}, y={A: 30.0}), of(x={B: 30.0}, y={B: 25.0}))
    changed = [("changed", "net@mini", f"mini/fast/{clip}", "weights") for clip in "xy"]
    assert lines(judgement) == sorted([*changed, ("regressed", "net@mini", "mini/fast/y", "psnr_y")])
    assert (judgement.moves[0].before, judgement.moves[0].after) == (A[:12], B[:12])


def test_a_file_beside_the_one_of_the_baseline_is_new_and_never_compared_with_it(between, of):
    """Whichever was measured last, and on whichever clips."""
    judgement = between(of(x={A: 30.0}), of(x={A: 30.0, B: 10.0}))
    assert judgement.passed and lines(judgement) == [("new", f"net@mini@mini#{B[:8]}", "mini/fast/x", "row")]
    hidden = between(of(x={A: 30.0}), of(x={A: 25.0, B: 30.0}))  # stale or better rows hide no drop
    assert [move.verdict for move in hidden.moves if move.bad] == ["regressed"]
    # B was measured where A was not: A has a missing clip, it was not replaced on that one
    partly = between(of(x={A: 30.0}, y={A: 30.0}), of(x={A: 30.0}, y={B: 30.0}))
    assert sorted(move.verdict for move in partly.moves) == ["missing", "new"]


def test_where_several_files_may_have_replaced_one_nothing_is_compared_and_the_gate_stops(between, of):
    judgement = between(of(x={A: 30.0}), of(x={B: 30.0, C: 30.0}))
    (weights, *new) = judgement.moves
    assert (weights.verdict, weights.what, weights.before) == ("changed", "weights", A[:12])
    assert weights.after.startswith(f"{B[:12]} or {C[:12]}") and [move.verdict for move in new] == ["new", "new"]
    assert judgement.compared == 0 and not judgement.passed
    fewer = between(of(x={A: 30.0, B: 30.0}), of(x={C: 30.0}))
    assert [move.verdict for move in fewer.moves if move.bad] == ["changed", "changed"]
    elsewhere = between(of(x={A: 30.0}, y={A: 30.0}), of(x={B: 30.0, C: 30.0}))
    assert ("missing", "net@mini@mini", "mini/fast/y") in [
        (move.verdict, move.method.partition("#")[0], move.where) for move in elsewhere.moves
    ]


def test_a_row_that_does_not_know_its_file_is_compared_and_that_is_no_equal_file(between, of):
    assert between(of(x={"": 30.0}), of(x={"": 30.0})).passed  # methods without weights
    judgement = between(of(x={"": 30.0}), of(x={A: 30.0}))
    assert [(move.verdict, move.what) for move in judgement.moves] == [("changed", "weights")]


@pytest.mark.parametrize("where", ["baseline", "run"])
def test_two_rows_of_one_identity_are_stopped(between, row, where):
    two = [row(), row(key="another")]
    sides = (two, [row()]) if where == "baseline" else ([row()], two)
    judgement = between(*sides)
    assert not judgement.passed and judgement.compared == 2
    assert [(move.verdict, move.what) for move in judgement.moves] == [
        ("doubled", f"2 rows in the {where}, one is wanted")
    ]
    assert "| doubled | net@mini | mini/fast/0 |" in gate_text.markdown(judgement)


def test_a_row_measured_again_under_one_key_is_one_row(between, row):
    assert between([row()], [row(psnr=10.0), row()]).passed
    assert doubled([row(), row("1")]) == []
    assert [(identity(one), count) for one, count in doubled([row(), row(key="x"), row(key="y")])] == [
        (identity(row()), 3)
    ]


def test_names_are_as_long_as_keeps_the_lines_apart(between, row):
    assert {move.method for move in between([row()], [row(psnr=1.0)]).moves} == {"net@mini"}
    tags = [row(weights=tag, psnr=1.0) for tag in ("one", "two")]
    assert {m.method for m in between([], tags).moves} == {"net@mini@one", "net@mini@two"}
    protocols = [row(protocol_key=key) for key in ("suite-1.1-0", "zsm-2020.1-0")]
    assert {m.where for m in between([], protocols).moves} == {
        "mini/fast/0 (suite-1.1-0)",
        "mini/fast/0 (zsm-2020.1-0)",
    }


def test_every_row_of_both_sides_is_accounted_for_once(of):
    """All ways in which three files may lie on two clips of both sides."""
    subsets = [set(some) for size in range(3) for some in itertools.combinations((A, B, C), size)]
    for old_x, old_y, new_x, new_y in itertools.product(subsets, repeat=4):
        before, after = (
            of(x=dict.fromkeys(sorted(x), 30.0), y=dict.fromkeys(sorted(y), 30.0))
            for x, y in ((old_x, old_y), (new_x, new_y))
        )
        found = match(before, after)
        left = [a for a, _ in found.pairs] + found.missing + [a for a, _ in found.unclear]
        assert sorted(map(identity, left)) == sorted(map(identity, before))
        assert sorted(identity(one) for one in [b for _, b in found.pairs] + found.new) == sorted(map(identity, after))
        for a, b in found.pairs:  # one clip; one file, or one that is gone and one that came
            assert a.clip == b.clip
            if a.weights_sha256 != b.weights_sha256:
                assert a.weights_sha256 not in new_x | new_y and b.weights_sha256 not in old_x | old_y
