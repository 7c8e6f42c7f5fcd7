"""Bundles: equal bytes of equal runs, every change seen, nothing of a stranger's zip written that is no bundle's."""

import hashlib
import json
import zipfile
from dataclasses import replace

import pytest

from stvsr_bench.errors import DataError, NotRunnableError, UsageError
from stvsr_bench.rows import store
from stvsr_bench.rows.bundle import ABOUT, collect, opened, pack
from stvsr_bench.rows.lines import line_of
from stvsr_bench.schema import Row, digest


@pytest.fixture
def plant(tmp_path):
    """A run folder of rows with these values, and what lies beside them."""

    def make(name, value=30.0, method="zsm", clip="city", cpu="a processor"):
        run = tmp_path / name
        facts = {"machine": {"cpu": cpu}}
        env = digest(facts)[:12]
        of = {"dataset": "vid4", "split": "test", "clip": clip, "protocol": "p", "protocol_key": "p-1"}
        row = Row(
            key="", method=method, weights="w", **of, restoring_key="r", frames=[0], given=[True], env=env,
            values={"psnr_y": [value]}, size=(8, 8), weights_sha256="0" * 64, made={"method": "m"},
        )  # fmt: skip
        row = replace(row, key=row.own_key)
        with store.Appender(store.rows_file(run)) as rows:
            rows.row(row)
        store.write_json(run / "manifest.json", {"run": "a", "history": []})
        store.write_json(run / "env.json", {env: facts})
        store.write_atomic(run / "commands" / "0001.toml", "a = 1\n")
        store.write_atomic(run / "run.toml", "a = 1\n")
        store.write_atomic(run / "frames" / "a.png", b"a frame")
        return run

    return make


def rewrite(file, about=None, **texts):
    """The zip with other files in it; its own list of them is made to fit where `about` is given."""
    with zipfile.ZipFile(file) as archive:
        found = {name: archive.read(name) for name in archive.namelist()} | texts
    if about is not None:
        said = {**json.loads(found[ABOUT]), **about}
        said["files"] = {n: hashlib.sha256(t).hexdigest() for n, t in found.items() if n != ABOUT}
        said.pop("digest")
        said["digest"] = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        found[ABOUT] = json.dumps(said).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in found.items():
            archive.writestr(name, text)


def test_a_bundle_is_small_has_no_frames_and_two_of_one_run_are_equal(plant, tmp_path):
    run = plant("run")
    made = [pack(run, tmp_path / name, "Lab A") for name in ("a.zip", "b.zip")]
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes() and made[0] == made[1]
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert not [name for name in archive.namelist() if "frames" in name]
        about = json.loads(archive.read(ABOUT))
    assert about["fingerprints"]["methods"] == {"zsm@w": {"contents": "0" * 64, "rows": 1}}
    assert (made[0].rows, made[0].claimed_by, made[0].machines) == (1, "Lab A", ("a processor",))
    with opened(tmp_path / "a.zip") as (folder, bundle):
        assert bundle == made[0] and store.read_rows(folder) == store.read_rows(run)
    assert not folder.exists()


@pytest.mark.fault("B", "a bundle that was changed after it was packed", "its digest is not that of its files", "4")
def test_every_change_is_seen(plant, tmp_path):
    file = tmp_path / "a.zip"
    pack(plant("run"), file, "Lab A")
    with zipfile.ZipFile(file) as archive:
        about = json.loads(archive.read(ABOUT))
    for text in ({"run.toml": b"a = 2\n"}, {ABOUT: json.dumps({**about, "claimed_by": "Lab B"}).encode()}):
        pack(tmp_path / "run", file, "Lab A")
        rewrite(file, **text)
        with pytest.raises(DataError, match="its digest is not that of its files"), opened(file):
            pass


@pytest.mark.fault("B", "a zip that is no bundle (other files, paths that leave it, too much)", "one sentence", "4")
def test_what_is_no_bundle_is_refused_and_nothing_is_written(plant, tmp_path, monkeypatch):
    file = tmp_path / "a.zip"
    run = plant("run")

    def refused(said):
        with pytest.raises(DataError, match=said), opened(file):
            pass

    for name in ("../evil.txt", "/etc/passwd", "model.py", "commands/../../x.toml", "frames/a.png", "rows-a/b.jsonl"):
        pack(run, file)
        rewrite(file, {}, **{name: b"x"})
        refused("not a file of a run's rows")
    assert not list(tmp_path.glob("**/evil.txt"))
    pack(run, file)
    rewrite(file, {"format": 2})
    refused("format 2; this version reads 1")
    pack(run, file)
    rewrite(file, {"fingerprints": {}})
    refused("lacks facts that every bundle has")
    monkeypatch.setattr("stvsr_bench.rows.bundle._MOST_BYTES", 10)
    pack(run, file)
    refused("more than a bundle may")
    monkeypatch.undo()
    for text in (b"", b"no zip", (tmp_path / "a.zip").read_bytes()[:200]):
        file.write_bytes(text)
        refused("is not a bundle")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("run.toml", "")
    refused("is not a bundle: stvsr-bench bundle RUN")
    file.unlink()
    refused("cannot be read")


def test_what_cannot_be_packed_is_said(plant, tmp_path):
    with pytest.raises(NotRunnableError, match="no rows in"):
        pack(tmp_path / "nothing", tmp_path / "a.zip")
    for name in ("a\nb", "\x1b[2J", "x" * 121):
        with pytest.raises(UsageError, match="one line"):
            pack(plant(f"run{len(name)}"), tmp_path / "a.zip", name)


def test_bundles_are_collected_once_each_and_say_which_rows_they_brought(plant, tmp_path):
    pack(plant("one"), tmp_path / "1.zip", "A")
    pack(plant("two", cpu="another"), tmp_path / "2.zip", "B")
    pack(plant("three", clip="walk"), tmp_path / "3.zip", "C")
    board = tmp_path / "board"
    assert [one.claimed_by for one in collect([tmp_path / "1.zip", tmp_path / "2.zip"], board)] == ["A", "B"]
    collect([tmp_path / "3.zip", tmp_path / "1.zip"], board)
    listed = store.read_json(board / "bundles.json")["bundles"]
    assert [(one["claimed_by"], one["machines"], len(one["keys"])) for one in listed] == [
        *(("A", ["a processor"], 1), ("B", ["another"], 1), ("C", ["a processor"], 1)),
    ]
    assert len(store.read_rows(board)) == 2 and listed[0]["keys"] == listed[1]["keys"]


@pytest.mark.fault("A", "bundles that hold different values for one row", "refused, with both bundles named", "4")
def test_bundles_that_disagree_on_a_row_are_refused_with_both_names(plant, tmp_path):
    pack(plant("one"), tmp_path / "1.zip")
    pack(plant("two", value=31.0), tmp_path / "2.zip")
    with pytest.raises(DataError, match=r"2\.zip against .*1\.zip: zsm on city has other values"):
        collect([tmp_path / "1.zip", tmp_path / "2.zip"], tmp_path / "board")
    assert not (tmp_path / "board").exists()


def test_a_row_whose_name_was_edited_is_refused(plant, tmp_path):
    run = plant("one")
    pack(run, tmp_path / "1.zip")
    (row,) = store.read_rows(run)
    rewrite(tmp_path / "1.zip", {}, **{"rows-main.jsonl": line_of(replace(row, method="mine")) + b"\n"})
    with pytest.raises(DataError, match=r"1\.zip: rows-main\.jsonl, line 1: its key is not that of its method"):
        collect([tmp_path / "1.zip"], tmp_path / "board")
