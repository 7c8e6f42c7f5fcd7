"""The folders, names and lists of real people, through the command line."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from stvsr_bench.cli import call
from stvsr_bench.data.frames import write_png
from stvsr_bench.rows import store


def clip(folder, seed=0, count=7):
    """Seven frames of a smooth pattern that moves, 32x48."""
    y, x = np.mgrid[0:32, 0:48]
    for t in range(count):
        planes = [np.sin((x - 2 * t) * 0.2 + c + seed) + np.cos(y * 0.15 * (c + 1)) for c in range(3)]
        write_png(folder / f"{t:05d}.png", (np.stack(planes, -1) * 60 + 128).astype(np.uint8))


@pytest.fixture
def run(tmp_path):
    def ran(*more, out="run"):
        methods = [] if "--from" in more else ["-m", "blend+bicubic"]
        return call(["run", *methods, "-o", str(tmp_path / out), "--save-frames", "none", "-q", *more])

    return ran


def names(folder):
    return sorted(row.clip for row in store.read_rows(folder))


def test_a_clip_called_all_is_one_of_the_clips(run, tmp_path):
    clip(tmp_path / "set/all")
    clip(tmp_path / "set/city", seed=1)
    assert run("-d", str(tmp_path / "set")) == 0
    assert names(tmp_path / "run") == ["all", "city"]


def test_an_archive_is_named_as_one(run, tmp_path, capsys):
    clip(tmp_path / "set/city")
    for kind in ("zip", "tar", "gztar", "xztar"):
        archive = shutil.make_archive(str(tmp_path / kind), kind, tmp_path / "set")
        assert run("-d", archive, out=kind) == 3
        assert "it is an archive (" in (said := capsys.readouterr().err) and "unpack it and give the folder" in said


def test_what_fails_is_one_clip_and_what_is_not_used_is_one_line(run, tmp_path, capsys):
    root = tmp_path / "set"
    clip(root / "good")
    clip(root / "short", count=7)
    (root / "short/00003.png").write_bytes((root / "short/00003.png").read_bytes()[:100])
    (root / "pointer").mkdir()
    for t in range(7):
        (root / f"pointer/{t}.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    (root / "linked.mp4").symlink_to("gone.mp4")
    (root / "damaged.mp4").write_bytes(b"no video")
    (root / "film.rm").write_bytes(b"x")
    (root / "good/@eaDir").mkdir()
    assert run("-d", str(root)) == 3
    assert names(tmp_path / "run") == ["good"]
    said = capsys.readouterr().err
    for part in ("all/short: ", "run git lfs pull", "is a link to gone.mp4", "damaged.mp4"):
        assert part in said
    assert said.count("failed:") == 4
    assert "set: 1 not used: of a kind that is not read (.rm): film.rm\n" in said
    assert "set: 1 not used: put there by a system" in said
    assert call(["data", "check", str(root), "-q", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [each["clip"] for each in found if each["level"] == "error"] == ["damaged", "linked", "pointer", "short"]
    assert any("film.rm" in each["what"] for each in found if each["level"] == "note")


@pytest.fixture
def counted(capsys):
    """How many clips of each data set a run would measure."""

    def would(*more):
        assert call(["run", "-m", "blend+bicubic", "-n", "--json", *more]) == 0
        return {cell["dataset"]: cell["clips"] for cell in json.loads(capsys.readouterr().out)["cells"]}

    return would


@pytest.mark.parametrize("name", ["my clips", "a,b", "a+b@c", "50% = half: 'x'"])
def test_a_path_is_one_path_whatever_it_contains(counted, tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in (f"{name}/one, two", f"{name}/three", "other/four"):
        clip(tmp_path / place, count=2)
    assert counted("-d", str(tmp_path / name)) == {name: 2}
    assert counted("-d", f"./{name},./other") == {name: 2, "other": 1}
    assert counted("-d", f"./{name}", "--clips", "one, two") == {name: 1}
    assert counted("-d", f"./{name}", "--clips", "three,one, two") == {name: 2}


def test_a_run_of_names_with_commas_is_replayed(run, tmp_path):
    for i, name in enumerate(("one, two", "three")):
        clip(tmp_path / "my, clips" / name, i)
    assert run("-d", str(tmp_path / "my, clips"), "--clips", "one, two") == 0
    assert run("--from", str(tmp_path / "run"), out="again") == 0
    assert names(tmp_path / "again") == ["one, two"]


def test_of_several_paths_one_that_is_not_there_shows_how_to_quote(run, tmp_path, capsys):
    clip(tmp_path / "set" / "one")
    assert run("-d", f"{tmp_path / 'set'},{tmp_path / 'my clips'}") == 2
    said = capsys.readouterr().err
    assert (
        f"there is no {tmp_path / 'my'}; separate several by commas or spaces;" in said
        and "'\"my clips\",city'" in said
    )
    assert run("-d", str(tmp_path / "set"), "--clips", "one,my clip") == 2
    assert "unknown clip of" in (said := capsys.readouterr().err) and "in its own quotes" in said


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_list_of_clips_may_come_from_windows(counted, tmp_path, encoding):
    for name in ("city", "my clip", "walk", "other"):
        clip(tmp_path / "set" / name, count=2)
    (tmp_path / "my list.txt").write_bytes("walk city\r\n# no more\r\nmy clip\r\n".encode(encoding))
    assert counted("-d", str(tmp_path / "set"), "--clips", f"@{tmp_path / 'my list.txt'}") == {"set": 3}
    (tmp_path / "sets.txt").write_bytes(f"{tmp_path / 'set'}\r\n".encode(encoding))
    assert counted("-d", f"@{tmp_path / 'sets.txt'}") == {"set": 4}


def test_paths_that_are_no_utf8_go_all_the_way(run, tmp_path, capsys):
    root = os.fsdecode(os.fsencode(tmp_path) + b"/d\xe9t")
    try:
        Path(root, os.fsdecode(b"caf\xe9")).mkdir(parents=True)
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    clip(tmp_path / "one")
    for path in (tmp_path / "one").iterdir():
        Path(root, os.fsdecode(b"caf\xe9"), path.name).write_bytes(path.read_bytes())
    assert run("-d", root) == 0
    (row,) = store.read_rows(tmp_path / "run")
    assert (row.dataset, row.clip) == (r"d\xe9t", r"caf\xe9")
    assert run("--from", str(tmp_path / "run"), out="again") == 0
    assert store.read_rows(tmp_path / "again")[0].values == row.values
    assert run("-d", root, "--clips", os.fsdecode(b"caf\xe9"), out="chosen") == 0  # as a shell completes it
    assert run("--from", str(tmp_path / "chosen"), out="chosen again") == 0
    assert names(tmp_path / "chosen again") == [r"caf\xe9"]
    assert call(["verify", str(tmp_path / "run")]) == 0
    assert call(["data", "check", root, "-q"]) == 0
    assert call(["score", root, "--against", root, "-o", str(tmp_path / "scored"), "-q"]) == 0
    assert call(["data", "check", f"{root}/none", "-q"]) == 4
    assert r"d\xe9t/none" in capsys.readouterr().err


def test_the_list_of_a_split_is_never_shortened(run, tmp_path, capsys):
    entries = ["00001/0001", "00001/0002", "00002/0001"]
    for i, entry in enumerate(entries):
        clip(tmp_path / "v" / "sequences" / entry, i)
        for t, path in enumerate(sorted((tmp_path / "v" / "sequences" / entry).iterdir()), start=1):
            path.rename(path.with_name(f"im{t}.png"))
    listed = tmp_path / "v" / "slow_testset.txt"
    command = ("-d", "vimeo90k", "-s", "slow", "--root", str(tmp_path / "v"))
    for text in (" ".join(entries), "\n".join(f"sequences/{entry}" for entry in entries)):
        listed.write_text(text)
        assert run(*command, "--overwrite") == 0
        assert names(tmp_path / "run") == entries
    listed.write_text("00001/0001 and others\n")
    assert run(*command) == 4
    assert "does not look like a clip" in capsys.readouterr().err
