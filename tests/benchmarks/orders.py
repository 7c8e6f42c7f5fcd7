"""How much faster LIIF and BasicVSR are in our order of computation than in their papers', as ratios in one run.

    python tests/benchmarks/orders.py [--methods liif basicvsr] [--size 36x48] [--frames 4] [--repeats 5] [--json]

Both orders have the same modules and weights (drawn, `@none`) and the same result. Every repeat runs each once, so that
a busy machine slows both alike; medians are compared. `cpu` is the processor time of all threads.
"""

import argparse
import importlib.util
import json
import os
import statistics
import time
from pathlib import Path

import torch
from tabulate import tabulate

from stvsr_bench import methods, plugins
from stvsr_bench.methods.builder import load_object

_spec = importlib.util.spec_from_file_location("plain", Path(__file__).parents[1] / "methods" / "wheels" / "plain.py")
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)


def ways(name, frames_BTChw):
    """Both orders as functions without arguments."""
    net = methods.build(f"{name}@none").net
    if name == "basicvsr":
        slow = plain.PlainBasicVsr(net)
        return {"paper": lambda: slow(frames_BTChw), "ours": lambda: net(frames_BTChw)}
    slow = plain.PlainLiif(net, load_object(plugins.find("methods", "liif"), "corners:axis"))
    size = tuple(4 * side for side in frames_BTChw.shape[-2:])
    each = frames_BTChw.split(1, dim=1)  # all queries of a frame at once; of more frames the memory grows
    return {"paper": lambda: [slow(frame, size) for frame in each][-1], "ours": lambda: net(frames_BTChw)}


def timed(run):
    """Seconds of wall and of processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    with torch.inference_mode():
        run()
    return time.perf_counter() - wall, time.process_time() - cpu


def compare(name, frames_BTChw, repeats):
    """A row of the table."""
    both = ways(name, frames_BTChw)
    for run in both.values():
        timed(run)
    found = {way: [] for way in both}
    for _ in range(repeats):
        for way, run in both.items():
            found[way].append(timed(run))
    paper, ours = ([statistics.median(column) for column in zip(*found[way], strict=True)] for way in ("paper", "ours"))
    return {"method": name, "paper_cpu_s": paper[1], "ours_cpu_s": ours[1],
            "wall_ratio": paper[0] / ours[0], "cpu_ratio": paper[1] / ours[1]}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=["liif", "basicvsr"])
    parser.add_argument("--size", default="36x48")
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    h, w = map(int, given.size.split("x"))
    frames_BTChw = torch.rand(1, given.frames, 3, h, w, generator=torch.Generator().manual_seed(0))
    rows = [compare(name, frames_BTChw, given.repeats) for name in given.methods]
    if given.json:
        print(json.dumps({"load": os.getloadavg(), "threads": given.threads, "rows": rows}))
        return
    print(tabulate(rows, headers="keys", floatfmt=".2f", tablefmt="github"))
    print(f"\nlr {given.size}, {given.frames} frames, {given.threads} threads, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
