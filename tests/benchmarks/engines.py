"""How much several workers gain, what dask costs, and whether `plan` foresees it; ratios within one run.

    python tests/benchmarks/engines.py [--json] [--cheap-clips 1000] [--network-clips 20]

Wall times mean something on a quiet machine with two free cores only. `whole` counts the start of the worker processes,
`steady` the time from the first tenth of the clips on, `core` processor time, which a busy machine changes less.
"""

# ruff: noqa: E402
import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import argparse
import json
import resource
import shutil
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

DISTINCT, CHEAP_CLIPS, NETWORK_CLIPS = 50, 1000, 20
SIZES = {"cheap": (128, 224), "network": (256, 448)}
TARGETS = {"two_workers_against_one": ">= 1.8", "dask_against_local": "<= 1.15", "plan_against_measured": "about 1"}


def septuplet(folder: Path, seed: int, size: tuple[int, int]) -> None:
    """Seven frames of a texture that slides, with grain."""
    random = np.random.default_rng(seed)
    height, width = size
    scene = cv2.resize(random.integers(0, 256, (height // 16, width // 16, 3)).astype(np.float32), (width + 32, height))
    folder.mkdir(parents=True)
    for t in range(7):
        moved = scene[:, 4 * t : 4 * t + width] + random.normal(0, 0.8, (height, width, 3))
        cv2.imwrite(str(folder / f"im{t + 1}.png"), np.clip(moved, 0, 255).astype(np.uint8))


def clips(root: Path, count: int, size: tuple[int, int]) -> Path:
    """That many clips; from `DISTINCT` on they are links to the first ones."""
    for number in range(min(count, DISTINCT)):
        septuplet(root / f"{number:04d}", number, size)
    for number in range(DISTINCT, count):
        shutil.copytree(root / f"{number % DISTINCT:04d}", root / f"{number:04d}", copy_function=os.link)
    return root


def timed(root: Path, method: str, out: Path, **how) -> tuple[dict, Path]:
    """Seconds of one run, whole and steady, and its folder."""
    from stvsr_bench.runner.execute import execute
    from stvsr_bench.runner.plan import RunSpec, make

    spec = RunSpec(methods=(method,), datasets=(str(root),), out=out, save_frames="none", threads=1, **how)
    plan = make(spec)
    before, marks = core_s(), [time.perf_counter()]
    result = execute(spec, plan, lambda _: marks.append(time.perf_counter()))
    assert not result.failures and len(marks) == len(plan.tasks) + 1
    tenth = len(plan.tasks) // 10
    steady = (marks[-1] - marks[tenth]) / (len(plan.tasks) - tenth) * len(plan.tasks)
    whole = marks[-1] - marks[0]
    return {"whole_s": round(whole, 2), "steady_s": round(steady, 2), "core_s": round(core_s() - before, 2)}, out


def core_s() -> float:
    """Processor time of this process and of all that it has ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def ratio(upper: dict, lower: dict) -> dict:
    """One time over another, whole and steady."""
    return {name.removesuffix("_s"): round(upper[name] / lower[name], 3) for name in upper}


def measure(folder: Path, cheap_clips: int, network_clips: int) -> dict:
    """All times and their ratios."""
    from stvsr_bench.runner.forecast import forecast
    from stvsr_bench.runner.plan import RunSpec

    network = clips(folder / "network", network_clips, SIZES["network"])
    cheap = clips(folder / "cheap", cheap_clips, SIZES["cheap"])
    timed(clips(folder / "warm", DISTINCT, SIZES["cheap"]), "blend+bicubic", folder / "run-warm", jobs=2)
    timed(network, "blend+bicubic", folder / "run-warm-network")  # low-resolution frames are in the cache from here on
    one, rows_of_one = timed(network, "stdan@mini", folder / "run-1", jobs=1)
    two, _ = timed(network, "stdan@mini", folder / "run-2", jobs=2)
    asked = RunSpec(methods=("stdan@mini",), datasets=(str(network),), out=folder / "later", save_frames="none")
    foreseen = forecast(asked, (rows_of_one,)).hours(2)
    local, _ = timed(cheap, "blend+bicubic", folder / "run-local", jobs=2)
    dask, _ = timed(cheap, "blend+bicubic", folder / "run-dask", jobs=2, engine="dask")
    return {
        "one_worker": one,
        "two_workers": two,
        "two_workers_against_one": ratio(one, two),
        "plan_s_2_workers": round(3600 * foreseen, 2),
        "plan_against_measured": {name: round(3600 * foreseen / two[f"{name}_s"], 3) for name in ("whole", "steady")},
        "local": local,
        "dask": dask,
        "dask_against_local": ratio(dask, local),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Measure and print beside the targets."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--cheap-clips", type=int, default=CHEAP_CLIPS)
    parser.add_argument("--network-clips", type=int, default=NETWORK_CLIPS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STVSR_BENCH_HOME"] = str(Path(folder) / "home")
        found = measure(Path(folder), asked.cheap_clips, asked.network_clips)
    if asked.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name}: {value}" + (f"  (target: {TARGETS[name]})" if name in TARGETS else ""))


if __name__ == "__main__":  # worker processes import this file
    main()
