import json
import threading
import zipfile
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from stvsr_bench import datasets
from stvsr_bench.cli import call
from stvsr_bench.data.degrade import degrade
from stvsr_bench.data.frames import from_bytes, to_bytes, write_png
from stvsr_bench.schema import Download, SplitList

FAST_SHA256 = "0f4bf0a5bac26960ebd27395c00e1351c9c308d14aae4f37be0ad182ec73d3ee"  # of "00001/0266\n"


@pytest.fixture
def root(tmp_path):
    """A folder of three good clips of a texture that slides by 1, 4 and 8 px a frame, with shipped bicubic frames."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (20, 40, 3)).astype(np.float32)
    texture = coarse.repeat(8, axis=0).repeat(8, axis=1) + random.integers(-20, 20, (160, 320, 3))
    texture = np.clip(texture, 0, 255).astype(np.uint8)
    for name, px in (("creep", 1), ("walk", 4), ("dash", 8)):
        hr_SHWC = np.stack([texture[10:106, 10 + px * i : 170 + px * i] for i in range(7)])
        lr_SHWC = to_bytes(degrade(from_bytes(hr_SHWC), "bicubic"))
        for kind, frames_SHWC in (("GT", hr_SHWC), ("LRx4", lr_SHWC)):
            for i, frame_HWC in enumerate(frames_SHWC, start=1):
                write_png(tmp_path / "mine" / kind / name / f"im{i}.png", frame_HWC)
    return tmp_path / "mine"


def checked(capsys, *argv):
    code = call(["data", "check", *argv, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_good_folder_has_no_errors(root, capsys):
    code, found = checked(capsys, str(root))
    assert code == 0
    assert found["checked"] == {"all": 3}
    assert {finding["level"] for finding in found["findings"]} == {"note"}
    assert "its low-resolution frames are MATLAB bicubic" in [finding["what"] for finding in found["findings"]]


def test_every_planted_fault_is_found_and_named(root, capsys):
    walk, dash, creep = (root / "GT" / name for name in ("walk", "dash", "creep"))
    third, fourth = (walk / "im3.png").read_bytes(), (walk / "im4.png").read_bytes()
    (walk / "im3.png").write_bytes(fourth)
    (walk / "im4.png").write_bytes(third)
    (dash / "im5.png").write_bytes((dash / "im4.png").read_bytes())
    for i in range(1, 8):
        write_png(creep / f"im{i}.png", np.zeros((96, 160, 3), np.uint8))
    code, found = checked(capsys, str(root))
    errors = {(finding["clip"], finding["what"]) for finding in found["findings"] if finding["level"] == "error"}
    assert code == 3
    # a warning: where the whole picture slides evenly, only one of the two statistics can see it
    exchanged = [one for one in found["findings"] if one["clip"] == "walk" and "exchanged" in one["what"]]
    assert [(one["level"], one["what"][:35]) for one in exchanged] == [
        ("warning", "frames 2 and 3 seem to be exchanged")
    ]
    assert ("dash", "frame 4 repeats frame 3 to the byte") in errors
    assert ("creep", "is totally black: an exact result has an infinite PSNR") in errors


def test_a_wrong_degradation_is_named(root, capsys):
    for name in ("walk", "dash", "creep"):
        hr_SHWC = np.stack([_read(root / "GT" / name / f"im{i}.png") for i in range(1, 8)])
        for i, frame_HWC in enumerate(to_bytes(degrade(from_bytes(hr_SHWC), "bd-2021")), start=1):
            write_png(root / "LRx4" / name / f"im{i}.png", frame_HWC)
    assert call(["data", "check", str(root)]) == 0
    said = capsys.readouterr().out
    what = "its low-resolution frames are not MATLAB bicubic but look like bd-2021"
    assert f"warning  all creep, dash, walk (3 clips): {what}" in said
    assert "all: 3 clips checked, 0 errors, 3 warnings" in said


def _read(path):
    from stvsr_bench.data.frames import read_one

    return read_one(path)


def test_a_clip_that_cannot_be_read_is_an_error_not_the_end(root, capsys):
    (root / "GT" / "dash" / "im2.png").write_bytes(b"")
    code, found = checked(capsys, str(root))
    assert code == 3
    assert found["checked"] == {"all": 3}
    assert any(f["clip"] == "dash" and "is empty" in f["what"] for f in found["findings"])


def test_a_copy_of_other_frames_than_the_card_says_is_an_error(root, capsys, monkeypatch):
    monkeypatch.setenv("VID4_ROOT", str(root))
    code, found = checked(capsys, "vid4")
    assert code == 3
    assert "test has 3 clips, a complete copy has 4" in [finding["what"] for finding in found["findings"]]


def test_a_name_with_control_characters_does_not_reach_the_terminal(root, capsys):
    (root / "GT" / "walk").rename(root / "GT" / "wa\x1b[31mlk")
    assert call(["data", "check", str(root)]) == 4
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert "'wa\\x1b[31mlk' has control characters; rename it" in said.err


def test_stats_proposes_bins_draws_and_writes_lists(root, tmp_path, capsys):
    lists, plot = tmp_path / "lists", tmp_path / "motion.png"
    argv = ["data", "stats", str(root), "--plot", str(plot), "--write-lists", str(lists), "--json"]
    assert call(argv) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["bins"] == {"slow": ["creep"], "medium": ["walk"], "fast": ["dash"]}
    assert found["thresholds_px"] == {"slow_below": 2.0, "fast_from": 6.0}
    assert (lists / "fast.txt").read_text() == "dash\n"
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_stats_in_words_and_by_thirds(root, tmp_path, capsys):
    assert call(["data", "stats", str(root), "--plot", str(tmp_path / "m.png"), "--thirds"]) == 0
    said = capsys.readouterr().out
    assert "mine: 3 clips of 7 frames, 160x96" in said
    assert "histogram:" in said
    assert call(["data", "stats", str(root), "--slow-below", "9"]) == 2


def test_list_shows_every_data_set_even_a_broken_one(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "datasets" / "broken"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text("title = 3\n")
    monkeypatch.setenv("STVSR_BENCH_PATH", str(tmp_path))
    assert call(["data", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["broken"]["where"] == "broken"
    assert rows["vimeo90k"]["where"] == "VIMEO90K_ROOT not set"
    assert rows["mini"]["where"] == "made on this machine"
    assert call(["data", "list"]) == 0
    assert "vid4" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "code", "sentence"),
    [
        (
            ["prepare", "ucf101"],
            4,
            "ucf101 cannot be downloaded by a program: Google Drive file 0B7EVK8r0v71pdHBNdXB6TE1",
        ),
        (
            ["prepare", "reds4"],
            4,
            "reds4 cannot be downloaded by a program: no address of a file is known here: open https",
        ),
        (["prepare", "vimeo90k"], 2, "say which part of vimeo90k to get: --which test (15 GB"),
        (["prepare", "vimeo90k", "--which", "tets"], 2, "unknown download of vimeo90k 'tets'. Did you mean 'test'?"),
        (["prepare", "vimeo90k", "--which", "test"], 2, "Give --root FOLDER (or set VIMEO90K_ROOT)"),
        (["prepare", "vid4", "--lists"], 4, "vid4 has no lists that can be downloaded"),
        (["prepare", "./some/folder"], 2, "is a path; there is nothing to prepare"),
        (["prepare", "vimeo90k", "--lists"], 4, "STVSR_BENCH_OFFLINE is set"),
        (["check", "vimeo90k"], 4, "--root, or VIMEO90K_ROOT in the environment"),
        (["check", "mini", "--split", "fats"], 2, "unknown split of mini 'fats'. Did you mean 'fast'?"),
        (["stats", "./none"], 4, "there is no"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_its_exit_code(argv, code, sentence, monkeypatch, capsys):
    monkeypatch.setenv("STVSR_BENCH_OFFLINE", "1")
    assert call(["data", *argv]) == code
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A web site on 127.0.0.1 and the data set `vimeo90k` as if it were published there."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("STVSR_BENCH_OFFLINE", raising=False)
    (tmp_path / "site").mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "site"))
    handler.func.log_message = lambda *args: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        real = datasets.card("vimeo90k")
        known = {"zsm": {"fast": SplitList(url=f"{url}/fast.txt", sha256=FAST_SHA256, count=1)}}
        downloads = {"test": Download(url=f"{url}/clips.zip")}
        card = replace(real, lists=known, downloads=downloads)
        monkeypatch.setattr(datasets, "card", lambda name: card)
        yield tmp_path / "site"
        server.shutdown()


def test_prepare_brings_unpacks_and_the_clips_are_there(site, tmp_path, capsys, monkeypatch):
    random = np.random.default_rng(0)
    with zipfile.ZipFile(site / "clips.zip", "w") as archive:
        for i in range(1, 8):
            write_png(tmp_path / "im.png", random.integers(0, 256, (16, 32, 3), dtype=np.uint8))
            archive.write(tmp_path / "im.png", f"vimeo/sequences/00001/0266/im{i}.png")
    (site / "fast.txt").write_text("00001/0266\n")
    root = tmp_path / "root"
    assert call(["data", "prepare", "vimeo90k", "--which", "test", "--root", str(root)]) == 0
    assert "use it with --root" in capsys.readouterr().out
    assert sorted(path.name for path in root.iterdir()) == ["vimeo"]
    assert call(["data", "prepare", "vimeo90k", "--lists", "--root", str(root / "vimeo")]) == 0
    clips = datasets.clips("vimeo90k", "fast", root=root)
    assert clips.names == ["00001/0266"]
    capsys.readouterr()
    assert call(["data", "check", "vimeo90k", "--split", "fast", "--root", str(root)]) == 3
    said = capsys.readouterr().out
    assert "fast_testset.txt, that of zsm" in said
    assert "is 32x16, a complete copy is 448x256" in said
    (root / "vimeo" / "fast_testset.txt").write_text("00001/0266\n00001/0267\n")
    code, found = checked(capsys, "vimeo90k", "--split", "fast", "--root", str(root))
    whats = [finding["what"] for finding in found["findings"]]
    assert code == 3
    assert any("is none of the published ones" in what for what in whats)
    assert any("im1.png is missing" in what for what in whats)
    assert clips[0].hr_SCHW.shape == (7, 3, 16, 32)


def test_prepare_refuses_a_list_that_is_not_the_published_one(site, capsys):
    (site / "fast.txt").write_text("00001/0267\n")
    assert call(["data", "prepare", "vimeo90k", "--lists"]) == 4
    assert "is not the published file" in capsys.readouterr().err


def test_prepare_draws_the_embedded_clips(capsys, monkeypatch):
    real = datasets.card("mini")
    monkeypatch.setattr(datasets, "card", lambda name: replace(real, default_splits=["slow"]))
    reader = datasets.clips("mini", "slow").reader
    monkeypatch.setattr(type(reader), "names", lambda self, split: ["0000"])
    assert call(["data", "prepare", "mini"]) == 0
    assert capsys.readouterr().out == "mini/slow: 1 clip ready\n"
    assert call(["data", "prepare", "mini", "--split", "medium"]) == 0
    assert capsys.readouterr().out == "mini/medium: 1 clip ready\n"
