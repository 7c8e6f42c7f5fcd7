"""Optional metrics: what runs in a separate program, with the user's backbone, or says what is missing."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from stvsr_bench import metrics
from stvsr_bench.errors import ClipError, NotRunnableError
from stvsr_bench.metrics import extras, ffmpeg, golden_frames, perceptual, trunks


@pytest.fixture
def pairs():
    recipe = {"h": 64, "w": 96, "seed": 22, "dy": 3, "dx": 5}
    return tuple(np.stack(side).transpose(0, 3, 1, 2) for side in zip(*golden_frames.clip(recipe), strict=True))


@pytest.fixture
def with_ffmpeg():
    pytest.importorskip("imageio_ffmpeg")
    ffmpeg.binary.cache_clear()


def test_vmaf_rates_every_frame_and_given_frames_higher(pairs, with_ffmpeg):
    scores = metrics.score_frames(*pairs, ["vmaf", "vmaf_neg", "xpsnr_y", "psnr_y"])
    assert all(values.shape == (7,) for values in scores.values())
    assert scores["vmaf"][0::2].mean() > scores["vmaf"][1::2].mean() + 10
    assert np.all(np.abs(scores["vmaf_neg"] - scores["vmaf"]) < 5)
    assert scores["xpsnr_y"][0::2].mean() > scores["xpsnr_y"][1::2].mean() + 3


def test_ffmpegs_own_psnr_is_ours_with_rounded_luma(pairs, with_ffmpeg):
    rounded = metrics.score_frames(*pairs, ["psnr_y_rounded"])["psnr_y_rounded"]
    np.testing.assert_allclose(ffmpeg.psnr_y(*pairs), rounded, atol=0.02)


def test_equal_clips_have_the_best_vmaf(pairs, with_ffmpeg):
    assert np.all(metrics.score_frames(pairs[1], pairs[1], ["vmaf"])["vmaf"] > 95)
    assert "ffmpeg version" in metrics.made_by("vmaf")


def test_frames_too_small_for_vmaf_are_refused_before_the_program_sees_them(with_ffmpeg):
    tiny = np.zeros((2, 3, 16, 16), np.uint8)
    with pytest.raises(ClipError, match=r"vmaf_v0\.6\.1 needs frames of at least 32x32"):
        metrics.score_frames(tiny, tiny, ["vmaf"])


def test_a_program_that_fails_is_one_sentence(pairs, tmp_path, monkeypatch):
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho 'cannot do that' >&2\nexit 3\n")
    broken.chmod(0o755)
    ffmpeg.binary.cache_clear()
    monkeypatch.setenv("STVSR_BENCH_FFMPEG", str(broken))
    with pytest.raises(ClipError, match="refused the frames: cannot do that"):
        ffmpeg.psnr_y(*pairs)
    ffmpeg.binary.cache_clear()
    monkeypatch.setenv("STVSR_BENCH_FFMPEG", str(tmp_path / "absent"))
    with pytest.raises(NotRunnableError, match="cannot be run"):
        ffmpeg.psnr_y(*pairs)
    ffmpeg.binary.cache_clear()


def random_trunk(trunk):
    """A state dict of the trunk's shapes, seeded by numpy so that it is the same everywhere."""
    random = np.random.default_rng(5)
    shapes = {
        "alexnet": {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)},
        "vgg16": {
            0: (64, 3, 3),
            2: (64, 64, 3),
            5: (128, 64, 3),
            7: (128, 128, 3),
            10: (256, 128, 3),
            **dict.fromkeys((12, 14), (256, 256, 3)),
            17: (512, 256, 3),
            **dict.fromkeys((19, 21, 24, 26, 28), (512, 512, 3)),
        },
    }[trunk]
    state = {}
    for index, (out, into, size) in shapes.items():
        scale = np.sqrt(2 / (into * size * size))
        state[f"features.{index}.weight"] = random.normal(0, scale, (out, into, size, size)).astype(np.float32)
        state[f"features.{index}.bias"] = random.normal(0, 0.05, out).astype(np.float32)
    return {name: torch.from_numpy(values) for name, values in state.items()}


@pytest.fixture
def backbones(tmp_path, monkeypatch):
    """A folder with random trunks, and packages that hold random heads where the published ones keep theirs."""
    random = np.random.default_rng(6)
    for trunk in ("alexnet", "vgg16"):
        torch.save(random_trunk(trunk), tmp_path / f"{trunk}-test.pth")
    heads = tmp_path / "site" / "lpips" / "weights" / "v0.1"
    heads.mkdir(parents=True)
    for name, widths in {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}.items():
        lin = {f"lin{k}.model.1.weight": torch.from_numpy(random.random((1, c, 1, 1))) for k, c in enumerate(widths)}
        torch.save(lin, heads / f"{name}.pth")
    texture = tmp_path / "site" / "DISTS_pytorch"
    texture.mkdir()
    both = {name: torch.from_numpy(random.random((1, 1475, 1, 1))) for name in ("alpha", "beta")}
    torch.save(both, texture / "weights.pt")
    for package in (heads.parents[1], texture):
        (package / "__init__.py").write_text("raise ImportError('its code must not be run')\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("STVSR_BENCH_BACKBONES", str(tmp_path))
    for cached in (trunks.trunk_state, perceptual._dists_heads):
        cached.cache_clear()
    yield tmp_path
    for cached in (trunks.trunk_state, perceptual._dists_heads):
        cached.cache_clear()


def test_lpips_and_dists_are_zero_for_equal_frames_and_grow_with_the_distance(pairs, backbones):
    sr_SCHW, hr_SCHW = (side[:2] for side in pairs)
    for name in ("lpips_alex", "lpips_vgg", "dists"):
        assert metrics.missing(name) == ""
        equal = metrics.score_frames(hr_SCHW, hr_SCHW, [name])[name]
        apart = metrics.score_frames(sr_SCHW, hr_SCHW, [name])[name]
        np.testing.assert_allclose(equal, 0, atol=1e-6)
        assert np.all(apart > 1e-4)


def test_lpips_equals_its_definition_written_out(pairs, backbones):
    sr_SCHW, hr_SCHW = (side[:1] for side in pairs)
    layers = torch.load(backbones / "alexnet-test.pth")
    lins = torch.load(backbones / "site" / "lpips" / "weights" / "v0.1" / "alex.pth")
    net = torch.nn.Sequential(
        *(torch.nn.Conv2d(3, 64, 11, 4, 2), torch.nn.ReLU(), torch.nn.MaxPool2d(3, 2)),
        *(torch.nn.Conv2d(64, 192, 5, padding=2), torch.nn.ReLU(), torch.nn.MaxPool2d(3, 2)),
        *(torch.nn.Conv2d(192, 384, 3, padding=1), torch.nn.ReLU()),
        *(torch.nn.Conv2d(384, 256, 3, padding=1), torch.nn.ReLU()),
        *(torch.nn.Conv2d(256, 256, 3, padding=1), torch.nn.ReLU()),
    )
    net.load_state_dict({name.removeprefix("features."): value for name, value in layers.items()})
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    total, stage = 0.0, 0
    a, b = (
        ((torch.from_numpy(x).float() / 127.5 - 1) - shift[:, None, None]) / scale[:, None, None]
        for x in (sr_SCHW, hr_SCHW)
    )
    with torch.no_grad():
        for layer in net:
            a, b = layer(a), layer(b)
            if isinstance(layer, torch.nn.ReLU):
                unit_a, unit_b = (x / (x.norm(dim=1, keepdim=True) + 1e-10) for x in (a, b))
                weight = lins[f"lin{stage}.model.1.weight"].float()
                total += float((weight * (unit_a - unit_b) ** 2).sum(1).mean())
                stage += 1
    assert metrics.score_frames(sr_SCHW, hr_SCHW, ["lpips_alex"])["lpips_alex"][0] == pytest.approx(total, rel=1e-4)


def test_a_file_that_is_no_trunk_is_named(pairs, backbones):
    torch.save({"features.0.weight": torch.zeros(1)}, backbones / "vgg16-test.pth")
    with pytest.raises(NotRunnableError, match=r"vgg16-test.pth is not a torchvision state dict.*features.0.bias"):
        metrics.score_frames(*pairs, ["dists"])
    (backbones / "vgg16-test.pth").write_bytes(b"<html>not found</html>")
    with pytest.raises(NotRunnableError, match=r"vgg16-test.pth cannot be read as weights"):
        metrics.score_frames(*pairs, ["dists"])


@pytest.mark.parametrize("name", ["vmaf_torch", f"cvvdp_{extras.CVVDP_DISPLAY}_{extras.CVVDP_FPS}fps"])
def test_a_package_that_is_absent_or_broken_is_one_sentence(name, pairs, tmp_path, monkeypatch):
    module = {"vmaf_torch": "vmaf_torch"}.get(name, "pycvvdp")
    (tmp_path / module).mkdir()
    (tmp_path / module / "__init__.py").write_text("raise ImportError('needs torchvision')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, module, raising=False)
    assert "cannot be imported: needs torchvision" in metrics.missing(name)
    with pytest.raises(NotRunnableError, match="cannot be imported"):
        metrics.METRICS[name].function(*pairs)


FAKES = {
    "vmaf_torch": """
import torch
class VMAF(torch.nn.Module):
    def forward(self, ref, dist):
        assert ref.shape[1] == 1 and 16 <= float(ref.min()) and float(ref.max()) <= 235 and ref.dtype == torch.float32
        return 100 - (ref - dist).abs().mean(dim=(1, 2, 3))
""",
    "pycvvdp": """
class cvvdp:
    def __init__(self, display_name, quiet, device):
        assert display_name == "standard_fhd"
    def predict(self, test, reference, dim_order, frames_per_second):
        assert test.shape == reference.shape == (7, 64, 96, 3) and test.dtype == "uint8"
        assert (dim_order, frames_per_second) == ("FHWC", 30)
        return 10 - abs(test.astype(float) - reference).mean() / 10, None
""",
}


@pytest.mark.parametrize("module", FAKES)
def test_other_packages_are_handed_what_they_document(module, pairs, tmp_path, monkeypatch):
    """The packages need torchvision or much memory; a stand-in checks layout, range, order and settings."""
    (tmp_path / f"{module}.py").write_text(FAKES[module])
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, module, raising=False)
    name = next(name for name in extras.EXTRAS if name.startswith({"vmaf_torch": "vmaf_torch"}.get(module, "cvvdp")))
    assert metrics.missing(name) == "" and metrics.made_by(name)
    if metrics.METRICS[name].per == "frame":
        scores = metrics.score_frames(*pairs, [name])[name]
        assert scores.shape == (7,) and scores[0::2].mean() > scores[1::2].mean()
    else:
        assert 5 < metrics.score_clip(*pairs, [name])[name] < 10
        assert metrics.score_clip(pairs[1], pairs[1], [name])[name] == 10


def test_neither_torch_nor_numba_is_loaded_to_know_the_metrics():
    code = "import sys, stvsr_bench.metrics as m; print(len(m.METRICS) > 20, {'torch', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "set()"]
