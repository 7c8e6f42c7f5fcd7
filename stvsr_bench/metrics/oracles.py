"""Other programs' PSNR-Y and SSIM-Y of the same frames: scikit-image, OpenCV, ffmpeg, piq and others.

Only what is installed is asked. Axes: S C H W, uint8. None of them is used for a score; they are here to be compared.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stvsr_bench.errors import NotRunnableError
from stvsr_bench.metrics import color, ffmpeg

Frames = NDArray[np.uint8]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Oracle:
    """Another program's way to one of our metrics, and why it may differ."""

    program: str
    metric: str
    function: Callable[[Frames, Frames], Scores]
    needs: str
    note: str = ""


def installed() -> Iterator[Oracle]:
    """Those that can be asked on this machine."""
    for oracle in ORACLES:
        if oracle.needs == "ffmpeg":
            try:
                ffmpeg.binary()
            except NotRunnableError:
                continue
            yield oracle
        elif _imports(oracle.needs):
            yield oracle


def _imports(module: str) -> bool:
    """Whether a package is there and can be imported (one that needs torchvision often cannot)."""
    if find_spec(module.partition(".")[0]) is None:
        return False
    try:
        import_module(module)
    except (ImportError, RuntimeError, OSError):
        return False
    return True


def _luma(frames_SCHW: Frames) -> NDArray[np.float64]:
    return np.stack([color.in_levels(frame_CHW, color.STUDIO_Y) for frame_CHW in frames_SCHW])


def _each(score: Callable[[Any, Any], float]) -> Callable[[Frames, Frames], Scores]:
    """A score of two luma planes, made into one of clips."""

    def scores(sr_SCHW: Frames, hr_SCHW: Frames) -> Scores:
        return np.array([score(sr, hr) for sr, hr in zip(_luma(sr_SCHW), _luma(hr_SCHW), strict=True)])

    return scores


def _skimage_psnr(sr_HW: Any, hr_HW: Any) -> float:
    return float(import_module("skimage.metrics").peak_signal_noise_ratio(hr_HW, sr_HW, data_range=255))


def _skimage_ssim(sr_HW: Any, hr_HW: Any) -> float:
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    return float(import_module("skimage.metrics").structural_similarity(hr_HW, sr_HW, **settings))


def _skimage_default_ssim(sr_HW: Any, hr_HW: Any) -> float:
    return float(import_module("skimage.metrics").structural_similarity(hr_HW, sr_HW, data_range=255))


def _opencv_psnr(sr_HW: Any, hr_HW: Any) -> float:
    import cv2

    return float(cv2.PSNR(sr_HW, hr_HW))


def _tensors(sr_HW: Any, hr_HW: Any) -> tuple[Any, Any]:
    import torch

    return torch.from_numpy(sr_HW)[None, None], torch.from_numpy(hr_HW)[None, None]


def _piq_ssim(sr_HW: Any, hr_HW: Any) -> float:
    sr, hr = _tensors(sr_HW / 255, hr_HW / 255)
    return float(import_module("piq").ssim(sr, hr, kernel_size=11, kernel_sigma=1.5, downsample=False))


def _torchmetrics_ssim(sr_HW: Any, hr_HW: Any) -> float:
    functional = import_module("torchmetrics.functional.image")
    return float(functional.structural_similarity_index_measure(*_tensors(sr_HW, hr_HW), data_range=255.0))


def _pytorch_msssim(sr_HW: Any, hr_HW: Any) -> float:
    return float(import_module("pytorch_msssim").ssim(*_tensors(sr_HW, hr_HW), data_range=255))


ORACLES = (
    Oracle("scikit-image, our settings", "psnr_y", _each(_skimage_psnr), "skimage.metrics"),
    Oracle("OpenCV on float luma", "psnr_y", _each(_opencv_psnr), "cv2"),
    Oracle("ffmpeg psnr (yuv444p)", "psnr_y", ffmpeg.psnr_y, "ffmpeg", "rounds Y to 8 bits"),
    Oracle("scikit-image, our settings", "ssim_y", _each(_skimage_ssim), "skimage.metrics"),
    Oracle("scikit-image, defaults", "ssim_y", _each(_skimage_default_ssim), "skimage.metrics", "7x7 box window"),
    Oracle("piq", "ssim_y", _each(_piq_ssim), "piq"),
    Oracle("pytorch-msssim", "ssim_y", _each(_pytorch_msssim), "pytorch_msssim", "float32 window"),
    Oracle(
        "torchmetrics", "ssim_y", _each(_torchmetrics_ssim), "torchmetrics.functional.image", "scores padded borders"
    ),
    Oracle("ffmpeg ssim (yuv444p)", "ssim_y", ffmpeg.ssim_y, "ffmpeg", "8x8 box window, rounds Y to 8 bits"),
)
