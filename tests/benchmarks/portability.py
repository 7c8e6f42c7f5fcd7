"""Where a number may depend on the processor, measured: the same work in processes that take other code paths.

    python tests/benchmarks/portability.py [--settings NAME ...] [--methods SPEC ...] [--limit 2] [--json]
    python tests/benchmarks/portability.py --gate      # make gate under every setting, each with an empty cache

Each setting makes one library take the code of an older processor, as the libraries themselves allow it. What differs
from the run without a setting is what another machine may give. AVX-512 cannot be simulated so.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import decoding
import numpy as np
from decoding import digest
from tabulate import tabulate

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = "nothing"
SETTINGS: dict[str, dict[str, str]] = {
    REFERENCE: {},
    "OPENCV_IPP=sse42": {"OPENCV_IPP": "sse42"},
    "OPENCV_IPP=disabled": {"OPENCV_IPP": "disabled"},
    "OPENCV_CPU_DISABLE": {"OPENCV_CPU_DISABLE": "AVX2,FMA3,AVX,SSE4.2,SSE4.1"},
    "ATEN_CPU_CAPABILITY=default": {"ATEN_CPU_CAPABILITY": "default"},
    "ONEDNN_MAX_CPU_ISA=SSE41": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "MKL_CBWR=COMPATIBLE": {"MKL_CBWR": "COMPATIBLE"},
    "NUMBA_CPU_NAME=generic": {"NUMBA_CPU_NAME": "generic"},
    "NPY_DISABLE_CPU_FEATURES": {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4"},
}
SETTINGS["all of these"] = {name: value for each in SETTINGS.values() for name, value in each.items()}
# No settings of a processor, but they change the code or the order of sums of networks all the same
WAYS = {"two threads": {"STVSR_PORTABILITY_THREADS": "2"}, "without numba": {"STVSR_PORTABILITY_NUMBA": "0"}}
METHODS = (
    "blend+bicubic", "bicubic+blend", "dis+bicubic", "bicubic+dis",
    "rife+bicubic", "blend+span", "stdan@mini", "zsm@mini", "tmnet@mini",
)  # fmt: skip
METRICS = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
ENLARGED = "cv2.resize of bytes to 4x, as OpenCV does it"  # the cause of it all, outside our portable context


PLACES = [
    (
        "OpenCV",
        "flows, resize, remap, filters, norms of PSNR and SSIM without numba",
        "`opencv.portable()`: one code path",
    ),
    ("Intel IPP", "inside OpenCV", "the same: not used there"),
    ("numpy (SIMD)", "8-bit levels, sums, means", "equal as measured"),
    ("numpy, libm", "logarithm of PSNR, window of SSIM", "`rounded`: whole-number arithmetic, rounded once"),
    ("numba", "PSNR and SSIM; bicubic by 1/4", "no reordered sums, no fused multiply-adds"),
    ("numba", "attention and deformable sampling of networks", "not equal: tolerance"),
    ("ATen (torch)", "`bicubic`, `blend`: element by element", "equal as measured"),
    ("ATen (torch)", "warps of `dis`", "float64, rounded to 8 bits"),
    ("ATen, oneDNN, MKL", "networks", "not equal: tolerance"),
    ("swscale (ffmpeg)", "RGB of a video's frames", "`colours.rgb`: accurate rounding, its bit-exact code"),
]


def child(specs: list[str], clips: list[tuple[str, str, int]], rows_kept: int = 0) -> dict[str, Any]:
    """What one process computes: digests, values of metrics, and the rows of methods, clip by clip.

    With `rows_kept` only so many upper rows of each frame are used.
    """
    if os.environ.get("STVSR_PORTABILITY_NUMBA") == "0":
        sys.modules["numba"] = None  # type: ignore[assignment] # as where the extra is not installed
        os.environ["STVSR_BENCH_NUMBA"] = "0"
    import torch

    from stvsr_bench import datasets, methods, protocols
    from stvsr_bench.nn import kernels
    from stvsr_bench.runner.evaluate import evaluate
    from stvsr_bench.runner.measure import Wanted

    torch.set_num_threads(int(os.environ.get("STVSR_PORTABILITY_THREADS", "1")))
    places: dict[str, Any] = {}
    rows: dict[str, dict[str, list[list[float]]]] = {}
    read = [upper(datasets.clips(dataset, split)[number], rows_kept) for dataset, split, number in clips]
    for clip in read:
        for name, value in of_places(clip).items():
            places.setdefault(name, []).append(value)
    wanted = Wanted((protocols.get(protocols.DEFAULT),), METRICS)
    with kernels.only_torch(sys.modules.get("numba", 0) is None):
        for spec in specs:
            method = methods.build(spec)
            for clip in read:
                (row,) = evaluate(method, clip, wanted)
                for metric in METRICS:
                    rows.setdefault(spec, {}).setdefault(metric, []).append(row.values[metric])
    return {"places": places, "rows": rows}


def upper(clip: Any, rows: int) -> Any:
    """The clip's upper rows; the whole clip for 0."""
    if not rows:
        return clip
    flow_FHW2 = None if clip.flow_FHW2 is None else clip.flow_FHW2[:, :rows]
    return replace(clip, hr_SCHW=np.ascontiguousarray(clip.hr_SCHW[:, :, :rows]), flow_FHW2=flow_FHW2)


def of_places(clip: Any) -> dict[str, Any]:
    """Data, degradations, flows and metrics of one clip: digests, or numbers where a difference can be given."""
    import cv2

    from stvsr_bench import metrics
    from stvsr_bench.data import degrade
    from stvsr_bench.metrics import color, ssim, temporal
    from stvsr_bench.metrics.frames import FRAME_METRICS
    from stvsr_bench.opencv import portable

    hr_SCHW = clip.hr_SCHW
    noise_SCHW = np.random.default_rng(0).normal(0, 0.02, hr_SCHW.shape)
    sr_SCHW = np.clip(hr_SCHW + noise_SCHW, 0, 1).astype(np.float32)
    levels_SCHW = [[color.levels(frame) for frame in frames] for frames in (sr_SCHW, hr_SCHW)]
    with portable():
        strips = [ssim._by_strips(*pair, color.STUDIO_Y) for pair in zip(*levels_SCHW, strict=True)]
    made = [
        digest(degrade.degrade(hr_SCHW, name, scale))
        for name in sorted(degrade.DEGRADATIONS)
        for scale in ((4,) if name == "bd-2021" else (2, 3, 4))  # it is defined for x4 alone
    ]
    whole = temporal.score(sr_SCHW, hr_SCHW, [n for n in temporal.TEMPORAL if n not in temporal.NEED_TRUE_FLOW])
    true = (
        {}
        if clip.flow_FHW2 is None
        else temporal.score(sr_SCHW, hr_SCHW, sorted(temporal.NEED_TRUE_FLOW), clip.flow_FHW2)
    )
    frame_metrics = metrics.score_frames(sr_SCHW, hr_SCHW, [n for n in FRAME_METRICS if n != "ms_ssim_y"])
    grey_HW = color.levels(hr_SCHW[0])[0]
    return {
        ENLARGED: digest(cv2.resize(grey_HW, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)),
        "frames of the data set": digest(hr_SCHW),
        "true flow of mini": digest(clip.flow_FHW2) if clip.flow_FHW2 is not None else "",
        "degradations, x2 x3 x4": made,
        "DIS flow": digest(temporal.Pictures(hr_SCHW).dis),
        "PSNR and MSE, all variants": [
            list(map(float, v)) for n, v in frame_metrics.items() if not n.startswith("ssim")
        ],
        "SSIM, all variants": [list(map(float, v)) for n, v in frame_metrics.items() if n.startswith("ssim")],
        "MS-SSIM": list(map(float, metrics.score_frames(sr_SCHW, hr_SCHW, ["ms_ssim_y"])["ms_ssim_y"]))
        if min(hr_SCHW.shape[-2:]) >= ssim.MS_SMALLEST
        else [],
        "SSIM by OpenCV (no numba)": [value for _, value in strips],
        "MSE by OpenCV (no numba)": [value for value, _ in strips],
        "tOF and warping errors": [*whole.values(), *true.values()],
    }


def run_child(name: str, specs: list[str], clips: list[tuple[str, str, int]], home: Path) -> dict[str, Any]:
    """What a process under this setting computes, with its own cache: data are made under the setting as well."""
    return run_under({**SETTINGS, **WAYS}[name], specs, clips, home)


def run_under(
    setting: dict[str, str], specs: list[str], clips: list[tuple[str, str, int]], home: Path, rows_kept: int = 0
) -> dict[str, Any]:
    """What a process with these variables computes."""
    environment = {key: value for key, value in os.environ.items() if key not in SETTINGS["all of these"]}
    environment |= {**setting, "STVSR_BENCH_HOME": str(home), "OMP_NUM_THREADS": "1"}
    asked = json.dumps([specs, clips, rows_kept])
    done = subprocess.run(
        [sys.executable, __file__, "--child", asked], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"under {setting}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def largest(first: Any, second: Any) -> float:
    """The largest difference of numbers in two nested lists; infinite where texts differ."""
    if isinstance(first, list):
        return max((largest(a, b) for a, b in zip(first, second, strict=True)), default=0.0)
    if isinstance(first, str) or first == second:
        return 0.0 if first == second else float("inf")
    return abs(first - second)


def worst(reference: dict[str, Any], found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """For each method and metric the largest move of a frame and of a clip's mean, and the setting that made it."""
    table = []
    for spec, by_metric in reference["rows"].items():
        for metric in METRICS:
            frames, clips = {}, {}
            for name, other in found.items():
                pairs = list(zip(by_metric[metric], other["rows"][spec][metric], strict=True))
                frames[name] = max(largest(a, b) for a, b in pairs)
                clips[name] = max(abs(float(np.mean(a)) - float(np.mean(b))) for a, b in pairs)
            by = max(clips, key=lambda name: clips[name])
            line = {"method": spec, "metric": metric, "worst frame": max(frames.values()), "worst clip": clips[by]}
            table.append({**line, "worst under": by if clips[by] else "equal to the bit"})
    return table


def matrix(reference: dict[str, Any], found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """For each setting and method the largest move of a frame's and of a clip's PSNR-Y, as text."""
    table = []
    for name, other in found.items():
        lines = {line["method"]: line for line in worst(reference, {name: other}) if line["metric"] == "psnr_y"}
        cells = {spec: f"{line['worst frame']:.2g} / {line['worst clip']:.2g}" for spec, line in lines.items()}
        table.append({"PSNR-Y, dB": name, **{spec: cell.replace("0 / 0", "=") for spec, cell in cells.items()}})
    return table


def places(reference: dict[str, Any], found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """For each place its largest difference, over all settings."""
    lines = []
    for place, value in reference["places"].items():
        moved = {name: largest(value, other["places"][place]) for name, other in found.items()}
        by = max(moved, key=lambda name: moved[name])
        difference = "other bits" if moved[by] == float("inf") else f"{moved[by]:.2g}"
        lines.append(
            {"what": place, "largest difference": difference, "under": by if moved[by] else "equal to the bit"}
        )
    return lines


def available(specs: list[str]) -> list[str]:
    """Those whose weights are installed; the others are named."""
    from stvsr_bench import methods
    from stvsr_bench.errors import BenchError

    kept = []
    for spec in specs:
        try:
            methods.resolve(spec)
            kept.append(spec)
        except BenchError as error:
            print(f"{spec} is left out: {error}", file=sys.stderr)
    return kept


def measured(names: list[str], specs: list[str], limit: int) -> dict[str, Any]:
    """The tables, from a child for each setting, as many at a time as there are cores."""
    from stvsr_bench.environment import machine

    specs = available(specs)
    clips = [(d, s, n) for d in ("mini", "openclips") for s in ("slow", "medium", "fast") for n in range(limit)]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {
            name: pool.submit(run_child, name, specs, clips, Path(folder) / str(number))
            for number, name in enumerate([REFERENCE, *names])
        }
        found = {name: job.result() for name, job in jobs.items()}
    reference = found.pop(REFERENCE)
    return {
        "machine": machine(),
        "settings": {name: {**SETTINGS, **WAYS}[name] for name in names},
        "clips": len(clips),
        "places": places(reference, found),
        "methods": worst(reference, found),
        "matrix": matrix(reference, found),
        "decoding": decoding.measured(),
    }


def gate_everywhere(names: list[str]) -> int:
    """`make gate` under each setting with an empty cache; how many did not pass."""
    failed = 0
    for number, name in enumerate(names):
        with tempfile.TemporaryDirectory() as home:
            environment = {**os.environ, **SETTINGS[name], "STVSR_BENCH_HOME": home}
            command = ["make", "--no-print-directory", "-s", "gate", f"RUN=runs/gate-{number}"]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        said = [line for line in done.stdout.splitlines() if "values compared" in line]
        print(f"{'failed' if done.returncode else 'passed'} under {name}: {' '.join(said)}", flush=True)
        if done.returncode:
            failed += 1
            print(done.stdout, done.stderr, sep="\n", flush=True)
    print(f"gate: {len(names) - failed} passed, {failed} failed")
    return failed


def markdown(found: dict[str, Any]) -> str:
    """The tables as one section of docs/measured.md."""
    code = found["machine"]["code_paths"]
    wide = [{**line, "worst frame": f"{line['worst frame']:.2g}", "worst clip": f"{line['worst clip']:.2g}"}
            for line in found["methods"]]  # fmt: skip
    return "\n".join([
        f"Reference: {found['machine']['cpu']} ({found['machine']['cpu_model']}), torch {code['torch']},",
        f"{code['ipp']}, numba {code['numba']}. {found['clips']} clips of mini and openclips, one thread; each setting",
        "in its own process with an empty cache.",
        textwrap.fill("Settings: " + "; ".join(f"`{name}`" for name in found["settings"]) + ".", 120),
        "",
        "Where a processor may choose the code that computes a number:",
        "",
        tabulate(PLACES, headers=("library", "computes", "what keeps it equal"), tablefmt="github"),
        "",
        "What was compared, over all settings:",
        "",
        tabulate(found["places"], headers="keys", tablefmt="github"),
        "",
        "Largest move of a frame's PSNR-Y / of a clip's mean, by setting (`=`: equal to the bit):",
        "",
        tabulate(found["matrix"], headers="keys", tablefmt="github", disable_numparse=True),
        "",
        "PSNR in dB, SSIM as it is; the largest move of a frame and of a clip's mean over all settings:",
        "",
        tabulate(wide, headers="keys", tablefmt="github", disable_numparse=True),
        "",
        f"Decoding, {decoding.FRAMES} frames of each of three videos, by ffmpeg's code for other processors:",
        "",
        tabulate(found["decoding"], headers="keys", tablefmt="github", disable_numparse=True),
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--settings", nargs="+", choices=[*SETTINGS, *WAYS], default=[*SETTINGS, *WAYS])
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--limit", type=int, default=2, help="clips of each split")
    parser.add_argument("--gate", action="store_true", help="run make gate under each setting")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        specs, clips, rows_kept = json.loads(asked.child)
        print(json.dumps(child(specs, [tuple(clip) for clip in clips], rows_kept)))
    elif asked.gate:
        sys.exit(min(1, gate_everywhere([name for name in asked.settings if name in SETTINGS])))
    else:
        names = [name for name in asked.settings if name != REFERENCE]
        found = measured(names, asked.methods, asked.limit)
        print(json.dumps(found) if asked.json else markdown(found))


if __name__ == "__main__":
    main()
