"""A small world in which the commands of the docs run as written: data, weights and folders of the names they use."""

import shutil
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from stvsr_bench.methods.stdan import model as stdan
from stvsr_bench.methods.stdan import weights as stdan_weights
from stvsr_bench.methods.tmnet import model as tmnet
from stvsr_bench.methods.tmnet import weights as tmnet_weights

from stvsr_bench.cli import call
from stvsr_bench.data.frames import write_png
from tests.golden import recipe_of

ROOT = Path(__file__).parents[2]
SIZE = (64, 96)
CLIPS = ("00001/0001", "00001/0002")


def frames(seed, count=7):
    """A picture of smooth noise that moves two pixels a frame, uint8 (count, H, W, 3)."""
    rough = np.random.default_rng(seed).random((SIZE[0] // 4, SIZE[1] // 4 + count, 3))
    picture = np.kron(rough, np.ones((4, 4, 1))) * 200 + 20
    return [picture[:, 2 * t : 2 * t + SIZE[1]].astype(np.uint8) for t in range(count)]


def clip(folder, seed, first=0, count=7):
    for number, frame in enumerate(frames(seed, count), start=first):
        write_png(folder / f"im{number}.png", frame)


def checkpoint(path, net, to_authors):
    """The authors' keys with values of the recipe: no trained weights are in the repository."""
    recipe = recipe_of("golden_recipe")
    torch.save(recipe.golden_state_dict(to_authors(net.state_dict())), path)


def data(world):
    vimeo = world / "data" / "vimeo_septuplet"
    for seed, name in enumerate(CLIPS):
        clip(vimeo / "sequences" / name, seed, first=1)
        clip(world / "my_results" / name.replace("/", "_"), seed + 10, first=1)
    for name in ("fast_testset", "medium_testset", "slow_testset", "sep_trainlist", "sep_testlist"):
        (vimeo / f"{name}.txt").write_text("".join(f"{name}\n" for name in CLIPS))
    for folder in ("my_clips", "data/my clips", "data/a, b", "tiny"):
        for seed in range(5 if folder in ("tiny", "my_clips") else 1):
            clip(world / folder / f"{seed:04d}", seed)
    for seed, name in enumerate(("old name, first", "city")):
        clip(world / "clips" / name, seed)
    (world / "chosen.txt").write_text("city\n")
    (world / "frames").mkdir()
    for name in ("holiday.mp4", "clip.mp4"):
        writer = imageio_ffmpeg.write_frames(str(world / name), SIZE[::-1], macro_block_size=1)
        writer.send(None)
        for frame in frames(3):
            writer.send(np.ascontiguousarray(frame))
        writer.close()


def weights(world):
    checkpoint(world / "STDAN_20220306.pth", stdan.STDAN(), stdan_weights.to_authors)
    checkpoint(world / "tmnet_single_frame.pth", tmnet.TMNet(), tmnet_weights.to_authors)
    shutil.copy(world / "STDAN_20220306.pth", world / "unknown.pth")
    assert call(["weights", "add", "STDAN_20220306.pth", "--as", "stdan@authors"]) == 0
    (world / "my nets").mkdir()
    (world / "my nets" / "best+last.pth").symlink_to(world / "STDAN_20220306.pth")
    (world / "runs" / "train").mkdir(parents=True)
    shutil.copy(ROOT / "methods/stdan/weights/mini.safetensors", world / "runs/train/weights.safetensors")


def runs(world):
    """Run folders that a page takes as there."""
    measured = ["run", "--methods", "blend+bicubic", "--dataset", "./tiny", "--save-frames", "none", "-q"]
    for part in ("1", "2"):
        assert call([*measured, "--shard", f"{part}/2", "--out", f"runs/shard-{part}"]) == 0
    assert call([*measured, "--protocol", "zsm-2020", "--out", "runs/zsm-2020"]) == 0
    assert call([*measured, "--protocol", "zsm-2020", "--out", "runs/theirs"]) == 0
    assert call(["bundle", "runs/theirs", "-o", "theirs.zip", "--as", "Their lab"]) == 0
    assert (
        call(["run", "--methods", "stdan@mini", "--dataset", "./tiny", "--limit", "1", "-q", "--out", "runs/small"])
        == 0
    )


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """The folder that all commands of the docs run in; what one page leaves there the next may find."""
    world = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        patch.setenv("STVSR_BENCH_HOME", str(world / "home"))
        data(world)
        weights(world)
        runs(world)
    return world


@pytest.fixture
def here(world, monkeypatch):
    """The world as the current folder and as home."""
    monkeypatch.chdir(world)
    monkeypatch.setenv("HOME", str(world))
    monkeypatch.setenv("VIMEO90K_ROOT", str(world / "data" / "vimeo_septuplet"))
    monkeypatch.setenv("STVSR_BENCH_HOME", str(world / "home"))
    return world
