import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from stvsr_bench import datasets, methods, plugins
from stvsr_bench.acquire.pack import pack
from stvsr_bench.cli import call
from stvsr_bench.errors import INTERRUPTED, NOT_RUNNABLE, USAGE
from stvsr_bench.train.state import save_weights


def trained(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "weights.safetensors")


def test_train_leaves_weights_that_build_takes(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert call(["train", "toy", "--data", str(toy), "--out", str(out), "--quiet", "--threads", "1"]) == 0
    card = json.loads((out / "weights.json").read_text())
    assert (card["steps"], card["licence"], card["recipe"]["data"]) == (8, "Apache-2.0", [str(toy)])
    method = methods.build(f"toy@{out / 'weights.safetensors'}")
    assert method.weights_sha256 == card["sha256"]
    assert torch.equal(method.net.state_dict()["conv.weight"], trained(out)["conv.weight"])


def test_trained_weights_run_with_no_options_typed_also_out_of_the_cache(toy: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "wide.toml"
    text = (plugins.find("methods", "toy").path / "train.toml").read_text()
    recipe.write_text(text.replace("[[paper.stages]]", "options = { wide = 48, twice = true }\n[[paper.stages]]", 1))
    out = tmp_path / "run"
    argv = ["train", "toy", "--config", str(recipe), "--data", str(toy), "--out", str(out), "-q", "--steps", "1"]
    assert call(argv) == 0
    assert json.loads((out / "weights.json").read_text())["options"] == {"wide": 48, "twice": True}
    method = methods.build(f"toy@{out / 'weights.safetensors'}")
    assert (method.spec, method.options["twice"]) == ("toy", True)
    assert call(["weights", "add", str(out / "weights.safetensors")]) == 0
    shutil.rmtree(out)
    assert torch.equal(methods.build("toy@own").net.second.weight, method.net.second.weight)


def test_the_same_command_gives_the_same_weights_to_the_last_digit(toy: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        argv = ["train", "toy", "--data", str(toy), "--out", str(tmp_path / name), "-q", "--threads", "1"]
        assert call([*argv, "--steps", "3"]) == 0
    one, two = (tmp_path / name for name in ("one", "two"))
    assert (one / "weights.safetensors").read_bytes() == (two / "weights.safetensors").read_bytes()


def test_steps_ends_early_and_resume_goes_on_to_the_same_end(toy: Path, tmp_path: Path) -> None:
    argv = ["train", "toy", "--data", str(toy), "-q", "--threads", "1"]
    assert call([*argv, "--out", str(tmp_path / "whole")]) == 0
    assert call([*argv, "--out", str(tmp_path / "parts"), "--steps", "3"]) == 0
    assert call([*argv, "--out", str(tmp_path / "parts"), "--resume"]) == 0
    assert torch.equal(trained(tmp_path / "whole")["conv.weight"], trained(tmp_path / "parts")["conv.weight"])


def test_a_folder_with_a_run_is_not_written_over(toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["train", "toy", "--data", str(toy), "--out", str(tmp_path / "run"), "-q", "--steps", "1"]
    assert call(argv) == 0
    assert call(argv) == USAGE
    assert "--resume" in capsys.readouterr().err


def test_packed_clips_train_what_their_folders_train(toy: Path, tmp_path: Path) -> None:
    pytest.importorskip("lmdb")
    pack(datasets.clips(str(toy)), tmp_path / "toy.lmdb")
    for data in (toy, tmp_path / "toy.lmdb"):
        out = tmp_path / f"run-{data.name}"
        assert call(["train", "toy", "--data", str(data), "--out", str(out), "-q", "--steps", "2"]) == 0
    one, two = (trained(tmp_path / f"run-{name}") for name in ("clips", "toy.lmdb"))
    assert torch.equal(one["conv.weight"], two["conv.weight"])


def test_vimeo_is_read_from_its_official_folders(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "vimeo"
    for clip in toy.iterdir():
        folder = root / "sequences" / "00001" / f"000{clip.name}"
        folder.mkdir(parents=True)
        for i, frame in enumerate(sorted(clip.iterdir()), start=1):
            (folder / f"im{i}.png").write_bytes(frame.read_bytes())
    (root / "sep_trainlist.txt").write_text("".join(f"00001/000{clip.name}\n" for clip in sorted(toy.iterdir())))
    monkeypatch.setenv("VIMEO90K_ROOT", str(root))
    for data, out in (("vimeo90k", "vimeo"), (str(toy), "folders")):
        assert call(["train", "toy", "--data", data, "--out", str(tmp_path / out), "-q", "--steps", "2"]) == 0
    assert torch.equal(trained(tmp_path / "vimeo")["conv.weight"], trained(tmp_path / "folders")["conv.weight"])


def test_a_recipe_may_start_from_trained_weights(toy: Path, tmp_path: Path) -> None:
    net = methods.build("toy@none").net
    start = {name: value + 1 for name, value in net.state_dict().items()}
    save_weights(plugins.find("methods", "toy").path / "toy.safetensors", start)
    argv = [
        "train",
        "toy",
        "--preset",
        "mini",
        "--data",
        str(toy),
        "--out",
        str(tmp_path / "run"),
        "-q",
        "--steps",
        "1",
    ]
    assert call(argv) == 0
    moved = (trained(tmp_path / "run")["conv.weight"] - start["conv.weight"]).abs().max()
    assert 0 < moved < 0.01


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["toyy"], USAGE, "toy"),
        (["toy", "--preset", "papper"], USAGE, "paper"),
        (["toy", "--data", "vimeo90k"], NOT_RUNNABLE, "vimeo90k"),
        (["toy", "--device", "gpu"], USAGE, "cpu"),
        (["bicubic"], USAGE, "train.toml"),
        (["toy", "--config", "nowhere.toml"], USAGE, "nowhere.toml"),
    ],
)
def test_a_mistake_is_one_sentence(
    argv: list[str], code: int, said: str, toy: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("VIMEO90K_ROOT", raising=False)
    assert call(["train", *argv, "--out", str(tmp_path / "run"), "-q"]) == code
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


def test_ctrl_c_ends_with_its_own_code(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stvsr_bench.cli import training

    def press(self: object, step: int, loss: float, seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training.Meter, "update", press)
    assert call(["train", "toy", "--data", str(toy), "--out", str(tmp_path / "run"), "-q"]) == INTERRUPTED


def test_float16_storage_keeps_integers_and_halves_the_rest(tmp_path: Path) -> None:
    save_weights(tmp_path / "w.safetensors", {"a": torch.rand(4), "n": torch.arange(4)}, half=True)
    stored = load_file(tmp_path / "w.safetensors")
    assert (stored["a"].dtype, stored["n"].dtype) == (torch.float16, torch.int64)
