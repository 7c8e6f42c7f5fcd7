"""`gate --update`: the new baseline is there whole or not at all, and what it drops is said and agreed to."""

import json
import os
import shutil

import pytest

from stvsr_bench.cli import call
from stvsr_bench.errors import DataError, NotRunnableError, UsageError
from stvsr_bench.rows import baseline as work
from stvsr_bench.rows import gate, store

PROFILE = {"kind": "profile", "method": "net", "size": [8, 8], "frames": 4, "precision": "fp32", "gmacs": 1.5}


def files(folder):
    """Every file below a folder, with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def old(tmp_path, row, write):
    """A baseline that was a run of two shards, with a note of its owner."""
    folder = write(tmp_path / "old", [row("0"), row("1")], profiles=[PROFILE])
    with store.Appender(store.rows_file(folder, "shard-1-of-2")) as appender:
        appender.row(row("2"))
    (folder / "README.md").write_text("why these clips")
    (folder / "run.toml").write_text("of the old run")
    return folder


@pytest.fixture
def new(tmp_path, row, write):
    rows = [row("1", psnr=25.0), row("0", psnr=25.0), row("2"), row("3")]
    return write(tmp_path / "new", rows, profiles=[PROFILE], torch="2.14")


def test_update_makes_the_run_the_baseline_and_keeps_what_is_not_of_it(old, new):
    assert work.dropped(old, new) == []
    assert work.update(old, new) == 4
    assert gate.judge(old, new).passed and gate.judge(new, old).passed
    assert files(old).keys() == {"rows-main.jsonl", "env.json", "profile.jsonl", "README.md"}
    assert [one.clip for one in store.read_rows(old)] == ["0", "1", "2", "3"], "sorted, for a readable difference"
    assert files(old)["env.json"] == files(new)["env.json"]
    (new / "profile.jsonl").unlink()
    work.update(old, new)
    assert gate.judge(old, new).passed, "what the run does not have must not stay in the baseline"


def test_what_an_update_drops_is_listed(old, tmp_path, row, write):
    for name in ("manifest.json", "failures.jsonl"):
        (old / name).write_text("")
    run = write(tmp_path / "run", [row("0"), row("1", values={"psnr_y": [31.0, 29.0]})])
    assert work.dropped(old, run) == [
        "row of net@mini on mini/fast/2",
        "ssim_y of net@mini on mini/fast/1",
        "profile of net at 8x8, 4 frames",
        "file failures.jsonl",
        "file manifest.json",
    ]
    assert work.dropped(tmp_path / "nowhere", run) == []
    replaced = write(tmp_path / "replaced", [row(clip, weights_sha256="b" * 64) for clip in "012"], profiles=[PROFILE])
    assert work.dropped(old, replaced) == ["file failures.jsonl", "file manifest.json"]
    two = [row(clip, weights_sha256=sha256 * 64) for clip in "01" for sha256 in "bc"]
    unclear = write(tmp_path / "two", two, profiles=[PROFILE])
    assert work.dropped(old, unclear)[:3] == [f"row of net@mini@mini#unknown on mini/fast/{clip}" for clip in "201"]
    (old / "rows-main.jsonl").write_text('{"key":"no row"}\n')
    assert work.dropped(old, run)[0].startswith("a baseline that cannot be read: ")


def test_without_a_terminal_what_drops_something_needs_yes(old, tmp_path, row, write, capsys):
    run = write(tmp_path / "run", [row("0")])
    before = files(old)
    assert call(["gate", str(old), str(run), "--update"]) == 2
    said = capsys.readouterr()
    assert "row of net@mini on mini/fast/2" in said.err and "--yes" in said.err and said.out == ""
    assert files(old) == before
    assert call(["gate", str(old), str(run), "--update", "--yes", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {
        "rows": 1,
        "dropped": [*(f"row of net@mini on mini/fast/{n}" for n in "12"), *found["dropped"][2:]],
    }
    assert len(store.read_rows(old)) == 1
    assert call(["gate", str(old), str(run), "--update"]) == 0, "nothing is dropped any more"
    assert "the new baseline has 1 row" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "code"), [(True, 0), (False, 2)])
def test_on_a_terminal_the_question_is_asked(old, tmp_path, row, write, capsys, monkeypatch, answer, code):
    run = write(tmp_path / "run", [row("0")])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    asked = []
    monkeypatch.setattr("typer.confirm", lambda question, **_: asked.append(question) or answer)
    assert call(["gate", str(old), str(run), "--update"]) == code
    assert len(asked) == 1 and len(store.read_rows(old)) == (1 if answer else 3)


def test_a_long_list_is_cut_and_names_steer_no_terminal(tmp_path, row, write, capsys):
    old = write(tmp_path / "\x1b[31mold", [row(f"\x1b[2J\n{n}") for n in range(60)])
    run = write(tmp_path / "run", [row("0")])
    assert call(["gate", str(old), str(run), "--update", "--yes"]) == 0
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err and said.err.count("\n") == 52 and "... and 10 more" in said.err


def test_a_run_is_never_its_own_baseline(old, tmp_path, capsys):
    before = files(old)
    link = tmp_path / "latest"
    link.symlink_to(old)
    for baseline, run in ((old, old), (old, link), (link, old), (tmp_path, old)):
        with pytest.raises(UsageError, match="name another folder"):
            work.update(baseline, run)
    assert call(["gate", str(old), str(link), "--update", "--yes"]) == 2
    assert files(old) == before and "name another folder" in capsys.readouterr().err


def test_what_no_run_could_pass_is_no_baseline(old, tmp_path, row, write):
    before = files(old)
    for name, rows, says in (
        ("empty", [], "has no row"),
        ("doubled", [row(), row(key="another")], "line 2: its key is not that of"),
        ("value", [row(values={"psnr_y": [30.0, float("nan")]})], "psnr_y is nan, which no metric gives"),
        (
            "no",
            [row(values={"time_error": [float("nan"), -float("inf")]})],
            "time_error is -inf, which no metric gives",
        ),
        ("scalar", [row(scalars={"tof_dis_medium": float("nan")})], "tof_dis_medium is nan, which no metric gives"),
    ):
        run = write(tmp_path / name, rows)
        for ask in (work.update, work.dropped):
            with pytest.raises((NotRunnableError, DataError), match=says):
                ask(old, run)
    with pytest.raises(DataError, match="no run"):
        work.update(old, tmp_path / "nowhere")
    assert files(old) == before
    infinite = write(tmp_path / "infinite", [row(values={"psnr_y": [float("inf"), 30.0]})])
    assert work.update(old, infinite) == 1


def test_a_profile_that_is_being_written_gives_its_whole_lines(old, new):
    with (new / "profile.jsonl").open("a") as file:
        file.write('{"kind": "pro')
    work.update(old, new)
    assert (old / "profile.jsonl").read_text() == json.dumps(PROFILE) + "\n"


def test_a_link_to_a_baseline_stays_a_link(old, new, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(old)
    work.update(link, new)
    assert link.is_symlink() and len(store.read_rows(old)) == 4


OPERATIONS = ("replace", "rename", "unlink", "fsync", "mkdir", "rmdir")


class _PowerCut(BaseException):
    pass


def _cut_after(monkeypatch, steps):
    """The process dies at the step of this number that changes the disk; how many there were."""
    count = iter(range(10_000))
    seen = []

    def dying(function):
        def at(*args, **options):
            seen.append(next(count))
            if seen[-1] >= steps:
                raise _PowerCut
            return function(*args, **options)

        return at

    for name in OPERATIONS:
        monkeypatch.setattr(os, name, dying(getattr(os, name)))
    return seen


def test_a_process_that_dies_at_any_step_leaves_the_old_baseline_or_the_new_one(old, new, tmp_path, monkeypatch):
    kept = {"README.md"}
    whole_old = {name: data for name, data in files(old).items() if name not in kept}
    expected = shutil.copytree(old, tmp_path / "expected")
    work.update(expected, new)
    whole_new = {name: data for name, data in files(expected).items() if name not in kept}
    seen_old = seen_new = 0
    for steps in range(1000):
        baseline = shutil.copytree(old, tmp_path / "copies" / str(steps))
        with monkeypatch.context() as patch:
            seen = _cut_after(patch, steps)
            try:
                work.update(baseline, new)
            except _PowerCut:
                died = True
            else:
                died = False
        if not died:
            break
        gate.judge(baseline, new)  # as the next gate does
        found = {name: data for name, data in files(baseline).items() if not name.startswith(".new-baseline.")}
        assert found.pop("README.md") == b"why these clips"
        assert found in (whole_old, whole_new), f"died at step {steps} of {len(seen)}"
        seen_old, seen_new = seen_old + (found == whole_old), seen_new + (found == whole_new)
        work.update(baseline, new)
        assert files(baseline).keys() == {*whole_new, *kept}, "the next update clears up"
    assert seen_old > 4 and seen_new > 4, "both sides of the moment were tried"


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_that_cannot_be_written_is_one_sentence_and_changes_nothing(old, new, tmp_path, monkeypatch, there):
    baseline = old if there else tmp_path / "fresh"
    before = files(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotRunnableError, match=r"cannot write .*No space left"):
        work.update(baseline, new)
    assert files(tmp_path) == before and not list(tmp_path.rglob(".new-baseline*"))


@pytest.mark.parametrize(
    "listed", ["{}", '{"names": []}', '{"names": ["../victim"]}', '{"names": ["README.md"]}', '{"names": [5]}', "no"]
)
def test_a_list_of_anybody_in_a_baseline_reaches_no_other_file(old, new, tmp_path, listed):
    (old / ".new-baseline").mkdir()
    (old / ".new-baseline" / "names.json").write_text(listed)
    (old / "victim").write_text("mine")
    before = files(tmp_path)
    for ask in (work.update, work.dropped, gate.judge):
        with pytest.raises(DataError, match=r"\.new-baseline"):
            ask(old, new)
    assert files(tmp_path) == before
