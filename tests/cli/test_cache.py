"""Room on the disk: what is kept is listed and deleted, and nothing that is not ours."""

import json

import pytest
import torch

from stvsr_bench import checkpoints
from stvsr_bench.cli import call
from stvsr_bench.cli.cache import size


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("STVSR_BENCH_HOME", str(folder))
    for name, bytes_ in (
        ("clips/mini/ab/slow/0.npz", 1000), ("clips/mini/notes.txt", 7), ("lr/x/1.npz", 500), ("lists/vid4/a.txt", 9),
        ("downloads/stdan-authors/half.pth", 300), ("mine/thesis.npz", 11), ("clips.npz", 5), ("downloads/mine.pth", 4),
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * bytes_)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/precious.npz").write_bytes(b"x")
    (folder / "clips/linked").symlink_to(tmp_path / "elsewhere")
    (folder / "clips/one.npz").symlink_to(tmp_path / "elsewhere/precious.npz")
    (folder / "videos").symlink_to(tmp_path / "elsewhere")
    return folder


def left(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() or path.is_symlink()}


OTHERS = {
    "clips/mini/notes.txt", "mine/thesis.npz", "clips.npz", "downloads/mine.pth", "clips/linked", "clips/one.npz",
    "videos",
}  # fmt: skip


def test_the_sizes_are_those_of_our_files(capsys):
    assert call(["cache", "info", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    parts = {row["part"]: (row["files"], row["bytes"], row["others"]) for row in said["parts"]}
    assert parts["clips"] == (1, 1000, 3) and parts["lr"] == (1, 500, 0) and parts["videos"] == (0, 0, 0)
    assert parts["downloads"] == (1, 300, 1) and parts["lists"] == (1, 9, 0)
    assert call(["cache", "info"]) == 0
    assert "1 kB" in capsys.readouterr().out


@pytest.mark.fault("E8", "`cache clear` and `weights remove` with nobody there to answer", "nothing is deleted", "2")
def test_nobody_is_there_to_say_yes(home, capsys):
    before = left(home)
    assert call(["cache", "clear"]) == 2
    assert "Nothing was deleted; to do it without a question, add --yes" in capsys.readouterr().err
    assert left(home) == before


def test_what_is_cleared_is_ours_and_can_be_made_again(home, tmp_path, capsys):
    assert call(["cache", "clear", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"deleted": 3, "bytes": 1800}
    assert left(home) == OTHERS | {"lists/vid4/a.txt"}
    assert (tmp_path / "elsewhere/precious.npz").is_file()
    assert call(["cache", "clear", "lists", "--yes"]) == 0
    assert left(home) == OTHERS
    assert call(["cache", "clear", "weights", "--yes"]) == 2


@pytest.fixture
def added(tmp_path):
    for name, value in (("one", 1.0), ("two", 2.0)):
        torch.save({"a": torch.tensor([value])}, tmp_path / f"{name}.pth")
    one = checkpoints.add(tmp_path / "one.pth", "toy", "one")
    checkpoints.add(tmp_path / "one.pth", "toy", "same")
    checkpoints.add(tmp_path / "two.pth", "toy", "two")
    return one


def test_weights_are_removed_with_their_file_when_its_last_name_goes(added, capsys):
    assert call(["weights", "remove", "toy@one", "--yes"]) == 0
    assert "its file stays, another name has it" in capsys.readouterr().out
    assert added.path.is_file() and checkpoints.listed("toy", "one") is None
    assert call(["weights", "remove", "toy@same", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == [str(added.path)]
    assert not added.path.exists() and [entry.tag for entry in checkpoints.entries()] == ["two"]
    assert call(["weights", "remove", "toy@same", "--yes"]) == 4
    assert "it has toy@two" in capsys.readouterr().err
    assert call(["weights", "remove", "toy@two"]) == 2
    assert [entry.tag for entry in checkpoints.entries()] == ["two"]


def test_replaced_files_are_unused_and_others_stay(added, tmp_path, home, capsys):
    checkpoints.add(tmp_path / "two.pth", "toy", "one", replace=True)
    checkpoints.add(tmp_path / "two.pth", "toy", "same", replace=True)
    (home / "weights/mine.pth").write_bytes(b"mine")
    assert checkpoints.unused() == [added.path]
    assert call(["weights", "remove", "--unused", "--yes"]) == 0
    assert not added.path.exists() and (home / "weights/mine.pth").is_file()
    assert len(list((home / "weights").glob("*.pth"))) == 2
    assert call(["weights", "remove"]) == 2


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (41_234_567, "41.2 MB"), (2e9, "2 GB")]
)
def test_sizes_are_readable(count, text):
    assert size(count) == text
