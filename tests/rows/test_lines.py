"""Lines of a run's files: what they look like to the byte, and what is read of them."""

import hashlib
import json

import pytest

from stvsr_bench.errors import DataError
from stvsr_bench.rows import lines, store

FACTS = {"key": "k", "error": "out of memory", "seconds": 1.5, "sizes": [64, 112]}


def test_a_line_of_facts_ends_with_a_digest_of_all_before_it():
    line = lines.line_of_facts(FACTS)
    body = b'{"key": "k", "error": "out of memory", "seconds": 1.5, "sizes": [64, 112]'
    assert line == body + b', "digest": "' + hashlib.sha256(body).hexdigest()[:16].encode() + b'"}'
    assert lines.facts_of("here", line) == FACTS


def test_facts_that_were_edited_are_found_and_those_of_an_older_suite_are_read():
    assert lines.facts_of("here", json.dumps(FACTS).encode()) == FACTS
    with pytest.raises(DataError, match=r"here: the digest at its end .* edited"):
        lines.facts_of("here", lines.line_of_facts(FACTS).replace(b"1.5", b"1.4"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_facts_hold_only_numbers_that_every_program_reads(value):
    with pytest.raises(ValueError, match="JSON"):
        lines.line_of_facts({"seconds": value})


def test_lines_come_without_what_an_editor_put_around_them(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a":1}\r\n\n \n{"b":2} \n{"c":3}\n{"d":')
    assert list(lines.complete_lines(path)) == [(1, b'{"a":1}'), (4, b'{"b":2}'), (5, b'{"c":3}')]
    path.write_bytes(b'{"a":1}\n[1]')
    assert list(lines.complete_lines(path)) == [(1, b'{"a":1}')], "a list is no line of ours"
    path.write_bytes(b'{"a":1}\n\xef\xbb\xbf{"b":2}\n')
    assert list(lines.complete_lines(path))[1] == (2, b'\xef\xbb\xbf{"b":2}'), "a mark within a file is no mark"
    assert list(lines.complete_lines(tmp_path / "none.jsonl")) == []


@pytest.mark.parametrize("length", [1, 4094, 4095, 4096, 4097, 8191, 8192, 8193, 20_000])
@pytest.mark.parametrize("before", [b"", b'{"a":1}\n', b'{"a":1}\n{"b":2}\n', b'{"a":"' + b"x" * 5000 + b'"}\n'])
def test_half_a_line_of_any_length_is_cut_and_nothing_before_it(tmp_path, length, before):
    path = tmp_path / "x.jsonl"
    path.write_bytes(before + b"x" * length)
    lines.cut_half_line(path)
    assert path.read_bytes() == before
    lines.cut_half_line(path)
    assert path.read_bytes() == before, "a file without half a line stays as it is"


@pytest.mark.parametrize("before", [b"", b'{"a":1}\n'])
def test_a_whole_line_that_lost_its_end_gets_it_back(tmp_path, before):
    path = tmp_path / "x.jsonl"
    whole = b'{"b":"' + b"x" * 5000 + b'"}'
    path.write_bytes(before + whole)
    lines.cut_half_line(path)
    assert path.read_bytes() == before + whole + b"\n"


def test_heads_of_rows_that_were_made_alike_share_what_made_them(tmp_path, row, write):
    """A million rows must not hold a million equal tables."""
    made, other = {"code": "a", "seed": "0"}, {"code": "b", "seed": "0"}
    write(tmp_path, [row("0", made=made), row("1", made=made), row("2", made=other)])
    first, second, third = store.heads(tmp_path)
    assert first.made is second.made and first.made == made and third.made == other


def test_rows_share_what_they_have_in_common_and_nothing_else(tmp_path, row, write):
    alike = {"made": {"code": "a"}, "how": {"device": "cpu"}, "flags": ["black"]}
    write(tmp_path, [row("0", **alike), row("1", psnr=31.0, **alike), row("2", frames=[0, 2], **alike)])
    first, second, third = store.stream_rows(tmp_path)
    for name in ("made", "how", "flags", "frames", "given", "method"):
        assert getattr(first, name) is getattr(second, name), name
    assert (first.clip, second.clip, third.clip) == ("0", "1", "2")
    assert first.values["psnr_y"] == [31.0, 29.0] and second.values["psnr_y"] == [32.0, 30.0]
    assert third.frames == [0, 2] and first.frames == [0, 1] and third.given == first.given


def test_a_slot_is_what_a_person_named(row, tmp_path, write):
    """Other files under the same names are the same slot; another name, clip or protocol is another one."""
    write(
        tmp_path,
        [
            row(),
            row(weights_sha256="a" * 64),
            *(row(**{name: "other"}) for name in ("method", "weights", "dataset", "split", "clip", "protocol_key")),
        ],
    )
    slots = [head.slot for head in store.heads(tmp_path)]
    assert slots[0] == ("net@mini", "mini", "mini", "fast", "0", "suite-1.1-0") == slots[1]
    assert len(set(slots)) == 7


HUGE = [
    ({"values": {"psnr_y": [1e308, -1e308], "ssim_y": [0.9, 0.8]}}, "psnr_y has 1e\\+308"),
    ({"scalars": {"tof": -2e9}}, "scalars has -2e\\+09"),
    ({"motion_px": 1e300}, "motion_px has 1e\\+300"),
    ({"motion_px": float("inf")}, "motion_px has inf"),
    ({"motion_px": -3.0}, "motion_px has -3"),
    ({"params": 10**400}, "params has 10000"),
    ({"seconds": {"restore": -1.0}}, "seconds has -1"),
    ({"seconds": {"restore": float("nan")}}, "seconds has nan"),
    ({"size": (10**12, 8)}, "size has 1000000000000"),
    ({"frames": [], "given": [], "values": {}}, "it has no frame"),
    ({"frames": [-1, 0]}, "frames has -1"),
    ({"frames": [0, 10**18]}, "frames has 1000000000000000000"),
]


@pytest.mark.fault("A8", "a row with a right digest and numbers that nobody measures", "said; no table is made", "4")
@pytest.mark.parametrize(("changes", "said"), HUGE, ids=[said.split(" has ")[0] for _, said in HUGE])
def test_numbers_that_cannot_have_been_measured_are_refused(tmp_path, row, write, changes, said):
    write(tmp_path, [row(**changes)])
    with pytest.raises(DataError, match=f"line 1: {said}"):
        store.read_rows(tmp_path)
