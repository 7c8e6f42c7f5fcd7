"""`weights prove`: the verdict, with a stand-in example that our own small STDAN wrote."""

import hashlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from stvsr_bench import checkpoints, methods
from stvsr_bench.cli import call
from stvsr_bench.data.frames import write_png
from stvsr_bench.errors import GATE_TRIPPED, NOT_RUNNABLE, OK, USAGE, DataError
from stvsr_bench.inspection import proof

MINI = Path(__file__).parents[2] / "methods" / "stdan" / "weights" / "mini.safetensors"


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """A folder with four frames and the seven that stdan@mini makes of them, called as the authors' are."""
    folder = tmp_path_factory.mktemp("example")
    random = np.random.default_rng(0)
    given = [cv2.resize(random.integers(0, 256, (4, 4, 3), np.uint8), (24, 16)) for _ in range(4)]
    with torch.inference_mode():
        lr = torch.from_numpy(np.stack(given)).permute(0, 3, 1, 2)[None].float() / 255
        sr = methods.build("stdan@mini").net(lr)[0]
    made = (sr.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    card = methods.card("stdan").example
    for shown, picture in zip([*card.given, *card.made], [*given, *made], strict=True):
        write_png(folder / Path(shown.path).name, picture)
    return folder


def changed(example, folder, by, everywhere):
    """A copy of the example whose fourth picture differs by some levels, in one pixel or in all."""
    for path in example.iterdir():
        picture = cv2.imread(str(path))[..., ::-1].astype(int)
        if path.name == "00000004.png":
            part = picture if everywhere else picture[:1, :1]
            part += np.where(part > 128, -by, by)
        write_png(folder / path.name, picture.astype(np.uint8))
    return folder


def test_weights_that_write_the_pictures_are_told_from_others(example, tmp_path, capsys):
    assert call(["weights", "prove", "stdan@mini", "--example", str(example)]) == OK
    out = capsys.readouterr().out
    assert out.count("equal 100.0000 % of pixels, PSNR     inf dB, largest difference 0") == 7
    assert "writes the pictures of the example, every pixel. The pictures are not those that the card names" in out
    one = changed(example, tmp_path / "one", 1, everywhere=False)
    assert call(["weights", "prove", "stdan@mini", "--example", str(one)]) == OK
    assert "except for rounding in the last grey level" in capsys.readouterr().out
    for name, by, everywhere in (("far", 2, False), ("all", 1, True)):
        other = changed(example, tmp_path / name, by, everywhere)
        assert call(["weights", "prove", "stdan@mini", "--example", str(other)]) == GATE_TRIPPED
        assert "does not write the pictures" in capsys.readouterr().err


def test_only_the_published_pictures_make_a_file_the_authors(example, tmp_path, monkeypatch):
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path / "home"))
    checkpoints.add(MINI, "stdan", "authors")
    assert methods.resolve("stdan@authors").weights == "authors (claimed)"
    assert not proof.prove("stdan", proof.pictures("stdan", example)).counts
    assert methods.resolve("stdan@authors").weights == "authors (claimed)", "a folder of anybody's proves nothing"

    def hashed(shown):
        pixels = cv2.imread(str(example / Path(shown.path).name))[..., ::-1].tobytes()
        return replace(shown, pixels=hashlib.sha256(pixels).hexdigest())

    real = methods.card("stdan")
    known = replace(
        real.example, given=list(map(hashed, real.example.given)), made=list(map(hashed, real.example.made))
    )
    monkeypatch.setattr(proof, "_card", lambda name: replace(real, example=known))
    found = proof.prove("stdan", proof.pictures("stdan", example))
    assert (found.published, found.verdict, found.counts) == (True, "equal", True)
    assert methods.resolve("stdan@authors").weights == "authors"
    assert checkpoints.entries()[0].proof == "littlewhitesea/STDAN@1f10a1d: 7 pictures, equal"
    checkpoints.add(MINI, "stdan", "authors")
    assert methods.resolve("stdan@authors").weights == "authors", "the same file stays proved"
    torch.save({"w": torch.ones(1)}, tmp_path / "other.pth")
    checkpoints.add(tmp_path / "other.pth", "stdan", "authors", replace=True)
    assert methods.resolve("stdan@authors").weights == "authors (claimed)", "another file is not"


def test_what_cannot_be_proved_is_one_sentence(example, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STVSR_BENCH_OFFLINE", "1")
    assert call(["weights", "prove", "zsm"]) == USAGE
    assert "names no published pictures" in capsys.readouterr().err
    assert call(["weights", "prove", "stdan"]) == NOT_RUNNABLE
    assert "STVSR_BENCH_OFFLINE is set, so https://raw.githubusercontent.com/littlewhitesea/STDAN/1f10a1d" in (
        capsys.readouterr().err
    )
    assert call(["weights", "prove", "stdan", "--example", str(example)]) == NOT_RUNNABLE
    assert "run stvsr-bench weights get stdan@authors" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"has neither test_example/0625/im1\.png nor im1\.png"):
        proof.pictures("stdan", tmp_path / "empty")
