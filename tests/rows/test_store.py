"""What a run leaves on disk survives kills, full disks and half-written lines."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from stvsr_bench.errors import DataError, NotRunnableError
from stvsr_bench.rows import store
from stvsr_bench.schema import SCHEMA_VERSION, Row

ROW = Row(
    key="0123456789abcdef",
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
)


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


def test_a_store_cut_at_any_byte_of_its_last_line_keeps_every_row_before(tmp_path):
    write(tmp_path, ROW, replace(ROW, key="f" * 16, clip="0001"))
    path = store.rows_file(tmp_path)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        path.write_bytes(whole[:cut])
        left = ["0000", "0001"] if cut == len(whole) - 1 else ["0000"]  # only its newline is gone: it is whole
        assert [row.clip for row in store.read_rows(tmp_path)] == left, cut
        assert store.done(tmp_path) == {ROW.key, "f" * 16} if len(left) > 1 else {ROW.key}
        with store.Appender(path) as appender:
            if len(left) == 1:
                appender.row(replace(ROW, key="f" * 16, clip="0001"))
        assert path.read_bytes() == whole


def test_a_row_written_again_replaces_the_first(tmp_path):
    write(tmp_path, ROW, replace(ROW, values={"psnr_y": [1.0, 2.0, 3.0]}))
    assert [row.values["psnr_y"] for row in store.read_rows(tmp_path)] == [[1.0, 2.0, 3.0]]


def test_rows_of_several_workers_are_merged(tmp_path):
    for worker in ("a", "b"):
        with store.Appender(store.rows_file(tmp_path, worker)) as appender:
            appender.row(replace(ROW, key=worker * 16, clip=worker))
    assert {row.clip for row in store.read_rows(tmp_path)} == {"a", "b"}


def test_a_row_lacking_a_wanted_metric_is_not_done(tmp_path):
    write(tmp_path, ROW)
    assert store.done(tmp_path, ["psnr_y"]) == {ROW.key}
    assert store.done(tmp_path, ["tof"]) == set()
    assert store.done(tmp_path / "nothing", ["tof"]) == set()


def test_an_edited_row_is_named_not_skipped(tmp_path):
    write(tmp_path, ROW)
    path = store.rows_file(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"frames":[0,1,2]', b'"frames":"all"'))
    with pytest.raises(DataError, match="frames"):
        store.read_rows(tmp_path)


@pytest.mark.parametrize("line", [b'{"key":"a}\n', b'{"key":"\xff"}\n'])
def test_a_damaged_key_is_one_sentence(tmp_path, line):
    store.rows_file(tmp_path).write_bytes(line)
    for read in (store.done, store.read_rows):
        with pytest.raises(DataError, match="edited"):
            read(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("failures.jsonl", b"{broken}\n", "no JSON"),
        ("failures.jsonl", b'{"a":' * 100_000 + b"}\n", "no JSON"),
        ("failures.jsonl", b'{"error":"no key"}\n', "no key"),
        ("failures.jsonl", b'{"key":[1]}\n', "no key"),
        ("env.json", b"[1, 2]", "no JSON object"),
        ("env.json", b"\xff\xfe", "no JSON"),
    ],
)
def test_damaged_facts_of_a_run_are_one_sentence(tmp_path, name, text, says):
    (tmp_path / name).write_bytes(text)
    with pytest.raises(DataError, match=says):
        store.read_failures(tmp_path) if name == "failures.jsonl" else store.read_json(tmp_path / name)


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
        with pytest.raises(NotRunnableError, match="in use by another"), store.locked(tmp_path):
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


def test_done_reads_a_hundred_thousand_keys_without_parsing_rows(tmp_path):
    line = store.ROWS.dump_json(ROW)
    with store.rows_file(tmp_path).open("wb") as file:
        file.writelines(line.replace(ROW.key.encode(), f"{n:016x}".encode()) + b"\n" for n in range(100_000))
    assert len(store.done(tmp_path)) == 100_000


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    target = tmp_path / "manifest.json"
    store.write_json(target, {"a": 1})
    with pytest.raises(NotRunnableError):
        store.write_atomic(target / "below", "x")
    assert target.read_text() == '{\n  "a": 1\n}\n'
    assert list(tmp_path.iterdir()) == [target]


def test_what_editors_and_git_do_to_a_file_of_rows_loses_none(tmp_path):
    write(tmp_path, ROW, replace(ROW, key="f" * 16, clip="0001"))
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
        assert store.done(tmp_path) == {ROW.key, "f" * 16}, what
        with store.Appender(path) as appender:
            appender.row(replace(ROW, key="e" * 16, clip="0002"))
        assert [row.clip for row in store.read_rows(tmp_path)] == ["0000", "0001", "0002"], what


@pytest.mark.parametrize("damage", [lambda line: line[8:], lambda line: line[:-9], lambda line: b"\0" * len(line)])
@pytest.mark.parametrize("number", [1, 2])
def test_a_damaged_line_that_is_not_the_last_names_file_and_line(tmp_path, number, damage):
    write(tmp_path, ROW, replace(ROW, key="f" * 16, clip="0001"), replace(ROW, key="e" * 16, clip="0002"))
    path = store.rows_file(tmp_path)
    lines = path.read_bytes().split(b"\n")
    lines[number - 1] = damage(lines[number - 1])
    path.write_bytes(b"\n".join(lines))
    for read in (store.read_rows, store.done):
        with pytest.raises(DataError, match=f"rows-main.jsonl, line {number}: "):
            read(tmp_path)


@pytest.mark.parametrize("changed", [{"given": [True]}, {"values": {"psnr_y": [1.0]}}, {"frames": [0, 1, 2, 3]}])
def test_lists_of_other_lengths_are_no_row(tmp_path, changed):
    write(tmp_path, replace(ROW, **changed))
    with pytest.raises(DataError, match="entries for"):
        store.read_rows(tmp_path)


def test_rows_of_a_newer_suite_say_so(tmp_path):
    write(tmp_path, ROW)
    fields = json.loads(store.rows_file(tmp_path).read_bytes()) | {"schema_version": SCHEMA_VERSION + 1, "made_by": {}}
    store.rows_file(tmp_path).write_text(json.dumps(fields) + "\n")
    with pytest.raises(DataError, match="update stvsr-bench"):
        store.read_rows(tmp_path)
