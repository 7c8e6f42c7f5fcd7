"""What the suite itself costs: everything but the network, for clips of the size of Vimeo-90K septuplets.

    python tests/benchmarks/harness.py [--only overhead,rate,memory,report,plan] [--clips 40] [--json]

Core seconds (`core_*`) are processor time of all threads, so that a busy machine changes them less; wall times are
given beside them and mean something on a quiet machine only. The method is free: it returns one tensor each time.
"""

# ruff: noqa: E402
import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import psutil

HEIGHT, WIDTH, FRAMES = 256, 448, 7
WARM_UP = 4
ROUNDS = 6  # times that the memory part goes through all clips
GRAIN = 0.8  # levels
REPORT_CLIPS, METHODS = 7815, 3
PLAN_ROWS, PLAN_METHODS = 100_000, 4
TARGETS = {
    "overhead": "core_ms_per_septuplet <= 30",
    "rate": "septuplets_per_s_2_jobs >= 40",
    "memory": "growth_mib about 0",
    "report": "core_s <= 10",
    "plan": "core_s <= 2",
}

FREE_METHOD = '''
"""A method that costs nothing, so that only the suite is left to be timed."""
import torch

CARD = {"net": "free", "call": "function", "kind": "stvsr", "title": "Free", "learned": False, "frames_in": [2, 1000]}
made = {}


def free(lr):
    b, t, _, h, w = lr.shape
    if (t, h, w) not in made:
        made[t, h, w] = torch.rand(b, 2 * t - 1, 3, 4 * h, 4 * w)
    return made[t, h, w]
'''
MANY_CARD = """
title = "Many names"
reader = "reader:Many"
splits = ["all"]
"""
MANY_READER = """
class Many:
    def __init__(self, card, root, lists):
        self.card = card

    def names(self, split):
        return [f"{i // 1000:05d}/{i % 1000:04d}" for i in range(COUNT)]

    def made_from(self, split, name):
        return []

    def read(self, split, name):
        raise AssertionError("planning decodes nothing")
"""


def septuplets(root: Path, count: int) -> None:
    """Folders of seven PNG frames: a texture that slides, with grain; as large as Vimeo-90K's (82 GB for 642,000)."""
    random = np.random.default_rng(0)
    for clip in range(count):
        coarse = random.integers(0, 256, (HEIGHT // 16, WIDTH // 16 + 4, 3)).astype(np.float32)
        scene = cv2.resize(coarse, (WIDTH + 64, HEIGHT), interpolation=cv2.INTER_CUBIC)
        folder = root / f"{clip:05d}"
        folder.mkdir(parents=True)
        for frame in range(FRAMES):
            moved = scene[:, 4 * frame : 4 * frame + WIDTH] + random.normal(0, GRAIN, (HEIGHT, WIDTH, 3))
            picture = np.clip(moved, 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"im{frame + 1}.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 6])


class Bench:
    """One folder with clips, the free method and the caches of this benchmark."""

    def __init__(self, folder: Path, clips: int) -> None:
        self.folder, self.count = folder, clips
        self.method = folder / "free.py"
        self.method.write_text(FREE_METHOD)
        self.root = folder / "clips"
        septuplets(self.root, clips)

    def spec(self, out: str, jobs: int = 1):
        """What `run --methods free --dataset <clips> --jobs N` asks for."""
        from stvsr_bench import plugins
        from stvsr_bench.runner.plan import RunSpec

        plugins.include(self.method)
        return RunSpec(
            methods=("free",),
            datasets=(str(self.root),),
            out=self.folder / out,
            jobs=jobs,
            save_frames="none",
            include=(self.method,),
        )

    def tasks(self, metrics: tuple[str, ...] = ()):
        """The tasks of one run, and a worker that has been warmed up and measures these metrics (() = the default)."""
        from stvsr_bench.runner.engines.worker import Worker
        from stvsr_bench.runner.plan import make

        spec = self.spec("tasks")
        setup = spec.setup("env")
        worker = Worker(replace(setup, metrics=metrics or setup.metrics))
        tasks = make(spec).tasks
        for task in tasks[:WARM_UP]:
            assert not worker.run(task).error
        return tasks, worker


def overhead(bench: Bench) -> dict:
    """Core milliseconds per septuplet: when low-resolution frames are made, from then on, and with luma scores alone.

    The least of all clips is the nearest to a quiet machine.
    """
    from stvsr_bench.rows import store

    found = {}
    luma = ("mse_y", "psnr_y", "ssim_y")
    for name, metrics in (("lr_made", ()), ("lr_cached", ()), ("lr_cached_luma_only", luma)):
        tasks, worker = bench.tasks(metrics)
        core, phases = [], []
        with store.Appender(bench.folder / f"rows-{name}.jsonl") as rows:
            for task in tasks[WARM_UP:]:
                start = time.process_time()
                outcome = worker.run(task)
                for row in outcome.rows:
                    rows.row(row)
                core.append(1000 * (time.process_time() - start))
                phases.append(outcome.rows[0].seconds)
        found[f"core_ms_{name}"] = {"median": round(median(core), 2), "least": round(min(core), 2)}
        found[f"least_wall_ms_{name}"] = {
            key: round(1000 * min(phase[key] for phase in phases), 2) for key in phases[0]
        }
    return found


def rate(bench: Bench) -> dict:
    """Septuplets a second of two worker processes, and what two free cores would reach by the core time used."""
    from stvsr_bench.runner.execute import execute
    from stvsr_bench.runner.plan import make

    marks: list[tuple[float, float]] = []

    def mark(_: object) -> None:
        family = [psutil.Process(), *psutil.Process().children(recursive=True)]
        marks.append((time.perf_counter(), sum(sum(p.cpu_times()[:2]) for p in family if p.is_running())))

    spec = bench.spec("rate", jobs=2)
    execute(spec, make(spec), mark)
    skip = min(10, len(marks) // 3)  # the workers have imported everything by then
    done, wall = len(marks) - 1 - skip, marks[-1][0] - marks[skip][0]
    core = marks[-1][1] - marks[skip][1]
    return {
        "wall_septuplets_per_s": round(done / wall, 1),
        "septuplets_per_s_2_jobs": round(2 * done / core, 1) if core else None,
        "load": round(os.getloadavg()[0], 1),
    }


def memory(bench: Bench) -> dict:
    """Resident memory after 10 clips and after many."""
    tasks, worker = bench.tasks()
    process = psutil.Process()
    sizes = []
    for done in range(ROUNDS * len(tasks)):
        worker.run(tasks[done % len(tasks)])
        if done + 1 in (10, ROUNDS * len(tasks)):
            sizes.append(process.memory_info().rss / 2**20)
    return {
        "after_10_mib": round(sizes[0], 1),
        f"after_{ROUNDS * len(tasks)}_mib": round(sizes[-1], 1),
        "growth_mib": round(sizes[-1] - sizes[0], 1),
    }


def report(bench: Bench) -> dict:
    """`report` over 3 methods x 7,815 clips, as a command of its own."""
    from stvsr_bench.rows.lines import line_of

    tasks, worker = bench.tasks()
    row = worker.run(tasks[0]).rows[0]
    run = bench.folder / "large"
    run.mkdir()
    random = np.random.default_rng(1)
    with (run / "rows-main.jsonl").open("wb") as file:
        for method in range(METHODS):
            noise = random.normal(30 + method, 3, (REPORT_CLIPS, FRAMES)).round(4).tolist()
            for clip, psnr in enumerate(noise):
                name = f"{clip // 1000:05d}/{clip % 1000:04d}"
                split = ("fast", "medium", "slow")[0 if clip < 1225 else 1 if clip < 6197 else 2]
                values = {**row.values, "psnr_y": psnr, "ssim_y": [p / 40 for p in psnr]}
                fields = {"method": f"free:m={method}", "clip": name, "split": split}
                one = replace(row, **fields, values=values)
                file.write(line_of(replace(one, key=one.own_key)) + b"\n")
    argv = ["report", str(run), "--out", str(bench.folder / "report")]
    whole, tables = _command(argv), _command([*argv, "--no-figures", "--no-page"])
    return {"rows": METHODS * REPORT_CLIPS, **whole, "tables_only": tables}


def _command(argv: list[str]) -> dict:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "stvsr_bench", *argv], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    core = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"core_s": round(core, 2), "wall_s": round(time.perf_counter() - start, 2)}


def plan(bench: Bench) -> dict:
    """Planning a run of 100,000 rows: from nothing, and when half or all of them are there."""
    from stvsr_bench.rows.lines import line_of
    from stvsr_bench.runner import plan as planning

    clips = PLAN_ROWS // PLAN_METHODS
    folder = bench.folder / "plugins" / "datasets" / "many"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(MANY_CARD)
    (folder / "reader.py").write_text(MANY_READER.replace("COUNT", str(clips)))
    os.environ["STVSR_BENCH_PATH"] = str(bench.folder / "plugins")
    methods = ("blend+bicubic", "bicubic+blend", "dis+bicubic", "bicubic+dis")
    spec = planning.RunSpec(methods=methods, datasets=("many",), out=bench.folder / "planned")
    found = {"rows": PLAN_ROWS, "core_s_nothing_done": _planned(lambda: planning.make(spec), PLAN_ROWS)}
    tasks, worker = bench.tasks()
    row = worker.run(tasks[0]).rows[0]
    spec.out.mkdir()
    every = planning.make(spec).tasks
    stamps = {task.clip: planning.opener(planning.cells(spec))(task).stamp(task.clip) for task in every[:1]}
    (stamp,) = stamps.values()
    with (spec.out / "rows-main.jsonl").open("wb") as file:
        for number, task in enumerate(every):
            place = dict(zip(("dataset", "split", "clip"), task.place, strict=True))
            one = replace(row, key=task.keys[0], made=dict(task.made), stamp=stamp, method=task.name, **place)
            file.write(line_of(one) + b"\n")
            if number + 1 == PLAN_ROWS // 2:
                file.flush()
                found["core_s_half_done"] = _planned(lambda: planning.make(spec), PLAN_ROWS // 2)
    found["core_s"] = found["core_s_all_done"] = _planned(lambda: planning.make(spec), 0)
    return found


def _planned(make: Callable, left: int) -> float:
    """Core seconds of one plan, the median of three."""
    times = []
    for _ in range(3):
        start = time.process_time()
        made = make()
        times.append(time.process_time() - start)
        assert len(made.tasks) == left
    return round(median(times), 3)


def store(bench: Bench) -> dict:
    """Reading a store of a million rows, in a process of its own: the keys, one row after another, all of them."""
    from stvsr_bench.rows.lines import line_of

    tasks, worker = bench.tasks()
    row = worker.run(tasks[0]).rows[0]
    found: dict = {}
    for count in STORES:
        run = bench.folder / f"store-{count}"
        run.mkdir()
        random = np.random.default_rng(1)
        with (run / "rows-main.jsonl").open("wb") as file:
            for number in range(count):
                values = {name: random.random(len(row.frames)).tolist() for name in row.values}
                one = replace(row, clip=f"{number:07d}", values=values)
                file.write(line_of(replace(one, key=one.own_key)) + b"\n")
        for name in ("heads", "stream_rows", "read_rows"):
            code = STORE_CODE.format(name=name, run=str(run))
            done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
            found[f"{name}_{count}"] = json.loads(done.stdout)
        (run / "rows-main.jsonl").unlink()
    return found


STORES = (10_000, 100_000, 1_000_000)
STORE_CODE = """
import json, resource, time
from pathlib import Path
from stvsr_bench.rows import store
start = time.process_time()
count = 0
for one in store.{name}(Path({run!r})):
    count += 1
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({{"core_s": round(time.process_time() - start, 2), "peak_mib": round(peak)}}))
"""

PARTS = {"overhead": overhead, "rate": rate, "memory": memory, "report": report, "plan": plan, "store": store}


def main() -> None:
    """Measure the parts asked for and print them beside their targets."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STVSR_BENCH_HOME"] = str(Path(folder) / "home")
        bench = Bench(Path(folder), asked.clips)
        found = {}
        for name in asked.only.split(","):
            found[name] = PARTS[name](bench)
            if not asked.json:
                print(f"{name} (target: {TARGETS[name]})", *(f"  {k}: {v}" for k, v in found[name].items()), sep="\n")
                sys.stdout.flush()
    if asked.json:
        print(json.dumps(found))


if __name__ == "__main__":  # worker processes import this file
    main()
