"""How much faster every network is in our order of computation than in its paper's, as ratios in one run.

    python tests/benchmarks/networks.py [--methods stdan rife ...] [--size 64x112] [--repeats 3] [--bf16] [--json]
    python tests/benchmarks/networks.py --continuous [--methods videoinr motif bfstvsr] [--json]

Every repeat runs each way once, so that a busy machine slows all alike; medians are compared. `wall` is what a user
waits, `cpu` the processor time of all threads, which other programs change less. `peak` is the largest resident
memory beyond that before the first forward, in a process of its own. The share of the matrix-product peak counts
convolutions, matrix products and attention products only, two operations a multiply-add. What each way computes:
`orders.py`. All 11 networks take about 12 minutes on two quiet cores, `--methods` less.

`--continuous`: what eight times cost beside one for the networks of any time, and the time and memory of one window of
1280x720 at x4 and eight times the rate (two frames given, nine made).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import orders
import torch
from tabulate import tabulate

from stvsr_bench.nn import kernels
from stvsr_bench.profiling import flops

WINDOW, WINDOW_TIMES = (180, 320), 8  # low-resolution size, and time_scale
GOAL_EIGHT, GOAL_MIB = 2.5, 4096


def timed(run, *given):
    """Seconds of wall and of processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    run(*given)
    return time.perf_counter() - wall, time.process_time() - cpu


def medians(rounds):
    """The medians of wall and of processor seconds."""
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def gemm_peak(repeats=5, side=2048):
    """Largest rate of a square float32 matrix product here, in operations a second."""
    a = torch.randn(side, side)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        a @ a
        seconds.append(time.perf_counter() - start)
    return 2 * side**3 / min(seconds)


def small(frames_BTChw):
    """Frames that compile kernels and warm libraries."""
    return frames_BTChw[..., :32, :32]


def compare(name, asked):
    """Rows of a table: seconds, ratios to plain, and the share of the matrix-product peak."""
    given = orders.frames_of(name, asked.size, asked.frames)
    ways = [way for way in orders.ways_of(name) if asked.bf16 or not orders.WAYS[way].half]
    nets = {way: orders.network(name, way) for way in ways}
    runs = {way: orders.order(name, way, net) for way, net in nets.items()}
    for run in runs.values():
        run(small(given))
    found = {way: [] for way in ways}
    peaks = []
    for _ in range(asked.repeats):
        peaks.append(gemm_peak())
        for way, run in runs.items():
            found[way].append(timed(run, given))
    with torch.inference_mode():
        operations = 2 * flops.count(nets["fast"], given, kernels.only_torch).second
    rows, base = [], medians(found["plain"])
    for way, rounds in found.items():
        wall, cpu = medians(rounds)
        share = operations / wall / statistics.median(peaks)
        rows.append(
            {"method": name, "way": way, "wall_s": wall, "cpu_s": cpu, "wall_ratio": base[0] / wall,
             "cpu_ratio": base[1] / cpu, "of_gemm_peak": share, "peak_mib": peak_of(name, way, asked)}
        )  # fmt: skip
    return rows


def child(*options):
    """What this script prints in a process of its own, as JSON."""
    command = [sys.executable, __file__, *options]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def peak_of(name, way, asked):
    """MiB beyond the import at the highest; 0 where it was not asked."""
    if asked.no_memory:
        return 0.0
    size, frames, threads = f"{asked.size[0]}x{asked.size[1]}", str(asked.frames), str(asked.threads)
    return child("--peak", way, "--methods", name, "--size", size, "--frames", frames, "--threads", threads)


def resident(what):
    """A memory figure of this process in MiB (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


def highest(run, given):
    """MiB at the highest while it runs, beyond those before."""
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    run(given)
    return resident("VmHWM") - before


def peak(name, way, asked):
    """The figure of this process, which its parent reads."""
    given = orders.frames_of(name, asked.size, asked.frames)
    run = orders.order(name, way, orders.network(name, way))
    run(small(given))
    return highest(run, given)


def at_times(net, count, size):
    """From a pair to its frames at so many times in the middle of the gap."""
    times = torch.arange(1, count + 1)[None] / (count + 1)

    def run(pair_B2Chw):
        with torch.inference_mode():
            return net.restore(pair_B2Chw, times, size)

    return run


def eight_times(name, asked):
    """A row: how many times longer eight times of a pair take than one."""
    given = orders.frames_of(name, asked.size, 2)
    net, size = orders.network(name, "fast"), tuple(4 * side for side in asked.size)
    runs = {count: at_times(net, count, size) for count in (1, 8)}
    runs[1](given)
    found = {count: [] for count in runs}
    for _ in range(asked.repeats):
        for count, run in runs.items():
            found[count].append(timed(run, given))
    one, eight = (medians(found[count]) for count in (1, 8))
    return {"method": name, "one_s": one[0], "eight_s": eight[0], "wall_ratio": eight[0] / one[0],
            "cpu_ratio": eight[1] / one[1], "goal": GOAL_EIGHT}  # fmt: skip


def window(name, asked):
    """The seconds and the peak memory of one large window, in this process."""
    given = orders.frames_of(name, asked.window, 2)
    net = orders.network(name, "fast")
    times = torch.arange(1, WINDOW_TIMES)[None] / WINDOW_TIMES

    def run(pair_B2Chw):
        with torch.inference_mode():
            net(pair_B2Chw, times)

    run(small(given))
    start = time.perf_counter(), time.process_time()
    mib = highest(run, given)
    seconds = time.perf_counter() - start[0], time.process_time() - start[1]
    size = f"{4 * asked.window[1]}x{4 * asked.window[0]}"
    return {
        "method": name,
        "output": size,
        "wall_s": seconds[0],
        "cpu_s": seconds[1],
        "peak_mib": mib,
        "goal": GOAL_MIB,
    }


def size_of(text):
    """`64x112` as (64, 112)."""
    h, w = map(int, text.split("x"))
    return h, w


def asked_of():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", choices=orders.EVERY)
    parser.add_argument("--size", type=size_of, default=(64, 112), help="of the low-resolution frames, HxW")
    parser.add_argument("--frames", type=int, default=0, help="given; default: as many as suit each network")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--bf16", action="store_true", help="also bfloat16; slow where the processor has no such unit")
    parser.add_argument("--no-memory", action="store_true", help="leave out the peaks, each a process")
    parser.add_argument("--continuous", action="store_true", help="times and large windows of the continuous networks")
    parser.add_argument("--window", type=size_of, default=WINDOW, help="low-resolution size of the large window")
    parser.add_argument("--peak", choices=list(orders.WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--large", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def show(rows, asked):
    print(tabulate(rows, headers="keys", floatfmt=".2f", tablefmt="github"))
    h, w = asked.size
    print(f"\nlr {h}x{w}, {asked.threads} threads, load {os.getloadavg()[0]:.1f}\n")


def main():
    asked = asked_of()
    torch.set_num_threads(asked.threads)
    if asked.peak or asked.large:
        (name,) = asked.methods
        print(json.dumps(window(name, asked) if asked.large else peak(name, asked.peak, asked)))
        return
    if asked.continuous:
        names = asked.methods or orders.CONTINUOUS
        large = ["--large", "--window", "x".join(map(str, asked.window)), "--threads", str(asked.threads)]
        parts = {
            "times": [eight_times(name, asked) for name in names],
            "window": [child(*large, "--methods", name) for name in names],
        }
    else:
        names = asked.methods or orders.EVERY
        parts = {"rows": [row for name in names for row in compare(name, asked)]}
    if asked.json:
        print(json.dumps({"load": os.getloadavg(), "threads": asked.threads, **parts}))
        return
    for rows in parts.values():
        show(rows, asked)


if __name__ == "__main__":
    main()
