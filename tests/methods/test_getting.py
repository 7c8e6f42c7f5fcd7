"""`weights get`: files of a git repository and of Google Drive, served by this machine; what is kept."""

import hashlib
import json
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType

import pytest
import torch

from stvsr_bench import checkpoints, methods
from stvsr_bench.cli import call
from stvsr_bench.errors import NOT_RUNNABLE, OK, USAGE
from stvsr_bench.methods import getting, weights

CARD = """
title = "Toy"
kind = "sr"
net = "model:Toy"
scale = 4
[weights.authors]
blob = "{blob}"
licence = "MIT"
[weights.authors.source]
repo = "me/toy"
commit = "{commit}"
path = "nets/toy 1.pth"
[weights.cloud.source]
drive = "1aIbbQYTL2H4F_Uxt2YDY8lxFhfwRPHG4"
name = "toy.pth"
size = "41 MB"
[weights.wheel]
origin = "package"
package = "no-such-package==1.0"
file = "no/file.pth"
[weights.paper]
notes = "on request"
"""
MODEL = "import torch\n\nclass Toy(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n" + (
    "        self.w = torch.nn.Parameter(torch.zeros(3))\n"
)
COMMIT = "d" * 40


def saved(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"w": torch.full((3,), float(value))}, path)
    return path


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A mirror of GitHub on 127.0.0.1 with the toy's weights, and a method whose card names them."""
    file = saved(tmp_path / "site" / "me" / "toy" / COMMIT / "nets" / "toy 1.pth", 1)
    content = file.read_bytes()
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    (tmp_path / "plug" / "methods" / "toy").mkdir(parents=True)
    (tmp_path / "plug" / "methods" / "toy" / "card.toml").write_text(CARD.format(blob=blob, commit=COMMIT))
    (tmp_path / "plug" / "methods" / "toy" / "model.py").write_text(MODEL)
    monkeypatch.setenv("STVSR_BENCH_PATH", str(tmp_path / "plug"))
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("STVSR_BENCH_OFFLINE", raising=False)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "site"))
    handler.func.log_message = lambda *args: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("STVSR_BENCH_MIRROR", f"http://127.0.0.1:{server.server_address[1]}")
        yield file
        server.shutdown()


@pytest.fixture
def drive(monkeypatch, tmp_path):
    """A stand-in for gdown that gives `file`."""
    made = ModuleType("gdown")
    made.file = saved(tmp_path / "drive.pth", 2)

    def download(id, output, **options):
        with open(output, "wb") as out:  # noqa: PTH123
            out.write(made.file.read_bytes())

    made.download = download
    monkeypatch.setitem(sys.modules, "gdown", made)
    return made


def test_a_file_of_a_repository_is_said_first_then_fetched_and_is_the_authors(site, capsys):
    assert call(["weights", "get", "toy@authors", "--dry-run"]) == OK
    said = capsys.readouterr().out
    for fact in ("github.com/me/toy at ddddddd", "licence     MIT", "size        not stated", "git blob id", "untried"):
        assert fact in said
    assert not checkpoints.folder().exists()
    assert call(["weights", "get", "toy@authors"]) == OK
    assert f"here as toy@authors, SHA-256 {checkpoints.sha256(site)}" in capsys.readouterr().out
    assert torch.equal(methods.build("toy@authors").net.w, torch.ones(3))
    assert methods.resolve("toy").weights == "authors"
    site.unlink()
    assert call(["weights", "get", "toy@authors"]) == OK, "what is here is not fetched again"


@pytest.mark.fault("B6", "`weights get`: the repository's file is another", "deleted and said; nothing is kept", "4")
def test_another_file_at_that_place_is_refused(site, capsys):
    saved(site, 9)
    assert call(["weights", "get", "toy@authors"]) == NOT_RUNNABLE
    err = capsys.readouterr().err
    assert "its git blob id is" in err
    assert "1 of 1 could not be fetched" in err
    assert not checkpoints.folder().exists()


@pytest.mark.fault(
    "B6", "Google Drive gives another file than the first time", "both hashes; `--replace` takes it", "2"
)
def test_a_file_of_drive_is_trusted_as_it_was_the_first_time(site, drive, capsys):
    assert call(["weights", "get", "toy@cloud", "--json"]) == OK
    (got,) = json.loads(capsys.readouterr().out)
    first = checkpoints.sha256(drive.file)
    assert (got["label"], got["sha256"]) == ("cloud" + weights.FIRST_USE, first)
    identity = methods.resolve("toy@cloud (trusted on first use)")
    assert (identity.weights, identity.sha256) == ("cloud (trusted on first use)", first), "what stands in every row"
    (entry,) = checkpoints.entries()
    assert entry.source == "Google Drive file 1aIbbQYTL2H4F_Uxt2YDY8lxFhfwRPHG4"
    entry.path.unlink()
    saved(drive.file, 3)
    assert call(["weights", "get", "toy@cloud"]) == USAGE
    err = capsys.readouterr().err
    assert first[:12] in err
    assert checkpoints.sha256(drive.file)[:12] in err
    assert call(["weights", "get", "toy@cloud", "--replace"]) == OK
    assert methods.resolve("toy@cloud").sha256 == checkpoints.sha256(drive.file)


def test_a_file_of_drive_that_is_no_checkpoint_of_the_method_is_not_kept(site, drive, capsys):
    torch.save({"v": torch.ones(2)}, drive.file)
    assert call(["weights", "get", "toy@cloud"]) == NOT_RUNNABLE
    assert "nothing in common" in capsys.readouterr().err
    assert not checkpoints.folder().exists()


def test_what_no_program_can_fetch_is_one_instruction_each(site, drive, monkeypatch, capsys):
    monkeypatch.setattr(getting.subprocess, "run", lambda *a, **k: pytest.fail("pip was run"))
    assert call(["weights", "get", "toy@paper"]) == NOT_RUNNABLE
    assert (
        "no source is known. Get the file from its authors, then run stvsr-bench weights add" in capsys.readouterr().err
    )
    assert call(["weights", "get", "toy@wheel"]) == NOT_RUNNABLE
    assert "write --yes to run: " in capsys.readouterr().err
    monkeypatch.setenv("STVSR_BENCH_OFFLINE", "1")
    assert call(["weights", "get", "toy", "--yes"]) == NOT_RUNNABLE
    err = capsys.readouterr().err
    assert err.count("STVSR_BENCH_OFFLINE is set") == 3
    assert "4 of 4 could not be fetched; 0 are here" in err


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ([], "name methods, e.g."),
        (["toy", "--all"], "name methods, e.g."),
        (["toy@cluod"], "Did you mean 'cloud'?"),
        (["blend"], "blend has no weights that others published"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(site, argv, sentence, capsys):
    assert call(["weights", "get", *argv]) == USAGE
    assert sentence in capsys.readouterr().err


def test_every_method_that_issue_j_names_has_a_source():
    wanted = {"stdan", "zsm", "tmnet", "rstt", "safa", "videoinr", "motif", "bfstvsr"}
    kinds = {(offer.method, offer.tag): offer.kind for offer in getting.offers(sorted(wanted))}
    assert {name for name, _ in kinds} == wanted
    assert set(kinds.values()) == {"git", "drive"}
    assert {name for name, tag in kinds if kinds[name, tag] == "git"} == {"zsm", "rstt", "motif"}
