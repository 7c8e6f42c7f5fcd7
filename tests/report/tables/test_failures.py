"""Failed clips: of one method with its precision, one data set, split and protocol; a clip counts once."""

import json

import pytest

from stvsr_bench import protocols
from stvsr_bench.report.build import build
from stvsr_bench.report.tables.failures import distinct_clips
from stvsr_bench.report.tables.markdown import document
from stvsr_bench.report.tables.notes import Coverage
from stvsr_bench.report.tables.table import Options
from stvsr_bench.report.tidy import tidy
from stvsr_bench.report.write import facts, load
from stvsr_bench.schema import Job

THREE = ("suite-1", "stdan-2023", "zsm-2020")


def entry(method, name, clip, protocol, weights="w", **changes):
    """A line of `failures.jsonl` as runs write it: the method without its settings, and the key of the missing row."""
    key = Job(name, weights, "d", "s", clip, protocols.get(protocol).key).key
    return {"key": key, "method": method, "weights": "w", "dataset": "d", "split": "s", "clip": clip, **changes}


def failed_in(row, entries, protocols_of=THREE, names=("a", "a [bf16]"), **changes):
    """Badges and notes on failures of each table: {protocol: ({method: badges}, notes)}."""
    rows = [row(name, "w", "d", "s", "1", [30.0] * 7, protocol=of, **changes) for name in names for of in protocols_of]
    tables = build(tidy(rows), [], Options(metrics=("psnr_y",)), Coverage(failures=tuple(entries)))
    return {
        table.protocol: (
            {line.method: line.badges for line in table.lines},
            [note for note in table.notes if "failed" in note],
        )
        for table in tables
    }


@pytest.mark.parametrize("explicit", [False, True])
def test_a_clip_that_fails_in_half_precision_under_three_protocols_is_one_clip_of_that_line(row, explicit):
    entries = [entry("a", "a [bf16]", "2", of) for of in THREE]
    if explicit:
        entries = [
            {**one, "method": "a [bf16]", "key": "k", "protocol_key": protocols.get(of).key}
            for one, of in zip(entries, THREE, strict=True)
        ]
    found = failed_in(row, entries)
    assert len(found) == 3
    for badges, notes in found.values():
        assert badges == {"a": (), "a [bf16]": ("failed",)}
        assert notes == ["a [bf16]@w: 1 clip failed (d s)"]
    assert distinct_clips(entries) == 1


def test_a_failure_under_one_protocol_stands_in_its_table_alone(row):
    found = failed_in(row, [entry("a", "a", "2", "zsm-2020"), entry("a", "a", "3", "zsm-2020")])
    assert found["zsm-2020"] == ({"a": ("failed",), "a [bf16]": ()}, ["a@w: 2 clips failed (d s)"])
    assert found["suite-1"] == found["stdan-2023"] == ({"a": (), "a [bf16]": ()}, [])


def test_the_key_of_a_row_with_a_digest_of_its_weights_is_known_too(row):
    sha256 = "5f" * 32
    found = failed_in(row, [entry("a", "a", "2", "suite-1", sha256)], weights_sha256=sha256)
    assert found["suite-1"][0] == {"a": ("failed",), "a [bf16]": ()} and found["zsm-2020"][1] == []


def test_an_entry_of_which_nothing_more_is_known_belongs_to_the_method_of_its_name(row):
    found = failed_in(row, [{**entry("a", "a", "2", "suite-1"), "key": "unknown"}])
    assert [badges for badges, _ in found.values()] == [{"a": ("failed",), "a [bf16]": ()}] * 3


def test_a_method_whose_every_clip_failed_is_named_though_it_has_no_line(row):
    one = {**entry("b", "b", "2", "suite-1"), "protocol_key": protocols.get("suite-1").key}
    badges, notes = failed_in(row, [one])["suite-1"]
    assert set(badges.values()) == {()} and notes == ["b@w: 1 clip failed (d s)"]


def test_the_head_counts_distinct_clips(row, write, tmp_path):
    run = write(tmp_path / "r", [row("a", "w", "d", "s", "1", [30.0] * 7)])
    entries = [entry("a", "a [bf16]", clip, of) for of in THREE for clip in "23"]
    (run / "failures.jsonl").write_text("".join(json.dumps(one) + "\n" for one in entries))
    measured = load([run])
    assert facts(measured)["failed"] == 2
    assert "**2 clips failed**" in document("r", facts(measured), [])
    assert "**1 clip failed**" in document("r", {**facts(measured), "failed": 1}, [])
