"""What a run leaves on disk survives kills, full disks and half-written lines."""

import dataclasses
import json
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from stvsr_bench.errors import DataError, NotRunnableError
from stvsr_bench.rows import store
from stvsr_bench.rows.lines import line_of
from stvsr_bench.schema import SCHEMA_VERSION, Row


def keyed(row, **changes):
    """A row with the key that belongs to it."""
    changed = replace(row, **changes)
    return replace(changed, key=changed.own_key)


ROW = Row(
    key="",
    method="net",
    weights="mini",
    dataset="mini",
    split="fast",
    clip="0000",
    protocol="suite-1",
    protocol_key="suite-1.1-0",
    restoring_key="0",
    frames=[0, 1, 2],
    given=[True, False, True],
    values={"psnr_y": [30.25, float("inf"), 31.5]},
    size=(256, 448),
    made={"code": "0", "seed": "0"},
    stamp="1",
)
ROW = keyed(ROW)
SECOND, THIRD = (keyed(ROW, clip=clip) for clip in ("0001", "0002"))


def write(run, *rows):
    with store.Appender(store.rows_file(run)) as appender:
        for row in rows:
            appender.row(row)


def test_rows_come_back_as_they_were_written_infinity_included(tmp_path):
    write(tmp_path, ROW)
    assert store.read_rows(tmp_path) == [ROW]
    assert store.done(tmp_path) == {ROW.key}


def test_floats_survive_to_the_last_digit(tmp_path):
    values = [0.1 + 0.2, 1 / 3, 26.281771000000003]
    write(tmp_path, replace(ROW, values={"psnr_y": values}))
    assert store.read_rows(tmp_path)[0].values["psnr_y"] == values


@pytest.mark.fault(
    "C",
    "store cut at any byte of its last line",
    "every row before it counts; the clip is measured again",
    "0",
)
def test_a_store_cut_at_any_byte_of_its_last_line_keeps_every_row_before(tmp_path):
    write(tmp_path, ROW, SECOND)
    path = store.rows_file(tmp_path)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        path.write_bytes(whole[:cut])
        left = ["0000", "0001"] if cut == len(whole) - 1 else ["0000"]  # only its newline is gone: it is whole
        assert [row.clip for row in store.read_rows(tmp_path)] == left, cut
        assert store.done(tmp_path) == {ROW.key, SECOND.key} if len(left) > 1 else {ROW.key}
        with store.Appender(path) as appender:
            if len(left) == 1:
                appender.row(SECOND)
        assert path.read_bytes() == whole


def test_a_row_written_again_replaces_the_first(tmp_path):
    write(tmp_path, ROW, replace(ROW, values={"psnr_y": [1.0, 2.0, 3.0]}))
    assert [row.values["psnr_y"] for row in store.read_rows(tmp_path)] == [[1.0, 2.0, 3.0]]


def test_rows_of_several_workers_are_merged(tmp_path):
    for worker in ("a", "b"):
        with store.Appender(store.rows_file(tmp_path, worker)) as appender:
            appender.row(keyed(ROW, clip=worker))
    assert {row.clip for row in store.read_rows(tmp_path)} == {"a", "b"}


def test_an_edited_row_is_named_not_skipped(tmp_path):
    write(tmp_path, ROW)
    path = store.rows_file(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"frames":[0,1,2]', b'"frames":"all"'))
    with pytest.raises(DataError, match="frames"):
        store.read_rows(tmp_path)


@pytest.mark.fault("C", "a key of a row, `failures.jsonl` or `env.json` that is damaged", "the file is named", "4")
@pytest.mark.parametrize("line", [b'{"key":"a}\n', b'{"key":"\xff"}\n'])
def test_a_damaged_key_is_one_sentence(tmp_path, line):
    store.rows_file(tmp_path).write_bytes(line)
    for read in (store.done, store.read_rows):
        with pytest.raises(DataError, match="edited"):
            read(tmp_path)


@pytest.mark.fault("C", "a key of a row, `failures.jsonl` or `env.json` that is damaged", "the file is named", "4")
@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("failures.jsonl", b"{broken}\n", "is not valid JSON"),
        ("failures.jsonl", b'{"a":' * 100_000 + b"}\n", "is not valid JSON"),
        ("failures.jsonl", b'{"error":"no key"}\n', "no key"),
        ("failures.jsonl", b'{"key":[1]}\n', "no key"),
        ("env.json", b"[1, 2]", "not a JSON object"),
        ("env.json", b"\xff\xfe", "is not valid JSON"),
    ],
)
def test_damaged_facts_of_a_run_are_one_sentence(tmp_path, name, text, says):
    (tmp_path / name).write_bytes(text)
    with pytest.raises(DataError, match=says):
        store.read_failures(tmp_path) if name == "failures.jsonl" else store.read_json(tmp_path / name)


@pytest.mark.fault("C", "two runs on one folder", '"... is in use by another stvsr-bench"', "4")
def test_two_runs_on_one_folder_are_refused_in_one_sentence(tmp_path):
    code = (
        "import sys; from pathlib import Path; from stvsr_bench.rows import store\n"
        "with store.locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(NotRunnableError, match=rf"in use by another stvsr-bench \(process {holder.pid} on"),
            store.locked(tmp_path),
        ):
            pass
    finally:
        holder.communicate()
    with store.locked(tmp_path):
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_sentence(tmp_path):
    path = tmp_path / "rows-main.jsonl"
    path.symlink_to("/dev/full")
    with pytest.raises(NotRunnableError, match="No space left"):
        store.Appender(path).row(ROW)


def many(run, count):
    line = line_of(ROW)
    with store.rows_file(run).open("wb") as file:
        file.writelines(line.replace(ROW.key.encode(), f"{n:016x}".encode()) + b"\n" for n in range(count))


@pytest.mark.fault("E", "100,000 rows", "resuming reads keys without parsing rows", "0")
def test_done_reads_a_hundred_thousand_keys_without_parsing_rows(tmp_path):
    many(tmp_path, 100_000)
    assert len(store.done(tmp_path)) == 100_000


def core_s(work):
    start = time.process_time()
    work()
    return time.process_time() - start


def test_reading_takes_time_in_proportion_and_no_memory_for_what_is_passed_over(tmp_path):
    times = {}
    for count in (10_000, 100_000):
        run = tmp_path / str(count)
        run.mkdir()
        with store.Appender(store.rows_file(run)) as appender:
            appender.line(b"\n".join(line_of(keyed(ROW, clip=f"{n:06d}")) for n in range(1000)))
        text = store.rows_file(run).read_bytes()
        store.rows_file(run).write_bytes(text * (count // 1000))  # measured again and again: 1,000 rows are left
        times[count] = min(core_s(lambda run=run: sum(1 for _ in store.heads(run))) for _ in range(2))
    assert times[100_000] < 20 * times[10_000]
    tracemalloc.start()
    try:
        assert sum(1 for _ in store.stream_rows(tmp_path / "10000")) == 10_000
        assert len(store.read_rows(tmp_path / "10000")) == 1000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    size = store.rows_file(tmp_path / "10000").stat().st_size
    assert peak < size / 2, "what a row replaced is not kept"


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    target = tmp_path / "manifest.json"
    store.write_json(target, {"a": 1})
    with pytest.raises(NotRunnableError):
        store.write_atomic(target / "below", "x")
    assert target.read_text() == '{\n  "a": 1\n}\n'
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.fault(
    "C",
    "CRLF, a byte-order mark, spaces, another order of fields, no last newline",
    "the rows are read",
    "0",
)
def test_what_editors_and_git_do_to_a_file_of_rows_loses_none(tmp_path):
    write(tmp_path, ROW, SECOND)
    path = store.rows_file(tmp_path)
    text = path.read_bytes()
    fields = [json.loads(line) for line in text.splitlines()]
    others = {
        "windows": text.replace(b"\n", b"\r\n"),
        "mark": b"\xef\xbb\xbf" + text,
        "no last newline": text.rstrip(b"\n"),
        "empty lines": text.replace(b"\n", b"\n\n"),
        "spaces": b"".join(json.dumps(one, indent=None).encode() + b"\n" for one in fields),
        "another order": b"".join(json.dumps(dict(reversed(one.items()))).encode() + b"\n" for one in fields),
    }
    rows = store.read_rows(tmp_path)
    for what, changed in others.items():
        path.write_bytes(changed)
        assert store.read_rows(tmp_path) == rows, what
        assert store.done(tmp_path) == {ROW.key, SECOND.key}, what
        with store.Appender(path) as appender:
            appender.row(THIRD)
        assert [row.clip for row in store.read_rows(tmp_path)] == ["0000", "0001", "0002"], what


@pytest.mark.fault("C", "a line before the last that is no row", "file and line are named; no line is passed over", "4")
@pytest.mark.parametrize("damage", [lambda line: line[8:], lambda line: line[:-9], lambda line: b"\0" * len(line)])
@pytest.mark.parametrize("number", [1, 2])
def test_a_damaged_line_that_is_not_the_last_names_file_and_line(tmp_path, number, damage):
    write(tmp_path, ROW, SECOND, THIRD)
    path = store.rows_file(tmp_path)
    lines = path.read_bytes().split(b"\n")
    lines[number - 1] = damage(lines[number - 1])
    path.write_bytes(b"\n".join(lines))
    for read in (store.read_rows, store.done):
        with pytest.raises(DataError, match=f"rows-main.jsonl, line {number}: "):
            read(tmp_path)


@pytest.mark.parametrize(
    "changed",
    [{"given": [True]}, {"values": {"psnr_y": [1.0]}}, {"values": {"a": [1.0] * 3, "b": []}}, {"frames": [0, 1, 2, 3]}],
)
def test_lists_of_other_lengths_are_no_row(tmp_path, changed):
    write(tmp_path, replace(ROW, **changed))
    with pytest.raises(DataError, match="entries for"):
        store.read_rows(tmp_path)


@pytest.mark.fault("C", "rows of a newer stvsr-bench", '"... update stvsr-bench"', "4")
def test_rows_of_a_newer_suite_say_so(tmp_path):
    write(tmp_path, ROW)
    fields = json.loads(store.rows_file(tmp_path).read_bytes()) | {"schema_version": SCHEMA_VERSION + 1, "new": {}}
    store.rows_file(tmp_path).write_text(json.dumps(fields) + "\n")
    with pytest.raises(DataError, match="update stvsr-bench"):
        store.read_rows(tmp_path)


NAN, INF = float("nan"), float("inf")


@pytest.mark.fault("A", "a value that no metric gives (NaN, minus infinity)", "the file, the line and the metric", "4")
@pytest.mark.parametrize(
    "changed",
    [
        {"values": {"psnr_y": [30.0, NAN, 31.0]}},
        {"values": {"psnr_y": [30.0, -INF, 31.0]}},
        {"values": {"mse_y": [INF, NAN, 1.0]}},
        {"scalars": {"tof": NAN}},
        {"scalars": {"tof": -INF}},
    ],
)
def test_what_no_metric_gives_is_no_value(tmp_path, changed):
    write(tmp_path, replace(ROW, **changed))
    with pytest.raises(DataError, match=r"line 1: .* which no metric gives"):
        store.read_rows(tmp_path)


# one other value for each field of a row; a new field is put in here
OTHER = {
    "key": "f" * 16, "made": {"code": "1", "seed": "0"}, "stamp": "2", "method": "other", "weights": "own",
    "dataset": "vid4", "split": "slow", "clip": "x", "protocol": "zsm", "protocol_key": "zsm-1", "restoring_key": "1",
    "frames": [0, 1, 3], "given": [True] * 3, "values": {"psnr_y": [30.25, 99.0, 31.5]}, "size": (256, 440),
    "kind": "vfi", "weights_sha256": "a" * 64, "source": "0f", "asked": "x", "truth": "0f", "input": "0f",
    "untrained": True, "bit_exact": True, "scalars": {"tof": 1.0}, "params": 3, "motion_px": 1.0,
    "seconds": {"restore": 1.0},
    "flags": ["external"], "how": {"device": "cuda"}, "env": "x", "suite": "9", "schema_version": 1,
}  # fmt: skip


def test_the_table_of_mutations_knows_every_field():
    assert OTHER.keys() == {field.name for field in dataclasses.fields(Row)}


@pytest.mark.fault("A", "a row edited by hand", "the file, the line and what is wrong", "4")
@pytest.mark.parametrize("field", OTHER)
def test_any_field_that_was_edited_is_found(tmp_path, field):
    """Whatever is changed by hand, and whichever program wrote the line again: the digest at its end no longer fits."""
    write(tmp_path, ROW)
    path = store.rows_file(tmp_path)
    as_json = json.loads(path.read_bytes())
    edited = json.loads(line_of(replace(ROW, **{field: OTHER[field]})))
    assert as_json[field] != edited[field]
    for separators in ((",", ":"), (", ", ": ")):
        path.write_text(json.dumps(as_json | {field: edited[field]}, separators=separators) + "\n")
        with pytest.raises(DataError, match=r"rows-main.jsonl, line 1: .*edited"):
            store.read_rows(tmp_path)


def test_a_row_of_this_suite_without_its_digest_is_not_believed(tmp_path):
    store.rows_file(tmp_path).write_bytes(store_line_without_digest(ROW) + b"\n")
    with pytest.raises(DataError, match="digest at its end is missing"):
        store.read_rows(tmp_path)


def store_line_without_digest(row):
    fields = json.loads(line_of(row))
    del fields["digest"]
    return json.dumps(fields).encode()


def test_a_row_of_an_older_suite_is_read_and_known_to_be_incomplete(tmp_path):
    fields = json.loads(store_line_without_digest(ROW)) | {"schema_version": 1}
    for name in ("made", "stamp", "source", "truth", "input"):
        del fields[name]
    store.rows_file(tmp_path).write_text(json.dumps(fields, separators=(",", ":")) + "\n")
    (row,) = store.read_rows(tmp_path)
    assert row.incomplete and not ROW.incomplete
    assert store.done(tmp_path) == {ROW.key}


@pytest.mark.fault("A", "a row edited by hand", "the file, the line and what is wrong", "4")
def test_the_key_must_be_that_of_the_row(tmp_path):
    write(tmp_path, replace(ROW, key=SECOND.key))
    with pytest.raises(DataError, match=f"its key is not that of .*{ROW.key}"):
        store.read_rows(tmp_path)


def test_rows_that_are_superseded_lie_where_no_reader_looks(tmp_path):
    write(tmp_path, ROW, SECOND, replace(ROW, params=3))
    with store.Appender(store.rows_file(tmp_path, "b")) as appender:
        appender.row(THIRD)
    assert store.supersede(tmp_path, {ROW.key, THIRD.key}) == 3
    assert store.read_rows(tmp_path) == [SECOND]
    assert store.done(tmp_path) == {SECOND.key}
    moved = [json.loads(line) for line in (tmp_path / "superseded.jsonl").read_text().splitlines()]
    assert [(one["clip"], one["params"]) for one in moved] == [("0002", None), ("0000", None), ("0000", 3)]
    assert store.supersede(tmp_path, {ROW.key}) == 0 and store.supersede(tmp_path, set()) == 0
    assert len((tmp_path / "superseded.jsonl").read_text().splitlines()) == 3


def test_heads_are_those_of_the_rows_whatever_their_names_hold(tmp_path):
    odd = keyed(ROW, method='a"b\\ü', clip="c\n/é", weights="w'@#", dataset='d,"e"', made={})
    write(tmp_path, odd, SECOND)
    heads = list(store.heads(tmp_path))
    assert [head.key for head in heads] == [odd.key, SECOND.key]
    for head, row in zip(heads, (odd, SECOND), strict=True):
        for name in ("method", "weights", "dataset", "split", "clip", "protocol", "protocol_key", "stamp", "made"):
            assert getattr(head, name) == getattr(row, name), name
    path = store.rows_file(tmp_path)
    fields = [json.loads(line) for line in path.read_bytes().splitlines()]
    path.write_text("".join(json.dumps(dict(reversed(one.items()))) + "\n" for one in fields))
    assert list(store.heads(tmp_path)) == heads
