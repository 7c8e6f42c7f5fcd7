"""How fast scores and low-resolution frames are made, as ratios to the published procedures, in one run.

    python tests/benchmarks/metrics.py [--seconds 20] [--json]     beside other programs: beside.py

Times are processor time of one thread (the median of many interleaved batches), so that a busy machine changes them
less. The procedures to compare with are written from their description, not copied: PSNR-Y and SSIM-Y of float
frames with five full 11x11 filters; resizing by one tensor product per output row, column and channel.
"""

# ruff: noqa: E402
import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from stvsr_bench import metrics
from stvsr_bench.data import compiled, degrade, frames
from stvsr_bench.metrics import golden_frames, kernels

cv2.setNumThreads(1)
torch.set_num_threads(1)
Work = Callable[[], object]
C1, C2 = 6.5025, 58.5225
BATCH = 4  # repeats in a row, as the frames of a clip follow each other
PAD = 10  # samples mirrored at each border
WITHOUT_SSIM_RGB = tuple(name for name in metrics.CORE if name != "ssim_rgb")
GAPS = {1: (0, 2), 3: (2, 4), 5: (4, 6)}  # of a septuplet: interpolated frames, and the input frames around
FIRST = -7  # the first sample that output 0 looks at (its weight is 0), counted from 0


def official_scores(sr_HWC, hr_HWC):
    """PSNR-Y and SSIM-Y in the published order of operations: float64 output, float32 truth, five 2-D filters."""
    sr_HW, hr_HW = official_luma(sr_HWC / 255.0), official_luma(hr_HWC.astype(np.float32) / 255)
    mse = np.mean((sr_HW.astype(np.float64) - hr_HW.astype(np.float64)) ** 2)
    return 20 * np.log10(255 / np.sqrt(mse)), official_ssim(sr_HW, hr_HW)


def official_luma(frame_HWC):
    frame_HWC = frame_HWC * 255
    luma = np.dot(frame_HWC, [65.481, 128.553, 24.966]) / 255.0 + 16.0
    return (luma / 255).astype(frame_HWC.dtype) * 255


def official_ssim(sr_HW, hr_HW):
    sr_HW, hr_HW = sr_HW.astype(np.float64), hr_HW.astype(np.float64)
    taps = cv2.getGaussianKernel(11, 1.5)
    window = np.outer(taps, taps.transpose())

    def mean(plane_HW):
        return cv2.filter2D(plane_HW, -1, window)[5:-5, 5:-5]

    sr_mean, hr_mean = mean(sr_HW), mean(hr_HW)
    sr_square, hr_square, product = sr_mean**2, hr_mean**2, sr_mean * hr_mean
    sr_variance, hr_variance = mean(sr_HW**2) - sr_square, mean(hr_HW**2) - hr_square
    covariance = mean(sr_HW * hr_HW) - product
    ssim_map = ((2 * product + C1) * (2 * covariance + C2)) / (
        (sr_square + hr_square + C1) * (sr_variance + hr_variance + C2)
    )
    return ssim_map.mean()


def plain_scores(sr_HWC, hr_HWC):
    """The same in plain numpy: separable filters made of shifted slices."""
    sr_HW, hr_HW = (np.dot(side.astype(np.float64), [65.481, 128.553, 24.966]) / 255 + 16 for side in (sr_HWC, hr_HWC))
    taps = cv2.getGaussianKernel(11, 1.5).ravel()

    def mean(plane_HW):
        tall = sum(tap * plane_HW[k : plane_HW.shape[0] - 10 + k] for k, tap in enumerate(taps))
        return sum(tap * tall[:, k : plane_HW.shape[1] - 10 + k] for k, tap in enumerate(taps))

    sr_mean, hr_mean = mean(sr_HW), mean(hr_HW)
    squares, product = sr_mean**2 + hr_mean**2, sr_mean * hr_mean
    variances, covariance = mean(sr_HW**2 + hr_HW**2) - squares, mean(sr_HW * hr_HW) - product
    ssim_map = (2 * product + C1) * (2 * covariance + C2) / ((squares + C1) * (variances + C2))
    return 10 * np.log10(255**2 / np.mean((sr_HW - hr_HW) ** 2)), ssim_map.mean()


def skimage_scores(sr_HWC, hr_HWC):
    sr_HW, hr_HW = (np.dot(side.astype(np.float64), [65.481, 128.553, 24.966]) / 255 + 16 for side in (sr_HWC, hr_HWC))
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return (
        peak_signal_noise_ratio(hr_HW, sr_HW, data_range=255),
        structural_similarity(hr_HW, sr_HW, data_range=255, **settings),
    )


def our_scores(sr_SCHW, hr_SCHW):
    scores = metrics.score_frames(sr_SCHW, hr_SCHW, ("psnr_y", "ssim_y"))
    return scores["psnr_y"][0], scores["ssim_y"][0]


def row_by_row(frame_HWC, tensors):
    """One frame at a quarter of its size: a product for each output row, then column, and channel, in float32."""
    for axis in (0, 1):
        index, weight = degrade.taps(frame_HWC.shape[axis], 0.25)
        weight = weight.astype(np.float32)
        padded = np.pad(frame_HWC, [(PAD, PAD) if a == axis else (0, 0) for a in range(3)], "symmetric")
        shape = [len(index) if a == axis else frame_HWC.shape[a] for a in range(3)]
        if tensors:
            frame_HWC = _products(torch.from_numpy(padded), torch.from_numpy(weight), torch.zeros(shape), axis)
            frame_HWC = frame_HWC.numpy()
        else:
            frame_HWC = _products(padded, weight, np.zeros(shape, np.float32), axis)
    return frame_HWC


def _products(padded, weight, out, axis):
    taps = weight.shape[1]
    for k in range(len(weight)):
        start = 4 * k + PAD + FIRST
        for channel in range(3):
            if axis == 0:
                out[k, :, channel] = padded[start : start + taps, :, channel].T @ weight[k]
            else:
                out[:, k, channel] = padded[:, start : start + taps, channel] @ weight[k]
    return out


def dense(hr_SCHW):
    rows, columns = (matrix(size) for size in hr_SCHW.shape[-2:])
    return np.stack([[rows @ plane @ columns.T for plane in frame] for frame in hr_SCHW])


def matrix(size):
    index, weight = degrade.taps(size, 0.25)
    full = np.zeros((len(index), size))
    np.add.at(full, (np.arange(len(index))[:, None], index), weight)
    return full


def without_numba(work: Work) -> Work:
    """The work with the compiled kernels switched off."""

    def plain():
        available, of_data = kernels.available, compiled.function
        kernels.available, compiled.function = lambda: False, lambda module, name: None
        try:
            return work()
        finally:
            kernels.available, compiled.function = available, of_data

    return plain


def race(works: dict[str, Work], seconds: float) -> dict[str, float]:
    """Milliseconds of processor time of each work: the median of interleaved batches."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, work in works.items():
            start = time.process_time()
            for _ in range(BATCH):
                work()
            times[name].append(1000 * (time.process_time() - start) / BATCH)
    return {name: float(np.median(all_times)) for name, all_times in times.items()}


def scores(seconds: float, size: tuple[int, int]) -> dict[str, float]:
    sr_HWC, hr_HWC = golden_frames.pair({"kind": "blur_noise", "h": size[0], "w": size[1], "seed": 2, "amp": 5})
    sr_SCHW, hr_SCHW = (np.ascontiguousarray(side.transpose(2, 0, 1)[None]) for side in (sr_HWC, hr_HWC))
    works: dict[str, Work] = {
        "published procedure": lambda: official_scores(sr_HWC, hr_HWC),
        "plain numpy": lambda: plain_scores(sr_HWC, hr_HWC),
        "scikit-image": lambda: skimage_scores(sr_HWC, hr_HWC),
        "ours, core": without_numba(lambda: our_scores(sr_SCHW, hr_SCHW)),
        "ours, numba": lambda: our_scores(sr_SCHW, hr_SCHW),
    }
    reference = plain_scores(sr_HWC, hr_HWC)
    for work in works.values():
        np.testing.assert_allclose(work(), reference, atol=1e-6)
    return race(works, seconds)


def low_resolution(seconds: float) -> dict[str, float]:
    clip = golden_frames.clip({"h": 256, "w": 448, "seed": 21, "dy": 0, "dx": 2})
    hr_bytes = np.stack([hr for _, hr in clip]).transpose(0, 3, 1, 2).copy()
    hr_SCHW = hr_bytes.astype(np.float32) / np.float32(255)
    hr_SHWC = np.ascontiguousarray(hr_SCHW.transpose(0, 2, 3, 1))
    works: dict[str, Work] = {
        "published procedure (a tensor product per row)": lambda: [row_by_row(f, tensors=True) for f in hr_SHWC],
        "the same in plain numpy": lambda: [row_by_row(f, tensors=False) for f in hr_SHWC],
        "dense matrices, float64": lambda: dense(hr_SCHW.astype(np.float64)),
        "ours, core (from 8 bits to 8 bits)": without_numba(lambda: degrade.imresize(hr_bytes, 0.25)),
        "ours, numba (from 8 bits to 8 bits)": lambda: degrade.imresize(hr_bytes, 0.25),
        "ours, numba (degrade: float to float)": lambda: degrade.degrade(hr_SCHW, "bicubic"),
    }
    reference = dense(hr_SCHW.astype(np.float64))
    for tensors in (True, False):
        made = np.stack([row_by_row(f, tensors) for f in hr_SHWC]).transpose(0, 3, 1, 2)
        np.testing.assert_allclose(made, reference, atol=1e-6)
    np.testing.assert_allclose(degrade.degrade(hr_SCHW, "bicubic"), reference.clip(0, 1), atol=0.5001 / 255)
    return race(works, seconds)


def septuplet(seconds: float) -> dict[str, float]:
    """Decode, make lr and score: what a clip costs beside the network."""
    clip = golden_frames.clip({"h": 256, "w": 448, "seed": 21, "dy": 0, "dx": 2})
    sr_SCHW = frames.from_bytes(np.stack([sr for sr, _ in clip]))
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"im{k + 1}.png" for k in range(7)]
        for path, (_, hr_HWC) in zip(paths, clip, strict=True):
            cv2.imwrite(str(path), cv2.cvtColor(hr_HWC, cv2.COLOR_RGB2BGR))
        hr_SCHW = frames.from_bytes(frames.read(paths))

        def everything():
            read = frames.from_bytes(frames.read(paths))
            return degrade.degrade(read, "bicubic"), metrics.score_frames(sr_SCHW, read, ("psnr_y", "ssim_y"))

        lr_SChw = degrade.degrade(hr_SCHW, "bicubic")
        works: dict[str, Work] = {
            "decode 7 PNG files": lambda: frames.from_bytes(frames.read(paths)),
            "low-resolution frames": lambda: degrade.degrade(hr_SCHW, "bicubic"),
            "PSNR-Y and SSIM-Y": lambda: metrics.score_frames(sr_SCHW, hr_SCHW, ("psnr_y", "ssim_y")),
            "all together, numba": everything,
            "all together, core": without_numba(everything),
            "digests of truth and input": lambda: (frames.digest_of(hr_SCHW), frames.digest_of(lr_SChw)),
            "all scores of a run": lambda: metrics.score_frames(sr_SCHW, hr_SCHW, metrics.CORE),
            "all but SSIM of R, G, B": lambda: metrics.score_frames(sr_SCHW, hr_SCHW, WITHOUT_SSIM_RGB),
            "frozen output": lambda: metrics.frozen.flags(sr_SCHW, hr_SCHW, range(7), GAPS),
        }
        return race(works, seconds)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=15, help="of wall time for each table")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    tables = {
        "PSNR-Y and SSIM-Y of a 448x256 pair": scores(chosen.seconds, (256, 448)),
        "PSNR-Y and SSIM-Y of a 1920x1080 pair": scores(chosen.seconds, (1080, 1920)),
        "Bicubic 1/4 of 7 frames of 448x256": low_resolution(chosen.seconds),
        "A septuplet beside the network": septuplet(chosen.seconds),
    }
    if chosen.json:
        print(json.dumps(tables, indent=1))
        return
    for title, times in tables.items():
        print(f"\n{title}")
        first = next(iter(times.values()))
        for name, milliseconds in times.items():
            ratio = "" if title.startswith("A septuplet") else f"{first / milliseconds:8.1f}x"
            print(f"  {name:<50}{milliseconds:9.2f} ms{ratio}")


if __name__ == "__main__":
    main()
